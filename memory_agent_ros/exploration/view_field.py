"""What could be seen from where: ray casting over a coarse copy of the floor plan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.coverage import Coverage, sector_count, sector_of
from memory_agent_ros.exploration.occupancy import OccupancyGrid

_FACTOR = 2
_RAYS = 120
#: What counts in a gain, square metres per square metre.
_UNKNOWN_WEIGHT, _FURNITURE_WEIGHT = 1.0, 0.6


def _blocks(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """(H, W) bool -> (H/2, W/2) number of True cells in each block."""
    height, width = mask.shape
    blocks = mask.reshape(height // _FACTOR, _FACTOR, width // _FACTOR, _FACTOR)
    return np.asarray(blocks.sum(axis=(1, 3)), dtype=np.uint8)


class ViewField:
    """A snapshot of what still is to be looked at, and what hides it.

    Args:
        grid, coverage: the floor plan and what was looked at.
        with_unknown: unknown cells in the line of sight count as well.
        see_through: look this far into unknown cells, metres, so that what may lie behind a frontier counts; cells
            given up as hopeless hide what is behind them.
    """

    def __init__(
        self,
        grid: OccupancyGrid,
        coverage: Coverage,
        config: ExplorerConfig,
        with_unknown: bool,
        see_through: float = 0.0,
    ) -> None:
        self._grid = grid
        self._coverage = coverage
        self._config = config
        self._with_unknown = with_unknown
        self._cell_m = config.resolution_m * _FACTOR
        self._origin = grid.origin_xy
        self._area = config.resolution_m**2
        self._see_through = see_through
        self._blocked = _blocks(grid.tall) > 0
        self._unknown = _blocks(grid.raster["log_odds"] == 0) == _FACTOR**2
        if see_through:
            self._blocked |= self._unknown & (_blocks(grid.raster["hopeless"] > 0) > 0)
        else:
            self._blocked |= self._unknown
        self.refresh()

    def refresh(self) -> None:
        """Read again what is still to be seen; the geometry stays as it was."""
        raster = self._grid.raster
        self.floor = _blocks(self._coverage.unseen_floor).ravel() * np.float32(self._area)
        if self._with_unknown:
            unknown = _blocks((raster["log_odds"] == 0) & (raster["hopeless"] == 0)).ravel()
            self.floor = self.floor + unknown * np.float32(self._area * _UNKNOWN_WEIGHT)
        thin = _blocks(self._coverage.thin_furniture).ravel()
        self.thin = np.nonzero(thin)[0]
        self.thin_weight = thin[self.thin] * np.float32(self._area * _FURNITURE_WEIGHT)
        height, width = raster.shape
        bits = raster["sectors"].reshape(height // _FACTOR, _FACTOR, width // _FACTOR, _FACTOR)
        self.sectors = np.bitwise_or.reduce(np.bitwise_or.reduce(bits, axis=3), axis=1).ravel()[self.thin]

    def centers(self, cells: NDArray[np.integer]) -> NDArray[np.float64]:
        """Flat coarse cells (N,) -> (N, 2) map points."""
        rows, columns = np.divmod(cells, self._blocked.shape[1])
        points: NDArray[np.float64] = (np.stack([columns, rows], axis=-1) + 0.5) * self._cell_m + self._origin
        return points

    def visible(self, points_xy: NDArray[np.float64], reach_m: float) -> NDArray[np.bool_]:
        """(C, 2) viewpoints -> (C, cells) bool: coarse cells in the line of sight within ``reach_m``."""
        height, width = self._blocked.shape
        angles = np.arange(_RAYS) * (2 * np.pi / _RAYS)
        steps = np.arange(1, int(reach_m / self._cell_m) + 1) * self._cell_m
        offsets = np.stack([np.cos(angles), np.sin(angles)], axis=-1)[:, None] * steps[None, :, None]
        cells = np.floor((points_xy[:, None, None] + offsets - self._origin) / self._cell_m).astype(np.int32)
        columns = np.clip(cells[..., 0], 0, width - 1)
        rows = np.clip(cells[..., 1], 0, height - 1)
        stop = self._blocked[rows, columns]
        before = np.zeros_like(stop)
        np.logical_or.accumulate(stop[:, :, :-1], axis=2, out=before[:, :, 1:])
        out = np.zeros((len(points_xy), height * width), dtype=bool)
        if self._see_through:
            deep = np.cumsum(self._unknown[rows, columns], axis=2, dtype=np.float32) * self._cell_m
            before |= deep > self._see_through
        viewer = np.broadcast_to(np.arange(len(points_xy))[:, None, None], stop.shape)
        open_ = ~before
        out[viewer[open_], (rows * width + columns)[open_]] = True
        return out

    def cells(self, points_xy: NDArray[np.floating]) -> NDArray[np.int64]:
        """(N, 2) map points -> (N,) flat coarse cells, -1 outside."""
        column, row = np.floor((points_xy - self._origin) / self._cell_m).astype(np.int64).T
        height, width = self._blocked.shape
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return np.where(inside, row * width + column, -1)

    def gains(self, points_xy: NDArray[np.float64], visible: NDArray[np.bool_]) -> NDArray[np.float32]:
        """(C, 2) viewpoints and what they see -> (C,) square metres of new things seen from there."""
        gain = visible.astype(np.float32) @ self.floor
        if len(self.thin):
            sectors = sector_of(points_xy[:, None] - self.centers(self.thin)[None])
            new = ((self.sectors[None] >> sectors) & 1) == 0
            gain = gain + (visible[:, self.thin] & new) @ self.thin_weight
        return gain.astype(np.float32)

    def floor_gains(self, visible: NDArray[np.bool_]) -> NDArray[np.float32]:
        """(C, cells) what viewpoints see -> (C,) square metres of floor new there, furniture left out."""
        return np.asarray(visible.astype(np.float32) @ self.floor, dtype=np.float32)

    def needs(
        self, xy: NDArray[np.float64], visible: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """One viewpoint (2,) and what it sees (cells,) -> coarse cells (N,) still to be seen, and their weight."""
        weight = np.where(visible, self.floor, np.float32(0))
        if len(self.thin):
            sectors = sector_of(xy[None] - self.centers(self.thin))
            new = visible[self.thin] & (((self.sectors >> sectors) & 1) == 0)
            weight[self.thin] += np.where(new, self.thin_weight, np.float32(0))
        cells = np.nonzero(weight)[0]
        return cells, weight[cells]

    def cover(self, xy: NDArray[np.float64], visible: NDArray[np.bool_]) -> None:
        """Take for granted that a viewpoint (2,) was visited: what it sees is no longer needed."""
        self.floor = np.where(visible, np.float32(0), self.floor)
        if len(self.thin):
            sectors = sector_of(xy[None] - self.centers(self.thin)).astype(np.uint8)
            self.sectors = np.where(visible[self.thin], self.sectors | (np.uint8(1) << sectors), self.sectors)
            still = sector_count(self.sectors) < self._config.bearings_wanted
            self.thin_weight = np.where(still, self.thin_weight, np.float32(0))

    def fine_mask(self, cells: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Flat coarse cells (N,) -> (H, W) bool mask of the fine grid."""
        mask = np.zeros(self._blocked.shape, dtype=bool)
        mask.ravel()[cells] = True
        return np.repeat(np.repeat(mask, _FACTOR, axis=0), _FACTOR, axis=1)

    @property
    def stale(self) -> bool:
        """True once the grid has grown, so that cell numbers no longer fit."""
        height, width = self._blocked.shape
        return self._grid.raster.shape != (height * _FACTOR, width * _FACTOR)
