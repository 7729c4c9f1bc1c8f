"""Which way is up, and where the floor is, in a recording whose world frame does not say.

Up is estimated as in Gupta, Arbelaez and Malik (CVPR 2013, section 3.1): start from the camera's own up, then
alternately gather the surface normals near it (floor, tables) and re-estimate, with a narrowing cone. The
start is better than one camera's: over many views the image x axes of a level camera span the floor, so the direction
they span least is up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from memory_agent_ros.geometry.pinhole import unproject_depth, valid_depth
from memory_agent_ros.geometry.se3 import Matrix, transform_points
from memory_agent_ros.records.frame import Frame

_CONES_DEG = (35.0, 20.0, 10.0, 6.0, 4.0)


def estimate_upright(frames: Sequence[Frame], columns: int = 80) -> Matrix:
    """(4, 4) ``T_map_world``: the smallest turn that brings up to +z, and the lift that puts the floor at z = 0.

    Args:
        frames: a sample of the recording, >= 1; 20 spread over it are plenty.
        columns: each depth image is thinned to about so many.

    If no frame has usable depth, up is the cameras' and the origin keeps its height.
    """
    up = initial_up(np.stack([f.T_map_camera[:3, :3] for f in frames]))
    clouds = [_points_and_normals(f, max(1, f.depth_m.shape[1] // columns)) for f in frames]
    points, normals = np.concatenate([c[0] for c in clouds]), np.concatenate([c[1] for c in clouds])
    for cone in _CONES_DEG:
        near = normals @ up > np.cos(np.radians(cone))
        if near.sum() < 50:
            break
        up = normals[near].sum(axis=0, dtype=np.float64)
        up /= np.linalg.norm(up)
    T = np.eye(4)
    T[:3, :3] = rotation_to_z(up)
    level = normals @ up > np.cos(np.radians(12.0))
    if level.any():
        T[2, 3] = -floor_height((points[level] @ T[2, :3]).astype(np.float64))
    return T


def initial_up(rotations: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3, 3) optical-frame rotations -> (3,) unit vector: what image x axes span least, on the cameras' side.

    While the camera has hardly turned (two directions are spanned about as little), the mean image-up is returned.
    """
    mean_up = -rotations[:, :, 1].mean(axis=0)
    mean_up /= np.linalg.norm(mean_up)
    x = rotations[:, :, 0]
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    up = vectors[:, 0] * np.sign(vectors[:, 0] @ mean_up)
    turned = values[1] > 0.05 and values[0] < 0.5 * values[1] and up @ mean_up > 0.7
    return np.asarray(up if turned else mean_up, dtype=np.float64)


def rotation_to_z(up: NDArray[np.float64]) -> NDArray[np.float64]:
    """(3, 3) smallest rotation that takes the unit vector ``up`` to +z, exact also where it points straight down."""
    rotation, _ = Rotation.align_vectors([[0.0, 0.0, 1.0]], [up])
    return np.asarray(rotation.as_matrix(), dtype=np.float64)


def floor_height(heights: NDArray[np.float64], bin_m: float = 0.03) -> float:
    """Height of the lowest level surface that holds at least a tenth as many points as the biggest one, metres."""
    low, high = heights.min(), heights.max()
    counts, edges = np.histogram(heights, bins=max(1, int(np.ceil((high - low) / bin_m))), range=(low, high + 1e-6))
    smooth = np.convolve(counts, np.ones(3), mode="same")
    candidate = int(np.argmax(smooth >= 0.1 * smooth.max()))
    while candidate + 1 < len(smooth) and smooth[candidate + 1] > smooth[candidate]:
        candidate += 1
    centre = (edges[candidate] + edges[candidate + 1]) / 2
    return float(np.median(heights[np.abs(heights - centre) <= 1.5 * bin_m]))


def _points_and_normals(frame: Frame, stride: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """World points (N, 3) and unit normals (N, 3) towards the camera, from neighbours in the thinned depth.

    Neighbours whose depths differ as only a surface seen at under ten degrees would are taken to lie on two surfaces.
    """
    camera = frame.depth_camera or frame.camera
    grid = unproject_depth(camera.K, frame.depth_m, stride)
    good = valid_depth(frame.depth_m[::stride, ::stride], 0.3, 5.0)
    centre, right, below = grid[:-1, :-1], grid[:-1, 1:], grid[1:, :-1]
    limit = 6.0 * stride / camera.K[0, 0] * centre[..., 2]
    usable = good[:-1, :-1] & good[:-1, 1:] & good[1:, :-1]
    usable &= (np.abs(right[..., 2] - centre[..., 2]) < limit) & (np.abs(below[..., 2] - centre[..., 2]) < limit)
    normal = np.cross(below[usable] - centre[usable], right[usable] - centre[usable])
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = normal / np.maximum(length, 1e-12)
    normal *= -np.sign((normal * centre[usable]).sum(axis=1, keepdims=True))
    rotation = frame.T_map_camera[:3, :3].astype(np.float32)
    points = transform_points(frame.T_map_camera, centre[usable])
    return np.asarray(points, dtype=np.float32), np.asarray(normal @ rotation.T, dtype=np.float32)
