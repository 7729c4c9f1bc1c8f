"""Frontiers: where known free floor meets the unknown (Yamauchi, CIRA 1997)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from memory_agent_ros.exploration.occupancy import OccupancyGrid

_AROUND = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, eq=False)
class Frontier:
    """One connected frontier.

    Attributes:
        centroid_xy: (2,) mean of its cells, metres, map frame.
        length_m: number of cells times the cell size.
        rows, columns: (N,) its cells.
    """

    centroid_xy: NDArray[np.float64]
    length_m: float
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]


def find_frontiers(grid: OccupancyGrid, min_length_m: float) -> list[Frontier]:
    """All frontiers of at least ``min_length_m``, longest first; unknown cells given up as hopeless do not count."""
    raster = grid.raster
    if raster.shape == (0, 0):
        return []
    log_odds = raster["log_odds"]
    unknown = (log_odds == 0) & (raster["hopeless"] == 0)
    edge = grid.free & ndimage.binary_dilation(unknown, _AROUND)
    labels, count = ndimage.label(edge, _AROUND)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    frontiers = []
    slices = ndimage.find_objects(labels)
    for index in np.argsort(-sizes[1:], kind="stable") + 1:
        length = float(sizes[index] * grid.resolution_m)
        if length < min_length_m:
            break
        box = slices[index - 1]
        rows, columns = np.nonzero(labels[box] == index)
        rows, columns = rows + box[0].start, columns + box[1].start
        frontiers.append(Frontier(raster.centers(rows, columns).mean(axis=0), length, rows, columns))
    return frontiers
