"""What carries, contains or covers what, from surface points: boxes alone do not tell a seat from a back rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.rectangles import overlap_shares, rectangle_corners
from memory_agent_ros.memory.structure.config import StructureConfig
from memory_agent_ros.memory.structure.table import ObjectTable

Floats = NDArray[np.float64]

#: A thing hides what it stands on: the surface is looked for up to this far around its footprint, metres.
_RING_M = 0.08
#: Heights around the underside in which that surface is looked for, metres; a level has its middle at 0.
_WINDOW_M = (-0.13, 0.11)
#: A surface is thicker than this in no map, metres.
_LEVEL_M = 0.02
#: Points on that surface needed at least; with fewer points of the carrier altogether its box decides.
_LEAST_POINTS = 3
#: Walls of a container are looked for up to this far around its content, metres.
_WALL_M = 0.25
#: A roof may be seen this much below the top of what it covers (noise), metres.
_SLACK_M = 0.03
#: Roofs and walls rise at least this much above the underside of what they cover: else they are what it stands on.
_ROOF_RISE_M, _WALL_RISE_M = 0.08, 0.04


@dataclass(frozen=True, eq=False)
class Stacked:
    """P directed pairs whose footprints overlap: what lies over, in or below what.

    Attributes:
        subject, other: (P,) rows of the table.
        share: (P,) share of the subject's footprint over that of the other.
        gap_m: (P,) underside of the subject above the surface of the other that is nearest to it; NaN if there is none.
        surface_m: (P,) height of that surface.
        roof: (P,) share of the subject's footprint that the other roofs over.
        roof_gap_m: (P,) how far above the subject's top that roof begins; NaN without a roof.
        walled: (P,) whether the other surrounds the subject on all four sides.
        depth: (P,) share of the subject's height that lies within the other's box.
    """

    subject: NDArray[np.intp]
    other: NDArray[np.intp]
    share: Floats
    gap_m: Floats
    surface_m: Floats
    roof: Floats
    roof_gap_m: Floats
    walled: NDArray[np.bool_]
    depth: Floats


#: What is measured of a pair, by both objects' keys: surface_m, roof, roof_gap_m, walled.
PairCache = dict[tuple[object, object], tuple[float, float, float, bool]]


def stacked(
    table: ObjectTable, pairs: NDArray[np.intp], config: StructureConfig, cache: PairCache | None = None
) -> Stacked:
    """Measure every direction of (P, 2) pairs whose footprints overlap enough.

    With a ``cache`` only pairs of which an object has changed are measured; it then holds the pairs of this table.
    """
    subject, other = np.concatenate([pairs, pairs[:, ::-1]]).T
    corners = rectangle_corners(table.center[:, :2], table.size[:, :2], table.yaw)
    share = overlap_shares(
        table.center[other, :2], table.size[other, :2], table.yaw[other], corners[subject], margin_m=_SLACK_M
    )
    low, high = table.center[:, 2] - table.size[:, 2] / 2, table.center[:, 2] + table.size[:, 2] / 2
    below = (low[other] < low[subject]) & (high[other] >= low[subject] + _WINDOW_M[0])
    keep = (share >= 0.8 * config.overlap_share) & (below | (high[other] >= high[subject] - _SLACK_M))
    subject, other, share = subject[keep], other[keep], share[keep]
    order = np.argsort(other, kind="stable")
    subject, other, share = subject[order], other[order], share[order]
    inner = np.minimum(high[subject], high[other]) - np.maximum(low[subject], low[other])
    depth = np.clip(inner / np.maximum(table.size[subject, 2], 0.01), 0.0, 1.0)
    keys = [(table.key[i], table.key[j]) for i, j in zip(subject.tolist(), other.tolist(), strict=True)]
    known = {} if cache is None else {k: cache[k] for k in keys if k in cache}
    fresh = np.array([k not in known for k in keys], dtype=bool)
    for carrier in np.unique(other[fresh]).tolist():
        rows = np.flatnonzero(fresh & (other == carrier))
        local, half = _local(table, carrier, subject[rows]), table.size[subject[rows]] / 2
        surface = _surface(local, half, low[subject[rows]], float(high[carrier]))
        roof, roof_gap = _roof(local, half, float(table.voxel_m[carrier]))
        measured = zip(rows.tolist(), surface, roof, roof_gap, _walled(local, half), strict=True)
        known.update({keys[k]: (float(s), float(r), float(g), bool(w)) for k, s, r, g, w in measured})
    if cache is not None:
        cache.clear()
        cache.update(known)
    found = np.array([known[k] for k in keys], dtype=np.float64).reshape(-1, 4)
    return Stacked(
        subject, other, share, low[subject] - found[:, 0], found[:, 0], found[:, 1], found[:, 2], found[:, 3] > 0, depth
    )


def _local(table: ObjectTable, carrier: int, subjects: NDArray[np.intp]) -> Floats:
    """(S, M, 3) points of one object in the boxes' own axes of S others, origin at their centres."""
    d = table.clouds[carrier][None].astype(np.float64) - table.center[subjects][:, None]
    c, s = np.cos(table.yaw[subjects])[:, None], np.sin(table.yaw[subjects])[:, None]
    return np.stack([c * d[..., 0] + s * d[..., 1], -s * d[..., 0] + c * d[..., 1], d[..., 2]], axis=2)


