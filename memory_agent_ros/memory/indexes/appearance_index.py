"""How the objects of a map file look, kept in vector indexes, one a dimension, in step with the file.

The indexes are derived data: whatever they hold can be read from the ``objects`` table again. Each row there has the
version of the transaction that wrote it, so that only what changed since is read. Large ones, which take long to make,
are kept in the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.appearance import AppearanceBank
from memory_agent_ros.memory.indexes.vector_index import SCAN_NUMBERS, VectorIndex
from memory_agent_ros.memory.storage.sealing import open_rows, seal_rows
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.records.errors import StoreError

#: Numbers (objects times dimension) from which on the indexes are kept in the file.
KEEP_NUMBERS = 1 << 20

_BATCH = 2048
_COLUMNS = ("id", "bank", "body")
_CHANGED = f"SELECT {', '.join(_COLUMNS)} FROM objects INDEXED BY objects_by_version WHERE version > ?"


class AppearanceIndex:
    """Mean appearance of every object in a store.

    Args:
        store: the map file.
        scan_numbers: see :class:`VectorIndex`.
        keep_numbers: smaller indexes are not kept in the file but made anew.
    """

    def __init__(self, store: Store, scan_numbers: int = SCAN_NUMBERS, keep_numbers: int = KEEP_NUMBERS) -> None:
        self._store = store
        self._scan_numbers = scan_numbers
        self._keep_numbers = keep_numbers
        self._indexes: dict[int, VectorIndex] = {}
        self._bare: set[int] = set()  # objects without any appearance
        self._version = self._saved = -1

    def at(self, dimension: int) -> VectorIndex:
        """Vectors of a dimension, in step with the file."""
        self._synchronise()
        return self._indexes.get(dimension) or VectorIndex(dimension, self._scan_numbers)

    def reset(self) -> None:
        """Let go of all vectors; they are read again when they are needed."""
        self._indexes, self._bare, self._version, self._saved = {}, set(), -1, -1

    def save(self) -> None:
        """Keep large indexes in the file if they were used and have changed.

        Raises:
            StoreError: the file cannot be written.
        """
        if self._version < 0 or self._store.read_only:
            return
        self._synchronise()
        if self._version == self._saved or sum(len(v) * v.dimension for v in self._indexes.values()) < (
            self._keep_numbers
        ):
            return
        with self._store.transaction("indexed") as cursor:
            cursor.execute("DELETE FROM vector_indexes")
            columns = ("dimension", "version", "data")
            rows = [(d, self._version, index.save()) for d, index in self._indexes.items()]
            sealed = seal_rows(self._store, "vector_indexes", columns, rows)
            cursor.executemany(f"INSERT INTO vector_indexes ({', '.join(columns)}) VALUES (?,?,?)", sealed)
        self._saved = self._version

    def _synchronise(self) -> None:
        """Take over what was written since the last time."""
        now = self._stored_version()
        if now == self._version:
            return
        if self._version < 0:
            self._restore()
        for batch in self._changed():
            self._put(batch)
        self._drop_absent()
        self._version = now

    def _stored_version(self) -> int:
        """Number of the last transaction that wrote objects."""
        found = self._store.rows("SELECT value FROM meta WHERE key = 'version'")
        return int(json.loads(found[0][0])) if found else 0

    def _restore(self) -> None:
        """Start from what is kept in the file, if all of it is of one version and can be read; else from nothing."""
        rows = self._store.rows("SELECT dimension, version, data FROM vector_indexes")
        found = {row[0]: self._index_of(row) for row in rows}
        usable = {d: index for d, index in found.items() if index is not None}
        versions = {version for _, version, _ in rows}
        if len(versions) == 1 and len(usable) == len(rows):
            self._indexes, self._version = usable, versions.pop()
            self._saved = self._version

    def _index_of(self, row: tuple[Any, ...]) -> VectorIndex | None:
        """A kept index, None if it cannot be read."""
        try:
            ((dimension, _, data),) = open_rows(self._store, "vector_indexes", ("dimension", "version", "data"), [row])
        except StoreError:
            return None
        return VectorIndex.restore(dimension, data, self._scan_numbers)

    def _changed(self) -> Iterator[list[tuple[int, NDArray[np.float32] | None]]]:
        """Ids and mean appearance of the objects written since the last time, some at a time."""
        rows = self._store.each(_CHANGED, (self._version,))
        while batch := list(islice(rows, _BATCH)):
            yield [(i, _mean(bank, body)) for i, bank, body in open_rows(self._store, "objects", _COLUMNS, batch)]

    def _put(self, batch: list[tuple[int, NDArray[np.float32] | None]]) -> None:
        groups: dict[int, list[tuple[int, NDArray[np.float32]]]] = {}
        for object_id, vector in batch:
            if vector is not None:
                groups.setdefault(len(vector), []).append((object_id, vector))
        self._bare.difference_update(i for i, _ in batch)
        self._bare.update(i for i, v in batch if v is None)
        for dimension, index in self._indexes.items():  # an embedder of another size, or none any more
            index.remove(i for i, v in batch if v is None or len(v) != dimension)
        for dimension, members in groups.items():
            index = self._indexes.setdefault(dimension, VectorIndex(dimension, self._scan_numbers))
            index.put([i for i, _ in members], np.stack([v for _, v in members]))

    def _drop_absent(self) -> None:
        """Take out objects whose rows have left the file; counting tells whether there are any."""
        known = sum(map(len, self._indexes.values())) + len(self._bare)
        if known == self._store.rows("SELECT count(*) FROM objects")[0][0]:
            return
        present = {r[0] for r in self._store.rows("SELECT id FROM objects")}
        self._bare &= present
        for index in self._indexes.values():
            index.remove(set(index.keys()) - present)
        known = sum(map(len, self._indexes.values())) + len(self._bare)
        if known != len(present):  # what was kept knows nothing of objects without appearance
            held = set().union(*(index.keys() for index in self._indexes.values()))
            self._bare = present - held


def _mean(bank: bytes, body: str) -> NDArray[np.float32] | None:
    """Unit mean of stored views, None without any."""
    shares = np.array(json.loads(body)["bank_weights"], dtype=np.float32)
    if not len(shares):
        return None
    return AppearanceBank(np.frombuffer(bank, dtype=np.float32).reshape(len(shares), -1), shares).mean()
