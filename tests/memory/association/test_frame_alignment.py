"""The error that all detections of an image share is found; the move of a single object is not taken for it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from memory_agent_ros.geometry.boxes import upright_box
from memory_agent_ros.memory.association.frame_alignment import align_frame, corrected, moved
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.voxel_cloud import VoxelCloud
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

CONFIG = MemoryConfig()
CAMERA = Camera(64, 48, np.array([[50.0, 0, 31.5], [0, 50.0, 23.5], [0, 0, 1]]))
COVARIANCE = np.diag([*[0.1**2 / 3] * 3, *[np.deg2rad(3.0) ** 2 / 3] * 3])
PLACES = {"mug": (2.0, -0.6, 0.8), "book": (2.2, 0.1, 0.8), "lamp": (2.4, 0.9, 1.2), "chair": (1.6, 0.7, 0.4)}


def box_surface(center: tuple[float, ...], seed: int, size: float = 0.24) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1, 1, (300, 3))
    axis = rng.integers(0, 3, 300)
    points[np.arange(300), axis] = np.sign(points[np.arange(300), axis])
    return (np.array(center) + points * np.array([1.0, 0.7, 0.5]) * size / 2).astype(np.float32)


def observed(label: str, points: NDArray[np.float32]) -> Observation:
    center, size, yaw = upright_box(points)
    return Observation(
        1, label, 0.9, {label: 0.9}, points, points.mean(axis=0).astype(np.float64), 1e-4 * np.eye(3),
        OrientedBox(center, size, yaw), np.array([0, 0, 10, 10], np.float32), 100, False, None, 2.0,
    )  # fmt: skip


def track(number: int, label: str, points: NDArray[np.float32]) -> Track:
    made = Track(number, VoxelCloud(CONFIG.voxel_m), 0)
    for _ in range(5):
        made.observe(observed(label, points), 400.0, CONFIG)
    return made


def scene(T: NDArray[np.float64]) -> tuple[Frame, list[Observation], list[Track]]:
    """Known objects, and their detections in an image whose pose is wrong by (4, 4) ``T``."""
    truth = np.eye(4)
    truth[:3, 3] = [0.0, 0.0, 1.2]
    frame = Frame(
        1,
        np.zeros((48, 64, 3), np.uint8),
        np.zeros((48, 64), np.float32),
        CAMERA,
        T @ truth,
        pose_covariance=COVARIANCE,
    )
    tracks = [track(n + 1, label, box_surface(at, n)) for n, (label, at) in enumerate(PLACES.items())]
    seen = [moved(observed(label, box_surface(at, n + 50)), T) for n, (label, at) in enumerate(PLACES.items())]
    return frame, seen, tracks


def wrong_pose() -> NDArray[np.float64]:
    T = np.eye(4)
    T[:3, :3] = Rotation.from_euler("zy", [3.0, -1.5], degrees=True).as_matrix()
    T[:3, 3] = [0.06, -0.05, 0.04]
    return T


def test_a_wrong_pose_is_found() -> None:
    frame, seen, tracks = scene(wrong_pose())
    found = align_frame(frame, seen, tracks, CONFIG)
    assert found is not None and found.after_m < 0.6 * found.before_m
    _, repaired = corrected(frame, seen, found)
    before = [np.linalg.norm(o.box.center - at) for o, at in zip(seen, PLACES.values(), strict=True)]
    after = [np.linalg.norm(o.box.center - at) for o, at in zip(repaired, PLACES.values(), strict=True)]
    assert np.median(after) < 0.3 * np.median(before)


def test_one_object_that_moved_is_not_a_pose_error() -> None:
    frame, seen, tracks = scene(np.eye(4))
    push = np.eye(4)
    push[:3, 3] = [0.0, 0.25, 0.0]
    found = align_frame(frame, [moved(seen[0], push), *seen[1:]], tracks, CONFIG)
    assert found is None or np.linalg.norm(found.T[:3, :3] @ frame.T_map_camera[:3, 3] + found.T[:3, 3]
                                           - frame.T_map_camera[:3, 3]) < 0.02  # fmt: skip


@pytest.mark.parametrize("covariance", [1e-9 * np.eye(6), np.full((6, 6), np.nan)])
def test_an_exact_or_unusable_covariance_leaves_the_pose(covariance: NDArray[np.float64]) -> None:
    frame, seen, tracks = scene(wrong_pose())
    assert align_frame(dataclasses.replace(frame, pose_covariance=covariance), seen, tracks, CONFIG) is None


def test_without_covariance_small_residuals_leave_the_pose() -> None:
    frame, seen, tracks = scene(np.eye(4))
    assert align_frame(dataclasses.replace(frame, pose_covariance=None), seen, tracks, CONFIG) is None
    frame, seen, tracks = scene(wrong_pose())
    assert align_frame(dataclasses.replace(frame, pose_covariance=None), seen, tracks, CONFIG) is not None


def test_the_correction_stays_within_what_the_covariance_allows() -> None:
    far = np.eye(4)
    far[:3, 3] = [0.0, 0.8, 0.0]
    frame, seen, tracks = scene(far)
    found = align_frame(frame, seen, tracks, CONFIG)
    if found is not None:
        shift = found.T[:3, :3] @ frame.T_map_camera[:3, 3] + found.T[:3, 3] - frame.T_map_camera[:3, 3]
        assert np.linalg.norm(shift) <= 3.0 * np.sqrt(2.0) * 0.1 / np.sqrt(3.0) + 1e-6


def test_detections_of_nothing_known_say_nothing() -> None:
    frame, seen, tracks = scene(wrong_pose())
    assert align_frame(frame, [dataclasses.replace(o, label="plant") for o in seen], tracks, CONFIG) is None
    assert align_frame(frame, seen, [], CONFIG) is None
    assert align_frame(frame, seen[:1], tracks, CONFIG) is None