def _surface(local: Floats, half: Floats, underside: Floats, top_m: float) -> Floats:
    """(S,) height of the surface nearest to each underside, of the levels with many points; NaN if none."""
    around = np.asarray((np.abs(local[..., :2]) <= half[:, None, :2] + _RING_M).all(axis=2))
    rise = local[..., 2] + half[:, 2, None]
    out = np.full(len(half), np.nan)
    for k in range(len(half)):
        if around[k].sum() < _LEAST_POINTS:
            if _WINDOW_M[0] <= top_m - underside[k] <= _WINDOW_M[1] and len(local[k]) < 50:
                out[k] = top_m
            continue
        near = rise[k][around[k] & (rise[k] >= _WINDOW_M[0]) & (rise[k] <= _WINDOW_M[1])]
        if len(near) < _LEAST_POINTS:
            continue
        level = ((near - _WINDOW_M[0]) / _LEVEL_M).astype(np.intp) + 1
        counts = np.bincount(level, minlength=int((_WINDOW_M[1] - _WINDOW_M[0]) / _LEVEL_M) + 3)
        levels = counts[:-2] + counts[1:-1] + counts[2:]
        good = np.flatnonzero(levels >= 0.5 * levels.max())  # a board has an upper and a lower side
        best = int(good[np.argmin(np.abs(good + 0.5 + _WINDOW_M[0] / _LEVEL_M))]) + 1
        close = np.sort(near[np.abs(level - best) <= 1])
        out[k] = underside[k] + float(close[len(close) // 2])
    return out


def _roof(local: Floats, half: Floats, voxel_m: float) -> tuple[Floats, Floats]:
    """(S,) share of 5 x 5 spots of each footprint below a point of the other, (S,) gap up to the lowest such points."""
    reach = max(0.03, 0.75 * voxel_m)
    above = local[..., 2] - half[:, 2, None]
    lowest = np.maximum(-_SLACK_M, _ROOF_RISE_M - 2 * half[:, 2, None])
    over = (above >= lowest) & (np.abs(local[..., :2]) <= half[:, None, :2] + reach).all(axis=2)
    share, gap = np.zeros(len(half)), np.full(len(half), np.nan)
    spots = (np.arange(5) - 2) / 2.5
    for k in np.flatnonzero(over.sum(axis=1) >= _LEAST_POINTS):
        xy = local[k][over[k]][:, :2]
        near = [np.abs(xy[:, a, None] - spots * half[k, a]) <= np.maximum(reach, half[k, a] / 5) for a in (0, 1)]
        share[k] = float((near[0].T.astype(np.float32) @ near[1].astype(np.float32) > 0).mean())
        gap[k] = max(0.0, float(np.sort(above[k][over[k]])[over[k].sum() // 10]))
    return share, gap


def _walled(local: Floats, half: Floats) -> NDArray[np.bool_]:
    """(S,) whether the other has points on all four sides of each subject, at its height."""
    level = (local[..., 2] <= half[:, 2, None]) & (local[..., 2] >= _WALL_RISE_M - half[:, 2, None])
    near = level & (np.abs(local[..., :2]) <= half[:, None, :2] + _WALL_M).all(axis=2)
    sides = []
    for axis in (0, 1):
        across = np.abs(local[..., 1 - axis]) <= half[:, 1 - axis, None]
        for sign in (-1, 1):
            beyond = sign * local[..., axis] >= 0.6 * half[:, axis, None]
            sides.append((near & across & beyond).sum(axis=1) >= _LEAST_POINTS)
    return np.asarray(np.all(sides, axis=0))
