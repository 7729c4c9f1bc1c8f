"""A bare room seen from many poses, without a renderer."""

import numpy as np
import pytest

from memory_agent_ros.evaluation.views.view_set import ViewSet
from memory_agent_ros.memory.presence.looks import HEIGHT, WIDTH
from memory_agent_ros.memory.views.patch_features import patch_features
from memory_agent_ros.records.camera import Camera

CAMERA = Camera(160, 120, np.array([[120.0, 0, 79.5], [0, 120.0, 59.5], [0, 0, 1]]))
LOW, HIGH = np.array([0.0, 0.0, 0.0]), np.array([8.0, 5.0, 2.5])


def look(x: float, y: float, yaw: float) -> np.ndarray:
    T = np.eye(4)
    c, s = np.cos(yaw), np.sin(yaw)
    T[:3, :3] = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])
    T[:3, 3] = [x, y, 1.2]
    return T


def depth_of(camera: Camera, T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(h, w) planar depth of the room and (h, w) which wall is seen."""
    v, u = np.mgrid[0 : camera.height, 0 : camera.width]
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(camera.K).T
    world = rays @ T[:3, :3].T
    with np.errstate(divide="ignore"):
        hits = np.concatenate([(LOW - T[:3, 3]) / world, (HIGH - T[:3, 3]) / world], axis=-1)
    hits[~(hits > 1e-6)] = np.inf
    return hits.min(axis=-1).astype(np.float32), hits.argmin(axis=-1)


def make_views(seed: int, tours: int = 2, count: int = 36) -> ViewSet:
    rng = np.random.default_rng(seed)
    colors = rng.integers(40, 220, (6, 3)).astype(np.uint8)
    poses, patches, looks = [], [], []
    thumbnail = CAMERA.scaled(WIDTH, HEIGHT)
    for tour in range(tours):
        for n in range(count):
            around = 2 * np.pi * n / count + tour
            T = look(4.0 + 2.5 * np.cos(around), 2.5 + 1.2 * np.sin(around), around + rng.uniform(-1.5, 1.5))
            depth, wall = depth_of(CAMERA, T)
            poses.append(T)
            patches.append(patch_features(colors[wall], depth, CAMERA))
            looks.append((1000 * depth_of(thumbnail, T)[0]).astype(np.uint16))
    return ViewSet(
        np.array([160, 120]), CAMERA.K, thumbnail.K, np.repeat(np.arange(tours), count), np.array(poses),
        *(np.stack([getattr(p, name) for p in patches]) for name in
          ("descriptors", "points_camera", "normals_camera", "readings")), np.stack(looks),
    )  # fmt: skip


@pytest.fixture(scope="session")
def room() -> ViewSet:
    return make_views(0)
