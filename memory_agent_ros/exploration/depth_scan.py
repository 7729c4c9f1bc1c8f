"""One depth image reduced to what a floor plan needs: obstacle points, floor points, free range per bearing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.geometry.se3 import Matrix
from memory_agent_ros.records.camera import Camera

#: Width of one bearing bin, radians.
BIN_RAD = np.deg2rad(0.75)
_ROWS, _COLUMNS = 240, 160


@dataclass(frozen=True, eq=False)
class DepthScan:
    """Everything in metres, map frame; ranges are horizontal from the camera.

    Attributes:
        origin_xy: (2,) the camera.
        yaw: bearing of the optical axis, radians.
        obstacle_xy: (N, 2) points between the floor band and the tall band; ``obstacle_z`` (N,) their height
            above the floor, ``obstacle_range`` (N,) their range.
        floor_xy: (M, 2) floor points, ``floor_range`` (M,).
        bin_low: bearing of the lower edge of the first bin, relative to ``yaw``, radians.
        free_range: (B,) range up to which the floor is free by bearing, 0 = nothing known.
        blind_range: range below which the camera cannot see the floor.
    """

    origin_xy: NDArray[np.float64]
    yaw: float
    obstacle_xy: NDArray[np.float32]
    obstacle_z: NDArray[np.float32]
    obstacle_range: NDArray[np.float32]
    floor_xy: NDArray[np.float32]
    floor_range: NDArray[np.float32]
    bin_low: float
    free_range: NDArray[np.float32]
    blind_range: float


def _pixel_grid(camera: Camera) -> tuple[int, int, NDArray[np.float32]]:
    """Row stride, column stride and (3, n) float32 optical directions with z = 1 of the pixels used."""
    sv, su = max(1, camera.height // _ROWS), max(1, camera.width // _COLUMNS)
    v, u = np.mgrid[0 : camera.height : sv, 0 : camera.width : su]
    K = camera.K
    y = (v.ravel() - K[1, 2]) / K[1, 1]
    x = (u.ravel() - K[0, 2] - K[0, 1] * y) / K[0, 0]
    return sv, su, np.stack([x, y, np.ones_like(x)]).astype(np.float32)


class DepthScanner:
    """Turns depth images into :class:`DepthScan`; keeps the pixel directions of the last camera."""

    def __init__(self, config: ExplorerConfig) -> None:
        self._config = config
        self._key: tuple[float, ...] = ()
        self._grid: tuple[int, int, NDArray[np.float32]] | None = None

    def _directions(self, camera: Camera) -> tuple[int, int, NDArray[np.float32]]:
        key = (camera.width, camera.height, *camera.K.ravel())
        if self._grid is None or key != self._key:
            self._key, self._grid = key, _pixel_grid(camera)
        return self._grid

    def scan(self, depth_m: NDArray[np.float32], camera: Camera, T_map_camera: Matrix, floor_z: float) -> DepthScan:
        """(H, W) planar depth, its camera, pose of the optical frame, height of the floor (map frame) -> scan."""
        config = self._config
        sv, su, directions = self._directions(camera)
        z = depth_m[::sv, ::su].reshape(-1)
        forward = T_map_camera[:2, 2]
        yaw = float(np.arctan2(forward[1], forward[0]))
        c, s = np.cos(yaw), np.sin(yaw)
        level = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        rays = (level @ T_map_camera[:3, :3]).astype(np.float32) @ directions
        height = float(T_map_camera[2, 3] - floor_z)
        blind = _blind_range(rays, height)
        with np.errstate(invalid="ignore"):
            valid = np.isfinite(z) & (z > 0.1) & (z < 2 * config.max_range_m)
        rays, z = rays[:, valid], z[valid]
        ahead, left, up = rays[0] * z, rays[1] * z, rays[2] * z + np.float32(height)
        distance = np.hypot(ahead, left)
        bearing = np.arctan2(left, ahead)
        near = distance < config.max_range_m
        floor = near & (up < config.obstacle_min_height_m) & (up > -0.3)
        tall = max(config.obstacle_max_height_m, config.tall_height_m + 0.3)
        solid = near & (up >= config.obstacle_min_height_m) & (up < tall)
        bin_low, free = _free_range(bearing, distance, floor, solid & (up < config.obstacle_max_height_m))
        origin = T_map_camera[:2, 3].astype(np.float64)
        xy = np.stack([c * ahead - s * left, s * ahead + c * left], axis=1).astype(np.float32)
        xy += origin.astype(np.float32)
        return DepthScan(
            origin, yaw, xy[solid], up[solid], distance[solid], xy[floor], distance[floor], bin_low, free, blind
        )


def _blind_range(rays: NDArray[np.float32], height: float) -> float:
    """Horizontal range at which the steepest ray meets the floor, metres."""
    steepest = float((rays[2] / np.maximum(np.hypot(rays[0], rays[1]), 1e-6)).min())
    return height / -steepest if steepest < -1e-3 else np.inf


def _free_range(
    bearing: NDArray[np.float32],
    distance: NDArray[np.float32],
    floor: NDArray[np.bool_],
    obstacle: NDArray[np.bool_],
) -> tuple[float, NDArray[np.float32]]:
    """Bearings and ranges (N,) -> lower edge of the first bin and (B,) range that is free of obstacles."""
    used = floor | obstacle
    if not used.any():
        return 0.0, np.zeros(0, dtype=np.float32)
    bin_low = float(bearing[used].min())
    bins = ((bearing - bin_low) / BIN_RAD).astype(np.int64)
    count = int(bins[used].max()) + 1
    floor_far = np.zeros(count, dtype=np.float32)
    np.maximum.at(floor_far, bins[floor], distance[floor])
    nearest = np.full(count, np.inf, dtype=np.float32)
    np.minimum.at(nearest, bins[obstacle], distance[obstacle])
    sheltered = minimum_filter1d(nearest, 3, mode="nearest")
    return bin_low, np.where(np.isfinite(nearest), np.minimum(nearest, sheltered), np.minimum(floor_far, sheltered))
