"""Places the base can stand on, and the ways between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree
from skimage.graph import MCP_Geometric

from memory_agent_sim.freespace import FloorGrid

SPACING_M = 0.4
#: Two places are joined if the straight way between them is free and no longer than this.
REACH_M = 0.95
#: Distance that the middle of the base keeps from walls and furniture; the robot's planner keeps as much.
STANDOFF_M = 0.25
_STEP_M = 0.04


@dataclass(frozen=True, eq=False)
class Lattice:
    """V places.

    Attributes:
        xy: (V, 2) float32 metres, map frame.
        path_m: (V, V) float32 length of the shortest way.
        hop: (V, V) int16, the next place on the way from row to column; the place itself on the diagonal.
    """

    xy: NDArray[np.float32]
    path_m: NDArray[np.float32]
    hop: NDArray[np.int16]


def build_lattice(grid: FloorGrid, start: NDArray[np.float64]) -> Lattice:
    """One place for each 0.4 m square that the base can reach from ``start``: the reachable spot nearest its middle."""
    standing = grid.reachable_centers(start, STANDOFF_M)
    rows, columns = np.nonzero(standing)
    spots = grid.origin + (np.stack([columns, rows], axis=1) + 0.5) * grid.resolution_m
    square = np.floor((spots - grid.origin) / SPACING_M).astype(int)
    offset = np.abs(spots - grid.origin - (square + 0.5) * SPACING_M).max(axis=1)
    order = np.lexsort((offset, square[:, 0], square[:, 1]))
    _, first = np.unique(square[order], axis=0, return_index=True)
    xy = spots[order[first]]
    a, b, length = _straight_ways(grid, standing, xy)
    a, b, length = _joined(grid, standing, xy, a, b, length)
    graph = csr_matrix((length, (a, b)), shape=(len(xy), len(xy)))
    path, before = dijkstra(graph, directed=False, return_predecessors=True)
    hop = before.T.astype(np.int16)
    np.fill_diagonal(hop, np.arange(len(xy)))
    return Lattice(xy.astype(np.float32), path.astype(np.float32), np.ascontiguousarray(hop))


_Ways = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def _straight_ways(grid: FloorGrid, standing: NDArray[np.bool_], xy: NDArray[np.float64]) -> _Ways:
    pairs = cKDTree(xy).query_pairs(REACH_M, output_type="ndarray")
    along = (np.arange(int(REACH_M / _STEP_M)) + 0.5) * _STEP_M / REACH_M
    points = xy[pairs[:, 0], None] + along[None, :, None] * (xy[pairs[:, 1]] - xy[pairs[:, 0]])[:, None]
    cells = np.floor((points - grid.origin) / grid.resolution_m).astype(int)
    free = standing[cells[..., 1], cells[..., 0]].all(axis=1)
    a, b = pairs[free].T.astype(np.int64)
    return a, b, np.linalg.norm(xy[a] - xy[b], axis=1)


def _joined(
    grid: FloorGrid,
    standing: NDArray[np.bool_],
    xy: NDArray[np.float64],
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    length: NDArray[np.float64],
) -> _Ways:
    """The ways, and where they leave parts of the floor apart, bent ones along the raster that join them."""
    cells = np.floor((xy - grid.origin) / grid.resolution_m).astype(int)[:, ::-1]
    while True:
        graph = csr_matrix((length, (a, b)), shape=(len(xy), len(xy)))
        count, part = connected_components(graph, directed=False)
        if count == 1:
            return a, b, length
        main = int(np.argmax(np.bincount(part)))
        search = MCP_Geometric(np.where(standing, 1.0, -1.0))
        costs, _ = search.find_costs([tuple(c) for c in cells[part == main].tolist()])
        outside = np.flatnonzero(part != main)
        other = int(outside[np.argmin(costs[cells[outside, 0], cells[outside, 1]])])
        trace = np.array(search.traceback(tuple(cells[other].tolist())))
        near = np.flatnonzero((cells == trace[0]).all(axis=1))
        metres = float(costs[tuple(cells[other])]) * grid.resolution_m
        a, b, length = np.append(a, near[0]), np.append(b, other), np.append(length, max(metres, 0.05))
