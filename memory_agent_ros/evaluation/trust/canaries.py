"""Canaries: things planted in a memory whose every trace can be searched for, and the search.

A trace is a label (as UTF-8, UTF-16, hex, base64), an appearance vector or points (as float16, float32, float64), or a
crop (any JPEG that shows it). Files are searched as they are, and inside zlib streams and base64 runs in them.
"""

from __future__ import annotations

import base64
import re
import shutil
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.storage.sealing import open_rows, owner_kind
from memory_agent_ros.memory.storage.sqlite_store import SqliteStore
from memory_agent_ros.records.errors import StoreError

#: So many numbers in a row are no coincidence; beginnings of zlib streams; shortest run of base64 that is opened.
_NUMBERS, _ZLIB, _BASE64 = (
    6,
    (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda"),
    re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}"),
)
#: Normalised cross-correlation from which a picture shows a crop.
_SHOWS = 0.5
_MOST_BYTES = 1 << 26


@dataclass(frozen=True, eq=False)
class Canary:
    """Traces of one planted thing.

    Attributes:
        label: unique.
        vectors: (N, D) float32 appearance; points: (M, 3) float32, both as the memory holds them.
        crop: (H, W) uint8 grey picture of it.
    """

    label: str
    vectors: NDArray[np.float32]
    points: NDArray[np.float32]
    crop: NDArray[np.uint8] = field(repr=False)

    def needles(self) -> Iterator[tuple[str, bytes]]:
        """(kind, bytes) to search for."""
        text = self.label.encode()
        yield "label", text
        yield "label", self.label.encode("utf-16-le")
        yield "label", text.hex().encode()
        for shift in range(3):
            yield "label", base64.b64encode(b" " * shift + text)[4 if shift else 0 : -4]
        for kind, rows in (("embedding", self.vectors), ("points", self.points.reshape(-1, 3)[:64])):
            numbers = np.asarray(rows, dtype=np.float32).ravel()
            for start in range(0, max(len(numbers) - _NUMBERS, 1), 3 * _NUMBERS):
                for dtype in (np.float16, np.float32, np.float64):
                    yield kind, numbers[start : start + _NUMBERS].astype(dtype).tobytes()


def traces(canaries: Iterable[Canary], contents: Iterable[bytes]) -> Counter[str]:
    """Bytes of traces found in some contents, by kind: ``label``, ``embedding``, ``points``, ``crop``."""
    found: Counter[str] = Counter()
    wanted = [(c, list(dict.fromkeys(c.needles()))) for c in canaries]
    for content in contents:
        pictures = list(_pictures(content))
        for canary, needles in wanted:
            for kind, needle in needles:
                found[kind] += content.count(needle) * len(needle)
            found["crop"] += sum(canary.crop.size for picture in pictures if _shows(picture, canary.crop))
    return found


def raw_contents(folder: Path) -> Iterator[bytes]:
    """Every file below a folder, and what is packed inside it."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        yield from unpacked(path.read_bytes())


def unpacked(content: bytes) -> Iterator[bytes]:
    """Some bytes, the zlib streams in them and what their runs of base64 stand for."""
    yield content
    for start in (m.start() for mark in _ZLIB for m in re.finditer(re.escape(mark), content)):
        stream = zlib.decompressobj()
        try:
            inflated = stream.decompress(content[start : start + _MOST_BYTES], _MOST_BYTES)
        except zlib.error:
            continue
        if len(inflated) > 16:
            yield inflated
    runs = [m.group() for m in _BASE64.finditer(content)]
    decoded = (_decoded(run) for run in runs)
    yield b"\x00".join(d for d in decoded if d)


def readable(map_file: Path, keys_of: Path | None = None) -> Iterator[bytes]:
    """All that the program can read of a map with the keys that are in it, or in another map: columns in clear."""
    copy = map_file.with_name(map_file.name + ".read")
    shutil.copy(map_file, copy)
    store = SqliteStore.open(copy)
    try:
        if keys_of is not None:
            with store.transaction() as cursor:
                cursor.execute("DELETE FROM keys")
                cursor.executemany("INSERT INTO keys VALUES (?,?,?)", _keys(keys_of))
        for table in (r[0] for r in store.rows("SELECT name FROM sqlite_master WHERE type='table'")):
            yield b"\x00".join(_opened(store, table))
        try:
            yield "\x00".join(store.words.all()).encode()
        except StoreError:  # not all labels have their key: those that have are read one by one
            yield b"\x00".join(_labels(store))
    finally:
        store.close()
        copy.unlink()


def _opened(store: SqliteStore, table: str) -> Iterator[bytes]:
    columns = store.columns(table)
    sealed = owner_kind(table) is not None
    for row in store.each(f"SELECT {', '.join(columns)} FROM {table}"):
        try:
            values = _without_labels(store, table, columns, row) if sealed else row
        except StoreError:
            values = row
        for value in values:
            if isinstance(value, str):
                yield value.encode()
            elif isinstance(value, bytes):
                yield from unpacked(value)


def _without_labels(store: SqliteStore, table: str, columns: list[str], row: tuple[object, ...]) -> tuple[object, ...]:
    """A row opened; numbers of labels, whose keys may be gone, stay as they are."""
    names = [f"{c}_" if c in ("label", "labels") else c for c in columns]
    return open_rows(store, table, names, [row])[0]


def _labels(store: SqliteStore) -> Iterator[bytes]:
    for number, sealed in store.rows("SELECT id, label FROM vocabulary"):
        try:
            yield store.keys.open_text("word", number, f"vocabulary.label/{number}", sealed).encode()
        except StoreError:
            continue


def _keys(place: Path) -> list[tuple[object, ...]]:
    store = SqliteStore.open(place, read_only=True)
    try:
        return store.rows("SELECT kind, owner, secret FROM keys")
    finally:
        store.close()


def _decoded(run: bytes) -> bytes:
    try:
        return base64.b64decode(run[: len(run) // 4 * 4])
    except ValueError:
        return b""


def _pictures(content: bytes) -> Iterator[NDArray[np.uint8]]:
    """Grey pictures of the JPEGs in some bytes."""
    for match in re.finditer(b"\xff\xd8\xff", content):
        end = content.find(b"\xff\xd9", match.start())
        if end > 0:
            data = np.frombuffer(content[match.start() : end + 2], np.uint8)
            picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
            if picture is not None:
                yield np.asarray(picture, dtype=np.uint8)


def _shows(picture: NDArray[np.uint8], crop: NDArray[np.uint8]) -> bool:
    if picture.shape[0] < crop.shape[0] or picture.shape[1] < crop.shape[1]:
        return False
    return bool(cv2.matchTemplate(picture, crop, cv2.TM_CCOEFF_NORMED).max() > _SHOWS)
