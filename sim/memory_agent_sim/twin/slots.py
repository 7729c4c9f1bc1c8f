"""Many twins driven at once: each slot is a robot in an apartment, all arrays are padded to the largest one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_sim.twin.bits import packed_bytes, popcount
from memory_agent_sim.twin.tables import CELL_M, TwinTables
from memory_agent_sim.twin.view import HEADINGS


@dataclass(frozen=True, eq=False)
class Drive:
    """What came of driving once in each of B slots.

    Attributes:
        metres: (B,) float32 driven.
        arrived: (B,) bool, False where the limit ended the drive on the way (no look all round there).
        new_cells: (B,) int64 floor cells seen for the first time.
        nearest_m: (B, M) float32 least distance over the floor from which each thing was seen, inf if it was not.
        first_m: (B, M) float32 metres driven when it was first seen in this drive, inf if it was not.
        in_sight: (B, M) bool, seen in the look from where the robot stands now.
    """

    metres: NDArray[np.float32]
    arrived: NDArray[np.bool_]
    new_cells: NDArray[np.int64]
    nearest_m: NDArray[np.float32]
    first_m: NDArray[np.float32]
    in_sight: NDArray[np.bool_]


class TwinSlots:
    """B robots, driven from place to place; each looks where it drives and all round where it arrives.

    Attributes:
        tables: what each slot was loaded with.
        node: (B,) int64 place of each robot.
        metres: (B,) float64 driven since the slot was loaded.
        known: (B, bytes) uint8 packed floor cells seen since then.
        nodes_xy: (B, V, 2) float32, ``node_room`` (B, V) int64, ``node_mask`` (B, V) bool; padding is far away.
        path_m: (B, V, V) float32, ``hop`` (B, V, V) int16.
        around: (B, V, bytes) uint8 packed cells, ``things_around`` (B, V, M) bool: seen by a look all round.
        range_m: (B, V, M) float32 between places and things, ``thing_xy`` (B, M, 2) float32.
        thing_mask: (B, M) bool.
    """

    def __init__(self, count: int) -> None:
        self.tables: list[TwinTables | None] = [None] * count
        self.node = np.zeros(count, dtype=np.int64)
        self.metres = np.zeros(count)
        self._sizes = (0, 0, 0)
        self._rows = np.arange(count)
        self._grow(1, 1, 1)

    def __len__(self) -> int:
        return len(self.tables)

    @property
    def nodes(self) -> int:
        """V, places of the largest apartment so far."""
        return self._sizes[0]

    @property
    def cells(self) -> int:
        """K, floor cells of the largest apartment so far."""
        return self._sizes[1]

    @property
    def things(self) -> int:
        """M, things of the fullest apartment so far."""
        return self._sizes[2]

    # ------------------------------------------------------------------ loading

    def load(self, slot: int, tables: TwinTables, node: int | None = None) -> None:
        """Put a robot into an apartment, at its start or at a place; nothing is known yet, nothing was driven."""
        self._put(slot, tables)
        self.node[slot] = tables.start if node is None else node
        self.metres[slot] = 0.0
        self.known[slot] = 0

    def replace_things(self, slot: int, tables: TwinTables) -> None:
        """Give a slot the same apartment after things went elsewhere; the robot, its metres and what it knows stay."""
        self._put_things(slot, tables)
        self.tables[slot] = tables

    def _put(self, slot: int, tables: TwinTables) -> None:
        v, k, m = len(tables.nodes_xy), len(tables.cell_xy), len(tables.labels)
        if v > self.nodes or k > self.cells or m > self.things:
            self._grow(max(v, self.nodes), max(k, self.cells), max(m, self.things))
        old = self.tables[slot]
        if old is None or old.nodes_xy is not tables.nodes_xy:
            width = tables.around.shape[1]
            self.nodes_xy[slot], self.node_mask[slot], self.node_room[slot] = 1e6, False, -1
            self.nodes_xy[slot, :v], self.node_mask[slot, :v] = tables.nodes_xy, True
            self.node_room[slot, :v] = tables.node_room
            self.path_m[slot, :v, :v], self.hop[slot, :v, :v] = tables.path_m, tables.hop
            self.path_m[slot, v:], self.path_m[slot, :, v:] = np.inf, np.inf
            self._sees_cells[slot, :v, :, :width], self.around[slot, :v, :width] = tables.sees_cells, tables.around
            self._sees_cells[slot, :, :, width:], self.around[slot, :, width:] = 0, 0
            self.around[slot, v:] = 0
            self._node_cell[slot], self._node_cell[slot, :v] = 0, tables.node_cell
        self._put_things(slot, tables)
        self.tables[slot] = tables

    def _put_things(self, slot: int, tables: TwinTables) -> None:
        v, m = len(tables.nodes_xy), len(tables.labels)
        self.thing_mask[slot] = np.arange(self.things) < m
        self._sees_things[slot, :v, :, :m], self._sees_things[slot, :, :, m:] = tables.sees_things, False
        self.things_around[slot, :v, :m] = tables.sees_things.any(axis=1)
        self.things_around[slot, v:], self.things_around[slot, :, m:] = False, False
        self.range_m[slot], self.thing_xy[slot] = np.inf, 1e6
        self.range_m[slot, :v, :m], self.thing_xy[slot, :m] = tables.range_m, tables.boxes.center[:, :2]

    def _grow(self, nodes: int, cells: int, things: int) -> None:
        """Make room for larger apartments; those that are loaded are put in again."""
        count, width = len(self.tables), packed_bytes(cells)
        self._sizes = (nodes, cells, things)
        self.nodes_xy = np.full((count, nodes, 2), 1e6, dtype=np.float32)
        self.node_mask = np.zeros((count, nodes), dtype=bool)
        self.node_room = np.full((count, nodes), -1, dtype=np.int64)
        self._node_cell = np.zeros((count, nodes), dtype=np.int64)
        self.path_m = np.full((count, nodes, nodes), np.inf, dtype=np.float32)
        self.hop = np.zeros((count, nodes, nodes), dtype=np.int16)
        self._sees_cells = np.zeros((count, nodes, HEADINGS, width), dtype=np.uint8)
        self.around = np.zeros((count, nodes, width), dtype=np.uint8)
        self._sees_things = np.zeros((count, nodes, HEADINGS, things), dtype=bool)
        self.things_around = np.zeros((count, nodes, things), dtype=bool)
        self.range_m = np.full((count, nodes, things), np.inf, dtype=np.float32)
        self.thing_xy = np.full((count, things, 2), 1e6, dtype=np.float32)
        self.thing_mask = np.zeros((count, things), dtype=bool)
        known = getattr(self, "known", np.zeros((count, 0), dtype=np.uint8))
        self.known = np.pad(known, [(0, 0), (0, width - known.shape[1])])
        loaded, self.tables = self.tables, [None] * count
        for slot, tables in enumerate(loaded):
            if tables is not None:
                self._put(slot, tables)

    # ------------------------------------------------------------------ driving

    def look(self, active: NDArray[np.bool_] | None = None) -> Drive:
        """Look all round without driving (as at the start of a run)."""
        return self.drive(self.node, active=active)

    def drive(
        self,
        targets: NDArray[np.integer],
        limit_m: NDArray[np.floating] | None = None,
        active: NDArray[np.bool_] | None = None,
    ) -> Drive:
        """Drive to a place, looking ahead on the way and all round on arrival.

        Args:
            targets: (B,) places; where the robot already stands means only to look all round.
            limit_m: (B,) metres that may be driven; a drive ends at the last place within it.
            active: (B,) bool; slots that are not active neither move nor look.
        """
        active = np.ones(len(self), dtype=bool) if active is None else active
        places, metres, going = self._way(np.where(active, targets, self.node), limit_m)
        rows = self._rows
        here = places[:, -1]
        arrived = active & (here == targets)
        headings = self._headings(places)
        looks = going[:, 1:, None]
        cells = np.where(looks, self._sees_cells[rows[:, None], places[:, 1:], headings], 0)
        cells = np.bitwise_or.reduce(cells, axis=1) | np.where(arrived[:, None], self.around[rows, here], 0)
        new_cells = popcount(cells & ~self.known)
        self.known |= cells
        ahead = self._sees_things[rows[:, None], places[:, 1:], headings] & looks
        around = self.things_around[rows, here] & arrived[:, None]
        driven = metres[:, -1]
        distance = np.where(ahead, self.range_m[rows[:, None], places[:, 1:]], np.inf).min(axis=1, initial=np.inf)
        nearest = np.minimum(distance, np.where(around, self.range_m[rows, here], np.inf)).astype(np.float32)
        first = np.where(ahead, metres[:, 1:, None], np.inf).min(axis=1, initial=np.inf)
        first = np.minimum(first, np.where(around, driven[:, None], np.inf)).astype(np.float32)
        moved = active & (driven > 0)
        last = headings[:, -1] if headings.shape[1] else np.zeros(len(self), dtype=np.int64)
        in_sight = np.where(arrived[:, None], around, self._sees_things[rows, here, last] & moved[:, None])
        self.node = here.copy()
        self.metres += driven
        return Drive(driven.astype(np.float32), arrived, new_cells, nearest, first, in_sight)

    def _way(
        self, targets: NDArray[np.integer], limit_m: NDArray[np.floating] | None
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
        """(B, L + 1) places driven through, the last repeated; metres at each; whether the robot moved to get there."""
        rows, at = self._rows, self.node
        chain, metres = [at], [np.zeros(len(at))]
        limit = np.full(len(at), np.inf) if limit_m is None else limit_m
        while True:
            following = self.hop[rows, at, targets].astype(np.int64)
            after = metres[-1] + self.path_m[rows, at, following]
            stay = (after > limit + 1e-6) | (following == at)
            if stay.all():
                break
            at = np.where(stay, at, following)
            chain.append(at)
            metres.append(np.where(stay, metres[-1], after))
        places, length = np.stack(chain, axis=1), np.stack(metres, axis=1)
        going = np.ones(places.shape, dtype=bool)
        going[:, 1:] = places[:, 1:] != places[:, :-1]
        return places, length, going

    def _headings(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """(B, L) number of the heading of travel into each place after the first; kept once the robot stands."""
        xy = self.nodes_xy[self._rows[:, None], places]
        way = np.diff(xy, axis=1)
        turn = np.round(np.arctan2(way[..., 1], way[..., 0]) * (HEADINGS / (2 * np.pi))).astype(np.int64) % HEADINGS
        for k in range(1, turn.shape[1]):
            turn[:, k] = np.where((way[:, k] == 0).all(axis=1), turn[:, k - 1], turn[:, k])
        return turn

    # ------------------------------------------------------------------ asking

    def gain_m2(self) -> NDArray[np.float32]:
        """(B, V) unknown floor in sight of each place by a look all round, square metres."""
        return (popcount(self.around & ~self.known[:, None]) * CELL_M**2).astype(np.float32)

    def gain_at(
        self, slot: int, nodes: NDArray[np.integer], among: NDArray[np.uint8] | None = None
    ) -> NDArray[np.float32]:
        """(n,) places of one slot -> unknown floor in sight of each by a look all round, square metres.

        ``among`` (bytes,): packed cells that count; all by default.
        """
        unknown = ~self.known[slot] if among is None else ~self.known[slot] & among
        return (popcount(self.around[slot, nodes] & unknown) * CELL_M**2).astype(np.float32)

    def reached(self) -> NDArray[np.bool_]:
        """(B, V) places whose floor was seen, and the one that the robot stands on."""
        byte = np.take_along_axis(self.known, self._node_cell >> 3, axis=1)
        found = ((byte >> (7 - (self._node_cell & 7)).astype(np.uint8)) & 1).astype(bool) & self.node_mask
        found[self._rows, self.node] = True
        return found


def load_all(slots: TwinSlots, tables: Sequence[TwinTables]) -> None:
    """Load every slot."""
    for slot, one in enumerate(tables):
        slots.load(slot, one)
