from __future__ import annotations

import numpy as np
from memory_agent_sim.depth_noise import kinect_noise
from memory_agent_sim.sensors import pinhole

CAMERA = pinhole(160, 120)


def wall(z: float) -> np.ndarray:
    return np.full((120, 160), z, dtype=np.float32)


def test_seeded() -> None:
    a, b, c = (kinect_noise(wall(2.0), CAMERA, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_noise_grows_with_range() -> None:
    rng = np.random.default_rng(0)
    spread = []
    for z in (0.8, 2.0, 4.0):
        noisy = kinect_noise(wall(z), CAMERA, rng)
        read = noisy[noisy > 0]
        assert len(read) > 0.95 * noisy.size
        assert abs(read.mean() - z) < 0.02 * z
        spread.append(read.std())
        assert read.std() >= 0.8 * (0.0012 + 0.0019 * (z - 0.4) ** 2)
    assert spread[0] < spread[1] < spread[2] < 0.2


def test_edges_drop_out_and_range_is_limited() -> None:
    depth = wall(1.0)
    depth[:, 80:] = 3.0
    noisy = kinect_noise(depth, CAMERA, np.random.default_rng(0))
    assert (noisy[:, 79:81] == 0).mean() > 0.4
    assert (noisy[:, 20:60] == 0).mean() < 0.02
    assert (kinect_noise(wall(9.5), CAMERA, np.random.default_rng(0)) == 0).mean() > 0.9
    assert (kinect_noise(wall(0.1), CAMERA, np.random.default_rng(0)) == 0).all()


def test_grazing_surface_drops_out() -> None:
    """A floor seen almost edge on: depth falls off as one over the row, at 0.05 m below the camera."""
    rows = np.arange(120)[:, None] - CAMERA.K[1, 2]
    with np.errstate(divide="ignore"):
        depth = np.where(rows > 1, 0.05 * CAMERA.K[1, 1] / np.maximum(rows, 1e-3), 7.0)
    flat = np.repeat(depth, 160, axis=1).astype(np.float32)
    noisy = kinect_noise(flat, CAMERA, np.random.default_rng(0))
    assert (noisy[63:68] == 0).mean() > 0.5
