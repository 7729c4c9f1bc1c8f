"""A picture as a small grid of patches: colour, texture, surface. What a keyframe keeps for recall besides its JPEG.

Everything is in the camera's own optical frame, so a keyframe whose pose is corrected keeps its patches as they are.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.pinhole import unproject_pixels, valid_depth
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError, StoreError
from memory_agent_ros.records.frame import Frame

#: Patches of a picture across and down.
COLUMNS, ROWS = 8, 6
PATCHES = COLUMNS * ROWS
#: Numbers in a patch's descriptor: mean and spread of L, a, b and energy of horizontal and vertical gradients.
DESCRIPTOR = 8

_MAGIC, _VERSION = b"VPF", 1
_HEADER = struct.Struct("<3sBBB")
#: Working size per patch, pixels; readings a patch needs; share of the range within which they are one surface.
_COLOR_PX, _DEPTH_PX, _MIN_READINGS, _ONE_SURFACE = 20, 8, 6, 0.08


@dataclass(frozen=True, eq=False)
class PatchFeatures:
    """Patches of one picture, row by row from the upper left.

    Attributes:
        descriptors: (P, 8) float32 mean L, a, b, spread of L, a, b, horizontal and vertical gradient energy;
            about [-1, 1] each.
        rays_camera: (P, 3) float32 unit rays through the patch centres, optical frame.
        points_camera: (P, 3) float32 middle of the surface that fills most of the patch, optical frame, metres;
            NaN without depth.
        normals_camera: (P, 3) float32 unit normal of it towards the camera, optical frame; zero without depth.
        readings: (P,) float32 share of the patch with depth on that surface, [0, 1].
    """

    descriptors: NDArray[np.float32]
    rays_camera: NDArray[np.float32]
    points_camera: NDArray[np.float32]
    normals_camera: NDArray[np.float32]
    readings: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.descriptors)

    @property
    def has_depth(self) -> NDArray[np.bool_]:
        """(P,) where a surface is known."""
        return np.isfinite(self.points_camera[:, 0])


def patch_features(
    rgb: NDArray[np.uint8],
    depth_m: NDArray[np.float32],
    camera: Camera,
    depth_camera: Camera | None = None,
) -> PatchFeatures:
    """Patches of a picture with depth; about 2 ms at 640x480.

    Args:
        rgb: (H, W, 3) uint8.
        depth_m: (h, w) float32 planar z, metres; 0, NaN and infinity are no reading.
        camera: of the picture.
        depth_camera: of the depth image, if it is another one (same optical centre and axes).

    Raises:
        BadInputError: ``color_shape`` or ``depth_size`` if an image is not as large as its camera says.
    """
    depth_camera = depth_camera or camera
    if rgb.shape != (camera.height, camera.width, 3):
        raise BadInputError("color_shape", f"rgb is {rgb.shape}, its camera says {camera.width}x{camera.height}")
    if depth_m.shape != (depth_camera.height, depth_camera.width):
        raise BadInputError("depth_size", f"depth is {depth_m.shape}, its camera says otherwise; align depth to colour")
    points, normals, readings = _surfaces(depth_m, depth_camera, camera)
    return PatchFeatures(_descriptors(rgb), patch_rays(camera), points, normals, readings)


def frame_patches(frame: Frame) -> PatchFeatures:
    """:func:`patch_features` of a frame."""
    return patch_features(frame.rgb, frame.depth_m, frame.camera, frame.depth_camera)


def patch_rays(camera: Camera) -> NDArray[np.float32]:
    """(P, 3) float32 unit rays through the patch centres, optical frame."""
    u = (np.arange(COLUMNS) + 0.5) * camera.width / COLUMNS - 0.5
    v = (np.arange(ROWS) + 0.5) * camera.height / ROWS - 0.5
    vv, uu = np.meshgrid(v, u, indexing="ij")
    rays = np.stack([uu.ravel(), vv.ravel(), np.ones(PATCHES)], axis=1) @ np.linalg.inv(camera.K).T
    return np.asarray(rays / np.linalg.norm(rays, axis=1, keepdims=True), dtype=np.float32)


def pack_patches(patches: PatchFeatures) -> bytes:
    """Bytes for the store: half floats behind a short header, about 1.4 kB; the camera gives the rays."""
    columns = (patches.descriptors, patches.points_camera, patches.normals_camera, patches.readings[:, None])
    body = np.concatenate(columns, axis=1).astype("<f2")
    return _HEADER.pack(_MAGIC, _VERSION, COLUMNS, ROWS) + body.tobytes()


def unpack_patches(data: bytes, camera: Camera) -> PatchFeatures:
    """Inverse of :func:`pack_patches`, to half precision.

    Raises:
        StoreError: the bytes are not patches of this version.
    """
    width = DESCRIPTOR + 7
    if len(data) != _HEADER.size + PATCHES * width * 2 or data[: _HEADER.size] != _HEADER.pack(
        _MAGIC, _VERSION, COLUMNS, ROWS
    ):
        raise StoreError("stored patch features cannot be read; run verify() on the map")
    body = np.frombuffer(data, "<f2", offset=_HEADER.size).reshape(PATCHES, width).astype(np.float32)
    d = DESCRIPTOR
    return PatchFeatures(body[:, :d], patch_rays(camera), body[:, d : d + 3], body[:, d + 3 : d + 6], body[:, d + 6])


def _descriptors(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W, 3) -> (P, 8)."""
    size = (COLUMNS * _COLOR_PX, ROWS * _COLOR_PX)
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255.0
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB) / 100.0
    lightness = np.ascontiguousarray(lab[..., 0])
    gradients = [np.abs(cv2.Sobel(lightness, cv2.CV_32F, dx, 1 - dx, ksize=3)) for dx in (1, 0)]
    blocks = _blocks(np.dstack([lab, *gradients]))
    mean = blocks.mean(axis=1)
    spread = blocks[..., :3].std(axis=1)
    return np.concatenate([mean[:, :3], 2.0 * spread, mean[:, 3:]], axis=1).astype(np.float32)


