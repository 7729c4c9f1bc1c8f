"""A light memory for the twin, many robots at once: which things were seen, where, when, and what is gone.

It stands in for :class:`~memory_agent_ros.memory.spatial_memory.SpatialMemory` where millions of decisions are needed:
things are told apart perfectly, a thing counts as gone when its remembered place was looked at and it was not there.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.candidates import Array, Bools, Indices, Places, Things

if TYPE_CHECKING:
    from memory_agent_sim.twin.slots import Drive, TwinSlots

#: Speed at which the clock of ages runs, metres per second, and the time that a look all round takes, seconds.
SPEED_MPS, LOOK_S = 0.5, 6.0
#: A thing is looked at from places that see it within this range, metres: a little less than what may be declared.
_VIEW_M = 2.3
#: Furniture seen from this near is looked at in full; from ``_FAR_M`` hardly anything on it was seen, metres.
_NEAR_M, _FAR_M = 2.0, 4.0
#: Missing things are noticed within this range, metres.
_MISSED_M = 3.0
#: Probability that a thing seen before the world was changed still stands there.
_STALE_PRESENCE = 0.9
_VISIT_M = 0.8
_DEEP_M = 1.5
_STALE_S = 600.0


class TwinMemory:
    """What B robots remember.

    Attributes:
        seen: (B, M) bool, things ever seen.
        age_s: (B, M) seconds since each was last seen.
        nearest_m: (B, M) least distance from which each was seen; inf if it was not.
        presence: (B, M) probability that it stands where it was last seen.
        entered: (B, R) bool, rooms in which the robot looked around.
        visits: (B, V) how often it looked around near each place.
    """

    def __init__(self, slots: TwinSlots, rooms: int) -> None:
        self._slots = slots
        count, things = len(slots), slots.things
        self.seen = np.zeros((count, things), bool)
        self.age_s = np.zeros((count, things), np.float32)
        self.nearest_m = np.full((count, things), np.inf, np.float32)
        self.presence = np.zeros((count, things), np.float32)
        self.in_sight = np.zeros((count, things), bool)
        self.entered = np.zeros((count, rooms), bool)
        self.visits = np.zeros((count, slots.nodes), np.float32)
        self.vector: Array = np.zeros((count, things, 0), np.float32)
        self.furniture = np.zeros((count, things), bool)
        self.match = np.zeros((count, things), np.float32)
        self._room = np.full((count, things), -1, np.int64)
        self._true_room = self._room.copy()
        seen_well = slots.things_around & (slots.range_m <= _VIEW_M)
        self._from = np.ascontiguousarray(seen_well.transpose(0, 2, 1))
        self._range = slots.range_m
        self._around = slots.things_around
        self._moved = False
        self._seat = _seats(self._range, self._around)
        self._xy = slots.thing_xy.copy()
        self._beside, self._counted = np.zeros_like(slots.known), np.zeros_like(slots.known)

    def forget(self, rows: Bools) -> None:
        """Begin anew in some rows."""
        for array, value in (
            (self.seen, False),
            (self.age_s, 0.0),
            (self.nearest_m, np.inf),
            (self.presence, 0.0),
            (self.in_sight, False),
            (self.entered, False),
            (self.visits, 0.0),
            (self._beside, 0),
            (self._counted, 0),
        ):
            array[rows] = value

    def set_rooms(self, row: int, rooms: NDArray[np.integer]) -> None:
        """The rooms in which a row's things truly are, (m,) int."""
        self._true_room[row, : len(rooms)] = rooms
        unseen = ~self.seen[row, : len(rooms)]
        self._room[row, : len(rooms)][unseen] = rooms[unseen]

    def world_changes(self, seconds: float) -> None:
        """Call before the world is changed, ``seconds`` pass: what is remembered stays until it is seen again."""
        self.age_s += np.float32(seconds)
        if not self._moved:
            self._range, self._around = self._range.copy(), self._around.copy()
            self._moved = True
        self.presence[self.seen & (self.presence > _STALE_PRESENCE)] = _STALE_PRESENCE

    def know_all(self, rows: Bools) -> None:
        """Tell some rows the truth about every thing (the oracle map)."""
        there = self._slots.thing_mask & np.isfinite(self._slots.range_m).any(axis=1)
        self._learn(there & rows[:, None], np.zeros_like(self.nearest_m))
        self.presence[rows[:, None] & ~there] = 0.0

    def observe(self, drive: Drive, active: Bools) -> None:
        """Add what came of a drive."""
        moved = active[:, None]
        self.age_s += np.where(moved, drive.metres[:, None] / SPEED_MPS + LOOK_S, 0.0)
        self._grow_beside(np.flatnonzero(active))
        looked = np.isfinite(drive.nearest_m) & moved
        self._learn(looked, drive.nearest_m)
        self.in_sight = np.where(moved, drive.in_sight, self.in_sight)
        rows, node = np.arange(len(active)), self._slots.node
        arrived = drive.arrived & active
        self.entered[rows[arrived], self._slots.node_room[rows, node][arrived]] = True
        apart = self._slots.nodes_xy - self._slots.nodes_xy[rows, node][:, None]
        self.visits += ((apart**2).sum(axis=2) < _VISIT_M**2) & arrived[:, None]
        expected = self._around[rows, node] & (self._range[rows, node] <= _MISSED_M) & arrived[:, None]
        self.presence[expected & self.seen & ~drive.in_sight] = 0.0

    def _learn(self, looked: Bools, nearest_m: Array) -> None:
        self.seen |= looked
        self.age_s[looked] = 0.0
        self.presence[looked] = 1.0
        self.nearest_m = np.where(looked, np.minimum(self.nearest_m, nearest_m), self.nearest_m)
        if self._moved and looked.any():
            rows, things = np.nonzero(looked)
            slots = self._slots
            range_m, around = slots.range_m[rows, :, things], slots.things_around[rows, :, things]
            self._range[rows, :, things], self._around[rows, :, things] = range_m, around
            self._from[rows, things] = around & (range_m <= _VIEW_M)
            self._xy[rows, things] = slots.thing_xy[rows, things]
            self._seat[rows, things] = _seats(range_m, around)
            self._room[rows, things] = self._true_room[rows, things]

    def places(self, rows: Indices, reached: Bools) -> Places:
        """What some of the robots know of the floor; ``reached`` (b, V) are the known places of these rows."""
        slots = self._slots
        here = slots.node[rows]
        return Places(
            xy=slots.nodes_xy[rows],
            mask=reached,
            path_m=slots.path_m[rows, here],
            gain_m2=self._gain_m2(rows, reached),
            room=slots.node_room[rows],
            visits=self.visits[rows],
            entered=self.entered[rows],
            here=here,
        )

    def _gain_m2(self, rows: Indices, reached: Bools) -> Array:
        """(b, V) unknown floor in sight of each known place by a look all round, square metres."""
        slots = self._slots
        out = np.zeros(reached.shape, np.float32)
        for i, row in enumerate(rows):
            nodes = np.flatnonzero(reached[i])
            out[i, nodes] = slots.gain_at(int(row), nodes, self._beside[row])
        return out

    def _grow_beside(self, rows: Indices) -> None:
        """Floor counts in gains only this near to known floor: what lies deeper a robot cannot expect."""
        for row in rows:
            known = self._slots.known[row]
            tables = self._slots.tables[row]
            assert tables is not None
            new = np.flatnonzero(np.unpackbits(known & ~self._counted[row], count=len(tables.cell_xy)))
            near = _near(tables.cell_xy.tobytes(), known.shape[0])
            self._beside[row] |= np.bitwise_or.reduce(near[new], axis=0)
            self._counted[row] = known

    def things(self, rows: Indices, reached: Bools) -> Things:
        """What some of the robots know of things."""
        slots = self._slots
        seen, furniture, nearest = self.seen[rows], self.furniture[rows], self.nearest_m[rows]
        unclear = np.clip((nearest - _NEAR_M) / (_FAR_M - _NEAR_M), 0.0, 1.0) * (furniture & seen)
        return Things(
            vector=self.vector[rows],
            xy=self._xy[rows],
            mask=seen,
            presence=self.presence[rows],
            age_s=self.age_s[rows],
            match=self.match[rows] * seen,
            unclear=unclear.astype(np.float32),
            room=self._room[rows],
            place=self._viewpoints(rows, reached),
            in_sight=self.in_sight[rows] & seen,
            range_m=self._range[rows, slots.node[rows]],
        )

    def _viewpoints(self, rows: Indices, reached: Bools) -> Indices:
        """(b, M) the nearest known place from which each remembered thing is seen well, -1 if there is none."""
        slots = self._slots
        path = np.where(reached, slots.path_m[rows, slots.node[rows]], np.inf).astype(np.float32)
        wanted = self.seen & (
            (self.match > 0) | (self.furniture & (self.nearest_m > _NEAR_M)) | (self.age_s > _STALE_S)
        )
        out = np.full((len(rows), self.seen.shape[1]), -1, np.int64)
        index, things = np.nonzero(wanted[rows])
        cost = np.where(self._from[rows[index], things], path[index], np.inf)
        best = np.argmin(cost, axis=1)
        out[index, things] = np.where(np.isfinite(cost[np.arange(len(index)), best]), best, -1)
        return out

    def distance_m(self, rows: Indices, place: Indices) -> Array:
        """(b, C) places of some rows -> (b, C, M) way from each to each thing; inf for what was not seen."""
        out = np.full((*place.shape, self.seen.shape[1]), np.inf, np.float32)
        for i, row in enumerate(rows):
            things = np.flatnonzero(self.seen[row])
            seat = self._seat[row, things]
            way = self._slots.path_m[row][np.ix_(place[i], seat)]
            out[i][:, things] = way + self._range[row, seat, things]
        return out


@lru_cache(maxsize=256)
def _near(cell_xy: bytes, width: int) -> NDArray[np.uint8]:
    """(K, width) packed: the floor cells within ``_DEEP_M`` of each."""
    xy = np.frombuffer(cell_xy, np.float32).reshape(-1, 2)
    packed = np.packbits(((xy[:, None] - xy[None]) ** 2).sum(axis=2) <= _DEEP_M**2, axis=1)
    return np.pad(packed, [(0, 0), (0, width - packed.shape[1])])


def _seats(range_m: Array, around: Bools) -> Indices:
    """(N, V, ...) -> (N, ...) the place nearest to each thing that sees it, else the nearest."""
    return np.asarray(np.argmin(range_m + np.where(around, 0.0, 50.0).astype(np.float32), axis=1))
