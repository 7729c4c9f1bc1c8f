"""Which pictures are kept, and how they are encoded and blanked."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.views.patch_features import COLUMNS, ROWS, pack_patches, unpack_patches
from memory_agent_ros.records.errors import StoreError
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.observation import Observation


def quality(obs: Observation, image_pixels: int) -> float:
    """How good a view is: share of the image it fills (as a length), score, whole or cut off; in [0, 1]."""
    return float(np.sqrt(obs.pixels / image_pixels) * obs.score * (0.4 if obs.truncated else 1.0))


def wants_view(track: Track, view_quality: float, direction: NDArray[np.float64], config: MemoryConfig) -> bool:
    """Whether a view of a confirmed object is worth a picture: the first here, much better, or from another side."""
    views = track.views
    if not views.directions:
        return True
    if len(views.directions) >= config.keyframes_per_object:
        return False
    if view_quality > config.keyframe_gain * views.best:
        return True
    turned = np.arccos(np.clip(np.array(views.directions) @ direction, -1.0, 1.0)).min()
    return bool(turned > np.deg2rad(config.keyframe_angle_deg) and view_quality > 0.5 * views.best)


def view_direction(track: Track, frame: Frame) -> NDArray[np.float64]:
    """(3,) unit vector from the object to the camera."""
    d = frame.T_map_camera[:3, 3] - track.centroid
    return np.asarray(d / max(float(np.linalg.norm(d)), 1e-9))


def keep_view(track: Track, view_quality: float, direction: NDArray[np.float64], config: MemoryConfig) -> None:
    """Note that a picture of this view is kept."""
    track.views.best = max(track.views.best, view_quality)
    if len(track.views.directions) < config.keyframes_per_object:
        track.views.directions.append([round(float(x), 4) for x in direction])


def encode(rgb: NDArray[np.uint8], jpeg_quality: int) -> bytes:
    """(H, W, 3) uint8 RGB -> JPEG bytes."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality])
    if not done:
        raise StoreError("the picture could not be encoded as JPEG")
    return data.tobytes()


def decode(jpeg: bytes) -> NDArray[np.uint8]:
    """JPEG bytes -> (H, W, 3) uint8 RGB.

    Raises:
        StoreError: the bytes are no JPEG.
    """
    image = cv2.imdecode(np.frombuffer(jpeg, dtype=np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise StoreError("a stored picture cannot be decoded; run verify() on the map")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def blank(jpeg: bytes, boxes_xyxy: list[NDArray[np.float64]], jpeg_quality: int, margin_px: int = 8) -> bytes:
    """The picture with the given pixel boxes filled with grey, wide enough that no JPEG block keeps a trace."""
    image = decode(jpeg)
    for x0, y0, x1, y1 in boxes_xyxy:
        top, left = max(int(y0) - margin_px, 0), max(int(x0) - margin_px, 0)
        image[top : max(int(np.ceil(y1)) + margin_px, 0), left : max(int(np.ceil(x1)) + margin_px, 0)] = 128
    return encode(image, jpeg_quality)


def blank_features(picture: Keyframe, boxes_xyxy: list[NDArray[np.float64]], margin_px: int = 8) -> bytes | None:
    """The picture's packed patch features without what they say of patches that the given pixel boxes touch."""
    if picture.features is None:
        return None
    patches = unpack_patches(picture.features, picture.camera)
    touched = np.zeros((ROWS, COLUMNS), dtype=bool)
    patch_px = np.array([picture.camera.width / COLUMNS, picture.camera.height / ROWS])
    for box in boxes_xyxy:
        low = np.floor((np.asarray(box[:2]) - margin_px) / patch_px).clip(0).astype(int)
        high = np.ceil((np.asarray(box[2:]) + margin_px) / patch_px).clip(0).astype(int)
        touched[low[1] : high[1], low[0] : high[0]] = True
    clean = {
        name: np.where(touched.reshape(-1, *[1] * (column.ndim - 1)), empty, column)
        for name, empty in (("descriptors", 0.0), ("points_camera", np.nan), ("normals_camera", 0.0), ("readings", 0.0))
        for column in [getattr(patches, name)]
    }
    return pack_patches(dataclasses.replace(patches, **clean))
