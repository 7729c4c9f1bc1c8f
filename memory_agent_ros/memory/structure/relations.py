"""Relations between present objects, from geometry: ``on``, ``inside``, ``under``, ``next to``, and ``in`` a room.

All thresholds are metres in :class:`StructureConfig`. The confidence of a relation is the probability that its
thresholds are met, with Gaussian errors of both positions.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from memory_agent_ros.geometry.rectangles import near_pairs, rectangle_corners, rectangle_gaps
from memory_agent_ros.memory.structure.config import StructureConfig
from memory_agent_ros.memory.structure.rooms import RoomPlan
from memory_agent_ros.memory.structure.support import PairCache, Stacked, stacked
from memory_agent_ros.memory.structure.table import ObjectTable
from memory_agent_ros.records.relation import Relation, RelationKind

Floats = NDArray[np.float64]
Pair = tuple[int, int]

#: Farther above than this, what is above covers nothing, metres.
_ROOF_M = 1.2
#: Least share of a thing's height that lies within what contains it.
_DEPTH = 0.5
#: A thing lies on another only if its underside is this much higher, metres.
_HIGHER_M = 0.01


def find_relations(
    table: ObjectTable, plan: RoomPlan, config: StructureConfig, cache: PairCache | None = None
) -> tuple[Relation, ...]:
    """All relations of the objects of a table, by subject, kind and falling confidence; ``cache`` as in ``stacked``."""
    rooms, off_m, margin_m = plan.locate(table.center[:, :2], config.room_reach_m)
    found = [
        Relation(RelationKind.IN, int(i), None, int(room), float(off), float(sure))
        for i, room, off, sure in zip(table.ids, rooms, off_m, ndtr(margin_m / _flat(table.std_m)), strict=True)
        if room > 0
    ]
    corners = rectangle_corners(table.center[:, :2], table.size[:, :2], table.yaw)
    grown = config.next_m / 2 + 0.05
    pairs = near_pairs(corners.min(axis=1) - grown, corners.max(axis=1) + grown)
    carried, taken = _stacks(table, stacked(table, pairs, config, cache), config)
    found += carried
    found += _neighbours(table, pairs, corners, rooms, taken, config)
    sure_enough = [r for r in found if r.confidence >= config.least_confidence]
    order = {kind: n for n, kind in enumerate(RelationKind)}
    return tuple(sorted(sure_enough, key=lambda r: (r.subject_id, order[r.kind], -r.confidence, r.object_id or 0)))


def _flat(std_m: Floats) -> Floats:
    return np.maximum(std_m, 1e-3)


def _between(value: Floats, low: float, high: float, std_m: Floats) -> Floats:
    """P(low <= value + error <= high)."""
    return np.asarray(ndtr((high - value) / std_m) - ndtr((low - value) / std_m))


def _stacks(table: ObjectTable, s: Stacked, config: StructureConfig) -> tuple[list[Relation], set[Pair]]:
    """``on``, ``inside`` and ``under``, and the pairs of rows (both ways) that are tied by one of them."""
    a, b = s.subject, s.other
    std = _flat(np.hypot(table.std_m[a], table.std_m[b]))
    low = table.center[:, 2] - table.size[:, 2] / 2
    width = np.maximum(table.size[a, :2].min(axis=1), 0.05)
    over = ndtr((s.share - config.overlap_share + 0.02) * width / std)
    rests = np.nan_to_num(_between(s.gap_m, -config.rest_below_m, config.rest_above_m, std)) * over
    rests[low[a] <= low[b] + _HIGHER_M] = 0.0
    roofed = (s.roof >= config.cover_share) & (s.roof_gap_m <= _ROOF_M)
    smaller = table.size[a].prod(axis=1) < table.size[b].prod(axis=1)
    shelved = roofed & np.isfinite(s.gap_m) & (low[a] > low[b] + _HIGHER_M)  # a board below, though perhaps unseen
    contained = smaller & (s.depth >= _DEPTH) & (shelved | s.walled)
    held = ndtr((s.depth - _DEPTH + 0.05) * np.maximum(table.size[a, 2], 0.05) / std) * over
    carries = np.where(contained, held, rests)
    best = _best_carrier(s, carries, config.least_confidence)
    found, taken = [], set()
    for n in best:
        k = int(n)
        kind = RelationKind.INSIDE if contained[k] else RelationKind.ON
        gap = 0.0 if contained[k] or np.isnan(s.gap_m[k]) else max(0.0, float(s.gap_m[k]))
        found.append(Relation(kind, int(table.ids[a[k]]), int(table.ids[b[k]]), None, gap, float(carries[k])))
    firm = carries >= config.least_confidence
    taken |= {(int(i), int(j)) for x, y in ((a, b), (b, a)) for i, j in zip(x[firm], y[firm], strict=True)}
    for k in np.flatnonzero(roofed & ~contained & smaller).tolist():
        pair = int(a[k]), int(b[k])
        if pair not in taken:
            sure = float(over[k] * ndtr((s.roof_gap_m[k] + config.rest_below_m) / std[k]))
            taken |= {pair, pair[::-1]}
            gap = float(s.roof_gap_m[k])
            found.append(
                Relation(RelationKind.UNDER, int(table.ids[pair[0]]), int(table.ids[pair[1]]), None, gap, sure)
            )
    return found, taken


def _best_carrier(s: Stacked, carries: Floats, least: float) -> list[int]:
    """For each subject the pair whose surface is highest among those about as sure as its surest.

    A bowl is on the tray, not on the table below.
    """
    chosen: dict[int, int] = {}
    surest: dict[int, float] = {}
    for k in np.flatnonzero(carries >= least).tolist():
        surest[int(s.subject[k])] = max(surest.get(int(s.subject[k]), 0.0), float(carries[k]))
    for k in np.flatnonzero(carries >= least).tolist():
        subject = int(s.subject[k])
        if carries[k] < 0.6 * surest[subject]:
            continue
        other = chosen.get(subject)
        if other is None or (np.nan_to_num(s.surface_m[k], nan=-np.inf), carries[k]) > (
            np.nan_to_num(s.surface_m[other], nan=-np.inf),
            carries[other],
        ):
            chosen[subject] = k
    mutual = {
        subject
        for subject, k in chosen.items()
        if (back := chosen.get(int(s.other[k]))) is not None
        and int(s.other[back]) == subject
        and (carries[back], back) > (carries[k], k)
    }
    return sorted(k for subject, k in chosen.items() if subject not in mutual)


def _neighbours(
    table: ObjectTable,
    pairs: NDArray[np.intp],
    corners: Floats,
    rooms: NDArray[np.int64],
    taken: Iterable[Pair],
    config: StructureConfig,
) -> list[Relation]:
    """``next to``, told of both: kept if either counts the other among its nearest."""
    if len(pairs) == 0:
        return []
    low = table.center[:, 2] - table.size[:, 2] / 2
    tied = {(min(p), max(p)) for p in taken}
    free = np.array([(int(i), int(j)) not in tied for i, j in pairs], dtype=bool)
    free &= rooms[pairs[:, 0]] == rooms[pairs[:, 1]]  # no neighbours through a wall
    pairs = pairs[free]
    a, b = pairs[:, 0], pairs[:, 1]
    gap = rectangle_gaps(corners[a], corners[b])
    std = _flat(np.hypot(table.std_m[a], table.std_m[b]))
    sure = ndtr((config.next_m - gap) / std)
    sure = sure * _between(low[a] - low[b], -config.next_height_m, config.next_height_m, std)
    good = np.flatnonzero(sure >= config.least_confidence)
    nearest: dict[int, list[tuple[float, int]]] = {}
    for k in good.tolist():
        for row in (int(a[k]), int(b[k])):
            nearest.setdefault(row, []).append((float(gap[k]), k))
    kept = {k for options in nearest.values() for _, k in sorted(options)[: config.next_count]}
    return [
        Relation(RelationKind.NEXT_TO, int(table.ids[x]), int(table.ids[y]), None, float(gap[k]), float(sure[k]))
        for k in sorted(kept)
        for x, y in ((a[k], b[k]), (b[k], a[k]))
    ]
