"""Unit vectors by id, and which of them are most alike: a scan while that takes a millisecond, a graph beyond.

A scan of some million numbers is exact and quicker than any graph; beyond that the graph (HNSW) of the library usearch
proposes. Without usearch (extra ``index``) everything is scanned: the same answers, later.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

#: Numbers (vectors times dimension) up to which all are scanned.
SCAN_NUMBERS = 8 << 20

#: Width of the search in the graph: at least this, and this many times what is asked for.
_WIDTH, _WIDER = 192, 4

#: Values of which only the best is looked at first, when the best of all are sought.
_BLOCK = 128

#: First byte of a saved index.
_SCANNED, _GRAPH = b"S", b"G"


class Vectors(Protocol):
    """Unit vectors of one dimension by id."""

    def __len__(self) -> int: ...

    def __contains__(self, key: object) -> bool: ...

    def keys(self) -> Collection[int]:
        """All ids."""
        ...

    def put(self, keys: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Insert or replace (N, D) vectors."""
        ...

    def remove(self, keys: Iterable[int]) -> None:
        """Take vectors out; ids that are not there are passed over."""
        ...

    def search(self, vector: NDArray[np.float32], count: int) -> list[tuple[float, int]]:
        """(cosine, id) of the most alike, best first, equal ones by id."""
        ...

    def get(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """(N, D) vectors of ids that are there."""
        ...

    def save(self) -> bytes:
        """All of them, to be restored."""
        ...


class ScannedVectors:
    """All vectors in one matrix; exact. A vector taken out leaves no trace."""

    def __init__(self, dimension: int) -> None:
        self._matrix = np.zeros((16, dimension), dtype=np.float32)
        self._keys = np.zeros(16, dtype=np.int64)
        self._row_of: dict[int, int] = {}

    @classmethod
    def restore(cls, dimension: int, data: bytes) -> ScannedVectors:
        """Inverse of :meth:`save`."""
        row = np.dtype([("key", np.int64), ("vector", np.float32, dimension)])
        rows, vectors = np.frombuffer(data, dtype=row), cls(dimension)
        vectors.put(rows["key"].tolist(), rows["vector"])
        return vectors

    def save(self) -> bytes:
        """Key and vector of each row."""
        n = len(self._row_of)
        rows = np.empty(n, dtype=[("key", np.int64), ("vector", np.float32, self._matrix.shape[1])])
        rows["key"], rows["vector"] = self._keys[:n], self._matrix[:n]
        return rows.tobytes()

    def __len__(self) -> int:
        return len(self._row_of)

    def __contains__(self, key: object) -> bool:
        return key in self._row_of

    def keys(self) -> Collection[int]:
        """All ids."""
        return self._row_of.keys()

    def put(self, keys: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Insert or replace (N, D) vectors."""
        fresh = [k for k in dict.fromkeys(keys) if k not in self._row_of]
        needed = len(self._row_of) + len(fresh)
        if needed > len(self._matrix):
            size = max(needed, 3 * len(self._matrix) // 2)
            matrix = np.zeros((size, self._matrix.shape[1]), dtype=np.float32)
            matrix[: len(self)] = self._matrix[: len(self)]
            self._matrix, self._keys = matrix, np.resize(self._keys, size)
        for key in fresh:
            self._keys[len(self._row_of)] = key
            self._row_of[key] = len(self._row_of)
        self._matrix[[self._row_of[k] for k in keys]] = vectors

    def remove(self, keys: Iterable[int]) -> None:
        """Take vectors out; the last one moves into the place of each."""
        for key in keys:
            row = self._row_of.pop(key, None)
            if row is None:
                continue
            last = len(self._row_of)
            if row != last:
                self._matrix[row], self._keys[row] = self._matrix[last], self._keys[last]
                self._row_of[int(self._keys[row])] = row
            self._matrix[last] = 0.0

    def search(self, vector: NDArray[np.float32], count: int) -> list[tuple[float, int]]:
        """(cosine, id) of the most alike, best first."""
        n = len(self._row_of)
        cosines, keys = self._matrix[:n] @ vector, self._keys[:n]
        if 0 < count < n:
            # The count-th best may have equals: those with the smaller ids win, whatever their rows are.
            chosen = np.flatnonzero(cosines >= _bound(cosines, count))
            least = np.partition(cosines[chosen], len(chosen) - count)[len(chosen) - count]
            chosen = chosen[cosines[chosen] >= least]
            cosines, keys = cosines[chosen], keys[chosen]
        order = np.lexsort((keys, -cosines))[: max(count, 0)]
        return list(zip(cosines[order].tolist(), keys[order].tolist(), strict=True))

    def get(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """(N, D) vectors of ids that are there."""
        return self._matrix[[self._row_of[k] for k in keys]]


class GraphVectors:
    """Half-precision vectors in a navigable graph of usearch; what it proposes is nearly always what a scan finds.

    A vector taken out is offered no more, but its numbers stay in the graph until another takes the place.
    """

    def __init__(self, dimension: int) -> None:
        self._index = _usearch().Index(
            ndim=dimension, metric="cos", dtype="f16", connectivity=16, expansion_add=128, expansion_search=_WIDTH
        )
        self._known: set[int] = set()

    @classmethod
    def restore(cls, data: bytes) -> GraphVectors:
        """Inverse of :meth:`save`."""
        graph = cls.__new__(cls)
        graph._index = _usearch().Index.restore(data)
        if graph._index is None:
            raise ValueError("no index of usearch")
        graph._known = set(map(int, graph._index.keys))
        return graph

    def save(self) -> bytes:
        """The graph in the library's own format."""
        return bytes(self._index.save())

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, key: object) -> bool:
        return key in self._known

    def keys(self) -> Collection[int]:
        """All ids."""
        return self._known

    def put(self, keys: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Insert or replace (N, D) vectors."""
        self.remove(keys)
        last = {k: row for row, k in enumerate(keys)}
        self._index.add(np.array(list(last), dtype=np.uint64), vectors[list(last.values())], threads=1)
        self._known.update(last)

    def remove(self, keys: Iterable[int]) -> None:
        """Take vectors out."""
        known = sorted(self._known.intersection(keys))
        if known:
            self._index.remove(np.array(known, dtype=np.uint64))
            self._known.difference_update(known)

    def search(self, vector: NDArray[np.float32], count: int) -> list[tuple[float, int]]:
        """(cosine, id) of what the graph finds most alike, best first."""
        if count <= 0 or not self._known:
            return []
        self._index.expansion_search = max(_WIDTH, _WIDER * count)
        found = self._index.search(vector, min(count, len(self._known)), threads=1)
        return sorted(
            ((1.0 - float(d), int(k)) for k, d in zip(found.keys, found.distances, strict=True)),
            key=lambda item: (-item[0], item[1]),
        )

    def get(self, keys: Sequence[int]) -> NDArray[np.float32]:
        """(N, D) vectors of ids that are there, as far as half precision goes."""
        if not len(keys):
            return np.zeros((0, self._index.ndim), dtype=np.float32)
        rows = self._index.get(np.array(keys, dtype=np.uint64))
        return np.stack([np.asarray(r, dtype=np.float32).reshape(-1) for r in rows])


class VectorIndex:
    """Vectors of one dimension, scanned or in a graph by how many there are.

    Args:
        dimension: of every vector.
        scan_numbers: from more numbers than this on there is a graph, if usearch is installed.
    """

    def __init__(self, dimension: int, scan_numbers: int = SCAN_NUMBERS) -> None:
        self.dimension = dimension
        self._scan_numbers = scan_numbers
        self._vectors: Vectors = ScannedVectors(dimension)

    @classmethod
    def restore(cls, dimension: int, data: bytes, scan_numbers: int = SCAN_NUMBERS) -> VectorIndex | None:
        """Inverse of :meth:`save`; None where it cannot be read, or usearch is missing that has to."""
        index = cls(dimension, scan_numbers)
        try:
            if data[:1] == _GRAPH:
                index._vectors = GraphVectors.restore(data[1:])
            else:
                index._vectors = ScannedVectors.restore(dimension, data[1:])
        except (ImportError, ValueError, RuntimeError):
            return None
        return index

    def save(self) -> bytes:
        """All vectors and, where there is one, the graph."""
        return (_GRAPH if self.is_graph else _SCANNED) + self._vectors.save()

    def __len__(self) -> int:
        return len(self._vectors)

    def __contains__(self, key: object) -> bool:
        return key in self._vectors

    @property
    def is_graph(self) -> bool:
        """Whether a graph answers."""
        return isinstance(self._vectors, GraphVectors)

    def keys(self) -> Collection[int]:
        """All ids."""
        return self._vectors.keys()

    def put(self, keys: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Insert or replace (N, D) unit vectors."""
        if len(keys) == 0:
            return
        if not self.is_graph and (len(self) + len(keys)) * self.dimension > self._scan_numbers and has_graph():
            graph, known = GraphVectors(self.dimension), sorted(self.keys())
            if known:
                graph.put(known, self._vectors.get(known))
            self._vectors = graph
        self._vectors.put(keys, vectors)

    def remove(self, keys: Iterable[int]) -> None:
        """Take vectors out; ids that are not there are passed over."""
        self._vectors.remove(keys)

    def search(self, vector: NDArray[np.float32], count: int) -> list[tuple[float, int]]:
        """(cosine, id) of the most alike of all, best first, equal ones by id."""
        return self._vectors.search(vector, count)

    def order(self, vector: NDArray[np.float32], keys: Iterable[int]) -> list[tuple[float, int]]:
        """(cosine, id) of those of ``keys`` that are there, best first, equal ones by id."""
        known = [k for k in keys if k in self._vectors]
        if not known:
            return []
        cosines = (self._vectors.get(known) @ vector).tolist()
        return sorted(zip(cosines, known, strict=True), key=lambda item: (-item[0], item[1]))

    def above(self, vector: NDArray[np.float32], least: float) -> list[tuple[float, int]]:
        """(cosine, id) of those with a cosine of ``least`` or more, best first."""
        count = 64
        while True:
            found = self.search(vector, count)
            if len(found) < count or found[-1][0] < least:
                return [item for item in found if item[0] >= least]
            count *= 4


def _bound(values: NDArray[np.float32], count: int) -> float:
    """A number that at least ``count`` values reach, and not many more: so many blocks have one that does."""
    blocks = len(values) // _BLOCK
    if blocks < count:
        return -np.inf
    best = values[: blocks * _BLOCK].reshape(blocks, _BLOCK).max(axis=1)
    return float(np.partition(best, blocks - count)[blocks - count])


def has_graph() -> bool:
    """Whether the library of the graph is installed."""
    return importlib.util.find_spec("usearch") is not None


def _usearch() -> Any:
    from usearch import index  # optional: only large maps need it

    return index
