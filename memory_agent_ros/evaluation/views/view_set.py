"""Pictures of a walk with what recall needs of them: patches, thumbnails of depth, true co-visibility."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.walks.walk import Walk, WalkConfig, cache_folder, record_walk
from memory_agent_ros.geometry.pinhole import unproject_pixels
from memory_agent_ros.memory.presence.looks import HEIGHT, WIDTH, look_of
from memory_agent_ros.memory.views.patch_features import PatchFeatures, frame_patches, patch_rays
from memory_agent_ros.records.camera import Camera

_VERSION = 2
#: Thumbnail pixels between the samples whose co-visibility is judged.
_STRIDE = 4
#: Depths that differ by less than this, metres and share of the depth, are the same surface.
_SAME_M, _SAME_SHARE = 0.1, 0.04


@dataclass(frozen=True, eq=False)
class ViewSet:
    """Pictures of one apartment in order of time.

    Attributes:
        size: (2,) width and height of the pictures; K (3, 3) of them, ``look_K`` of the thumbnails.
        passes: (N,) pass of each picture.
        T_map_camera: (N, 4, 4) true poses.
        descriptors: (N, P, 8); points_camera (N, P, 3), NaN without depth; normals_camera (N, P, 3); readings (N, P).
        depth_mm: (N, 60, 80) uint16 thumbnails, 0 = no reading.
    """

    size: NDArray[np.int64]
    K: NDArray[np.float64]
    look_K: NDArray[np.float64]
    passes: NDArray[np.int64]
    T_map_camera: NDArray[np.float64]
    descriptors: NDArray[np.float32]
    points_camera: NDArray[np.float32]
    normals_camera: NDArray[np.float32]
    readings: NDArray[np.float32]
    depth_mm: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.passes)

    @property
    def camera(self) -> Camera:
        """Intrinsics of the pictures."""
        return Camera(int(self.size[0]), int(self.size[1]), self.K)

    def patches(self, index: int) -> PatchFeatures:
        """Patches of one picture."""
        return PatchFeatures(
            self.descriptors[index],
            patch_rays(self.camera),
            self.points_camera[index],
            self.normals_camera[index],
            self.readings[index],
        )


def view_set(split: str, seed: int, config: WalkConfig, *, progress: bool = False) -> ViewSet:
    """The pictures of a walk; computed once, read from the user's cache afterwards."""
    path = cache_folder().parent / "views" / f"{split}-{seed}-{config.passes}-{config.edits}-{_VERSION}.npz"
    names = [f.name for f in fields(ViewSet)]
    if path.exists():
        with np.load(path) as file:
            return ViewSet(**{name: file[name] for name in names})
    made = of_walk(record_walk(split, seed, config, progress=progress))
    _write(path, {name: getattr(made, name) for name in names})
    return made


def of_walk(walk: Walk) -> ViewSet:
    """All pictures of a walk."""
    patches, looks = [], []
    for _, frame in walk.frames():
        patches.append(frame_patches(frame))
        looks.append(look_of(frame, 0))
    return ViewSet(
        np.array([walk.camera.width, walk.camera.height]),
        walk.camera.K,
        looks[0].K,
        walk.passes.astype(np.int64),
        walk.T_map_camera,
        np.stack([p.descriptors for p in patches]),
        np.stack([p.points_camera for p in patches]),
        np.stack([p.normals_camera for p in patches]),
        np.stack([p.readings for p in patches]),
        np.stack([look.depth_mm for look in looks]),
    )


def covisibility(views: ViewSet, queries: NDArray[np.intp], others: NDArray[np.intp]) -> NDArray[np.float32]:
    """(Q, F) share of each query's surface that each other picture shows, by reprojecting depth at the true poses."""
    v, u = np.mgrid[_STRIDE // 2 : HEIGHT : _STRIDE, _STRIDE // 2 : WIDTH : _STRIDE]
    out = np.zeros((len(queries), len(others)), np.float32)
    to_camera = np.linalg.inv(views.T_map_camera[others])
    f, (cx, cy) = views.look_K[[0, 1], [0, 1]], views.look_K[:2, 2]
    thumbnails = views.depth_mm[others]
    for row, index in enumerate(queries):
        z = views.depth_mm[index][v, u].ravel() / 1000.0
        good = z > 0
        if not good.any():
            continue
        T = views.T_map_camera[index]
        points = unproject_pixels(views.look_K, u.ravel()[good], v.ravel()[good], z[good]) @ T[:3, :3].T + T[:3, 3]
        local = np.einsum("fab,pb->fpa", to_camera[:, :3, :3], points) + to_camera[:, None, :3, 3]
        depth = np.maximum(local[..., 2], 1e-3)
        column = np.rint(local[..., 0] / depth * f[0] + cx).astype(np.intp)
        line = np.rint(local[..., 1] / depth * f[1] + cy).astype(np.intp)
        inside = (local[..., 2] > 0.1) & (column >= 0) & (column < WIDTH) & (line >= 0) & (line < HEIGHT)
        frame = np.broadcast_to(np.arange(len(others))[:, None], column.shape)
        there = np.zeros(column.shape)
        there[inside] = thumbnails[frame[inside], line[inside], column[inside]] / 1000.0
        same = np.abs(there - depth) <= np.maximum(_SAME_M, _SAME_SHARE * depth)
        out[row] = (inside & same).mean(axis=1)
    return out


def thinned(views: ViewSet, move_m: float = 0.6, turn_deg: float = 35.0, covered: float = 0.85) -> NDArray[np.intp]:
    """Pictures that a memory keeps: moved or turned since the last, and not covered by a kept one."""
    kept: list[int] = []
    for index, T in enumerate(views.T_map_camera):
        if kept:
            last = views.T_map_camera[kept[-1]]
            turned = np.arccos(np.clip((np.trace(last[:3, :3].T @ T[:3, :3]) - 1.0) / 2.0, -1.0, 1.0))
            if np.linalg.norm(last[:3, 3] - T[:3, 3]) < move_m and turned < np.deg2rad(turn_deg):
                continue
            if covisibility(views, np.array([index]), np.array(kept)).max() > covered:
                continue
        kept.append(index)
    return np.array(kept, np.intp)


def _write(path: Path, arrays: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as draft:
        np.savez_compressed(draft, **arrays)
    os.replace(draft.name, path)
