"""Upright boxes as plain arrays: fit, corners, overlap. Sizes in metres, yaw in radians about world z."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull, QhullError

Box = tuple[NDArray[np.float64], NDArray[np.float64], float]


def axis_aligned_box(points: NDArray[np.floating], trim: float = 0.0) -> Box:
    """(N, 3) points -> center (3,), size (3,), yaw 0; ``trim`` drops that quantile at each end of each axis."""
    data = np.asarray(points, dtype=np.float64)
    low, high = np.quantile(data, [trim, 1 - trim], axis=0) if trim > 0 else (data.min(axis=0), data.max(axis=0))
    return (low + high) / 2, high - low, 0.0


#: Footprints up to this much larger than the smallest one may win if the points lie closer to their edges.
_AREA_SLACK = 1.15
#: Distance to an edge below which a point counts as on it, metres, and how many points are asked.
_ON_EDGE_M, _ASKED = 0.02, 300


def upright_box(points: NDArray[np.floating]) -> Box:
    """Upright box around all (N, 3) points -> center (3,), size (3,), yaw in (-pi/4, pi/4].

    Rotating calipers over the convex hull of the footprint (Freeman and Shapira, 1975) give the candidates. Seen from
    one side an object is an L, whose smallest box is often turned by far; so among the footprints that are nearly the
    smallest the one whose edges the points lie closest to is taken (closeness criterion, Zhang et al., IV 2017). Falls
    back to the axis-aligned box when the footprint is degenerate.
    """
    data = np.asarray(points, dtype=np.float64)
    if len(data) < 4:
        return axis_aligned_box(data)
    try:
        hull = data[ConvexHull(data[:, :2]).vertices, :2]
    except QhullError:
        return axis_aligned_box(data)
    edges = np.roll(hull, -1, axis=0) - hull
    angles = np.unique(np.round(np.mod(np.arctan2(edges[:, 1], edges[:, 0]) + np.pi / 4, np.pi / 2) - np.pi / 4, 6))
    c, s = np.cos(angles), np.sin(angles)
    along = _along(hull, c, s)
    low, high = along.min(axis=1), along.max(axis=1)
    areas = (high - low).prod(axis=0)
    near = np.flatnonzero(areas <= areas.min() * _AREA_SLACK)
    best = int(near[0])
    if len(near) > 1:
        asked = _along(data[:: max(1, len(data) // _ASKED), :2], c[near], s[near])
        to_edge = np.minimum(asked - low[:, None, near], high[:, None, near] - asked).min(axis=0)
        best = int(near[np.argmax((1.0 / np.maximum(to_edge, _ON_EDGE_M)).mean(axis=0))])
    mid = (low[:, best] + high[:, best]) / 2
    z_low, z_high = data[:, 2].min(), data[:, 2].max()
    center = np.array([c[best] * mid[0] - s[best] * mid[1], s[best] * mid[0] + c[best] * mid[1], (z_low + z_high) / 2])
    size = np.array([*(high[:, best] - low[:, best]), z_high - z_low])
    return center, size, float(angles[best])


def _along(xy: NDArray[np.float64], c: NDArray[np.float64], s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2) footprint and (A,) cosines and sines -> (2, N, A) coordinates along both axes of each turned box."""
    return np.stack([xy[:, :1] * c + xy[:, 1:] * s, -xy[:, :1] * s + xy[:, 1:] * c])


def corners(center: NDArray[np.floating], size: NDArray[np.floating], yaw: float = 0.0) -> NDArray[np.float64]:
    """(8, 3) corners of an upright box; bit 0, 1, 2 of the index picks the high side of x, y, z."""
    bits = (np.arange(8)[:, None] >> np.arange(3)) & 1
    local = (bits - 0.5) * np.asarray(size, dtype=np.float64)
    c, s = np.cos(yaw), np.sin(yaw)
    R = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    moved: NDArray[np.float64] = local @ R.T + np.asarray(center, dtype=np.float64)
    return moved


def contains(
    center: NDArray[np.floating],
    size: NDArray[np.floating],
    yaw: float,
    points: NDArray[np.floating],
    margin_m: float = 0.0,
) -> NDArray[np.bool_]:
    """(N,) bool: which of the (N, 3) points lie in the box grown by ``margin_m`` on every side."""
    c, s = np.cos(yaw), np.sin(yaw)
    d = np.asarray(points, dtype=np.float64) - center
    local = np.stack([c * d[:, 0] + s * d[:, 1], -s * d[:, 0] + c * d[:, 1], d[:, 2]], axis=1)
    inside: NDArray[np.bool_] = (np.abs(local) <= np.asarray(size) / 2 + margin_m).all(axis=1)
    return inside


def axis_aligned_iou(
    low_a: NDArray[np.floating], high_a: NDArray[np.floating], low_b: NDArray[np.floating], high_b: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Volume IoU of every pair of axis-aligned boxes, (A, 3) x2 and (B, 3) x2 -> (A, B)."""
    overlap = np.clip(
        np.minimum(high_a[:, None], high_b[None]) - np.maximum(low_a[:, None], low_b[None]), 0.0, None
    ).prod(axis=2)
    volume_a = (high_a - low_a).prod(axis=1)[:, None]
    volume_b = (high_b - low_b).prod(axis=1)[None]
    iou: NDArray[np.float64] = overlap / np.maximum(volume_a + volume_b - overlap, 1e-12)
    return iou
