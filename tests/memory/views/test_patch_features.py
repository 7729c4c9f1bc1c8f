"""Patches of a picture: colour, surface, and their bytes."""

import numpy as np
import pytest

from memory_agent_ros.memory.views.patch_features import (
    COLUMNS,
    PATCHES,
    ROWS,
    pack_patches,
    patch_features,
    patch_rays,
    unpack_patches,
)
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError, StoreError

CAMERA = Camera(160, 120, np.array([[140.0, 0, 79.5], [0, 140.0, 59.5], [0, 0, 1]]))


def tilted_plane(camera: Camera, normal: np.ndarray, distance: float) -> np.ndarray:
    """(h, w) planar depth of the plane normal . x = -distance."""
    v, u = np.mgrid[0 : camera.height, 0 : camera.width]
    rays = np.stack([u, v, np.ones_like(u)], axis=-1) @ np.linalg.inv(camera.K).T
    return (-distance / (rays @ normal)).astype(np.float32)


def test_plane_gives_its_points_and_normal() -> None:
    normal = np.array([0.3, -0.2, -1.0])
    normal /= np.linalg.norm(normal)
    patches = patch_features(np.zeros((120, 160, 3), np.uint8), tilted_plane(CAMERA, normal, 2.0), CAMERA)
    assert patches.has_depth.all() and len(patches) == PATCHES
    assert np.abs(patches.normals_camera - normal).max() < 1e-3
    assert np.abs(patches.points_camera @ normal + 2.0).max() < 1e-3
    direction = patches.points_camera / np.linalg.norm(patches.points_camera, axis=1, keepdims=True)
    assert (direction * patches.rays_camera).sum(axis=1).min() > np.cos(np.deg2rad(1.0))
    assert patches.readings.min() > 0.9


def test_colour_stays_in_its_patch() -> None:
    rgb = np.zeros((120, 160, 3), np.uint8)
    rgb[0:20, 0:20] = (255, 0, 0)
    patches = patch_features(rgb, np.full((120, 160), 2.0, np.float32), CAMERA)
    assert patches.descriptors[0, 0] > 0.4 and patches.descriptors[0, 1] > 0.5
    assert np.abs(patches.descriptors[2:, :6]).max() < 0.05


def test_depth_of_another_camera_lands_on_the_same_patches() -> None:
    normal = np.array([0.0, 0.0, -1.0])
    wide = Camera(120, 100, np.array([[90.0, 0, 60.0], [0, 90.0, 50.0], [0, 0, 1]]))
    rgb = np.zeros((120, 160, 3), np.uint8)
    same = patch_features(rgb, tilted_plane(CAMERA, normal, 3.0), CAMERA)
    other = patch_features(rgb, tilted_plane(wide, normal, 3.0), CAMERA, wide)
    inner = np.zeros((ROWS, COLUMNS), bool)
    inner[1:-1, 1:-1] = True
    assert other.has_depth[inner.ravel()].all()
    assert np.abs(other.points_camera - same.points_camera)[inner.ravel()].max() < 0.15


def test_holes_have_no_surface() -> None:
    depth = np.full((120, 160), np.nan, np.float32)
    depth[:, :80] = 1.5
    patches = patch_features(np.zeros((120, 160, 3), np.uint8), depth, CAMERA)
    left = np.tile(np.arange(COLUMNS) < COLUMNS // 2, ROWS)
    assert (patches.has_depth == left).all()
    assert not patches.normals_camera[~left].any() and not patches.readings[~left].any()


def test_bytes_come_back() -> None:
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.5, 5.0, (120, 160)).astype(np.float32)
    depth[:30] = 0
    patches = patch_features(rng.integers(0, 255, (120, 160, 3), dtype=np.uint8), depth, CAMERA)
    data = pack_patches(patches)
    back = unpack_patches(data, CAMERA)
    assert len(data) < 1500
    for name in ("descriptors", "rays_camera", "points_camera", "normals_camera", "readings"):
        np.testing.assert_allclose(getattr(back, name), getattr(patches, name), atol=4e-3, rtol=2e-3)
    with pytest.raises(StoreError):
        unpack_patches(data[:-1], CAMERA)


def test_rays_do_not_depend_on_the_resolution() -> None:
    np.testing.assert_allclose(patch_rays(CAMERA), patch_rays(CAMERA.scaled(640, 480)), atol=1e-6)


def test_wrong_sizes_are_refused() -> None:
    with pytest.raises(BadInputError, match="depth"):
        patch_features(np.zeros((120, 160, 3), np.uint8), np.zeros((60, 80), np.float32), CAMERA)
