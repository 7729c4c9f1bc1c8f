"""What a camera at a pose would see of the surfaces in stored pictures: as patches, without colours."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.pinhole import project_map
from memory_agent_ros.memory.presence.looks import HEIGHT, WIDTH, LookRecord
from memory_agent_ros.memory.views.patch_features import COLUMNS, DESCRIPTOR, PATCHES, ROWS, PatchFeatures, patch_rays
from memory_agent_ros.records.camera import Camera

#: Surfaces at most this much farther away than the nearest one in a patch are taken for the same surface.
_SAME_SURFACE = 1.25
#: Surfaces nearer than this say nothing of a view, and farther ones are not seen, metres.
_NEAR_M, _FAR_M = 0.2, 8.0
#: Depths agree by a Gaussian of this width, metres: a pose may be wrong by decimetres and the place be the same.
_AGREE_M = 0.3


def predict_patches(
    camera: Camera, T_map_camera: NDArray[np.float64], points: NDArray[np.floating], normals: NDArray[np.floating]
) -> PatchFeatures:
    """Patches a camera would see: the nearest of the stored surfaces that face it.

    Args:
        camera: intrinsics.
        T_map_camera: (4, 4) pose of the optical frame.
        points: (N, 3) stored surface points, map frame.
        normals: (N, 3) towards the side they were seen from, map frame; zero where unknown.

    Returns:
        Patches with zero descriptors; points are NaN where nothing is known. Of what is behind a surface seen from its
        back nothing is predicted.
    """
    uv, z = project_map(camera.K, T_map_camera, points)
    with np.errstate(invalid="ignore"):
        seen = (z > _NEAR_M) & (z < _FAR_M) & (uv > -0.5).all(axis=1)
        seen &= (uv < np.array([camera.width, camera.height]) - 0.5).all(axis=1)
    uv, z, at, normal = uv[seen], z[seen], points[seen], normals[seen]
    to_camera = T_map_camera[:3, 3] - at
    facing = (normal * to_camera).sum(axis=1) >= 0.0
    patch = _patch_of(uv, camera)
    nearest = np.full(PATCHES, np.inf)
    np.minimum.at(nearest, patch[facing], z[facing])
    surface = facing & (z <= _SAME_SURFACE * nearest[patch])
    count = np.bincount(patch[surface], minlength=PATCHES)
    local = (at[surface] - T_map_camera[:3, 3]) @ T_map_camera[:3, :3]
    mean, turned = (
        np.stack([np.bincount(patch[surface], column, PATCHES) for column in values.T], axis=1)
        for values in (local, normal[surface] @ T_map_camera[:3, :3])
    )
    known = count > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        middle = np.where(known[:, None], mean / count[:, None], np.nan)
    length = np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)
    return PatchFeatures(
        np.zeros((PATCHES, DESCRIPTOR), np.float32),
        patch_rays(camera),
        middle.astype(np.float32),
        np.where(known[:, None], turned / length, 0.0).astype(np.float32),
        known.astype(np.float32),
    )


def patches_of_look(look: LookRecord, camera: Camera) -> PatchFeatures:
    """Patches of a picture of which only the depth thumbnail is kept: the median reading of each."""
    blocks = look.depth_mm.reshape(ROWS, HEIGHT // ROWS, COLUMNS, WIDTH // COLUMNS)
    depth = blocks.transpose(0, 2, 1, 3).reshape(PATCHES, -1) / 1000.0
    readings = (depth > 0).mean(axis=1)
    z = np.array([np.median(d[d > 0]) if (d > 0).any() else np.nan for d in depth])
    rays = patch_rays(camera)
    points = rays / rays[:, 2:] * z[:, None]
    unknown = unknown_patches(camera)
    return dataclasses.replace(unknown, points_camera=points.astype(np.float32), readings=readings.astype(np.float32))


def unknown_patches(camera: Camera) -> PatchFeatures:
    """Patches of a view of which nothing is known but where it looks."""
    zeros = np.zeros((PATCHES, 3), np.float32)
    empty = np.zeros((PATCHES, DESCRIPTOR), np.float32)
    return PatchFeatures(empty, patch_rays(camera), np.full_like(zeros, np.nan), zeros, np.zeros(PATCHES, np.float32))


def agreement(points: NDArray[np.floating], look: LookRecord, T_map_look: NDArray[np.float64]) -> float:
    """Share of (N, 3) map points that a thumbnail shows: in its image, and its depth agrees. 0 without points."""
    if len(points) == 0:
        return 0.0
    uv, z = project_map(look.K, T_map_look, points)
    with np.errstate(invalid="ignore"):
        inside = (z > _NEAR_M) & (uv > -0.5).all(axis=1) & (uv < np.array([WIDTH, HEIGHT]) - 0.5).all(axis=1)
    pixel = np.rint(uv[inside]).astype(np.intp)
    measured = look.depth_mm[pixel[:, 1], pixel[:, 0]] / 1000.0
    agrees = (measured > 0) * np.exp(-0.5 * ((measured - z[inside]) / _AGREE_M) ** 2)
    return float(agrees.sum() / len(points))


def _patch_of(uv: NDArray[np.float64], camera: Camera) -> NDArray[np.intp]:
    """(N, 2) pixels inside the image -> (N,) patch."""
    column = np.floor((uv[:, 0] + 0.5) * COLUMNS / camera.width).astype(np.intp)
    row = np.floor((uv[:, 1] + 0.5) * ROWS / camera.height).astype(np.intp)
    return np.asarray(np.clip(row, 0, ROWS - 1) * COLUMNS + np.clip(column, 0, COLUMNS - 1), dtype=np.intp)
