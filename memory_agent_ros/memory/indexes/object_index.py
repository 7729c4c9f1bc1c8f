"""What is known of every object without loading it: where it is, what it is called, its state."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.presence.changes import is_missing, is_newcomer
from memory_agent_ros.memory.track import Track

#: Edge of a cell of the grid, metres.
CELL_M = 4.0

#: Objects that span more cells than this are kept apart and offered to every query.
_MOST_CELLS = 256

#: A label with a smaller share of an object's votes is not an entry of its own.
VOTE_SHARE = 0.05

CONFIRMED, GONE, MISSING, NEWCOMER = 1, 2, 4, 8

_ROW = np.dtype(
    [
        ("id", np.int64),
        ("low", np.float64, 3),
        ("high", np.float64, 3),
        ("centroid", np.float64, 3),
        ("flags", np.uint8),
        ("first_seen_ns", np.int64),
        ("last_seen_ns", np.int64),
        ("presence", np.float64),
        ("observations", np.int32),
    ]
)


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One object as the index knows it.

    Attributes:
        labels: every label with a share of its votes, the shown one included.
        low, high: corners of a box around all its points (it may be a little larger), metres.
        flags: sum of ``CONFIRMED``, ``GONE``, ``MISSING``, ``NEWCOMER``.
    """

    id: int
    label: str
    labels: tuple[str, ...]
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    centroid: tuple[float, float, float]
    flags: int
    first_seen_ns: int
    last_seen_ns: int
    presence: float
    observations: int


def entry_of(track: Track) -> IndexEntry:
    """The entry of a track as it stands now."""
    points = track.cloud.points
    low = points.min(axis=0) if len(points) else track.centroid
    high = points.max(axis=0) if len(points) else track.centroid
    return IndexEntry(
        track.id, track.label, voted_labels(track), tuple(low.tolist()), tuple(high.tolist()),
        tuple(track.centroid.tolist()), flags_of(track), track.first_seen_ns, track.last_seen_ns, track.presence,
        track.observations,
    )  # fmt: skip


def voted_labels(track: Track) -> tuple[str, ...]:
    """The shown label, then every other one with a share of the votes worth an entry."""
    votes = track.votes.votes
    least = VOTE_SHARE * (sum(votes.values()) or 1.0)
    return (track.label, *(k for k, v in votes.items() if v >= least and k != track.label))


def flags_of(track: Track) -> int:
    """State of a track as bits."""
    return CONFIRMED * track.confirmed + GONE * track.gone + MISSING * is_missing(track) + NEWCOMER * is_newcomer(track)


