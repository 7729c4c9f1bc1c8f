"""All tracks of a map as one mapping, of which only some are in working memory."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.indexes.object_index import GONE, NEWCOMER, ObjectIndex, entry_of
from memory_agent_ros.memory.track import Track

#: Working memory of a track without its arrays, bytes: Python objects, caches of box and bounds, k-d tree.
_OVERHEAD_BYTES = 24_000

#: Tracks read from the store at a time when all are asked for.
_BATCH = 256

#: Same-label objects offered when links between missing and new ones are looked for.
_MOST_CANDIDATES = 96


class TrackSource(Protocol):
    """Where tracks that are not in working memory are."""

    def read_tracks(self, ids: Sequence[int]) -> list[Track]:
        """The tracks as they were written last, in the order of ``ids``."""
        ...


@dataclass(slots=True)
class _Resident:
    """A track in working memory.

    Attributes:
        seen: signature when it was last indexed.
        written: signature of what the store holds, None if that is not known to be its state.
        size: working memory it takes, bytes.
    """

    track: Track
    seen: tuple[object, ...]
    written: tuple[object, ...] | None
    size: int


class TrackPool(MutableMapping[int, Track]):
    """Tracks by id. Those used longest ago leave working memory once they are in the store, and come back when asked.

    A track that is taken from the pool may be changed in place; the index takes over what changed the next time it is
    asked. Queries that name their result "ids" touch no track.

    Args:
        source: where tracks are read from; without one everything stays in working memory.
        max_resident: tracks kept in working memory at most (those changed and not yet written come on top).
        budget_bytes: working memory they may take, by estimate.
    """

    def __init__(
        self, source: TrackSource | None = None, max_resident: int = 4096, budget_bytes: int = 256 << 20
    ) -> None:
        self.index = ObjectIndex()
        self._source = source
        self._max_resident = max_resident
        self._budget = budget_bytes
        self._resident: OrderedDict[int, _Resident] = OrderedDict()
        self._handed: set[int] = set()
        self._bytes = 0
        self._away: weakref.WeakValueDictionary[int, Track] = weakref.WeakValueDictionary()

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[int]:
        return iter(self.index)

    def __contains__(self, object_id: object) -> bool:
        return object_id in self.index

    def __getitem__(self, object_id: int) -> Track:
        found = self._resident.get(object_id)
        if found is None:
            return self.take([object_id])[0]
        self._resident.move_to_end(object_id)
        self._handed.add(object_id)
        return found.track

    def __setitem__(self, object_id: int, track: Track) -> None:
        if track.id != object_id:
            raise KeyError(f"track {track.id} cannot be kept as {object_id}")
        self._drop(object_id)
        self._hold(track, signature(track), None)
        self._handed.add(object_id)
        self.index.put(entry_of(track))

    def __delitem__(self, object_id: int) -> None:
        self.index.remove(object_id)
        self._drop(object_id)

    @property
    def resident(self) -> int:
        """How many tracks are in working memory."""
        return len(self._resident)

    def take(self, ids: Collection[int]) -> list[Track]:
        """The tracks of these ids, read in one go; they may be changed.

        Raises:
            KeyError: there is no such object.
        """
        absent = [i for i in ids if i not in self._resident]
        if absent:
            self._admit(absent, set(ids))
        self._handed.update(ids)
        out = []
        for object_id in ids:
            self._resident.move_to_end(object_id)
            out.append(self._resident[object_id].track)
        return out

    def scan(self, ids: Iterable[int] | None = None) -> Iterator[Track]:
        """Tracks one after the other (all, by id, if none are named), to be read only: those absent stay absent."""
        waiting = list(self.index if ids is None else ids)
        for start in range(0, len(waiting), _BATCH):
            batch = waiting[start : start + _BATCH]
            absent = [i for i in batch if i not in self._resident and i not in self._away]
            read = {t.id: t for t in self._read(absent)} if absent else {}
            for object_id in batch:
                held = self._resident.get(object_id)
                track = held.track if held else self._away.get(object_id) or read.get(object_id)
                if track is not None:
                    yield track

    def near(self, center: NDArray[np.float64], radius_m: float) -> list[Track]:
        """Objects that are not gone whose centroid is less than ``radius_m`` from (3,) ``center``, by id."""
        self.sync()
        rows = self.index.near(center, radius_m)
        return self.take(rows["id"][rows["flags"] & GONE == 0].tolist())

    def touching(self, low: NDArray[np.float64], high: NDArray[np.float64], *, gone: bool = False) -> list[Track]:
        """Objects (those gone, or the others) whose box meets the box from (3,) ``low`` to (3,) ``high``, by id."""
        self.sync()
        rows = self.index.touching(low, high)
        return self.take(rows["id"][(rows["flags"] & GONE > 0) == gone].tolist())

    def labelled(self, label: str) -> list[int]:
        """Ids of the objects that show a label."""
        self.sync()
        return sorted(self.index.shown(label))

    def missing(self) -> list[int]:
        """Ids of the objects that are gone, or fading at a place that was seen empty."""
        self.sync()
        return sorted(self.index.missing())

    def newcomers(self, labels: Iterable[str]) -> list[int]:
        """Ids of the present objects with votes for one of the labels that have been found at one place only."""
        self.sync()
        found = set().union(*(self.index.voted(label) for label in labels))
        rows = self.index.columns(sorted(found))
        return list(rows["id"][rows["flags"] & NEWCOMER > 0].tolist())

    def link_candidates(self) -> list[Track]:
        """Objects among which links between missing and new ones may be found, by id; none if nothing is missing.

        The missing and all that share a label with one of them. If those are too many, the ones of this step come
        first, then the missing that were seen last and the others that came last.
        """
        missing = self.missing()
        if not missing:
            return []
        labels = {self.index.label(i) for i in missing}
        alike = sorted(set().union(*(self.index.voted(label) for label in labels)) - set(missing))
        if len(missing) + len(alike) > _MOST_CANDIDATES:
            missing = self._latest(missing, "last_seen_ns", _MOST_CANDIDATES // 3)
            alike = self._latest(alike, "first_seen_ns", _MOST_CANDIDATES - len(missing))
        return self.take(sorted(missing + alike))

    def counts(self) -> dict[str, int]:
        """How many objects there are: ``all``, ``confirmed``, ``missing``, ``resident``."""
        self.sync()
        return {
            "all": len(self.index),
            "confirmed": self.index.confirmed,
            "missing": len(self.index.missing()),
            "resident": self.resident,
        }

    def confirmed_labels(self) -> dict[str, int]:
        """Label -> how many confirmed objects, present or gone, show it; by label."""
        self.sync()
        return self.index.confirmed_labels()

    def revision(self) -> int:
        """A number that is another one after every change of an object, and in every other pool that has any."""
        self.sync()
        return self.index.revision

    def sync(self) -> None:
        """Let the index take over what was changed in the tracks handed out."""
        for object_id in self._handed:
            held = self._resident[object_id]
            now = signature(held.track)
            if now != held.seen:
                held.seen = now
                self.index.put(entry_of(held.track))

    def held(self) -> list[Track]:
        """All tracks in working memory."""
        return [held.track for held in self._resident.values()]

    def is_written(self, track: Track) -> bool:
        """Whether the store is known to hold a track as it stands."""
        held = self._resident.get(track.id)
        return held is not None and held.written == signature(track)

    def mark_written(self, track: Track) -> None:
        """The store now holds this state of a track, cloud and all."""
        held = self._resident.get(track.id)
        if held is not None and held.track is track:
            held.written = signature(track)

    def victims(self) -> list[Track]:
        """Tracks that must be in the store as they stand before :meth:`trim`, used longest ago first."""
        out: list[Track] = []
        if self._source is None:
            return out
        total, count = self._bytes, len(self._resident)
        for held in self._resident.values():
            if count <= self._max_resident and total <= self._budget:
                break
            out.append(held.track)
            total, count = total - held.size, count - 1
        return out

    def trim(self, victims: Iterable[Track] = ()) -> list[int]:
        """End of a step: forget who was handed out, and let go of those of ``victims`` that are in the store.

        Returns the ids that left working memory.
        """
        self.sync()
        for held in map(self._resident.__getitem__, self._handed):
            self._bytes -= held.size
            held.size = track_bytes(held.track)
            self._bytes += held.size
        self._handed.clear()
        return [t.id for t in victims if self._let_go(t.id)]

    def forget_cached(self, ids: Iterable[int] | None = None) -> None:
        """Drop tracks (all, if none are named) from working memory, whatever was changed in them."""
        for object_id in list(self._resident) if ids is None else ids:
            self._drop(object_id)

    def _latest(self, ids: list[int], column: str, most: int) -> list[int]:
        """At most ``most`` ids: those handed out first, then by a column, largest first."""
        if len(ids) <= most:
            return ids
        stamps = self.index.columns(ids)[column].tolist()
        order = sorted(zip(ids, stamps, strict=True), key=lambda item: (item[0] not in self._handed, -item[1], item[0]))
        return [i for i, _ in order[:most]]

    def _admit(self, ids: Sequence[int], wanted: set[int]) -> None:
        """Bring tracks into working memory; makes room first, among those written and not in use."""
        unknown = [i for i in ids if i not in self.index]
        if unknown:
            raise KeyError(unknown[0])
        back = {i: t for i in ids if (t := self._away.get(i)) is not None}
        read = self._read([i for i in ids if i not in back])
        self._make_room(len(ids), wanted)
        for track in read:
            stamp = signature(track)
            self._hold(track, stamp, stamp)
        for track in back.values():
            self._hold(track, (), None)  # whoever held it may have changed it

    def _make_room(self, count: int, wanted: set[int]) -> None:
        """``wanted`` stay; so do those handed out in this step, unless they are too many."""
        over = len(self._resident) + count - self._max_resident
        if self._source is None or over <= 0:
            return
        in_use = self._handed | wanted if len(self._resident) < 2 * self._max_resident else wanted
        for object_id in list(self._resident):
            if over <= 0:
                break
            if object_id not in in_use:
                over -= self._let_go(object_id)

    def _let_go(self, object_id: int) -> bool:
        """Move a track out of working memory unless it differs from what is in the store."""
        held = self._resident.get(object_id)
        if held is None or held.written is None or held.written != signature(held.track):
            return False
        self._drop(object_id)
        self._away[object_id] = held.track
        return True

    def _hold(self, track: Track, seen: tuple[object, ...], written: tuple[object, ...] | None) -> None:
        size = track_bytes(track)
        self._resident[track.id] = _Resident(track, seen, written, size)
        self._bytes += size

    def _drop(self, object_id: int) -> None:
        held = self._resident.pop(object_id, None)
        self._bytes -= held.size if held is not None else 0
        self._away.pop(object_id, None)
        self._handed.discard(object_id)

    def _read(self, ids: Sequence[int]) -> list[Track]:
        if not ids:
            return []
        if self._source is None:
            raise KeyError(ids[0])
        return self._source.read_tracks(ids)


def signature(track: Track) -> tuple[object, ...]:
    """Numbers of which one at least differs after any change of a track."""
    return (
        id(track.cloud), track.cloud.revision, track.log_odds, track.negatives, track.placement, track.gone,
        track.confirmed, track.observations, track.votes.leader, track.votes.pinned, track.last_seen_ns,
        track.last_looked_ns, track.shifted, track.conflicts, track.announced_ns, track.logged_ns,
        track.first_seen_ns, len(track.views.directions), len(track.bank.weights), track.centroid.tobytes(),
        track.by_hand.place, track.by_hand.joined, track.by_hand.deleted, len(track.by_hand.apart),
        track.heard,
    )  # fmt: skip


def track_bytes(track: Track) -> int:
    """Working memory that a track takes, by estimate."""
    return _OVERHEAD_BYTES + 24 * sum(map(len, (track.cloud, *track.former))) + track.bank.vectors.nbytes
