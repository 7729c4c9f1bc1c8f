"""A set of aligned grids over the floor that grows as the robot goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

#: One grid of a raster.
Layer = NDArray[Any]

#: Grids grow in whole blocks of this many cells.
BLOCK = 64


class Raster:
    """Named layers over one grid: row = y, column = x, cell (0, 0) has its lower corner at ``origin_xy``.

    Args:
        resolution_m: cell size in metres.
        layers: name -> (dtype, value of cells never touched).
    """

    def __init__(self, resolution_m: float, layers: Mapping[str, tuple[DTypeLike, float]]) -> None:
        self.resolution_m = resolution_m
        self._layers = dict(layers)
        self._origin = np.zeros(2, dtype=np.int64)
        self._data = {name: np.full((0, 0), fill, dtype=dtype) for name, (dtype, fill) in layers.items()}

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) cells."""
        first = next(iter(self._data.values()))
        return first.shape[0], first.shape[1]

    @property
    def origin_xy(self) -> NDArray[np.float64]:
        """(2,) x, y of the lower corner of cell (0, 0), metres, map frame."""
        return np.asarray(self._origin * self.resolution_m, dtype=np.float64)

    @property
    def origin_cell(self) -> NDArray[np.int64]:
        """(2,) x, y of cell (0, 0), in whole cells from the map frame's origin."""
        return self._origin.copy()

    def __getitem__(self, name: str) -> Layer:
        return self._data[name]

    def reset(self, name: str) -> None:
        """Set every cell of a layer to its fill value."""
        self._data[name].fill(self._layers[name][1])

    def ensure(self, low_xy: NDArray[np.float64], high_xy: NDArray[np.float64]) -> None:
        """Grow so that the rectangle between two map points (2,) is inside, with whole blocks around."""
        low = np.floor(np.asarray(low_xy) / self.resolution_m / BLOCK).astype(np.int64) * BLOCK
        high = (np.floor(np.asarray(high_xy) / self.resolution_m / BLOCK).astype(np.int64) + 1) * BLOCK
        height, width = self.shape
        if height:
            end = self._origin + np.array([width, height])
            low = np.minimum(low, self._origin)
            high = np.maximum(high, end)
            if (low == self._origin).all() and (high == end).all():
                return
        dx, dy = self._origin - low
        for name, (dtype, fill) in self._layers.items():
            grown = np.full((high[1] - low[1], high[0] - low[0]), fill, dtype=dtype)
            if height:
                grown[dy : dy + height, dx : dx + width] = self._data[name]
            self._data[name] = grown
        self._origin = low

    def index(self, xy: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(N, 2) map points -> rows (N,), columns (N,); may lie outside the grid."""
        cells = np.floor(np.asarray(xy) / self.resolution_m).astype(np.int64) - self._origin
        return cells[:, 1], cells[:, 0]

    def cell(self, xy: NDArray[np.floating]) -> tuple[int, int]:
        """(2,) map point -> row, column."""
        rows, columns = self.index(np.asarray(xy, dtype=np.float64).reshape(1, 2))
        return int(rows[0]), int(columns[0])

    def centers(self, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> NDArray[np.float64]:
        """Rows (N,), columns (N,) -> (N, 2) map points of the cell centres."""
        cells = np.stack([columns, rows], axis=-1)
        return np.asarray((cells + self._origin + 0.5) * self.resolution_m, dtype=np.float64)

    def inside(self, rows: NDArray[np.integer], columns: NDArray[np.integer]) -> NDArray[np.bool_]:
        """(N,) bool: which cells lie in the grid."""
        height, width = self.shape
        inside: NDArray[np.bool_] = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        return inside
