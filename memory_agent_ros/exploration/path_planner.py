"""Shortest paths over the free floor with distance kept from obstacles (Dijkstra of scikit-image)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.graph import MCP_Geometric

from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.occupancy import OccupancyGrid

#: Extra cost of a cell right beside an obstacle, and how fast it fades, metres.
_PENALTY, _FADE_M = 4.0, 0.12
#: In a tight spot the path may pass cells that are too near to obstacles, so far as they lead away from them.
_ESCAPE_M = 1.2


class PathPlanner:
    """Paths from the robot's cell to everywhere, recomputed by :meth:`update`.

    Attributes:
        costs: (H, W) float64 cost of the best path in metres (length plus closeness to obstacles), inf = unreachable.
        clearance: (H, W) float32 distance to the nearest obstacle, metres.
    """

    def __init__(self, grid: OccupancyGrid, config: ExplorerConfig) -> None:
        self._grid = grid
        self._config = config
        self.costs: NDArray[np.float64] = np.zeros((0, 0))
        self.clearance: NDArray[np.float32] = np.zeros((0, 0), dtype=np.float32)
        self._search: MCP_Geometric | None = None
        self._offset = (0, 0)
        self._origin: NDArray[np.float64] = np.zeros(2)

    def update(self, robot_xy: NDArray[np.float64]) -> None:
        """Search from the robot at (2,) map metres over the grid as it is now."""
        grid, config = self._grid, self._config
        raster = grid.raster
        free, occupied = grid.free, grid.occupied
        known = np.nonzero((free | occupied).any(axis=1))[0], np.nonzero((free | occupied).any(axis=0))[0]
        box = (slice(known[0][0], known[0][-1] + 1), slice(known[1][0], known[1][-1] + 1))
        row, column = raster.cell(robot_xy)
        self._offset, self._origin = (box[0].start, box[1].start), raster.origin_xy
        free, occupied = free[box], occupied[box]
        clearance = distance_transform_edt(~occupied).astype(np.float32) * config.resolution_m
        start = (row - self._offset[0], column - self._offset[1])
        weight = _weights(free, occupied, clearance, start, config)
        self._search = MCP_Geometric(weight)
        found, _ = self._search.find_costs([start])
        self.costs = np.full(raster.shape, np.inf)
        self.costs[box] = np.where(clearance < config.robot_radius_m + config.clearance_m, np.inf, found)
        self.costs *= config.resolution_m
        self.clearance = np.full(raster.shape, np.float32(0.0))
        self.clearance[box] = clearance

    @property
    def reachable(self) -> NDArray[np.bool_]:
        """(H, W) cells the robot can drive to."""
        return np.isfinite(self.costs)

    def clearance_at(self, xy: NDArray[np.float64]) -> float:
        """Distance from (2,) to the nearest obstacle, metres; 0 outside what was searched."""
        column, row = (int(v) for v in np.floor((xy - self._origin) / self._config.resolution_m + 1e-9))
        height, width = self.clearance.shape
        return float(self.clearance[row, column]) if 0 <= row < height and 0 <= column < width else 0.0

    def path_to(self, xy: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """(N, 2) map points from the robot to the cell of ``xy`` (2,), or None if it cannot be reached."""
        resolution = self._config.resolution_m
        column, row = (int(v) for v in np.floor((np.asarray(xy) - self._origin) / resolution + 1e-9))
        height, width = self.costs.shape
        if self._search is None or not (0 <= row < height and 0 <= column < width):
            return None
        if not np.isfinite(self.costs[row, column]):
            return None
        cells = np.array(self._search.traceback((row - self._offset[0], column - self._offset[1])))
        cells = cells + np.array(self._offset)
        path: NDArray[np.float64] = (cells[:, ::-1] + 0.5) * resolution + self._origin
        return path


def _weights(
    free: NDArray[np.bool_],
    occupied: NDArray[np.bool_],
    clearance: NDArray[np.float32],
    start: tuple[int, int],
    config: ExplorerConfig,
) -> NDArray[np.float64]:
    """(h, w) cost per cell; -1 cannot be entered."""
    keep = config.robot_radius_m + config.clearance_m
    weight = 1.0 + _PENALTY * np.exp(-(clearance - keep) / _FADE_M)
    tight = clearance < keep
    out: NDArray[np.float64] = np.where(free & ~tight, weight, -1.0)
    if tight[start]:
        rows, columns = np.ogrid[: free.shape[0], : free.shape[1]]
        around = (rows - start[0]) ** 2 + (columns - start[1]) ** 2 <= (_ESCAPE_M / config.resolution_m) ** 2
        escape = free & tight & around & (clearance >= clearance[start] - config.resolution_m)
        out = np.where(escape, 20.0, out)
    out[start] = 1.0
    return out
