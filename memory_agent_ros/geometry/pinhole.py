"""Projection and back-projection with a rectified pinhole camera."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import Matrix, inverse, transform_points


def project(
    K: NDArray[np.float64], points_camera: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, 3) optical-frame points -> (N, 2) pixels and (N,) z in metres; pixels of z <= 0 are NaN."""
    points = np.asarray(points_camera, dtype=np.float64)
    z = points[:, 2]
    safe = np.where(z > 1e-6, z, np.nan)
    u = K[0, 0] * points[:, 0] / safe + K[0, 1] * points[:, 1] / safe + K[0, 2]
    v = K[1, 1] * points[:, 1] / safe + K[1, 2]
    return np.stack([u, v], axis=1), z


def project_map(
    K: NDArray[np.float64], T_map_camera: Matrix, points_map: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, 3) map points -> (N, 2) pixels and (N,) z in metres of the camera at ``T_map_camera``."""
    return project(K, transform_points(inverse(T_map_camera), np.asarray(points_map, dtype=np.float64)))


def valid_depth(depth_m: NDArray[np.float32], minimum_m: float = 0.1, maximum_m: float = 10.0) -> NDArray[np.bool_]:
    """(H, W) bool: finite and inside the sensor's range."""
    with np.errstate(invalid="ignore"):
        return np.isfinite(depth_m) & (depth_m >= minimum_m) & (depth_m <= maximum_m)


def unproject_pixels(
    K: NDArray[np.float64], u: NDArray[np.integer], v: NDArray[np.integer], z: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Pixels (N,), (N,) and planar depth (N,) metres -> (N, 3) float32 points in the optical frame."""
    y = (v - K[1, 2]) / K[1, 1]
    x = (u - K[0, 2] - K[0, 1] * y) / K[0, 0]
    return np.stack([x * z, y * z, z], axis=1).astype(np.float32)


def unproject_depth(K: NDArray[np.float64], depth_m: NDArray[np.float32], stride: int = 1) -> NDArray[np.float32]:
    """(H, W) planar depth -> (H', W', 3) float32 points in the optical frame, every ``stride``-th pixel."""
    v, u = np.mgrid[0 : depth_m.shape[0] : stride, 0 : depth_m.shape[1] : stride]
    z = depth_m[::stride, ::stride]
    return unproject_pixels(K, u.ravel(), v.ravel(), z.ravel()).reshape(*z.shape, 3)
