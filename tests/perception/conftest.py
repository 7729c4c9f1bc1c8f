from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL, inverse, planar
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame

#: Low corner, high corner, colour of an axis-aligned block.
Block = tuple[Sequence[float], Sequence[float], Sequence[int]]


def camera_pose(x: float, y: float, yaw: float, height: float = 1.2, pitch: float = 0.0) -> np.ndarray:
    """Camera at a height, turned by yaw, looking down by pitch."""
    T = planar(x, y, yaw, height)
    c, s = np.cos(pitch), np.sin(pitch)
    T[:3, :3] = T[:3, :3] @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ R_BODY_OPTICAL
    return T


def cast(blocks: Sequence[Block], camera: Camera, T_map_camera: np.ndarray, stamp_ns: int, **extra: object) -> Frame:
    """Frame of blocks on a floor at z = 0 in front of a wall at x = 4, cast exactly; instance 1 is the first block."""
    v, u = np.mgrid[0 : camera.height, 0 : camera.width]
    rays = np.stack(
        [(u - camera.K[0, 2]) / camera.K[0, 0], (v - camera.K[1, 2]) / camera.K[1, 1], np.ones(u.shape)], -1
    )
    directions = rays @ T_map_camera[:3, :3].T
    directions = np.where(np.abs(directions) < 1e-9, 1e-9, directions)
    origin = T_map_camera[:3, 3]
    solids: list[Block] = [((-50, -50, -1), (50, 50, 0), (90, 90, 90)), ((4, -50, -1), (5, 50, 50), (200, 200, 190))]
    depth = np.full(u.shape, np.inf)
    rgb = np.zeros((*u.shape, 3), np.uint8)
    instances = np.zeros(u.shape, np.int32)
    for index, (low, high, colour) in enumerate([*solids, *blocks]):
        near_far = np.stack([(np.asarray(corner) - origin) / directions for corner in (low, high)])
        near, far = near_far.min(axis=0).max(axis=-1), near_far.max(axis=0).min(axis=-1)
        hit = (near < far) & (near > 0) & (near < depth)
        depth[hit], rgb[hit], instances[hit] = near[hit], colour, max(index - len(solids) + 1, 0)
    depth = np.where(np.isfinite(depth), depth, 0.0).astype(np.float32)
    return Frame(stamp_ns, rgb, depth, camera, T_map_camera, instances=instances, **extra)


@pytest.fixture
def camera() -> Camera:
    return Camera(320, 240, np.array([[270.0, 0, 159.5], [0, 270.0, 119.5], [0, 0, 1.0]]))


@pytest.fixture
def scene(camera: Camera) -> Callable[..., Frame]:
    """Make a frame from blocks; looks along +x, slightly down, from (0, 0, 1.2)."""

    def make(blocks: Sequence[Block], stamp_ns: int = 10**9, pose: np.ndarray | None = None, **extra: object) -> Frame:
        T = camera_pose(0.0, 0.0, 0.0, pitch=0.35) if pose is None else pose
        return cast(blocks, camera, T, stamp_ns, **extra)

    return make


@pytest.fixture
def pose_at() -> Callable[..., np.ndarray]:
    return camera_pose


@pytest.fixture
def in_camera() -> Callable[[Frame, Sequence[float]], np.ndarray]:
    """Map point -> camera point."""
    return lambda frame, point: (inverse(frame.T_map_camera) @ np.append(point, 1.0))[:3]
