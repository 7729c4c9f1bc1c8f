"""Rigid pose as it stands at ROS borders and in evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import BadInputError


@dataclass(frozen=True, eq=False)
class Pose:
    """Pose of a child frame in ``frame_id`` (REP-103 axes unless the child is optical).

    Attributes:
        position_m: (3,) float64, metres.
        orientation_xyzw: (4,) float64 unit quaternion, x, y, z, w.
        frame_id: the frame the pose is expressed in (REP-105 name).

    Raises:
        BadInputError: ``pose_not_finite`` if a number is NaN or infinite or the quaternion is zero.
    """

    position_m: NDArray[np.float64]
    orientation_xyzw: NDArray[np.float64]
    frame_id: str = "map"

    def __post_init__(self) -> None:
        position = np.asarray(self.position_m, dtype=np.float64).reshape(3)
        quaternion = np.asarray(self.orientation_xyzw, dtype=np.float64).reshape(4)
        # Seven numbers, and answers hold hundreds of poses: plain Python is several times quicker than numpy here.
        norm = math.hypot(*quaternion.tolist())
        if not (all(map(math.isfinite, position.tolist())) and math.isfinite(norm) and norm > 1e-6):
            raise BadInputError(
                "pose_not_finite", "pose holds NaN, infinity or a zero quaternion; check the localisation source"
            )
        object.__setattr__(self, "position_m", position)
        object.__setattr__(self, "orientation_xyzw", quaternion / norm)
