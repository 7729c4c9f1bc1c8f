"""Opening a map for reading."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from memory_agent_ros.records.errors import BadInputError

if TYPE_CHECKING:
    from memory_agent_ros.memory.spatial_memory import SpatialMemory
    from memory_agent_ros.perception.protocols import TextEmbedder


def map_place(text: str) -> Path | str:
    """A map on the command line: a file, or the URL of a map on a server."""
    from memory_agent_ros.memory.storage.stores import is_on_server

    return text if is_on_server(text) else Path(text)


def need_map(place: Path | str, hint: str = "name an existing one") -> None:
    """A map file that is named must be there.

    Raises:
        BadInputError: ``map_missing``.
    """
    if isinstance(place, Path) and not os.path.isfile(place):  # Path.is_file raises for a name that is too long
        raise BadInputError("map_missing", f"there is no map {place}; {hint}")


def open_map(path: Path | str, embedder: str | TextEmbedder | None = "none") -> SpatialMemory:
    """The memory in an existing map file or on a server, read-only; the text embedder by its name or as it is.

    Raises:
        BadInputError: ``map_missing`` if there is no such file.
        StoreError: the file is damaged or of a newer version.
    """
    from memory_agent_ros.memory.spatial_memory import SpatialMemory
    from memory_agent_ros.perception.factory import lazy_text_embedder

    need_map(path, f"make one with: memory-agent ingest RECORDING --map {path}")
    chosen = lazy_text_embedder(embedder) if isinstance(embedder, str) else embedder
    return SpatialMemory.open(path, text_embedder=chosen, read_only=True)


def open_map_to_change(path: Path | str) -> SpatialMemory:
    """The memory in an existing map file or on a server, for writing; what it forgets, adapters beside it forget too.

    Raises:
        BadInputError: ``map_missing`` if there is no such file.
        StoreError: the file is damaged, of a newer version, or open for writing elsewhere.
    """
    from memory_agent_ros.adapters.erasure import watch_adapters
    from memory_agent_ros.memory.spatial_memory import SpatialMemory

    need_map(path)
    memory = SpatialMemory.open(path)
    watch_adapters(memory)
    return memory
