"""Floor raster: what is covered, and what a round base can reach."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from memory_agent_sim.floorplan import DOOR_WIDTH, HALF_WALL, FloorPlan


@dataclass(frozen=True)
class Footprint:
    """Rectangle on the floor that blocks the base: centre, full edges, yaw; metres, radians, map frame."""

    x: float
    y: float
    width: float
    depth: float
    yaw: float

    def corners(self, margin_m: float = 0.0) -> NDArray[np.float64]:
        """(4, 2) corners, grown by a margin on each side."""
        half = np.array([self.width / 2 + margin_m, self.depth / 2 + margin_m])
        local = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        placed: NDArray[np.float64] = local @ np.array([[c, s], [-s, c]]) + [self.x, self.y]
        return placed


@dataclass(frozen=True, eq=False)
class FloorGrid:
    """Raster of the floor.

    Attributes:
        free: (H, W) bool, row = y, column = x: not covered by walls or footprints.
        origin: (2,) x, y of the corner of cell (0, 0), metres; ``resolution_m`` edge of a cell.
    """

    free: NDArray[np.bool_]
    origin: NDArray[np.float64]
    resolution_m: float

    def cell(self, xy: NDArray[np.float64]) -> tuple[int, int]:
        """(row, column) of a point."""
        column, row = np.floor((np.asarray(xy) - self.origin) / self.resolution_m).astype(int)
        height, width = self.free.shape
        return min(max(int(row), 0), height - 1), min(max(int(column), 0), width - 1)

    def centers(self, radius_m: float) -> NDArray[np.bool_]:
        """(H, W) bool: cells at which the centre of a round base may stand."""
        padded = np.pad(self.free, 1)
        distance = ndimage.distance_transform_edt(padded)[1:-1, 1:-1] * self.resolution_m
        standing: NDArray[np.bool_] = distance - self.resolution_m / 2 > radius_m
        return standing

    def reachable_centers(self, start: NDArray[np.float64], radius_m: float) -> NDArray[np.bool_]:
        """Those of :meth:`centers` connected with the one nearest to ``start`` (within 0.3 m; else none)."""
        standing = self.centers(radius_m)
        rows, columns = np.nonzero(standing)
        if len(rows) == 0:
            return standing
        row, column = self.cell(start)
        nearest = int(np.argmin((rows - row) ** 2 + (columns - column) ** 2))
        if np.hypot(rows[nearest] - row, columns[nearest] - column) * self.resolution_m > 0.3:
            return np.zeros_like(standing)
        labels, _ = ndimage.label(standing)
        reached: NDArray[np.bool_] = labels == labels[rows[nearest], columns[nearest]]
        return reached

    def reachable_floor(self, start: NDArray[np.float64], radius_m: float) -> NDArray[np.bool_]:
        """(H, W) bool: free cells that a round base coming from ``start`` can stand on."""
        distance = ndimage.distance_transform_edt(~np.pad(self.reachable_centers(start, radius_m), 1))[1:-1, 1:-1]
        swept: NDArray[np.bool_] = self.free & (distance * self.resolution_m <= radius_m)
        return swept


def rasterize(plan: FloorPlan, footprints: Iterable[Footprint], resolution_m: float) -> FloorGrid:
    """Raster of rooms and doors minus footprints; covers the apartment's whole rectangle."""
    low = np.min([r.minimum for r in plan.rooms], axis=0) - HALF_WALL
    high = np.max([r.maximum for r in plan.rooms], axis=0) + HALF_WALL
    width, height = np.ceil((high - low) / resolution_m - 1e-9).astype(int)
    x = low[0] + (np.arange(width) + 0.5) * resolution_m
    y = low[1] + (np.arange(height) + 0.5) * resolution_m
    free = np.zeros((height, width), dtype=bool)

    def inside(minimum: NDArray[np.float64], maximum: NDArray[np.float64]) -> NDArray[np.bool_]:
        mask: NDArray[np.bool_] = np.outer((y >= minimum[1]) & (y <= maximum[1]), (x >= minimum[0]) & (x <= maximum[0]))
        return mask

    for room in plan.rooms:
        free |= inside(room.minimum, room.maximum)
    for door in plan.doors:
        half = np.array([HALF_WALL, DOOR_WIDTH / 2]) if door.axis == 0 else np.array([DOOR_WIDTH / 2, HALF_WALL])
        free |= inside(np.array([door.x, door.y]) - half - 1e-6, np.array([door.x, door.y]) + half + 1e-6)
    grid_x, grid_y = np.meshgrid(x, y)
    for f in footprints:
        c, s = np.cos(f.yaw), np.sin(f.yaw)
        u, v = c * (grid_x - f.x) + s * (grid_y - f.y), -s * (grid_x - f.x) + c * (grid_y - f.y)
        free &= ~((np.abs(u) <= f.width / 2) & (np.abs(v) <= f.depth / 2))
    return FloorGrid(free, low, resolution_m)


def rooms_reachable(plan: FloorPlan, blockers: Iterable[Footprint], radius_m: float, floor_m2: float) -> bool:
    """Whether a round base gets through every door and its centre onto ``floor_m2`` of every room's floor."""
    grid = rasterize(plan, blockers, 0.05)
    reached = grid.reachable_centers(np.array([plan.doors[0].x, plan.doors[0].y]), radius_m)
    if not all(reached[grid.cell(np.array([d.x, d.y]))] for d in plan.doors):
        return False
    for room in plan.rooms:
        (r0, c0), (r1, c1) = grid.cell(room.minimum), grid.cell(room.maximum)
        if reached[r0 : r1 + 1, c0 : c1 + 1].sum() * grid.resolution_m**2 < floor_m2:
            return False
    return True
