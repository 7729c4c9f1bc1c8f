"""Rectangles on the floor, many at once: who is near whom, gaps, overlaps. Metres, yaw in radians about world z."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def rectangle_corners(center: Floats, size: Floats, yaw: Floats) -> Floats:
    """(N, 2) centres, (N, 2) sizes, (N,) yaws -> (N, 4, 2) corners in order around the rectangle."""
    local = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) * size[:, None]
    c, s = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    turned = np.stack([c * local[..., 0] - s * local[..., 1], s * local[..., 0] + c * local[..., 1]], axis=2)
    return np.asarray(turned + center[:, None])


def near_pairs(low: Floats, high: Floats, cell_m: float = 0.5) -> NDArray[np.intp]:
    """Pairs i < j of axis-aligned rectangles that touch or overlap, by a hash grid: never all pairs.

    Args:
        low: (N, 2) lower corners; grow the rectangles by half the gap that is still near.
        high: (N, 2) upper corners.
        cell_m: edge of a cell of the grid.

    Returns:
        (P, 2) index pairs, sorted.
    """
    if len(low) < 2:
        return np.zeros((0, 2), dtype=np.intp)
    first, last = np.floor(low / cell_m).astype(np.int64), np.floor(high / cell_m).astype(np.int64)
    span = last - first + 1
    count = span.prod(axis=1)
    owner = np.repeat(np.arange(len(low)), count)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    column, row = first[owner, 0] + step % span[owner, 0], first[owner, 1] + step // span[owner, 0]
    key = (row - row.min()) * (column.max() - column.min() + 1) + (column - column.min())
    order = np.argsort(key, kind="stable")
    key, owner = key[order], owner[order]
    ends = np.searchsorted(key, key, side="right")
    ahead = ends - np.arange(len(key)) - 1  # members of the same cell that come later
    left = np.repeat(np.arange(len(key)), ahead)
    right = left + 1 + np.arange(len(left)) - np.repeat(np.cumsum(ahead) - ahead, ahead)
    pairs = np.unique(np.sort(np.stack([owner[left], owner[right]], axis=1), axis=1), axis=0)
    a, b = pairs[:, 0], pairs[:, 1]
    touch = ((low[a] <= high[b]) & (low[b] <= high[a])).all(axis=1)
    return np.asarray(pairs[touch], dtype=np.intp)


def rectangle_gaps(a: Floats, b: Floats) -> Floats:
    """(P, 4, 2) and (P, 4, 2) corners -> (P,) distance between the rectangles, 0 where they overlap, metres."""
    gap = np.sqrt(np.minimum(_corner_to_edge(a, b), _corner_to_edge(b, a)))
    return np.where(_separated(a, b), gap, 0.0)


def overlap_shares(center: Floats, size: Floats, yaw: Floats, of: Floats, margin_m: float = 0.0) -> Floats:
    """How much of (P, 4, 2) rectangles ``of`` lies in P others grown by a margin: (P,) shares of a 7 x 7 grid."""
    steps = (np.arange(7) + 0.5) / 7
    u, v = (g.reshape(-1) for g in np.meshgrid(steps, steps))
    across, along = of[:, 1] - of[:, 0], of[:, 3] - of[:, 0]
    grid = of[:, :1] + u[None, :, None] * across[:, None] + v[None, :, None] * along[:, None]
    d = grid - center[:, None]
    c, s = np.cos(yaw)[:, None], np.sin(yaw)[:, None]
    x, y = c * d[..., 0] + s * d[..., 1], -s * d[..., 0] + c * d[..., 1]
    inside = (np.abs(x) <= size[:, :1] / 2 + margin_m) & (np.abs(y) <= size[:, 1:2] / 2 + margin_m)
    return np.asarray(inside.mean(axis=1))


def _corner_to_edge(corners: Floats, other: Floats) -> Floats:
    """Smallest squared distance of any corner of one to any edge of the other, (P,)."""
    start, edge = other[:, None, :, :], (np.roll(other, -1, axis=1) - other)[:, None, :, :]
    d = corners[:, :, None, :] - start
    t = np.clip((d * edge).sum(axis=3) / np.maximum((edge**2).sum(axis=3), 1e-18), 0.0, 1.0)
    gap = d - t[..., None] * edge
    return np.asarray((gap**2).sum(axis=3).min(axis=(1, 2)))


def _separated(a: Floats, b: Floats) -> NDArray[np.bool_]:
    """Whether an edge direction of either separates the two (separating axis theorem), (P,)."""
    apart = np.zeros(len(a), dtype=bool)
    for shape in (a, b):
        for side in (0, 1):
            axis = shape[:, side + 1] - shape[:, side]
            on_a, on_b = (np.einsum("pkx,px->pk", one, axis) for one in (a, b))
            apart |= (on_a.max(axis=1) < on_b.min(axis=1)) | (on_b.max(axis=1) < on_a.min(axis=1))
    return apart
