"""Voxel thinning of point clouds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def voxel_keys(points: NDArray[np.floating], voxel_m: float) -> NDArray[np.int64]:
    """(N, 3) points -> (N,) one integer per voxel (21 bits an axis, +-1e6 voxels around the origin)."""
    cells = np.floor(points / voxel_m).astype(np.int64) + (1 << 20)
    keys: NDArray[np.int64] = (cells[:, 0] << 42) | (cells[:, 1] << 21) | cells[:, 2]
    return keys


def evenly(points: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """At most ``count`` of (N, 3) points, evenly picked in their order, the first and the last among them."""
    if len(points) <= count:
        return points
    return points[(np.arange(count) * (len(points) - 1)) // (count - 1)]


def voxel_thin(points: NDArray[np.float32], voxel_m: float) -> NDArray[np.float32]:
    """(N, 3) -> (M, 3), the first point of each voxel, in stable order."""
    if len(points) == 0:
        return points
    _, first = np.unique(voxel_keys(points, voxel_m), return_index=True)
    thinned: NDArray[np.float32] = points[np.sort(first)]
    return thinned
