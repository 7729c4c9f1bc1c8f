"""The robot's camera as the twin has it: a set of headings, a frustum, a useful range."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_sim.robot import RobotConfig
from memory_agent_sim.sensors import FOVY_DEG

#: Headings 0, 22.5, ... degrees from x towards y.
HEADINGS = 16


@dataclass(frozen=True)
class View:
    """How the robot looks.

    Attributes:
        robot: where the camera is mounted.
        aspect: width over height of the image.
        height_px: height of the image for which pixels are counted.
        cell_range_m: floor counts as seen within this range.
        thing_range_m: farther things are never seen.
        minimum_pixels: a thing with fewer visible pixels (at 640 x 480) is not seen.
    """

    robot: RobotConfig = field(default_factory=RobotConfig)
    aspect: float = 4 / 3
    height_px: int = 480
    cell_range_m: float = 4.0
    thing_range_m: float = 6.0
    minimum_pixels: float = 100.0

    @property
    def focal_px(self) -> float:
        """Focal length, pixels."""
        return float(self.height_px / 2 / np.tan(np.radians(FOVY_DEG) / 2))

    def eyes(self, nodes_xy: NDArray[np.floating]) -> NDArray[np.float32]:
        """(V, 2) places -> (V, 3) where the camera is when the robot stands there (turning moves it by centimetres)."""
        height = np.full((len(nodes_xy), 1), self.robot.camera_height_m)
        return np.concatenate([nodes_xy, height], axis=1).astype(np.float32)

    def inside(self, offset: NDArray[np.float32], heading: int) -> NDArray[np.bool_]:
        """(..., 3) points less the camera's position, map axes -> (...) whether a heading's picture contains them."""
        yaw = 2 * np.pi * heading / HEADINGS
        c, s = np.float32(np.cos(yaw)), np.float32(np.sin(yaw))
        ahead = c * offset[..., 0] + s * offset[..., 1] - np.float32(self.robot.camera_forward_m)
        left = c * offset[..., 1] - s * offset[..., 0]
        cp, sp = np.float32(np.cos(self.robot.camera_pitch_rad)), np.float32(np.sin(self.robot.camera_pitch_rad))
        depth = cp * ahead - sp * offset[..., 2]
        up = sp * ahead + cp * offset[..., 2]
        half = np.float32(np.tan(np.radians(FOVY_DEG) / 2))
        found: NDArray[np.bool_] = (
            (depth > 0.1) & (np.abs(up) <= half * depth) & (np.abs(left) <= np.float32(self.aspect) * half * depth)
        )
        return found
