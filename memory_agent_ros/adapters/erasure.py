"""Letting go of what adapters hold of erased objects, at once and without a language model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from memory_agent_ros.adapters.folders import library_folder
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.forgetting import Forgotten

if TYPE_CHECKING:
    from memory_agent_ros.adapters.adapter import Adapter

_ZEROS = bytes(1 << 16)


def watch_adapters(memory: SpatialMemory, folder: Path | None = None) -> None:
    """Have the adapters in a folder, or beside the map file, let go of what the memory forgets from now on.

    A map on a server has no folder beside it: name one.
    """
    if folder is None and memory.path is not None:
        folder = library_folder(memory.path)
    if folder is not None:
        memory.forgetting.tell(chunk_eraser(folder))


def chunk_eraser(folder: Path) -> Callable[[Forgotten], Mapping[str, int]]:
    """Takes chunks that were made from erased objects out of the adapters in a folder; for ``Forgetting.tell``.

    The other chunks keep their rows bit for bit. Of an adapter whose files cannot be rewritten here (torch is not
    installed) everything goes. Former files are overwritten before they are removed. Everything is read before
    anything is changed: if one adapter cannot be read, none is touched and ``adapter_unreadable`` is raised, since
    nobody can say what it holds of the erased objects.
    """

    def erase(forgotten: Forgotten) -> Mapping[str, int]:
        ids = {str(i) for i in forgotten.object_ids}
        left: dict[Path, Adapter | None] = {}
        count = 0
        for about in sorted(folder.glob("*/chunks.json")):
            chunks = _chunks(about)
            stale = [name for name, made_from in chunks if forgotten.everything or ids & made_from]
            if stale:
                left[about.parent] = _without(about.parent, stale) if len(stale) < len(chunks) else None
                count += len(stale)
        for place, adapter in left.items():
            _put_in_place(place, adapter)
        for leftover in folder.glob(".*.old-*"):  # of a program that was killed while it replaced an adapter
            _shred(leftover)
        return {"adapter_chunks": count}

    return erase


def _chunks(about: Path) -> list[tuple[str, set[str]]]:
    """Name of each chunk of an adapter, and the objects that it was made from.

    Raises:
        BadInputError: ``adapter_unreadable``.
    """
    try:
        chunks = json.loads(about.read_bytes())["chunks"]
        return [(str(c["name"]), {str(i) for i in c["source"]["object_ids"]}) for c in chunks]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        if about.parent.name.startswith("."):  # left by a program that was killed while it wrote an adapter
            _shred(about.parent)
            return []
        raise BadInputError(
            "adapter_unreadable",
            f"{about} is damaged ({error!r}): nobody can say what the adapter was made from, nothing was forgotten; "
            f"remove the folder {about.parent} (adapters can be made again) and ask once more",
        ) from error


def _without(folder: Path, chunks: Collection[str]) -> Adapter | None:
    """An adapter without some chunks; None if it cannot be read for lack of torch: it can be made again.

    Raises:
        BadInputError: ``adapter_unreadable``.
    """
    try:
        from memory_agent_ros.adapters.adapter import load_adapter
    except ImportError:
        return None
    kept = load_adapter(folder)
    for name in chunks:
        kept = kept.without(name)
    return kept


def _put_in_place(folder: Path, adapter: Adapter | None) -> None:
    """Put an adapter in the place of a former one, which is overwritten; None leaves nothing there."""
    former = folder.with_name(f".{folder.name}.old-erased")
    folder.rename(former)
    try:
        if adapter is not None:
            from memory_agent_ros.adapters.adapter import save_adapter

            save_adapter(folder, adapter)
    finally:
        _shred(former)


def _shred(folder: Path) -> None:
    """Overwrite and remove; on flash the former blocks may outlast it until the drive reuses them."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("r+b") as file:
                left = path.stat().st_size
                while left > 0:
                    left -= file.write(_ZEROS[:left])
    shutil.rmtree(folder, ignore_errors=True)
