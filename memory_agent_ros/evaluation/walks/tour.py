"""A tour of an apartment: every room entered, looked around in, in an order that a seed draws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.graph import MCP_Geometric

#: Room for the base, metres, and floor per viewpoint, square metres.
_CLEARANCE_M, _AREA_M2 = 0.3, 8.0


class RoomLike(Protocol):
    """A room of the simulator."""

    @property
    def minimum(self) -> NDArray[np.float64]:
        """(2,) lower corner."""
        ...

    @property
    def maximum(self) -> NDArray[np.float64]:
        """(2,) upper corner."""
        ...


def plan_tour(
    free: NDArray[np.bool_],
    origin: NDArray[np.float64],
    resolution_m: float,
    rooms: Sequence[RoomLike],
    start: NDArray[np.float64],
    rng: np.random.Generator,
    spacing_m: float = 0.3,
    turn_deg: float = 20.0,
) -> NDArray[np.float64]:
    """Poses of a base that visits every room and turns once around at each viewpoint.

    Args:
        free: (H, W) floor the base can stand on, row = y, column = x.
        origin: (2,) x, y of the corner of cell (0, 0).
        resolution_m: edge of a cell.
        rooms: where viewpoints are spread; the nearest unvisited room comes next.
        start: (2,) where the tour begins.
        rng: draws the viewpoints.
        spacing_m: distance of poses along the way.
        turn_deg: angle between poses of a turn.

    Returns:
        (N, 3) x, y, yaw.
    """
    clearance = ndimage.distance_transform_edt(np.pad(free, 1))[1:-1, 1:-1] * resolution_m
    standing = clearance >= min(_CLEARANCE_M, float(clearance.max()) / 2)
    costs = np.where(standing, 1.0 + 2.0 * np.exp(-clearance / 0.3), np.where(free, 20.0, np.inf))
    rows, columns = np.nonzero(standing)
    cells = np.stack([columns, rows], axis=1)
    points = (cells + 0.5) * resolution_m + origin
    groups = [_viewpoints(points, room, rng) for room in rooms]
    waiting = [g for g in groups if len(g)]
    poses: list[tuple[float, float, float]] = []
    here = points[np.argmin(np.linalg.norm(points - start, axis=1))]
    while waiting:
        waiting.sort(key=lambda g: float(np.linalg.norm(g - here, axis=1).min()))
        group = waiting.pop(0)
        while len(group):
            nearest = int(np.argmin(np.linalg.norm(group - here, axis=1)))
            path = _path(costs, origin, resolution_m, here, group[nearest])
            poses += _along(path, spacing_m)
            here, group = group[nearest], np.delete(group, nearest, axis=0)
            yaw = poses[-1][2] if poses else 0.0
            turns = np.arange(0.0, 360.0, turn_deg)
            poses += [(float(here[0]), float(here[1]), yaw + float(np.deg2rad(t))) for t in turns]
    return np.array(poses)


def _viewpoints(points: NDArray[np.float64], room: RoomLike, rng: np.random.Generator) -> NDArray[np.float64]:
    """Farthest-point samples of the floor of one room, the first drawn at random."""
    inside = points[((points >= room.minimum) & (points <= room.maximum)).all(axis=1)]
    if len(inside) == 0:
        return inside
    count = max(2, round(float(np.prod(room.maximum - room.minimum)) / _AREA_M2))
    chosen = [inside[int(rng.integers(len(inside)))]]
    distance = np.linalg.norm(inside - chosen[0], axis=1)
    while len(chosen) < count and distance.max() > 0.8:
        chosen.append(inside[int(np.argmax(distance))])
        distance = np.minimum(distance, np.linalg.norm(inside - chosen[-1], axis=1))
    return np.array(chosen)


def _path(
    costs: NDArray[np.float64],
    origin: NDArray[np.float64],
    resolution_m: float,
    start: NDArray[np.float64],
    goal: NDArray[np.float64],
) -> NDArray[np.float64]:
    cells = [tuple(np.floor((p - origin) / resolution_m).astype(int)[::-1]) for p in (start, goal)]
    planner = MCP_Geometric(costs)
    planner.find_costs([cells[0]], [cells[1]])
    path = np.array(planner.traceback(cells[1]))[:, ::-1]
    return np.asarray((path + 0.5) * resolution_m + origin)


def _along(path: NDArray[np.float64], spacing_m: float) -> list[tuple[float, float, float]]:
    """Poses every ``spacing_m`` of a path, looking where it leads."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.arange(0.0, length[-1], spacing_m)
    ahead = np.minimum(at + 0.4, length[-1])
    xy, front = (np.stack([np.interp(s, length, path[:, a]) for a in range(2)], axis=1) for s in (at, ahead))
    yaw = np.arctan2(*(front - xy).T[::-1])
    return [(float(x), float(y), float(t)) for (x, y), t in zip(xy, yaw, strict=True)]
