"""Wheels that drift, and a SLAM that closes loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from memory_agent_sim.odometry import LoopClosingSlam, OdometryConfig, SlamConfig, WheelOdometry

from memory_agent_ros.geometry.se3 import inverse, planar, yaw_of
from memory_agent_ros.records.errors import BadInputError


def square(laps=1, side=3.0, step=0.1):
    """True poses around a square."""
    poses, x, y, yaw = [], 0.0, 0.0, 0.0
    for _ in range(4 * laps):
        for _ in range(round(side / step)):
            x, y = x + step * np.cos(yaw), y + step * np.sin(yaw)
            poses.append(planar(x, y, yaw))
        for _ in range(9):
            yaw += np.pi / 18
            poses.append(planar(x, y, yaw))
    return poses


def run(config, poses, seed=0):
    wheels = WheelOdometry(config, np.eye(4), seed)
    return [wheels.moved(T).copy() for T in poses]


def test_without_errors_the_odometry_is_true():
    poses = square()
    assert np.allclose(run(OdometryConfig(), poses), poses)


def test_drift_grows_with_the_way_and_neighbours_fit():
    config = OdometryConfig(noise_per_m=0.02, yaw_noise_per_m=0.02, yaw_noise_per_rad=0.02)
    poses = square(laps=3)
    errors = []
    for seed in range(20):
        told = run(config, poses, seed)
        errors.append([np.linalg.norm(a[:2, 3] - b[:2, 3]) for a, b in zip(told, poses, strict=True)])
        relative = [inverse(a) @ b for a, b in itertools.pairwise(told)]
        true = [inverse(a) @ b for a, b in itertools.pairwise(poses)]
        assert max(np.linalg.norm(a[:2, 3] - b[:2, 3]) for a, b in zip(relative, true, strict=True)) < 0.04
    mean = np.mean(errors, axis=0)
    assert mean[len(mean) // 10] < mean[-1] / 2 and mean[-1] > 0.1


def test_biases_are_proportional_to_motion():
    ahead = [planar(0.1 * k, 0, 0) for k in range(1, 101)]
    assert run(OdometryConfig(length_bias=0.05), ahead)[-1][0, 3] == pytest.approx(10.5)
    turning = [planar(0, 0, 0.01 * k) for k in range(1, 101)]
    assert yaw_of(run(OdometryConfig(turn_bias=0.1), turning)[-1]) == pytest.approx(1.1)


def test_the_same_seed_drifts_alike_and_bad_errors_are_refused():
    config = OdometryConfig(noise_per_m=0.05)
    assert np.allclose(run(config, square(), 4), run(config, square(), 4))
    assert not np.allclose(run(config, square(), 4)[-1], run(config, square(), 5)[-1])
    for bad in ({"noise_per_m": -0.1}, {"length_bias": 0.5}, {"yaw_noise_per_m": float("nan")}):
        with pytest.raises(BadInputError):
            OdometryConfig(**bad)


def test_slam_drifts_with_the_wheels_until_a_loop_closes_and_then_is_right():
    poses = square(laps=2)
    told = run(OdometryConfig(length_bias=0.02, turn_bias=0.02), poses)
    slam = LoopClosingSlam(SlamConfig(apart_m=8.0))
    jumps = []
    for n, (measured, T) in enumerate(zip(told, poses, strict=True)):
        closed = slam.update(n, measured, T)
        estimate = slam.T_map_odom @ measured
        error = np.linalg.norm(estimate[:2, 3] - T[:2, 3])
        if closed:
            jumps.append(n)
            assert error < 1e-9
            by_stamp = dict(enumerate(poses))
            assert all(np.allclose(P, by_stamp[s]) for s, P in zip(slam.stamps_ns, slam.poses, strict=True))
    assert jumps and slam.closures == len(jumps)
    assert np.linalg.norm(told[jumps[0]][:2, 3] - poses[jumps[0]][:2, 3]) > 0.1
