"""Distances along the floor between many places at once, on a coarse copy of what can be driven."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from memory_agent_ros.exploration.raster import Raster

#: Edge of a coarse cell in fine cells.
_FACTOR = 4
#: Steps between neighbouring cells are a little longer than the true way; on average by this much.
_OVERSHOOT = 1.04
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))


class FloorGraph:
    """Coarse cells that hold a drivable cell, joined to their eight neighbours.

    Args:
        reachable: (H, W) cells the robot can drive to.
        raster: where they lie.
    """

    def __init__(self, reachable: NDArray[np.bool_], raster: Raster) -> None:
        height, width = (size // _FACTOR for size in reachable.shape)
        blocks = reachable[: height * _FACTOR, : width * _FACTOR].reshape(height, _FACTOR, width, _FACTOR)
        coarse = blocks.any(axis=(1, 3))
        rows, columns = np.nonzero(coarse)
        self._cell_m = raster.resolution_m * _FACTOR
        self._points = (np.stack([columns, rows], axis=1) + 0.5) * self._cell_m + raster.origin_xy
        self._tree = cKDTree(self._points) if len(rows) else None
        number = np.full(coarse.shape, -1)
        number[rows, columns] = np.arange(len(rows))
        self._graph = _joined(number, self._cell_m / _OVERSHOOT, len(rows))

    def distances(self, places_xy: NDArray[np.floating], targets_xy: NDArray[np.floating]) -> NDArray[np.float64]:
        """(C, 2) places and (M, 2) targets -> (C, M) metres along the floor.

        The last bit from the floor to a target that stands on none (a thing on a table) is measured straight. inf where
        there is no way.
        """
        if self._tree is None or not len(places_xy) or not len(targets_xy):
            return np.full((len(places_xy), len(targets_xy)), np.inf)
        from_gap, source = self._tree.query(places_xy)
        to_gap, target = self._tree.query(targets_xy)
        starts, where = np.unique(source, return_inverse=True)
        ways = np.atleast_2d(dijkstra(self._graph, directed=False, indices=starts))
        reach: NDArray[np.float64] = ways[where][:, target] + np.where(to_gap > self._cell_m, to_gap, 0.0)
        straight = np.linalg.norm(np.asarray(places_xy)[:, None] - np.asarray(targets_xy)[None], axis=2)
        return (
            np.where(np.isfinite(reach), np.maximum(reach, straight), np.inf)
            + np.where(from_gap > self._cell_m, from_gap, 0.0)[:, None]
        )


def _joined(number: NDArray[np.int64], step_m: float, count: int) -> coo_array:
    """(h, w) numbers of cells, -1 for none -> symmetric graph of the ways between neighbours."""
    pairs, lengths = [], []
    height, width = number.shape
    for down, right in _NEIGHBOURS:
        a = number[: height - down, max(0, -right) : width - max(0, right)]
        b = number[down:, max(0, right) : width + min(0, right)]
        both = (a >= 0) & (b >= 0)
        pairs.append(np.stack([a[both], b[both]], axis=1))
        lengths.append(np.full(int(both.sum()), step_m * np.hypot(down, right)))
    ends = np.concatenate(pairs)
    return coo_array((np.concatenate(lengths), (ends[:, 0], ends[:, 1])), shape=(count, count)).tocsr()
