"""Noticing that the base does not move as told, and getting away."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.occupancy import OccupancyGrid

_BACK_MPS, _BACK_S, _TURN_S = -0.2, 1.5, 1.0
_MOVED_M, _TURNED_RAD = 0.08, 0.25
_PROGRESS_M = 0.5


class StuckDetector:
    """Notices that nothing moved for a while; ask it only while the base is to move.

    Attributes:
        recoveries: recoveries since the robot last made headway.
    """

    def __init__(self, config: ExplorerConfig) -> None:
        self._window_ns = int(config.stuck_time_s * 1e9)
        self._poses: deque[tuple[int, float, float, float]] = deque()
        self.recoveries = 0
        self._last_xy: NDArray[np.float64] | None = None

    def reset(self) -> None:
        """Forget the past."""
        self._poses.clear()
        self.recoveries = 0
        self._last_xy = None

    def begin_recovery(self) -> None:
        """A recovery starts: count it and begin to watch anew."""
        self.recoveries += 1
        self._poses.clear()

    def pause(self) -> None:
        """The base stood on purpose: begin to watch anew."""
        self._poses.clear()

    def update(self, stamp_ns: int, xy: NDArray[np.float64], yaw: float) -> None:
        """Add a pose: stamp, (2,) metres, radians."""
        self._poses.append((stamp_ns, float(xy[0]), float(xy[1]), yaw))
        while len(self._poses) > 1 and stamp_ns - self._poses[1][0] >= self._window_ns:
            self._poses.popleft()
        if self._last_xy is None:
            self._last_xy = xy
        elif np.linalg.norm(xy - self._last_xy) > _PROGRESS_M:
            self.recoveries, self._last_xy = 0, xy

    @property
    def stuck(self) -> bool:
        """True if the whole window passed without moving or turning."""
        if not self._poses or self._poses[-1][0] - self._poses[0][0] < self._window_ns:
            return False
        poses = np.array([pose[1:] for pose in self._poses])
        moved = np.ptp(poses[:, :2], axis=0).max()
        turned = np.ptp(np.unwrap(poses[:, 2]))
        return bool(moved < _MOVED_M and turned < _TURNED_RAD)


class Recovery:
    """Back up if the floor behind is free, then turn to the more open side."""

    def __init__(
        self,
        config: ExplorerConfig,
        grid: OccupancyGrid,
        xy: NDArray[np.float64],
        yaw: float,
        stamp_ns: int,
        attempt: int,
    ) -> None:
        self._begin_ns = stamp_ns
        self._turn = config.max_angular_rps * 0.8
        backward = _free_share(grid, xy, yaw + np.pi, config.robot_radius_m + 0.3)
        self._back_s = _BACK_S if backward > 0.9 else 0.0
        left = _free_share(grid, xy, yaw + np.pi / 2, 1.0)
        right = _free_share(grid, xy, yaw - np.pi / 2, 1.0)
        self._side = 1.0 if left >= right else -1.0
        if attempt % 2:
            self._side = -self._side
        self._turn_s = _TURN_S * (1 + attempt)

    def step(self, stamp_ns: int) -> tuple[float, float] | None:
        """Speed and turn rate now, or None when finished."""
        elapsed = (stamp_ns - self._begin_ns) / 1e9
        if elapsed < self._back_s:
            return _BACK_MPS, 0.0
        if elapsed < self._back_s + self._turn_s:
            return 0.0, self._side * self._turn
        return None


def _free_share(grid: OccupancyGrid, xy: NDArray[np.float64], bearing: float, reach_m: float) -> float:
    """Share of free cells on a line of ``reach_m`` from (2,) in a direction, counted up to the first occupied one."""
    steps = np.arange(1, int(reach_m / grid.resolution_m) + 1) * grid.resolution_m
    rows, columns = grid.raster.index(xy + steps[:, None] * np.array([np.cos(bearing), np.sin(bearing)]))
    inside = grid.raster.inside(rows, columns)
    rows, columns = rows[inside], columns[inside]
    free = grid.free[rows, columns] & ~np.maximum.accumulate(grid.occupied[rows, columns])
    return float(free.sum() / max(len(steps), 1))
