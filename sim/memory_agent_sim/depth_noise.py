"""Depth noise of a structured-light camera, seeded.

Axial noise after Nguyen, Izadi and Lovell (3DIMPVT 2012): sigma_z = 0.0012 + 0.0019 (z - 0.4)^2 metres; lateral noise
by reading a neighbour up to about a pixel away; no reading at depth edges and at grazing angles; disparity quantised.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from memory_agent_ros.records.camera import Camera

_LATERAL_PIXELS = 0.6
_EDGE_DROPOUT = 0.7
_GRAZING_COSINE = 0.17
_BASELINE_M = 0.075
_DISPARITY_STEP = 1.0 / 8.0
_RANGE_M = (0.35, 8.0)


def kinect_noise(depth_m: NDArray[np.float32], camera: Camera, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noisy copy of (H, W) planar depth in metres; 0 where there is no reading."""
    height, width = depth_m.shape
    shift = rng.normal(0.0, _LATERAL_PIXELS, (2, height, width)).round().astype(int)
    rows = np.clip(np.arange(height)[:, None] + shift[0], 0, height - 1)
    columns = np.clip(np.arange(width)[None, :] + shift[1], 0, width - 1)
    noisy = depth_m[rows, columns].astype(np.float64)
    noisy += rng.normal(0.0, 1.0, noisy.shape) * (0.0012 + 0.0019 * (noisy - 0.4) ** 2)
    focal = float(camera.K[0, 0]) * 640.0 / camera.width
    with np.errstate(divide="ignore", invalid="ignore"):
        disparity = np.round(focal * _BASELINE_M / noisy / _DISPARITY_STEP) * _DISPARITY_STEP
        noisy = np.where(disparity > 0, focal * _BASELINE_M / disparity, 0.0)
    lost = _edges(depth_m) & (rng.random(noisy.shape) < _EDGE_DROPOUT)
    lost |= _grazing(depth_m, camera) & (rng.random(noisy.shape) < _EDGE_DROPOUT)
    lost |= (noisy < _RANGE_M[0]) | (noisy > _RANGE_M[1]) | ~np.isfinite(noisy)
    return np.where(lost, 0.0, noisy).astype(np.float32)


def _edges(depth_m: NDArray[np.float32]) -> NDArray[np.bool_]:
    spread = ndimage.maximum_filter(depth_m, 3) - ndimage.minimum_filter(depth_m, 3)
    edges: NDArray[np.bool_] = spread > 0.05 * np.maximum(depth_m, 0.5)
    return edges


def _grazing(depth_m: NDArray[np.float32], camera: Camera) -> NDArray[np.bool_]:
    """Where the surface is seen at less than about 10 degrees."""
    z = depth_m.astype(np.float64)
    v, u = np.mgrid[0 : z.shape[0], 0 : z.shape[1]]
    x, y = (u - camera.K[0, 2]) / camera.K[0, 0], (v - camera.K[1, 2]) / camera.K[1, 1]
    points = np.stack([x * z, y * z, z], axis=2)
    normal = np.cross(np.gradient(points, axis=1), np.gradient(points, axis=0))
    length = np.linalg.norm(normal, axis=2) * np.linalg.norm(points, axis=2)
    cosine = np.abs((normal * points).sum(axis=2)) / np.maximum(length, 1e-12)
    grazing: NDArray[np.bool_] = cosine < _GRAZING_COSINE
    return grazing
