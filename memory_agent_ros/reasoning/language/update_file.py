"""What changes a language model's weights, as one safetensors file: tensors and what is told of them. Needs torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from memory_agent_ros.records.errors import BadInputError


def write_update(path: Path, form: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any], **told: str) -> None:
    """Write tensors, whole or not at all.

    Args:
        path: of the file.
        form: name and version of the form.
        tensors: to write, in their types.
        about: where they come from, JSON-ready.
        told: more strings for the file's header.
    """
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".part")
    metadata = {"format": form, **told, "about": json.dumps(dict(about))}
    save_file({k: v.detach().contiguous().cpu() for k, v in tensors.items()}, draft, metadata)
    draft.chmod(0o644)
    draft.replace(path)


def read_update(path: Path, form: str, what: str) -> tuple[dict[str, Tensor], dict[str, str], dict[str, Any]]:
    """Tensors, the file's header, and where they come from.

    Args:
        path: of the file.
        form: that it must have.
        what: it should be, for people: "a LoRA".

    Raises:
        BadInputError: ``adapter_unreadable``.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != form:
                raise BadInputError("adapter_unreadable", f"{path} is not {what} that this version writes")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, metadata, json.loads(metadata["about"])
    except (OSError, SafetensorError) as error:
        raise BadInputError("adapter_unreadable", f"{path} cannot be read as {what}: {error}") from error
