"""Where the adapters of a map lie."""

from __future__ import annotations

from pathlib import Path

from memory_agent_ros.records.errors import BadInputError


def library_folder(place: Path | str) -> Path:
    """Where the adapters of a map or a document lie: ``home.map`` has ``home.map.adapters``.

    Raises:
        BadInputError: ``adapters_folder``: a map on a server has no folder beside it.
    """
    if not isinstance(place, Path):
        raise BadInputError("adapters_folder", "name a folder with --adapters FOLDER: the map is on a server")
    return place.with_name(f"{place.name}.adapters")
