"""What was looked at, apart from what is known to be free.

A floor cell is *seen* once it was in view within a useful range. A furniture cell (occupied, not tall) remembers from
which of eight 45 degree sectors it was seen, so that things on it get views from more than one side.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.depth_scan import DepthScan
from memory_agent_ros.exploration.occupancy import OccupancyGrid

SECTORS = 8
_POPCOUNT = np.array([bin(i).count("1") for i in range(256)], dtype=np.uint8)


def sector_of(offset_xy: NDArray[np.floating]) -> NDArray[np.int64]:
    """(..., 2) vectors from a cell to a viewer -> sector number 0..7."""
    angle = np.arctan2(offset_xy[..., 1], offset_xy[..., 0])
    sectors: NDArray[np.int64] = np.floor((angle + np.pi) / (2 * np.pi / SECTORS)).astype(np.int64) % SECTORS
    return sectors


def sector_count(sectors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bit fields of sectors -> how many are set."""
    count: NDArray[np.uint8] = _POPCOUNT[sectors]
    return count


class Coverage:
    """Keeps the ``seen``, ``sectors`` and ``hopeless`` layers of a grid's raster."""

    def __init__(self, grid: OccupancyGrid, config: ExplorerConfig) -> None:
        self._grid = grid
        self._config = config

    def integrate(
        self,
        scan: DepthScan,
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
        distance: NDArray[np.float32],
    ) -> None:
        """Add a scan and the floor cells :meth:`OccupancyGrid.integrate` returned for it."""
        raster = self._grid.raster
        near = distance < self._config.seen_range_m
        raster["seen"][rows[near], columns[near]] = 1
        close = scan.obstacle_range < self._config.surface_range_m
        xy = scan.obstacle_xy[close]
        point_rows, point_columns = raster.index(xy)
        sectors = sector_of(scan.origin_xy.astype(np.float32) - xy)
        for sector in np.unique(sectors):
            of_it = sectors == sector
            raster["sectors"][point_rows[of_it], point_columns[of_it]] |= np.uint8(1 << int(sector))

    def start_pass(self) -> None:
        """Forget what was seen (not what is known): everything is to be looked at again."""
        for name in ("seen", "sectors", "hopeless"):
            self._grid.raster.reset(name)

    def give_up(self, mask: NDArray[np.bool_]) -> None:
        """(H, W) cells that were looked for from where they should be seen, and were not: ignore them."""
        self._grid.raster["hopeless"][mask] = 1

    @property
    def unseen_floor(self) -> NDArray[np.bool_]:
        """(H, W) free cells not yet looked at."""
        raster = self._grid.raster
        unseen: NDArray[np.bool_] = self._grid.free & (raster["seen"] == 0) & (raster["hopeless"] == 0)
        return unseen

    @property
    def furniture(self) -> NDArray[np.bool_]:
        """(H, W) occupied cells low enough to carry things the camera can see."""
        furniture: NDArray[np.bool_] = self._grid.occupied & ~self._grid.tall
        return furniture

    @property
    def thin_furniture(self) -> NDArray[np.bool_]:
        """(H, W) furniture cells seen from fewer sectors than wanted."""
        raster = self._grid.raster
        few = sector_count(raster["sectors"]) < self._config.bearings_wanted
        thin: NDArray[np.bool_] = self.furniture & few & (raster["hopeless"] == 0)
        return thin

    def share(self, reachable: NDArray[np.bool_], beyond_cells: int = 0) -> float:
        """Share of the reachable free cells (H, W) that was seen; ``beyond_cells`` are expected behind frontiers."""
        total = int(reachable.sum()) + beyond_cells
        return float((reachable & (self._grid.raster["seen"] > 0)).sum() / total) if total else 0.0
