"""Estimation of up and of the floor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memory_agent_ros.perception.recordings.upright import estimate_upright, floor_height, initial_up, rotation_to_z
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame
from tests.perception.recordings.room import K, camera_pose, render, tilted_world


def _frames(steps: list[int], depth: bool = True) -> list[Frame]:
    frames = []
    for step in steps:
        rgb, metres = render(camera_pose(step))
        T = tilted_world() @ camera_pose(step)
        frames.append(Frame(step + 1, rgb, metres if depth else np.zeros_like(metres), Camera(160, 120, K), T))
    return frames


def test_up_and_floor_are_found_in_a_tilted_world() -> None:
    T = estimate_upright(_frames([0, 4, 8, 11]))
    up = T[:3, :3] @ tilted_world()[:3, 2]
    assert np.degrees(np.arcsin(np.linalg.norm(up[:2]))) < 0.5
    floor = T @ tilted_world() @ np.array([0.5, -0.5, 0.0, 1.0])
    assert abs(floor[2]) < 0.02


def test_one_view_is_enough_when_the_floor_is_in_it() -> None:
    T = estimate_upright(_frames([2]))
    assert (T[:3, :3] @ tilted_world()[:3, 2])[2] > 0.999


def test_without_depth_the_cameras_say_what_is_up() -> None:
    T = estimate_upright(_frames([0, 4, 8, 11], depth=False))
    assert (T[:3, :3] @ tilted_world()[:3, 2])[2] > 0.99
    assert T[2, 3] == 0.0


def test_level_cameras_that_turned_give_exact_up() -> None:
    rotations = np.stack([camera_pose(i)[:3, :3] for i in range(12)])
    assert initial_up(rotations) == pytest.approx([0, 0, 1], abs=1e-9)


@settings(max_examples=50, deadline=None)
@example(np.array([1e-5, 0.0, -1.0]))
@example(np.array([0.0, 3e-9, -1.0]))
@example(np.array([0.0, 0.0, -1.0]))
@given(arrays(np.float64, 3, elements=st.floats(-1, 1)))
def test_rotation_to_z_is_a_rotation_that_does_it(direction: np.ndarray) -> None:
    length = np.linalg.norm(direction)
    if length < 1e-3:
        return
    R = rotation_to_z(direction / length)
    assert pytest.approx(np.eye(3), abs=1e-6) == R @ R.T
    assert np.linalg.det(R) == pytest.approx(1.0)
    assert R @ (direction / length) == pytest.approx([0, 0, 1], abs=1e-6)


def test_floor_is_the_lowest_broad_level_not_the_biggest_nor_stray_points() -> None:
    rng = np.random.default_rng(0)
    heights = np.concatenate([rng.normal(-0.5, 0.01, 800), rng.normal(0.2, 0.01, 5000), [-1.4, -1.2]])
    assert floor_height(heights) == pytest.approx(-0.5, abs=0.01)
