"""Adapters that are kept: a folder of them, an ordinary PEFT adapter each, beside the map that they speak of."""

from __future__ import annotations

import dataclasses
import re
import shutil
import threading
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from memory_agent_ros.adapters.adapter import Adapter, Chunk, load_adapter, save_adapter
from memory_agent_ros.adapters.makers import ChunkMaker, Reading, ReadingT
from memory_agent_ros.records.errors import BadInputError

#: Name of the adapter of the memory itself.
MEMORY = "memory"
_NAME = re.compile(r"[^\W_][\w .\-]{0,99}")


@dataclass(frozen=True)
class Refreshed:
    """What a refresh of the memory's adapter did.

    Attributes:
        made: chunks that were made, new ones among them.
        dropped: chunks whose place holds nothing any more.
        elapsed_s: wall seconds.
    """

    made: tuple[str, ...]
    dropped: tuple[str, ...]
    elapsed_s: float


class AdapterLibrary:
    """A folder of adapters. Threads may share it; other processes' changes are seen when a folder is replaced.

    Args:
        folder: made when the first adapter is put in.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, tuple[tuple[int, int], Adapter]] = {}
        self._lock = threading.RLock()

    def names(self) -> list[str]:
        """Of the adapters, sorted."""
        if not self.folder.is_dir():
            return []
        return sorted(
            p.name for p in self.folder.iterdir() if _NAME.fullmatch(p.name) and (p / "chunks.json").is_file()
        )

    def get(self, name: str) -> Adapter:
        """An adapter.

        Raises:
            BadInputError: ``no_such_adapter``, ``adapter_unreadable``.
        """
        with self._lock:
            folder = self._folder_of(name)
            try:
                about = (folder / "chunks.json").stat()
            except OSError as error:
                there = ", ".join(self.names()) or "none"
                raise BadInputError("no_such_adapter", f"there is no adapter {name!r}; there are: {there}") from error
            version = (about.st_ino, about.st_mtime_ns)
            if name not in self._read or self._read[name][0] != version:
                self._read[name] = (version, load_adapter(folder))
            return self._read[name][1]

    def adapters(self) -> dict[str, Adapter]:
        """All of them by name."""
        return {name: self.get(name) for name in self.names()}

    def put(self, name: str, adapter: Adapter) -> None:
        """Keep an adapter under a name, in place of an older one; one without chunks is dropped.

        Raises:
            BadInputError: ``adapter_name``.
        """
        with self._lock:
            folder = self._folder_of(name)
            self._read.pop(name, None)
            if adapter.chunks:
                save_adapter(folder, adapter)
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def drop(self, name: str, chunk: str = "") -> None:
        """Take away an adapter, or the rows of one chunk of it.

        Raises:
            BadInputError: ``no_such_adapter``, ``no_such_chunk``.
        """
        with self._lock:
            adapter = self.get(name)
            self.put(name, adapter.without(chunk) if chunk else dataclasses.replace(adapter, chunks=()))

    def refresh(
        self,
        readings: Sequence[ReadingT],
        maker: ChunkMaker[ReadingT],
        touched: Collection[str] | None = None,
        name: str = MEMORY,
    ) -> Refreshed:
        """Bring the memory's adapter up to date: only chunks that changed are made, the others keep their rows.

        A chunk is as it would be if the memory had never been otherwise: a forgotten object is in none afterwards.

        Args:
            readings: everything that the memory holds, by chunk.
            maker: makes chunks; those of another one, or for another language model, are made anew.
            touched: places in which something happened. Of the others only missing chunks are made: that things were
                seen again changes what is read of them, but nothing that is worth to make a chunk for. All that
                changed if None.
            name: of the adapter.
        """
        started = time.monotonic()
        with self._lock:
            before = self._chunks(name)
            kept = {
                c.name: c for c in before if c.source.made_by == maker.made_by and self.get(name).base == maker.base
            }
            stale = [r for r in readings if _changed(kept.get(r.place), r, touched)]
            made = {r.place: dataclasses.replace(maker.chunk(r), name=r.place) for r in stale}
            now = [r.place for r in readings]
            dropped = tuple(c.name for c in before if c.name not in now)
            if made or dropped:
                chunks = {**kept, **made}
                self.put(name, Adapter(tuple(chunks[place] for place in now), maker.bias, maker.base))
        return Refreshed(tuple(made), dropped, time.monotonic() - started)

    def forgotten(self, object_ids: Collection[int], name: str = MEMORY) -> list[str]:
        """Chunks that were made from an object which the memory does not hold any more.

        Args:
            object_ids: of all objects that the memory holds.
            name: of the adapter.
        """
        ids = {str(i) for i in object_ids}
        with self._lock:
            return [c.name for c in self._chunks(name) if not ids.issuperset(c.source.object_ids)]

    def without(self, chunks: Collection[str], name: str = MEMORY) -> None:
        """Take away several chunks."""
        with self._lock:
            if chunks:
                left = tuple(c for c in self._chunks(name) if c.name not in chunks)
                self.put(name, dataclasses.replace(self.get(name), chunks=left))

    def _chunks(self, name: str) -> tuple[Chunk, ...]:
        return self.get(name).chunks if name in self.names() else ()

    def _folder_of(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            letters = "letters, digits, spaces, dots and dashes, at most 100"
            raise BadInputError("adapter_name", f"the name of an adapter has {letters}; got {name!r}")
        return self.folder / name


def _changed(chunk: Chunk | None, reading: Reading, touched: Collection[str] | None) -> bool:
    """Whether a chunk is missing, or of something that is not so any more."""
    if chunk is None:
        return True
    return (touched is None or reading.place in touched) and chunk.source.digest != reading.digest
