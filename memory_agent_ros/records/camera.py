"""Pinhole camera parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import BadInputError

#: Least determinant of K, square pixels: below it nothing can be projected back.
_LEAST_DET = 1e-6


@dataclass(frozen=True, eq=False)
class Camera:
    """Rectified pinhole camera: pixel ``(u, v, 1) ~ K @ (x, y, z)`` in the optical frame (z forward).

    Attributes:
        width, height: image size in pixels.
        K: (3, 3) float64 intrinsic matrix in pixels; integer ``(u, v)`` are pixel centres.

    Raises:
        BadInputError: ``camera_invalid`` if the size or the focal length is not positive or K is not finite
            or cannot be inverted.
    """

    width: int
    height: int
    K: NDArray[np.float64]

    def __post_init__(self) -> None:
        K = np.asarray(self.K, dtype=np.float64)
        if K.shape != (3, 3) or not np.isfinite(K).all() or K[0, 0] <= 0 or K[1, 1] <= 0:
            raise BadInputError("camera_invalid", f"K must be a finite 3x3 matrix with positive focal lengths, got {K}")
        if abs(np.linalg.det(K)) < _LEAST_DET:
            raise BadInputError("camera_invalid", f"K must be a matrix that can be inverted, got {K}")
        if self.width <= 0 or self.height <= 0:
            raise BadInputError("camera_invalid", f"image size must be positive, got {self.width}x{self.height}")
        object.__setattr__(self, "K", K)

    def scaled(self, width: int, height: int) -> Camera:
        """The same camera for an image resized to ``width`` x ``height`` (pixel-centre convention)."""
        sx, sy = width / self.width, height / self.height
        K = self.K.copy()
        K[0, 0], K[0, 1], K[0, 2] = K[0, 0] * sx, K[0, 1] * sx, (K[0, 2] + 0.5) * sx - 0.5
        K[1, 1], K[1, 2] = K[1, 1] * sy, (K[1, 2] + 0.5) * sy - 0.5
        return Camera(width, height, K)