def _blocks(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, C) -> (P, pixels, C)."""
    h, w, c = image.shape
    cut = image.reshape(ROWS, h // ROWS, COLUMNS, w // COLUMNS, c)
    return cut.transpose(0, 2, 1, 3, 4).reshape(PATCHES, -1, c)


def _surfaces(
    depth_m: NDArray[np.float32], depth_camera: Camera, camera: Camera
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Points (P, 3), normals (P, 3) and share of readings (P,) of the surface at the median depth of each patch."""
    step_v = max(depth_camera.height // (ROWS * _DEPTH_PX), 1)
    step_u = max(depth_camera.width // (COLUMNS * _DEPTH_PX), 1)
    v, u = np.mgrid[step_v // 2 : depth_camera.height : step_v, step_u // 2 : depth_camera.width : step_u]
    z = depth_m[v, u]
    good = valid_depth(z)
    points = unproject_pixels(depth_camera.K, u[good], v[good], z[good]).astype(np.float64)
    column, row = _cells(points, camera)
    inside = (column >= 0) & (column < COLUMNS) & (row >= 0) & (row < ROWS)
    points, patch = points[inside], (row * COLUMNS + column)[inside]
    if depth_camera is camera:
        drawn = np.bincount((v * ROWS // camera.height * COLUMNS + u * COLUMNS // camera.width).ravel(), None, PATCHES)
    else:
        drawn = np.full(PATCHES, max(good.size / PATCHES, 1.0))
    middle = _medians(points[:, 2], patch)
    same = np.abs(points[:, 2] - middle[patch]) <= _ONE_SURFACE * middle[patch] + 0.02
    points, patch = points[same], patch[same]
    count = np.bincount(patch, minlength=PATCHES)
    known = count >= _MIN_READINGS
    mean = (
        np.stack([np.bincount(patch, points[:, a], PATCHES) for a in range(3)], axis=1) / np.maximum(count, 1)[:, None]
    )
    normals = np.where(known[:, None], _normals(points - mean[patch], patch, mean), 0.0)
    readings = np.clip(count / np.maximum(drawn, 1), 0.0, 1.0)
    return (
        np.where(known[:, None], mean, np.nan).astype(np.float32),
        normals.astype(np.float32),
        readings.astype(np.float32),
    )


def _cells(points: NDArray[np.float64], camera: Camera) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Column and row of the patch each (N, 3) optical-frame point lies in."""
    K = camera.K
    u = (K[0, 0] * points[:, 0] + K[0, 1] * points[:, 1]) / points[:, 2] + K[0, 2]
    v = K[1, 1] * points[:, 1] / points[:, 2] + K[1, 2]
    column = np.floor((u + 0.5) * COLUMNS / camera.width).astype(np.intp)
    return column, np.floor((v + 0.5) * ROWS / camera.height).astype(np.intp)


def _medians(values: NDArray[np.float64], patch: NDArray[np.intp]) -> NDArray[np.float64]:
    """(P,) median of the values of each patch, 0 where there are none."""
    order = np.lexsort((values, patch))
    count = np.bincount(patch, minlength=PATCHES)
    first = np.cumsum(count) - count
    out = np.zeros(PATCHES)
    some = count > 0
    out[some] = values[order][(first + count // 2)[some]]
    return out


def _normals(offsets: NDArray[np.float64], patch: NDArray[np.intp], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P, 3) direction of least spread of (N, 3) offsets from the patch means, towards the camera."""
    spread = np.zeros((PATCHES, 3, 3))
    for a in range(3):
        for b in range(a, 3):
            spread[:, a, b] = spread[:, b, a] = np.bincount(patch, offsets[:, a] * offsets[:, b], PATCHES)
    normals = np.linalg.eigh(spread)[1][:, :, 0]
    away = np.einsum("pa,pa->p", normals, mean) > 0
    return np.asarray(np.where(away[:, None], -normals, normals))
