"""Opening the adapters of a map or of a document, and the language model that they are for."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from memory_agent_ros.records.errors import BadInputError

if TYPE_CHECKING:
    from memory_agent_ros.adapters.internaliser import Internaliser, Kit


def is_map(place: Path | str) -> bool:
    """Whether something named on the command line is a map: on a server, or a file that begins as one."""
    if not isinstance(place, Path):
        return True
    try:
        with place.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


def folder_of(args: argparse.Namespace, place: Path | str | None) -> Path:
    """Where the adapters lie: the folder that is named, else beside the map or the document."""
    from memory_agent_ros.adapters.folders import library_folder

    if args.adapters is not None:
        return Path(args.adapters)
    assert place is not None
    return library_folder(place)


def opened(args: argparse.Namespace, place: Path | str | None) -> Internaliser:
    """The adapters there, with their language model.

    Raises:
        BadInputError: ``no_adapters``: nothing was internalised there yet.
    """
    from memory_agent_ros.adapters.internaliser import Internaliser
    from memory_agent_ros.adapters.library import AdapterLibrary

    library = AdapterLibrary(folder_of(args, place))
    if not library.names():
        what = place or "MAP"
        raise BadInputError(
            "no_adapters", f"nothing is internalised in {library.folder}; do it with: memory-agent internalize {what}"
        )
    return Internaliser(kit(), library)


def kit() -> Kit:
    """The language model with its hypernetworks."""
    from memory_agent_ros.internalising import load_kit

    return load_kit(progress=sys.stderr.isatty())
