"""An RGB-D camera among upright boxes: exact depth and instance ids by ray casting, without a renderer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import inverse, transform_points
from memory_agent_ros.records.camera import Camera

_NEAR_M = 0.05


@dataclass(frozen=True, eq=False)
class Solids:
    """Upright boxes.

    Attributes:
        center, half: (K, 3) middle and half edges, metres, map frame.
        yaw: (K,) rotation about z, radians.
        ids: (K,) instance each belongs to, 0 for walls.
    """

    center: NDArray[np.float64]
    half: NDArray[np.float64]
    yaw: NDArray[np.float64]
    ids: NDArray[np.intp]

    def corners(self) -> NDArray[np.float64]:
        """(K, 8, 3) corners in the map frame."""
        bits = ((np.arange(8)[:, None] >> np.arange(3)) & 1) * 2 - 1
        local = bits[None] * self.half[:, None]
        c, s = np.cos(self.yaw)[:, None], np.sin(self.yaw)[:, None]
        x, y = c * local[..., 0] - s * local[..., 1], s * local[..., 0] + c * local[..., 1]
        return np.stack([x, y, local[..., 2]], axis=2) + self.center[:, None]


def cast(
    solids: Solids, camera: Camera, T_map_camera: NDArray[np.float64], ceiling_m: float
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Depth (H, W) in metres and instance ids (H, W) of boxes above a floor at z = 0 and below a ceiling.

    Slab test (Kay and Kajiya, 1986) of each box with the rays of the pixel window that its corners span.
    """
    shape = (camera.height, camera.width)
    v, u = np.mgrid[0 : camera.height, 0 : camera.width]
    rays = np.stack([(u - camera.K[0, 2]) / camera.K[0, 0], (v - camera.K[1, 2]) / camera.K[1, 1], np.ones(shape)])
    x, y, z = np.tensordot(T_map_camera[:3, :3], rays, axes=1) + 1e-12
    origin = T_map_camera[:3, 3]
    depth = np.where(z > 0, ceiling_m - origin[2], -origin[2]) / z
    ids = np.zeros(shape, dtype=np.int32)
    for k, nearest, window in _windows(solids, camera, T_map_camera):
        if nearest > depth[window].max():
            continue  # behind what was cast before
        c, s = np.cos(solids.yaw[k]), np.sin(solids.yaw[k])
        offset = origin - solids.center[k]
        start = (c * offset[0] + s * offset[1], -s * offset[0] + c * offset[1], offset[2])
        wx, wy = x[window], y[window]
        enter, leave = np.full(wx.shape, _NEAR_M), depth[window]
        for along, here, half in zip((c * wx + s * wy, c * wy - s * wx, z[window]), start, solids.half[k], strict=True):
            middle, reach = -here / along, half / np.abs(along)
            enter, leave = np.maximum(enter, middle - reach), np.minimum(leave, middle + reach)
        hit = (enter < leave) & (enter > _NEAR_M)
        depth[window][hit] = enter[hit]
        ids[window][hit] = solids.ids[k]
    return depth, ids


def _windows(
    solids: Solids, camera: Camera, T_map_camera: NDArray[np.float64]
) -> list[tuple[int, float, tuple[slice, slice]]]:
    """Index, smallest depth and pixel window of every box that may be in view, the nearest first."""
    local = transform_points(inverse(T_map_camera), solids.corners())
    z = local[..., 2]
    safe = np.maximum(z, _NEAR_M)
    u = camera.K[0, 0] * local[..., 0] / safe + camera.K[0, 2]
    v = camera.K[1, 1] * local[..., 1] / safe + camera.K[1, 2]
    nearest = z.min(axis=1)
    cut = nearest <= _NEAR_M
    left, right = np.where(cut, 0, np.floor(u.min(axis=1))), np.where(cut, camera.width, np.ceil(u.max(axis=1)) + 1)
    top, bottom = np.where(cut, 0, np.floor(v.min(axis=1))), np.where(cut, camera.height, np.ceil(v.max(axis=1)) + 1)
    edges = np.stack([top, bottom, left, right], axis=1).clip(0, [camera.height] * 2 + [camera.width] * 2).astype(int)
    seen = (z.max(axis=1) > _NEAR_M) & (edges[:, 0] < edges[:, 1]) & (edges[:, 2] < edges[:, 3])
    order = np.flatnonzero(seen)[np.argsort(nearest[seen])]
    return [
        (int(k), float(max(nearest[k], _NEAR_M)), np.s_[edges[k, 0] : edges[k, 1], edges[k, 2] : edges[k, 3]])
        for k in order
    ]
