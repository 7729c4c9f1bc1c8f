"""Which place to go to next, and why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from memory_agent_ros.exploration.codes import Reason
from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.coverage import Coverage
from memory_agent_ros.exploration.frontier import Frontier, find_frontiers
from memory_agent_ros.exploration.occupancy import OccupancyGrid
from memory_agent_ros.exploration.path_planner import PathPlanner
from memory_agent_ros.exploration.view_field import ViewField

_SPACING_M = 0.5
_TURN_TIME_S = 2.5
_SHUN_M = 0.3


@dataclass(frozen=True, eq=False)
class Goal:
    """A place to drive to.

    Attributes:
        xy: (2,) metres, map frame.
        reason: why.
        frontier_xy: (N, 2) cells of the frontier it is for, or None.
        look_at_xy: (2,) what is to be looked at from there, or None.
    """

    xy: NDArray[np.float64]
    reason: Reason
    frontier_xy: NDArray[np.float64] | None = None
    look_at_xy: NDArray[np.float64] | None = None


class GoalChooser:
    """Chooses goals on a grid; remembers places to shun.

    Attributes:
        frontiers: the frontiers of the last :meth:`find`.
    """

    def __init__(self, grid: OccupancyGrid, coverage: Coverage, planner: PathPlanner, config: ExplorerConfig) -> None:
        self._grid, self._coverage, self._planner, self._config = grid, coverage, planner, config
        self.frontiers: list[Frontier] = []
        self._shunned: list[NDArray[np.float64]] = []
        self._tour: list[NDArray[np.float64]] = []

    def find(self) -> list[Frontier]:
        """Find the frontiers of the grid as it is now."""
        self.frontiers = find_frontiers(self._grid, self._config.min_frontier_m)
        return self.frontiers

    def shun(self, xy: NDArray[np.float64]) -> None:
        """Do not choose a goal within 0.3 m of this place again."""
        self._shunned.append(np.asarray(xy))

    def forgive(self) -> None:
        """Forget the places to shun."""
        self._shunned.clear()

    def _is_shunned(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        if not self._shunned:
            return np.zeros(len(points), dtype=bool)
        shunned = np.stack(self._shunned)
        near: NDArray[np.bool_] = (np.linalg.norm(points[:, None] - shunned[None], axis=2) < _SHUN_M).any(axis=1)
        return near

    def nearest_frontier(self) -> Goal | None:
        """The frontier with the shortest path, or None if none can be reached."""
        best, best_cost = None, np.inf
        for frontier in self.frontiers:
            place = self._approach(frontier)
            if place is None:
                continue
            cost = float(self._planner.costs[self._grid.raster.cell(place)])
            if cost < best_cost:
                cells = self._grid.raster.centers(frontier.rows, frontier.columns)
                best, best_cost = Goal(place, Reason.NEAREST_FRONTIER, cells), cost
        return best

    def _approach(self, frontier: Frontier) -> NDArray[np.float64] | None:
        """(2,) reachable place at a frontier: its reachable cell nearest to the centroid, else a cell beside it."""
        raster, reachable = self._grid.raster, self._planner.reachable
        rows, columns = frontier.rows, frontier.columns
        ok = reachable[rows, columns]
        if not ok.any():
            mask = np.zeros(raster.shape, dtype=bool)
            mask[rows, columns] = True
            near = binary_dilation(mask, iterations=int(0.4 / raster.resolution_m)) & reachable
            rows, columns = np.nonzero(near)
            ok = np.ones(len(rows), dtype=bool)
        points = raster.centers(rows[ok], columns[ok])
        points = points[~self._is_shunned(points)]
        if not len(points):
            return None
        place: NDArray[np.float64] = points[np.argmin(np.linalg.norm(points - frontier.centroid_xy, axis=1))]
        return place

    def still_frontier(self, goal: Goal) -> bool:
        """Whether at least a third of the goal's frontier is still one."""
        if goal.frontier_xy is None:
            return True
        rows, columns = self._grid.raster.index(goal.frontier_xy)
        left = np.zeros(self._grid.raster.shape, dtype=bool)
        for frontier in self.frontiers:
            left[frontier.rows, frontier.columns] = True
        left = binary_dilation(left, iterations=2)
        return bool(left[rows, columns].mean() > 0.34)

    def candidates(self) -> NDArray[np.float64]:
        """(C, 2) reachable places on a lattice, with room to turn."""
        step = max(1, round(_SPACING_M / self._grid.resolution_m))
        room = self._planner.clearance > self._config.robot_radius_m + self._config.clearance_m
        good = (self._planner.reachable & room)[::step, ::step]
        rows, columns = np.nonzero(good)
        points = self._grid.raster.centers(rows * step, columns * step)
        return points[~self._is_shunned(points)]

    def _travel_s(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        rows, columns = self._grid.raster.index(points)
        return self._planner.costs[rows, columns] / self._config.max_linear_mps + _TURN_TIME_S

    def coverage_gap(self) -> Goal | None:
        """The place that shows most unseen floor and furniture per second of the way, or None if none is worth it."""
        points = self.candidates()
        if not len(points):
            return None
        field = ViewField(self._grid, self._coverage, self._config, with_unknown=False)
        gains = field.gains(points, field.visible(points, self._config.surface_range_m - 0.3))
        worth = gains >= self._config.min_gap_m2
        if not worth.any():
            return None
        value = np.where(worth, gains / self._travel_s(points), -1.0)
        return Goal(points[int(np.argmax(value))], Reason.COVERAGE_GAP)

    def plan_tour(self) -> int:
        """Choose viewpoints that together show everything known; returns how many.

        Greedy set cover (Chvatal, 1979) over the reachable lattice. :meth:`next_viewpoint` orders them.
        """
        points = self.candidates()
        self._tour = []
        field = ViewField(self._grid, self._coverage, self._config, with_unknown=False)
        visible = field.visible(points, self._config.surface_range_m - 0.3)
        while len(self._tour) < len(points):
            gains = field.gains(points, visible)
            best = int(np.argmax(gains))
            if gains[best] < self._config.min_gap_m2:
                break
            self._tour.append(points[best])
            field.cover(points[best], visible[best])
        return len(self._tour)

    def next_viewpoint(self) -> Goal | None:
        """The nearest viewpoint of the tour that still shows something new; it leaves the tour."""
        field = ViewField(self._grid, self._coverage, self._config, with_unknown=False)
        while self._tour:
            points = np.stack(self._tour)
            rows, columns = self._grid.raster.index(points)
            costs = self._planner.costs[rows, columns]
            nearest = int(np.argmin(costs))
            xy = self._tour.pop(nearest)
            gain = field.gains(xy[None], field.visible(xy[None], self._config.surface_range_m - 0.3))[0]
            if np.isfinite(costs[nearest]) and gain >= self._config.min_gap_m2 and not self._is_shunned(xy[None])[0]:
                return Goal(xy, Reason.PATROL_VIEWPOINT)
        return None
