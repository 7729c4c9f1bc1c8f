"""The way to the goal and the speeds along it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.follower import Follower, ahead_gap
from memory_agent_ros.exploration.mapper import Mapper
from memory_agent_ros.exploration.path_planner import PathPlanner


class Driver:
    """Drives along a path.

    Attributes:
        path: (N, 2) path being driven, map frame.
    """

    def __init__(self, mapper: Mapper, planner: PathPlanner, config: ExplorerConfig) -> None:
        self._mapper, self._planner, self._config = mapper, planner, config
        self._follower = Follower(config)
        self.path: NDArray[np.float64] = np.zeros((0, 2))

    def clear(self) -> None:
        """No path."""
        self.path = np.zeros((0, 2))

    def plan(self, xy: NDArray[np.float64]) -> bool:
        """Take the shortest path to (2,); False if there is none, the old path stays then."""
        path = self._planner.path_to(xy)
        if path is None:
            return False
        self.path = path
        return True

    def command(self) -> tuple[float, float]:
        """Speed and turn rate now."""
        mapper, config = self._mapper, self._config
        gap = ahead_gap(mapper.obstacles_base, config.robot_radius_m + config.clearance_m / 2)
        linear, angular = self._follower.command(self.path, mapper.xy, mapper.yaw, gap)
        if linear > 0 and self._closing_in():
            linear = 0.0
        return linear, angular

    def _closing_in(self) -> bool:
        """Whether the floor plan says that driving on would touch something (also what the camera no longer sees)."""
        xy, yaw = self._mapper.xy, self._mapper.yaw
        ahead = xy + 0.15 * np.array([np.cos(yaw), np.sin(yaw)])
        here, there = self._planner.clearance_at(xy), self._planner.clearance_at(ahead)
        return there < self._config.robot_radius_m and there < here
