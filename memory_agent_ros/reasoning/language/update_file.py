"""What changes a language model's weights, as one safetensors file: tensors and what is told of them. Needs torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.tensor_file import read_tensors, write_tensors


def write_update(path: Path, form: str, tensors: Mapping[str, Tensor], about: Mapping[str, Any], **told: str) -> None:
    """Write tensors, whole or not at all.

    Args:
        path: of the file.
        form: name and version of the form.
        tensors: to write, in their types.
        about: where they come from, JSON-ready.
        told: more strings for the file's header.
    """
    write_tensors(path, tensors, {"format": form, **told, "about": json.dumps(dict(about))})


def read_update(path: Path, form: str, what: str) -> tuple[dict[str, Tensor], dict[str, str], dict[str, Any]]:
    """Tensors, the file's header, and where they come from.

    Args:
        path: of the file.
        form: that it must have.
        what: it should be, for people: "a LoRA".

    Raises:
        BadInputError: ``adapter_unreadable``.
    """
    try:
        tensors, metadata = read_tensors(path)
        if metadata.get("format") == form:
            return tensors, metadata, json.loads(metadata["about"])
    except (OSError, ValueError) as error:
        raise BadInputError("adapter_unreadable", f"{path} cannot be read as {what}: {error}") from error
    raise BadInputError("adapter_unreadable", f"{path} is not {what} that this version writes")