class ObjectIndex:
    """Entries of all objects in columns, a grid over their boxes, and sets by label and state.

    The cost of a query depends on what is near or carries the label, not on the number of objects.
    """

    def __init__(self) -> None:
        self._rows = np.zeros(64, dtype=_ROW)
        self._row_of: dict[int, int] = {}
        self._labels: dict[int, tuple[str, ...]] = {}
        self._cells: dict[tuple[int, int, int], set[int]] = {}
        self._large: set[int] = set()
        self._shown: dict[str, set[int]] = {}
        self._voted: dict[str, set[int]] = {}
        self._missing: set[int] = set()
        self._confirmed = 0
        #: Another one after every change, of this index or any other; 0 while nothing was ever put in.
        self.revision = 0

    def __len__(self) -> int:
        return len(self._row_of)

    def __contains__(self, object_id: object) -> bool:
        return object_id in self._row_of

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._row_of))

    @property
    def confirmed(self) -> int:
        """How many objects are confirmed, present or gone."""
        return self._confirmed

    def put(self, entry: IndexEntry) -> None:
        """Insert or replace an entry."""
        row = self._row_of.get(entry.id)
        if row is None:
            row = self._row_of[entry.id] = len(self._row_of)
            if row == len(self._rows):
                self._rows = np.concatenate([self._rows, np.zeros(len(self._rows), dtype=_ROW)])
            self._enter(entry)
        else:
            old = self._rows[row]
            self._confirmed -= int(old["flags"]) & CONFIRMED
            if cells_of(entry.low, entry.high, entry.centroid) != cells_of(old["low"], old["high"], old["centroid"]):
                self._leave_cells(entry.id, row)
                self._enter_cells(entry)
            if self._labels[entry.id] != entry.labels:
                self._leave_labels(entry.id)
                self._enter_labels(entry)
        self._rows[row] = (
            entry.id, entry.low, entry.high, entry.centroid, entry.flags, entry.first_seen_ns, entry.last_seen_ns,
            entry.presence, entry.observations,
        )  # fmt: skip
        self._confirmed += entry.flags & CONFIRMED
        (self._missing.add if entry.flags & MISSING else self._missing.discard)(entry.id)
        self.revision = next(_REVISIONS)

    def remove(self, object_id: int) -> None:
        """Take an object out; the last row moves into its place."""
        row = self._row_of[object_id]
        self._confirmed -= int(self._rows[row]["flags"]) & CONFIRMED
        self._leave_cells(object_id, row)
        self._leave_labels(object_id)
        self._missing.discard(object_id)
        del self._row_of[object_id]
        last = len(self._row_of)
        if row != last:
            self._rows[row] = self._rows[last]
            self._row_of[int(self._rows[row]["id"])] = row
        self.revision = next(_REVISIONS)

    def columns(self, ids: Collection[int]) -> NDArray[np.void]:
        """Rows of the given objects, a structured array with the fields of :class:`IndexEntry` but the labels."""
        rows = self._row_of
        chosen: NDArray[np.void] = self._rows[np.fromiter((rows[i] for i in ids), dtype=np.intp, count=len(ids))]
        return chosen

    def label(self, object_id: int) -> str:
        """Shown label of an object."""
        return self._labels[object_id][0]

    def labels(self) -> Collection[str]:
        """All labels shown."""
        return self._shown.keys()

    def confirmed_labels(self) -> dict[str, int]:
        """Label shown -> how many confirmed objects, present or gone, show it; by label."""
        rows = self._rows[: len(self._row_of)]
        shown = Counter(self._labels[i][0] for i in rows["id"][rows["flags"] & CONFIRMED > 0].tolist())
        return dict(sorted(shown.items()))

    def shown(self, label: str) -> Collection[int]:
        """Ids of the objects that show a label."""
        return self._shown.get(label, ())

    def voted(self, label: str) -> Collection[int]:
        """Ids of the objects that show a label or have votes for it."""
        return self._voted.get(label, ())

    def missing(self) -> Collection[int]:
        """Ids of the objects that are gone or fading."""
        return self._missing

    def touching(self, low: NDArray[np.float64], high: NDArray[np.float64]) -> NDArray[np.void]:
        """Rows of objects whose box meets the box from (3,) ``low`` to (3,) ``high``, by id."""
        found = set(self._large)
        first, last = np.floor(low / CELL_M), np.floor(high / CELL_M)
        if float((last - first + 1).prod()) <= len(self._cells):
            ranges = [range(int(a), int(b) + 1) for a, b in zip(first, last, strict=True)]
            for cell in itertools.product(ranges[0], ranges[1], ranges[2]):
                found |= self._cells.get(cell, _NONE)
        else:
            for cell, ids in self._cells.items():
                if all(a <= c <= b for a, c, b in zip(first, cell, last, strict=True)):
                    found |= ids
        rows = self.columns(sorted(found))
        meets = ((rows["low"] <= high) & (rows["high"] >= low)).all(axis=1)
        inside = ((rows["centroid"] <= high) & (rows["centroid"] >= low)).all(axis=1)
        return rows[meets | inside]

    def near(self, center: NDArray[np.float64], radius_m: float) -> NDArray[np.void]:
        """Rows of objects whose centroid is less than ``radius_m`` from (3,) ``center``, by id."""
        rows = self.touching(center - radius_m, center + radius_m)
        near: NDArray[np.void] = rows[np.linalg.norm(rows["centroid"] - center, axis=1) < radius_m]
        return near

    def _enter(self, entry: IndexEntry) -> None:
        self._enter_cells(entry)
        self._enter_labels(entry)

    def _enter_labels(self, entry: IndexEntry) -> None:
        self._labels[entry.id] = entry.labels
        self._shown.setdefault(entry.label, set()).add(entry.id)
        for label in entry.labels:
            self._voted.setdefault(label, set()).add(entry.id)

    def _leave_labels(self, object_id: int) -> None:
        labels = self._labels.pop(object_id)
        _drop(self._shown, labels[:1], object_id)
        _drop(self._voted, labels, object_id)

    def _enter_cells(self, entry: IndexEntry) -> None:
        cells = cells_of(entry.low, entry.high, entry.centroid)
        if cells is None:
            self._large.add(entry.id)
            return
        for cell in _all_cells(cells):
            self._cells.setdefault(cell, set()).add(entry.id)

    def _leave_cells(self, object_id: int, row: int) -> None:
        old = self._rows[row]
        cells = cells_of(old["low"], old["high"], old["centroid"])
        if cells is None:
            self._large.discard(object_id)
            return
        _drop(self._cells, _all_cells(cells), object_id)


_NONE: frozenset[int] = frozenset()
_REVISIONS = itertools.count(1)
_K = TypeVar("_K", str, tuple[int, int, int])
_Cells = tuple[int, int, int, int, int, int]


def cells_of(low: Iterable[float], high: Iterable[float], centroid: Iterable[float]) -> _Cells | None:
    """First and last cell, along each axis, of a box and a centroid; None if there are too many between them."""
    spans = [(int(min(a, c) // CELL_M), int(max(b, c) // CELL_M)) for a, b, c in zip(low, high, centroid, strict=True)]
    (x0, x1), (y0, y1), (z0, z1) = spans
    if (x1 - x0 + 1) * (y1 - y0 + 1) * (z1 - z0 + 1) > _MOST_CELLS:
        return None
    return x0, x1, y0, y1, z0, z1


def _all_cells(cells: _Cells) -> Iterable[tuple[int, int, int]]:
    x0, x1, y0, y1, z0, z1 = cells
    return itertools.product(range(x0, x1 + 1), range(y0, y1 + 1), range(z0, z1 + 1))


def _drop(sets: dict[_K, set[int]], keys: Iterable[_K], object_id: int) -> None:
    for key in keys:
        members = sets[key]
        members.discard(object_id)
        if not members:
            del sets[key]
