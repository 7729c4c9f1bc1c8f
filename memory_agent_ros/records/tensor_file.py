"""Named tensors with a header of strings, as one safetensors file. The form of all weights; needs safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np


def write_tensors(path: Path, tensors: Mapping[str, Any], header: Mapping[str, str], mode: int = 0o644) -> None:
    """Write a file, whole or not at all.

    Args:
        path: of the file; its folder is made.
        tensors: numpy arrays, or torch tensors of any device.
        header: what is told of them.
        mode: who may read it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.part")
    if all(isinstance(t, np.ndarray) for t in tensors.values()):
        from safetensors.numpy import save_file

        save_file({name: np.ascontiguousarray(t) for name, t in tensors.items()}, draft, dict(header))
    else:
        from safetensors.torch import save_file as save_torch

        save_torch({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, draft, dict(header))
    draft.chmod(mode)
    draft.replace(path)


def read_tensors(path: Path, framework: Literal["pt", "numpy"] = "pt") -> tuple[dict[str, Any], dict[str, str]]:
    """Tensors and header of a file.

    Raises:
        OSError: it cannot be opened.
        ValueError: it is no such file, or a damaged one.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework) as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def read_header(path: Path) -> dict[str, str]:
    """The header alone.

    Raises:
        OSError, ValueError: as :func:`read_tensors`.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy") as file:
            return dict(file.metadata() or {})
    except SafetensorError as error:
        raise ValueError(str(error)) from error
