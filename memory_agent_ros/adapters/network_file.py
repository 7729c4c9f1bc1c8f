"""Weights of a hypernetwork with what is told of them, as one safetensors file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import nn


def write_network(path: Path, network: nn.Module, about: Mapping[str, str]) -> None:
    """Write the weights, whole or not at all.

    Args:
        path: of the file.
        network: of which the state is written.
        about: strings for the file's header.
    """
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    save_file({k: t.detach().cpu().contiguous() for k, t in network.state_dict().items()}, draft, dict(about))
    draft.chmod(0o644)
    draft.replace(path)
