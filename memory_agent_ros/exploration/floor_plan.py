"""A floor plan that somebody else makes (SLAM, a map server, a costmap), brought onto the explorer's own cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import BadInputError

UNKNOWN, FREE, OCCUPIED = np.uint8(0), np.uint8(1), np.uint8(2)
#: More cells than this are a mistake (2 km by 2 km at 5 cm).
_MOST_CELLS = 1_600_000_000


@dataclass(frozen=True, eq=False)
class FloorPlan:
    """Occupancy values as nav_msgs/OccupancyGrid carries them.

    Attributes:
        values: (H, W) int; row = along the plan's y, column = along its x; negative is unknown, else 0 to 100.
        resolution_m: cell size, metres.
        origin_xy: (2,) lower corner of cell (0, 0), metres, map frame.
        origin_yaw: turn of the plan's x axis in the map frame, radians.
    """

    values: NDArray[np.integer]
    resolution_m: float
    origin_xy: NDArray[np.float64]
    origin_yaw: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be a floor plan.

        Raises:
            BadInputError: ``floor_plan_invalid``.
        """
        numbers = np.array([self.resolution_m, *self.origin_xy, self.origin_yaw])
        if not np.isfinite(numbers).all() or not self.resolution_m > 0:
            raise BadInputError(
                "floor_plan_invalid",
                f"resolution {self.resolution_m} and origin {self.origin_xy} must be numbers, the resolution positive",
            )
        if self.values.ndim != 2 or not 0 < self.values.size < _MOST_CELLS:
            raise BadInputError("floor_plan_invalid", f"a floor plan of {self.values.shape} cells cannot be used")

    def classes(self, free_max: int, occupied_min: int) -> NDArray[np.uint8]:
        """(H, W) ``UNKNOWN``, ``FREE`` (0 to ``free_max``) or ``OCCUPIED`` (from ``occupied_min``) by threshold.

        What lies between the two is unknown, as map_server's trinary mode has it.
        """
        values = self.values
        out = np.full(values.shape, UNKNOWN, dtype=np.uint8)
        out[(values >= 0) & (values <= free_max)] = FREE
        out[values >= occupied_min] = OCCUPIED
        return out

    def bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper corner (2,) of the upright rectangle around it, metres, map frame."""
        height, width = self.values.shape
        corners = self.to_map(np.array([[0.0, 0.0], [width, 0.0], [0.0, height], [width, height]]))
        return corners.min(axis=0), corners.max(axis=0)

    def to_map(self, cells: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, 2) x, y in cells -> (N, 2) metres, map frame."""
        c, s = np.cos(self.origin_yaw), np.sin(self.origin_yaw)
        x, y = cells[:, 0] * self.resolution_m, cells[:, 1] * self.resolution_m
        return np.stack([c * x - s * y, s * x + c * y], axis=1) + self.origin_xy

    def to_cells(self, points_xy: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, 2) metres, map frame -> (N, 2) x, y in cells."""
        c, s = np.cos(self.origin_yaw), np.sin(self.origin_yaw)
        offset = points_xy - self.origin_xy
        x, y = c * offset[:, 0] + s * offset[:, 1], -s * offset[:, 0] + c * offset[:, 1]
        return np.stack([x, y], axis=1) / self.resolution_m


def sample(
    plan: FloorPlan, classes: NDArray[np.uint8], origin_cell: NDArray[np.int64], shape: tuple[int, int], size_m: float
) -> NDArray[np.uint8]:
    """Classes of a plan on other cells; an occupied cell of the plan is never lost between them.

    Args:
        plan: where the classes lie.
        classes: (H, W) of the plan.
        origin_cell: (2,) x, y of the first target cell, in whole cells of ``size_m`` from the map frame's origin.
        shape: (h, w) of the target.
        size_m: its cell size.

    Returns:
        (h, w) classes; ``UNKNOWN`` outside the plan.
    """
    columns, rows = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    centers = (np.stack([columns.ravel(), rows.ravel()], axis=1) + origin_cell + 0.5) * size_m
    cells = np.floor(plan.to_cells(centers)).astype(np.int64)
    height, width = classes.shape
    inside = (cells >= 0).all(axis=1) & (cells[:, 0] < width) & (cells[:, 1] < height)
    out = np.full(shape[0] * shape[1], UNKNOWN, dtype=np.uint8)
    out[inside] = classes[cells[inside, 1], cells[inside, 0]]
    out = out.reshape(shape)
    hit_rows, hit_columns = np.nonzero(classes == OCCUPIED)
    points = plan.to_map(np.stack([hit_columns, hit_rows], axis=1) + 0.5)
    target = np.floor(points / size_m).astype(np.int64) - origin_cell
    ok = (target >= 0).all(axis=1) & (target[:, 0] < shape[1]) & (target[:, 1] < shape[0])
    out[target[ok, 1], target[ok, 0]] = OCCUPIED
    return out
