"""Identities after a correction of the map: what drift tore apart is put together, and what it mixed is taken apart.

1. Sightings that now lie away from their object's home become objects of their own (:mod:`mixups`).
2. Two objects that now stand at one place, and were put there by frames that drifted apart, are one object; a gone one
   whose double stands at its place is present again.
3. A stray that joined nobody, and whose object was not seen at home since, is that object, which really moved.
4. An object that was declared gone because a shifted place was empty is judged again by where the robot really looked.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.anchors.anchor_rows import Sightings
from memory_agent_ros.memory.anchors.corrections import Corrections
from memory_agent_ros.memory.anchors.mixups import (
    AGREE_M,
    SAME_SPACE,
    away_from_home,
    detach,
    mixed_objects,
    reach_m,
    shared_of_smaller,
    visits_of,
)
from memory_agent_ros.memory.association.co_detections import pair_key
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import Changes, MapState
from memory_agent_ros.memory.presence.changes import apart
from memory_agent_ros.memory.presence.lifecycle import emit, replace_track
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track
from memory_agent_ros.records.event import EventKind

#: Empty looks after which a place stays empty, and points asked of each object.
_EMPTY_LOOKS, _ASKED = 2, 48


@dataclass(eq=False)
class Reunion:
    """One correction at work on the identities of a map.

    Attributes:
        newest: object id -> index of the newest frame its geometry hangs on.
        strays: id of a stray -> id of the object it was taken from.
        returned: ids of objects that were gone and are not.
        why: what events say caused them.
    """

    state: MapState
    store: Store
    changes: Changes
    corrections: Corrections
    sightings: Sightings
    config: MemoryConfig
    newest: dict[int, int]
    why: str
    strays: dict[int, int] = field(default_factory=dict)
    returned: set[int] = field(default_factory=set)
    merged: int = 0

    def run(self) -> None:
        """All four steps."""
        self._take_apart()
        for keep, other in self._pairs():
            self._join(keep, other)
        for stray, parent in list(self.strays.items()):
            self._settle_stray(stray, parent)
        self._judge_again()

    def _take_apart(self) -> None:
        for object_id, rows in mixed_objects(self.sightings, self.corrections).items():
            if object_id not in self.state.tracks or self.state.tracks[object_id].by_hand.joined:
                continue
            visits = visits_of(rows, self.sightings, self.corrections)
            for stray in away_from_home(visits, self.corrections):
                track = self.state.tracks[object_id]
                other = detach(
                    self.state, self.store, track, stray, visits[0], self.sightings, self.corrections, self.config
                )
                self.strays[other.id] = object_id
                self.newest[other.id] = stray[-1].frame
                kept = np.flatnonzero(self.sightings.object_ids == object_id)
                self.newest[object_id] = int(self.sightings.frames[kept[-1]])
                self.changes.touched.update((object_id, other.id))

    def _pairs(self) -> list[tuple[int, int]]:
        """Objects at one place that drift held apart, best fit first: (older id, younger id)."""
        tracks = [t for t in self.state.tracks.values() if t.id in self.newest]
        if len(tracks) < 2:
            return []
        bounds = [t.bounds(self.config) for t in tracks]
        low, high = np.array([b[0] for b in bounds]), np.array([b[1] for b in bounds])
        a, b = _near_pairs(low, high, self.config.gate_m)
        frames = np.array([self.newest[t.id] for t in tracks])
        middle = (low + high) / 2
        differs = self._relative(frames[a], frames[b], middle[a]) >= AGREE_M / 2
        found = []
        for i, j in zip(a[differs].tolist(), b[differs].tolist(), strict=True):
            cost = self._misfit(tracks[i], tracks[j], float(np.linalg.norm(middle[i] - middle[j])))
            if cost is not None:
                older, younger = sorted((tracks[i], tracks[j]), key=lambda t: (t.first_seen_ns, t.id))
                found.append((cost, older.id, younger.id))
        return [(older, younger) for _, older, younger in sorted(found)]

    def _relative(self, a: NDArray[np.intp], b: NDArray[np.intp], places: NDArray[np.float64]) -> NDArray[np.float64]:
        apart = self.corrections.apply(a, places) - self.corrections.apply(b, places)
        return np.asarray(np.linalg.norm(apart, axis=1))

    def _misfit(self, a: Track, b: Track, distance_m: float) -> float | None:
        """How badly two objects fit one place, None if they are two."""
        if apart(a, b) or self._seen_together(a.id, b.id, a, b) or a.votes.match(b.votes) < 0.3:
            return None
        bounds_a, bounds_b = a.bounds(self.config), b.bounds(self.config)
        diagonals = [float(np.linalg.norm(high - low)) for low, high in (bounds_a, bounds_b)]
        reach = float(reach_m(min(diagonals)))
        if distance_m <= reach:
            return distance_m / reach
        near = 2 * self.config.overlap_m
        shares = [float((x.cloud.distances(y.cloud.samples(64)) < near).mean()) for x, y in ((a, b), (b, a))]
        shares.append(float(shared_of_smaller(*bounds_a, *bounds_b)))
        return 2.0 - max(shares) if max(shares) >= SAME_SPACE else None

    def _seen_together(self, a: int, b: int, first: Track, second: Track) -> bool:
        count = self.state.together[pair_key(a, b)]
        return count > 0.25 * min(first.observations, second.observations)

    def _join(self, older: int, younger: int) -> None:
        keep, other = (self.state.resolve(i) for i in (older, younger))
        if keep is other or apart(keep, other):
            return
        keep, other = sorted((keep, other), key=lambda t: (t.first_seen_ns, t.id))
        if self._in_one_image(keep.id, other.id) or self._seen_together(keep.id, other.id, keep, other):
            return
        previous, shown, was_gone = other.box(self.config).center.copy(), other.confirmed, keep.gone and not other.gone
        self._absorb(keep, other, moved=False)
        if was_gone:
            keep.negatives, keep.gone = 0, False
            self.returned.add(keep.id)
        if shown and other.id not in self.strays:
            self.merged += 1
            emit(
                self.state, self.changes, keep, EventKind.MERGED, self.changes.stamp_ns, self.config,
                previous=previous, other_id=other.id, detail=f"one object, found twice as the map drifted; {self.why}",
            )  # fmt: skip

    def _in_one_image(self, a: int, b: int) -> bool:
        """Whether two objects were detected in the same image more than once: then they are two."""
        frames = [self.sightings.frames[self.sightings.object_ids == i] for i in (a, b)]
        return len(np.intersect1d(*frames)) > 1

    def _absorb(self, keep: Track, other: Track, *, moved: bool) -> None:
        replace_track(self.state, self.changes, keep, other, self.config, moved=moved)
        rows = self.sightings.object_ids == other.id
        self.sightings.object_ids[rows], self.sightings.placements[rows] = keep.id, keep.placement
        self.newest[keep.id] = max(self.newest[keep.id], self.newest.pop(other.id))

    def _settle_stray(self, stray: int, parent_id: int) -> None:
        """A stray that joined nobody: its object moved there, or it is another thing."""
        if stray not in self.state.tracks:
            return
        parent, other = self.state.resolve(parent_id), self.state.tracks[stray]
        stamps = self.corrections.stamps_ns[self.sightings.frames[self.sightings.object_ids == parent.id]]
        if not (stamps > other.first_seen_ns).any():
            self._absorb(parent, other, moved=True)
        elif other.confirmed:
            emit(
                self.state, self.changes, other, EventKind.ADDED, self.changes.stamp_ns, self.config,
                confidence=other.presence, detail=f"had been taken for object {parent.id}; {self.why}",
            )  # fmt: skip

    def _judge_again(self) -> None:
        """Negative evidence from frames that drifted away from an object counts for where they really looked."""
        looks = self.state.looks.records
        stamps = np.array([r.stamp_ns for r in looks], dtype=np.int64)
        rows = self.corrections.index_of(np.array([r.frame_row for r in looks], dtype=np.int64))
        for track in list(self.state.tracks.values()):
            if (
                track.id not in self.newest
                or track.by_hand.holds
                or not (track.gone or track.negatives)
                or not track.confirmed
            ):
                continue
            later = rows[stamps > track.last_seen_ns]
            place = track.centroid[None].repeat(len(later), axis=0)
            own = np.full(len(later), self.newest[track.id])
            if len(later) == 0 or self._relative(later, own, place).max() < AGREE_M:
                continue
            self._judge(track)
        for object_id in sorted(self.returned & set(self.state.tracks)):
            emit(
                self.state, self.changes, self.state.tracks[object_id], EventKind.ADDED, self.changes.stamp_ns,
                self.config, detail=f"stands where it was: its place only seemed empty; {self.why}",
            )  # fmt: skip

    def _judge(self, track: Track) -> None:
        _, empty = self.state.looks.since(track.cloud.samples(_ASKED), track.last_seen_ns)
        self.changes.touched.add(track.id)
        if empty >= _EMPTY_LOOKS:
            return
        track.log_odds = max(track.log_odds, self.config.hit_gain - empty * self.config.through_loss)
        track.negatives, track.rate.pending = empty, 0.0
        if track.gone:
            track.gone = False
            self.returned.add(track.id)


def _near_pairs(
    low: NDArray[np.float64], high: NDArray[np.float64], gap_m: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs i < j of (N, 3) axis-aligned boxes no farther apart than ``gap_m`` along any axis: a sweep along x."""
    order = np.argsort(low[:, 0], kind="stable")
    starts = low[order, 0]
    last = np.searchsorted(starts, high[order, 0] + gap_m, side="right")
    counts = last - np.arange(len(order)) - 1
    first = np.repeat(np.arange(len(order)), counts)
    second = first + 1 + np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    a, b = order[first], order[second]
    close = np.maximum(low[a] - high[b], low[b] - high[a]).max(axis=1, initial=-np.inf) <= gap_m
    return np.minimum(a, b)[close], np.maximum(a, b)[close]
