"""Gravity-aligned oriented box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class OrientedBox:
    """Upright box: rotated about the world z axis only.

    Attributes:
        center: (3,) float64, metres, in the frame of its owner.
        size: (3,) float64, full edge lengths along the box's own x, y, z axes, metres.
        yaw: rotation of the box's x axis about world z, radians.
    """

    center: NDArray[np.float64]
    size: NDArray[np.float64]
    yaw: float = 0.0
