"""Errors put on a replay have the size that their name says."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from memory_agent_ros.evaluation.walks.noise import PoseNoise, kept, moved_observation
from memory_agent_ros.geometry.boxes import upright_box
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.observation import Observation

TRUE = np.tile(np.eye(4), (4000, 1, 1))


@pytest.mark.parametrize("family", ["gaussian", "drift"])
def test_root_mean_square_errors_are_as_asked(family: str) -> None:
    told = PoseNoise(0.1, 3.0, family, seed=1).draw(TRUE)
    length = np.linalg.norm(told[:, :3, 3], axis=1)
    angle = np.rad2deg(Rotation.from_matrix(told[:, :3, :3]).magnitude())
    assert np.sqrt((length**2).mean()) == pytest.approx(0.1, rel=0.1)
    assert np.sqrt((angle**2).mean()) == pytest.approx(3.0, rel=0.1)


def test_drift_is_correlated_and_white_noise_is_not() -> None:
    for family, least, most in (("gaussian", -0.1, 0.1), ("drift", 0.85, 1.0)):
        x = PoseNoise(0.1, 3.0, family).draw(TRUE)[:, 0, 3]
        assert least < float(np.corrcoef(x[:-1], x[1:])[0, 1]) < most


def test_heavy_tails_have_outliers() -> None:
    x = PoseNoise(0.1, 3.0, "heavy_tail").draw(TRUE)[:, 0, 3]
    normal = PoseNoise(0.1, 3.0).draw(TRUE)[:, 0, 3]
    assert np.median(np.abs(x)) == pytest.approx(np.median(np.abs(normal)), rel=0.1)
    assert np.abs(x).max() > 3 * np.abs(normal).max()


def test_the_same_seed_gives_the_same_error() -> None:
    assert (PoseNoise(0.1, 3.0, seed=5).draw(TRUE) == PoseNoise(0.1, 3.0, seed=5).draw(TRUE)).all()
    assert (PoseNoise(0.1, 3.0, seed=5).draw(TRUE) != PoseNoise(0.1, 3.0, seed=6).draw(TRUE)).any()


def test_an_observation_moves_as_a_whole() -> None:
    points = np.random.default_rng(0).uniform(-0.2, 0.2, (60, 3)).astype(np.float32) * [1.0, 2.0, 0.5]
    center, size, yaw = upright_box(points)
    obs = Observation(
        1, "box", 0.9, {}, points.astype(np.float32), points.mean(axis=0), np.diag([1e-4, 4e-4, 1e-4]),
        OrientedBox(center, size, yaw), np.zeros(4, np.float32), 100, False, None, 1.0,
    )  # fmt: skip
    T = np.eye(4)
    T[:3, :3] = Rotation.from_euler("z", 90, degrees=True).as_matrix()
    T[:3, 3] = [1.0, 2.0, 3.0]
    moved = moved_observation(obs, T)
    assert np.allclose(moved.centroid_map, T[:3, :3] @ obs.centroid_map + T[:3, 3], atol=1e-5)
    assert np.allclose(np.diag(moved.covariance), [4e-4, 1e-4, 1e-4])
    assert np.allclose(moved.box.center, T[:3, :3] @ center + T[:3, 3], atol=1e-4)
    assert np.allclose(np.sort(moved.box.size), np.sort(size), atol=1e-3)


def test_misses_have_their_rate() -> None:
    assert kept(10000, 0.2, (1, 2)).mean() == pytest.approx(0.8, abs=0.02)
    assert kept(10, 0.0, (1,)).all()
