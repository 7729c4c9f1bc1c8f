"""Undoing lens distortion, so that every picture behind the border is a plain pinhole's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records import limits
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError

_POLYNOMIAL = {"plumb_bob", "rational_polynomial", "radtan", "thin_prism", ""}
#: Numbers of coefficients that polynomial models have.
_TERMS = (4, 5, 8, 12, 14)
_FISHEYE = {"equidistant", "fisheye", "kannala_brandt"}


@dataclass(frozen=True, eq=False)
class Rectifier:
    """Maps a distorted image to the pinhole image with the same ``camera``.

    Attributes:
        camera: intrinsics before and after; only the distortion is undone.
        source: two (H, W) float32 arrays, column and row each pixel comes from; None for a lens without distortion.
    """

    camera: Camera
    source: tuple[NDArray[np.float32], NDArray[np.float32]] | None

    def color(self, rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W, 3) distorted -> rectified, bilinear, black outside."""
        if self.source is None:
            return rgb
        return np.asarray(cv2.remap(rgb, *self.source, cv2.INTER_LINEAR), dtype=np.uint8)

    def depth(self, depth_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """(H, W) distorted -> rectified, nearest neighbour (depths must not be mixed across edges), 0 outside."""
        if self.source is None or depth_m.shape != self.source[0].shape:
            return depth_m
        return np.asarray(cv2.remap(depth_m, *self.source, cv2.INTER_NEAREST), dtype=np.float32)


def make_rectifier(camera: Camera, coefficients: Sequence[float], model: str) -> Rectifier:
    """Rectifier for the distortion of a ``sensor_msgs/CameraInfo`` (``d``, ``distortion_model``).

    Raises:
        BadInputError: ``distortion_model`` for one we do not know, ``camera_invalid`` for coefficients that are not
            finite or of another number than the model has, and for images larger than any camera's.
    """
    D = np.asarray(coefficients, dtype=np.float64).ravel()
    if not np.isfinite(D).all():
        raise BadInputError(
            "camera_invalid", "the distortion coefficients hold NaN or infinity; recalibrate the camera"
        )
    if not D.any():
        return Rectifier(camera, None)
    size = (camera.width, camera.height)
    if max(size) > limits.IMAGE_SIDE or size[0] * size[1] > limits.IMAGE_PIXELS:
        raise BadInputError("camera_invalid", f"no camera gives images of {size[0]}x{size[1]}; check its camera_info")
    if (model in _POLYNOMIAL and len(D) not in _TERMS) or (model in _FISHEYE and len(D) < 4):
        raise BadInputError("camera_invalid", f"the distortion model '{model}' has no {len(D)} coefficients")
    if model in _POLYNOMIAL:
        x, y = cv2.initUndistortRectifyMap(camera.K, D, np.eye(3), camera.K, size, cv2.CV_32FC1)
    elif model in _FISHEYE:
        x, y = cv2.fisheye.initUndistortRectifyMap(camera.K, D[:4], np.eye(3), camera.K, size, cv2.CV_32FC1)
    else:
        raise BadInputError(
            "distortion_model",
            f"distortion model '{model}' is not known; use plumb_bob, rational_polynomial or equidistant",
        )
    return Rectifier(camera, (x.astype(np.float32), y.astype(np.float32)))
