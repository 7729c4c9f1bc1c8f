"""Floor plan from depth: free, occupied, unknown, by log-odds (Moravec and Elfes, 1985; Thrun et al., 2005, ch. 9)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.depth_scan import BIN_RAD, DepthScan
from memory_agent_ros.exploration.floor_plan import FREE, OCCUPIED, FloorPlan, sample
from memory_agent_ros.exploration.raster import Raster

HIT, MISS, LIMIT = 0.9, -0.45, 4.0
#: Cells below the camera's view count as free with this little evidence, and only while nothing better is known.
ASSUMED_FREE = -0.2
OCCUPIED_ABOVE, FREE_BELOW = 0.3, -0.1
_MIN_POINTS = 2


class OccupancyGrid:
    """Log-odds occupancy of the floor.

    Attributes:
        raster: the layers: ``log_odds`` float32, ``top`` float32 (height of the highest point, metres),
            ``seen`` and ``sectors`` uint8 (what :class:`~memory_agent_ros.exploration.coverage.Coverage` keeps).
        given: True once a floor plan was given; depth then only says what was looked at and how high things are.
    """

    def __init__(self, config: ExplorerConfig) -> None:
        self._config = config
        self.given = False
        self.raster = Raster(
            config.resolution_m,
            {
                "log_odds": (np.float32, 0.0),
                "top": (np.float32, 0.0),
                "seen": (np.uint8, 0),
                "sectors": (np.uint8, 0),
                "hopeless": (np.uint8, 0),
            },
        )

    @property
    def resolution_m(self) -> float:
        """Cell size, metres."""
        return self.raster.resolution_m

    @property
    def origin_xy(self) -> NDArray[np.float64]:
        """(2,) lower corner of cell (0, 0), metres, map frame."""
        return self.raster.origin_xy

    @property
    def occupied(self) -> NDArray[np.bool_]:
        """(H, W) bool."""
        occupied: NDArray[np.bool_] = self.raster["log_odds"] > OCCUPIED_ABOVE
        return occupied

    @property
    def free(self) -> NDArray[np.bool_]:
        """(H, W) bool."""
        free: NDArray[np.bool_] = self.raster["log_odds"] < FREE_BELOW
        return free

    @property
    def tall(self) -> NDArray[np.bool_]:
        """(H, W) bool: occupied cells that hide what is behind them; in a given plan also those never measured."""
        top = self.raster["top"]
        hides = (top > self._config.tall_height_m) | (top == 0) if self.given else top > self._config.tall_height_m
        tall: NDArray[np.bool_] = self.occupied & hides
        return tall

    @property
    def cells(self) -> NDArray[np.int8]:
        """(H, W) int8 as in nav_msgs/OccupancyGrid: -1 unknown, 0 free, 100 occupied."""
        cells = np.full(self.raster.shape, -1, dtype=np.int8)
        cells[self.free] = 0
        cells[self.occupied] = 100
        return cells

    def add_footprint(self, xy: NDArray[np.float64], radius_m: float) -> None:
        """The robot stands at ``xy`` (2,): its footprint is free unless something was measured there."""
        self.raster.ensure(xy - radius_m, xy + radius_m)
        rows, columns = _disk(self.raster, xy, radius_m)
        values = self.raster["log_odds"][rows, columns]
        self.raster["log_odds"][rows, columns] = np.where(values > OCCUPIED_ABOVE, values, np.minimum(values, -1.0))

    def adopt(self, plan: FloorPlan, free_max: int, occupied_min: int) -> None:
        """Take occupancy from a plan in place of depth, now and from now on; the plan may grow and move.

        Args:
            plan: all that is known; what lies outside is unknown.
            free_max: threshold of :meth:`FloorPlan.classes`.
            occupied_min: the other one.
        """
        low, high = plan.bounds()
        self.raster.ensure(low - self.resolution_m, high + self.resolution_m)  # its edge stays beside unknown cells
        classes = plan.classes(free_max, occupied_min)
        here = sample(plan, classes, self.raster.origin_cell, self.raster.shape, self.resolution_m)
        values = np.zeros(here.shape, dtype=np.float32)
        values[here == FREE], values[here == OCCUPIED] = -LIMIT, LIMIT
        self.raster["log_odds"][:] = values
        self.given = True

    def integrate(self, scan: DepthScan) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Add one scan.

        Returns:
            Rows, columns and range (metres) of the floor cells that this scan shows to be free and really saw.
        """
        reach = self._config.max_range_m + self.resolution_m
        self.raster.ensure(scan.origin_xy - reach, scan.origin_xy + reach)
        blocked = self._blocked_cells(scan)
        rows, columns, distance = self._free_cells(scan)
        keep = ~blocked[rows, columns]
        rows, columns, distance = rows[keep], columns[keep], distance[keep]
        log_odds = self.raster["log_odds"]
        near = distance < scan.blind_range
        if self.given:
            known = self.free[rows, columns] & ~near
            return rows[known], columns[known], distance[known]
        near_rows, near_columns = rows[near], columns[near]
        guess = log_odds[near_rows, near_columns]
        log_odds[near_rows, near_columns] = np.where(guess == 0, ASSUMED_FREE, guess)
        rows, columns, distance = rows[~near], columns[~near], distance[~near]
        log_odds[rows, columns] = np.maximum(log_odds[rows, columns] + MISS, -LIMIT)
        hit_rows, hit_columns = np.nonzero(blocked)
        log_odds[hit_rows, hit_columns] = np.minimum(np.maximum(log_odds[hit_rows, hit_columns], -0.5) + HIT, LIMIT)
        return rows, columns, distance

    def _blocked_cells(self, scan: DepthScan) -> NDArray[np.bool_]:
        """(H, W) cells in which this scan saw an obstacle; also raises the ``top`` layer."""
        rows, columns = self.raster.index(scan.obstacle_xy)
        np.maximum.at(self.raster["top"], (rows, columns), scan.obstacle_z)
        low = scan.obstacle_z < self._config.obstacle_max_height_m
        height, width = self.raster.shape
        points = np.bincount(rows[low] * width + columns[low], minlength=height * width)
        return (points >= _MIN_POINTS).reshape(height, width)

    def _free_cells(self, scan: DepthScan) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Cells inside the free wedge of each bearing, and cells with floor points beyond it."""
        window = np.meshgrid(*_window(self.raster, scan.origin_xy, self._config.max_range_m), indexing="ij")
        rows, columns = window[0].ravel(), window[1].ravel()
        offset = (self.raster.centers(rows, columns) - scan.origin_xy).astype(np.float32)
        distance = np.hypot(offset[:, 0], offset[:, 1])
        bearing = np.arctan2(offset[:, 1], offset[:, 0]) - np.float32(scan.yaw)
        bearing = np.mod(bearing + np.pi, 2 * np.pi) - np.pi
        bins = np.floor((bearing - scan.bin_low) / BIN_RAD).astype(np.int64)
        inside = (bins >= 0) & (bins < len(scan.free_range))
        limit = np.zeros(len(bins), dtype=np.float32)
        limit[inside] = scan.free_range[bins[inside]]
        free = distance < limit - self.resolution_m / 2
        floor_rows, floor_columns = self.raster.index(scan.floor_xy)
        mask = np.zeros(self.raster.shape, dtype=bool)
        mask[rows[free], columns[free]] = True
        mask[floor_rows, floor_columns] = True
        out_rows, out_columns = np.nonzero(mask)
        centers = self.raster.centers(out_rows, out_columns) - scan.origin_xy
        return out_rows, out_columns, np.hypot(centers[:, 0], centers[:, 1]).astype(np.float32)


def _window(raster: Raster, xy: NDArray[np.float64], radius_m: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column ranges of the square of half-size ``radius_m`` around a point, clipped to the grid."""
    height, width = raster.shape
    row, column = raster.cell(xy)
    reach = int(np.ceil(radius_m / raster.resolution_m))
    return (
        np.arange(max(0, row - reach), min(height, row + reach + 1)),
        np.arange(max(0, column - reach), min(width, column + reach + 1)),
    )


def _disk(raster: Raster, xy: NDArray[np.float64], radius_m: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the cells within ``radius_m`` of a point."""
    rows, columns = np.meshgrid(*_window(raster, xy, radius_m), indexing="ij")
    near = ((raster.centers(rows, columns) - xy) ** 2).sum(axis=-1) <= radius_m**2
    return rows[near], columns[near]
