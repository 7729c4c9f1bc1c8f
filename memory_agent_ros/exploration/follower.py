"""Following a path: turn on the spot when far off, else pure pursuit (Coulter, CMU-RI-TR-92-01)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.look_around import wrap

_TURN_FIRST_RAD = 0.7
_STOP_GAP_M = 0.12
_BRAKE_MPS2 = 1.2


def ahead_gap(obstacles_base: NDArray[np.floating], half_width_m: float) -> float:
    """(N, 2) obstacle points in the base frame -> distance along x to the first in the corridor, inf if none."""
    x, y = obstacles_base[:, 0], obstacles_base[:, 1]
    inside = (x > 0.0) & (np.abs(y) < half_width_m)
    return float(x[inside].min()) if inside.any() else float("inf")


class Follower:
    """Stateless but for its settings."""

    def __init__(self, config: ExplorerConfig) -> None:
        self._config = config

    def command(
        self, path: NDArray[np.float64], xy: NDArray[np.float64], yaw: float, gap_m: float
    ) -> tuple[float, float]:
        """Speed and turn rate along ``path``.

        Args:
            path: (N, 2) map points, N >= 1.
            xy: (2,) the base in the map, metres.
            yaw: its heading, radians.
            gap_m: free distance ahead of the base's centre, metres.
        """
        config = self._config
        target = self._target(path, xy)
        error = wrap(float(np.arctan2(target[1] - xy[1], target[0] - xy[0])) - yaw)
        turn = float(np.clip(2.5 * error, -config.max_angular_rps, config.max_angular_rps))
        if abs(error) > _TURN_FIRST_RAD:
            return 0.0, turn
        to_goal = float(np.linalg.norm(path[-1] - xy))
        room = gap_m - config.robot_radius_m - _STOP_GAP_M
        limit = min(config.max_linear_mps, np.sqrt(2 * _BRAKE_MPS2 * max(room, 0.0)), 0.12 + 1.2 * to_goal)
        return float(limit * np.cos(error) ** 2), turn

    def _target(self, path: NDArray[np.float64], xy: NDArray[np.float64]) -> NDArray[np.float64]:
        """The point of the path one look-ahead beyond the nearest one."""
        distance = np.linalg.norm(path - xy, axis=1)
        nearest = int(np.argmin(distance))
        beyond = np.nonzero(distance[nearest:] >= self._config.lookahead_m)[0]
        target: NDArray[np.float64] = path[nearest + beyond[0]] if len(beyond) else path[-1]
        return target
