"""Letting go of what adapters hold of erased objects, at once and without a language model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from memory_agent_ros.adapters.folders import library_folder
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.forgetting import Forgotten

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
    installed) everything goes. Former files are overwritten before they are removed.
    """

    def erase(forgotten: Forgotten) -> Mapping[str, int]:
        ids = {str(i) for i in forgotten.object_ids}
        count = 0
        for about in sorted(folder.glob("*/chunks.json")):
            chunks = json.loads(about.read_text())["chunks"]
            stale = [c["name"] for c in chunks if forgotten.everything or ids & set(c["source"]["object_ids"])]
            if stale:
                _take_out(about.parent, stale, len(chunks))
                count += len(stale)
        for leftover in folder.glob(".*.old-*"):  # of a program that was killed while it replaced an adapter
            _shred(leftover)
        return {"adapter_chunks": count}

    return erase


def _take_out(adapter: Path, chunks: Collection[str], total: int) -> None:
    former = adapter.with_name(f".{adapter.name}.old-erased")
    adapter.rename(former)
    try:
        if len(chunks) < total:
            _write_without(former, adapter, chunks)
    finally:
        _shred(former)


def _write_without(former: Path, adapter: Path, chunks: Collection[str]) -> None:
    try:
        from memory_agent_ros.adapters.adapter import load_adapter, save_adapter
    except ImportError:  # without torch the whole adapter goes: it can be made again
        return
    kept = load_adapter(former)
    for name in chunks:
        kept = kept.without(name)
    save_adapter(adapter, kept)


def _shred(folder: Path) -> None:
    """Overwrite and remove; on flash the former blocks may outlast it until the drive reuses them."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("r+b") as file:
                left = path.stat().st_size
                while left > 0:
                    left -= file.write(_ZEROS[:left])
    shutil.rmtree(folder, ignore_errors=True)
