"""What comes of going somewhere first, and by a plain rule from then on, tried out in an apartment's tables.

The rule (most unknown floor, discounted by the way) knows no goal, so one trial tells of every thing when it would be
met. Tried on every candidate of a situation this is the first step of rollout policy improvement (Bertsekas, Tsitsiklis
and Wu, J. of Heuristics 1997) for all goals at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from memory_agent_sim.twin.tables import TwinTables

Array = NDArray[np.float32]
#: The rule: the value of a view falls by so much a metre, and less unknown floor than this (square metres) is no aim.
_PER_M, _LEAST_M2 = 0.3, 0.7
#: Unknown floor counts in a gain only this near to known floor, metres; a floor cell has so many square metres.
_DEEP_M, _CELL_M2 = 1.5, 0.0625


@dataclass(frozen=True, eq=False)
class Met:
    """When things are met by each of R robots, in metres since its episode began; inf for what is not.

    Attributes:
        seen_m: (R, M) when each thing is seen first.
        declared_m: (R, M) when the robot could declare it: at the end of the drive in which it was seen, and after the
            way from there to a place that shows it from near.
    """

    seen_m: Array
    declared_m: Array


class Lookahead:
    """Trials in one apartment.

    Args:
        tables: of the apartment.
        declare_m: range of a declaration, metres.
    """

    def __init__(self, tables: TwinTables, declare_m: float) -> None:
        self._tables = tables
        apart = ((tables.cell_xy[:, None] - tables.cell_xy[None]) ** 2).sum(axis=2)
        self._near = (apart <= _DEEP_M**2).astype(np.float32)
        self._width = tables.around.shape[1]
        self._all_round: NDArray[np.bool_] = np.asarray(tables.sees_things.any(axis=1))
        good = self._all_round & (tables.range_m <= declare_m)
        # The way from each place to the nearest one that shows a thing from near: (V, M).
        self._way_to = np.full(good.shape, np.inf, np.float32)
        for thing in range(good.shape[1]):
            places = np.flatnonzero(good[:, thing])
            if len(places):
                self._way_to[:, thing] = tables.path_m[:, places].min(axis=1)
        step = tables.nodes_xy[tables.hop] - tables.nodes_xy[:, None]
        turns = tables.sees_cells.shape[1]
        self._heading = np.round(np.arctan2(step[..., 1], step[..., 0]) / (2 * np.pi / turns)).astype(np.int64) % turns

    def way_to(self, place: int) -> Array:
        """(M,) metres from a place to the nearest one that shows each thing from near; inf where there is none."""
        return np.asarray(self._way_to[place])

    def run(
        self,
        known: NDArray[np.uint8],
        node: NDArray[np.int64],
        target: NDArray[np.int64],
        metres: NDArray[np.floating],
        until_m: float,
    ) -> Met:
        """Go to ``target`` first, by the rule from then on.

        Args:
            known: (R, bytes) packed cells that each robot has seen.
            node: (R,) place where it stands.
            target: (R,) place where it goes first.
            metres: (R,) driven so far.
            until_m: metres since the episode began after which a trial ends.
        """
        tables = self._tables
        rows, things = len(node), len(tables.labels)
        met = Met(*(np.full((rows, things), np.inf, np.float32) for _ in range(2)))
        known, node, metres = known[:, : self._width].copy(), node.copy(), np.asarray(metres, np.float64).copy()
        going = np.arange(rows)
        target = target.copy()
        while len(going):
            self._drive(going, known, node, target, metres, met)
            going = going[metres[going] < until_m]
            if not len(going):
                break
            aim = self._aim(known[going], node[going])
            target[going] = np.maximum(aim, 0)
            going = going[aim >= 0]
        return met

    def _drive(
        self,
        going: NDArray[np.int64],
        known: NDArray[np.uint8],
        node: NDArray[np.int64],
        target: NDArray[np.int64],
        metres: NDArray[np.float64],
        met: Met,
    ) -> None:
        """Drive the robots ``going`` to their targets, looking ahead on the way and all round at the end."""
        tables, at, aim = self._tables, node[going], target[going]
        driven, first = metres[going], met.seen_m[going]
        seen = known[going]
        while (at != aim).any():
            moves = at != aim
            following = tables.hop[at, aim].astype(np.int64)
            following = np.where(moves, following, at)
            stuck = moves & (following == at)
            driven += np.where(moves, tables.path_m[at, following], 0.0)
            heading = self._heading[at, aim]
            seen[moves] |= tables.sees_cells[following[moves], heading[moves]]
            new = tables.sees_things[following, heading] & moves[:, None]
            first = np.where(new, np.minimum(first, driven[:, None]), first).astype(np.float32)
            at = following
            aim = np.where(stuck, at, aim)
        seen |= tables.around[at]
        first = np.where(self._all_round[at], np.minimum(first, driven[:, None]), first).astype(np.float32)
        new = np.isfinite(first) & ~np.isfinite(met.declared_m[going])
        met.declared_m[going] = np.where(new, driven[:, None] + self._way_to[at], met.declared_m[going])
        met.seen_m[going] = first
        known[going], node[going], metres[going] = seen, at, driven

    def _aim(self, known: NDArray[np.uint8], node: NDArray[np.int64]) -> NDArray[np.int64]:
        """(r,) the place that shows most unknown floor, discounted by the way; -1 where none shows any."""
        from memory_agent_sim.twin.bits import popcount

        tables, count = self._tables, len(self._tables.cell_xy)
        bits = np.unpackbits(known, axis=1, count=count).astype(np.float32)
        worth = np.packbits(((bits @ self._near) > 0) & (bits == 0), axis=1)
        worth = np.pad(worth, [(0, 0), (0, self._width - worth.shape[1])])
        gain = np.stack([popcount(tables.around & row) for row in worth]) * _CELL_M2
        reached = bits[:, tables.node_cell] > 0
        path = tables.path_m[node]
        with np.errstate(divide="ignore"):
            value = np.log(gain) - _PER_M * path
        value[~reached | (gain < _LEAST_M2) | ~np.isfinite(path)] = -np.inf
        value[np.arange(len(node)), node] = -np.inf
        best = np.argmax(value, axis=1)
        return np.where(np.isfinite(value[np.arange(len(node)), best]), best, -1)
