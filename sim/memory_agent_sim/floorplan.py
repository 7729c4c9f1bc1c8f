"""Rooms and doors of an apartment: a rectangle cut into rooms, joined by doors into one connected graph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Half the thickness of a wall between two rooms, metres; each room owns its half.
HALF_WALL = 0.05
DOOR_WIDTH = 1.0
DOOR_HEIGHT = 2.05
WALL_HEIGHT = 2.5
_MINIMUM_EDGE = 2.7
_NAMES = ("living room", "kitchen", "bedroom", "bathroom", "office", "dining room")


@dataclass(frozen=True, eq=False)
class Room:
    """One room.

    Attributes:
        name: unique within the apartment.
        minimum, maximum: (2,) x, y corners of its floor between the walls, map frame, metres.
    """

    name: str
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]

    @property
    def center(self) -> NDArray[np.float64]:
        """(2,) middle of the floor, metres."""
        middle: NDArray[np.float64] = (self.minimum + self.maximum) / 2
        return middle

    def contains(self, xy: NDArray[np.float64], margin_m: float = 0.0) -> bool:
        """Whether a point lies on the floor, ``margin_m`` away from the walls (negative: into them)."""
        return bool((xy >= self.minimum + margin_m).all() and (xy <= self.maximum - margin_m).all())


@dataclass(frozen=True)
class Door:
    """Opening of ``DOOR_WIDTH`` in the wall between two rooms.

    Attributes:
        x, y: middle of the opening in the wall's mid-plane, metres.
        axis: 0 if the wall's normal is x, 1 if it is y.
        rooms: indices of the two rooms.
    """

    x: float
    y: float
    axis: int
    rooms: tuple[int, int]


@dataclass(frozen=True, eq=False)
class FloorPlan:
    """Rooms and the doors between them; the map's origin is the apartment's corner."""

    rooms: tuple[Room, ...]
    doors: tuple[Door, ...]

    def room_at(self, xy: NDArray[np.float64]) -> int:
        """Index of the room that holds a point (walls count to the nearer room)."""
        gaps = [float(np.maximum(np.maximum(r.minimum - xy, xy - r.maximum), 0).sum()) for r in self.rooms]
        return int(np.argmin(gaps))


def draw_floor_plan(rng: np.random.Generator, rooms: int) -> FloorPlan:
    """Cut a rectangle of 12 to 15 m2 a room into ``rooms`` rooms; a spanning tree of doors and some more join them."""
    while True:
        area = rooms * rng.uniform(12.0, 15.0)
        ratio = rng.uniform(0.65, 0.95)
        width = float(np.sqrt(area / ratio))
        cells = _split(rng, (0.0, 0.0, width, area / width), rooms)
        if cells is None:
            continue
        doors = _join(rng, cells)
        if doors is not None:
            order = sorted(range(rooms), key=lambda i: -_area(cells[i]))
            names = _names(rng, rooms)
            named = {cell: names[rank] for rank, cell in enumerate(order)}
            found = tuple(
                Room(named[i], np.array([c[0], c[1]]) + HALF_WALL, np.array([c[2], c[3]]) - HALF_WALL)
                for i, c in enumerate(cells)
            )
            return FloorPlan(found, tuple(doors))


_Cell = tuple[float, float, float, float]


def _area(cell: _Cell) -> float:
    return (cell[2] - cell[0]) * (cell[3] - cell[1])


def _names(rng: np.random.Generator, count: int) -> list[str]:
    """Names by falling size of the room: the living room is the largest, the bathroom the smallest."""
    middle = ["kitchen", "bedroom", *rng.permutation(["office", "dining room"]).tolist()]
    if count == 3:
        return ["living room", *rng.permutation(["kitchen", "bedroom"]).tolist()]
    chosen = [str(n) for n in rng.permutation(middle[: count - 2])]
    return ["living room", *chosen, "bathroom"]


def _split(rng: np.random.Generator, cell: _Cell, count: int) -> list[_Cell] | None:
    """Recursive cuts across the longer side, areas in proportion to the room counts; None if a room gets too narrow."""
    x0, y0, x1, y1 = cell
    if count == 1:
        edges = sorted((x1 - x0, y1 - y0))
        return [cell] if edges[0] >= _MINIMUM_EDGE and edges[1] <= 2.1 * edges[0] else None
    first = count // 2 if count % 2 == 0 else int(rng.choice([count // 2, count - count // 2]))
    share = first / count * float(rng.uniform(0.88, 1.12))
    if x1 - x0 >= y1 - y0:
        cut = x0 + share * (x1 - x0)
        parts: tuple[_Cell, _Cell] = ((x0, y0, cut, y1), (cut, y0, x1, y1))
    else:
        cut = y0 + share * (y1 - y0)
        parts = ((x0, y0, x1, cut), (x0, cut, x1, y1))
    left, right = _split(rng, parts[0], first), _split(rng, parts[1], count - first)
    return None if left is None or right is None else left + right


def _shared_wall(a: _Cell, b: _Cell) -> tuple[int, float, float, float] | None:
    """(normal axis, wall position, low, high) of the wall two cells share, if a door fits into it."""
    for axis in (0, 1):
        other = 1 - axis
        for p, q in ((a, b), (b, a)):
            if abs(p[axis + 2] - q[axis]) < 1e-9:
                low, high = max(p[other], q[other]), min(p[other + 2], q[other + 2])
                if high - low >= DOOR_WIDTH + 0.5:
                    return axis, p[axis + 2], low, high
    return None


def _join(rng: np.random.Generator, cells: list[_Cell]) -> list[Door] | None:
    walls = []
    for i in range(len(cells)):
        for j in range(i + 1, len(cells)):
            wall = _shared_wall(cells[i], cells[j])
            if wall is not None:
                walls.append((i, j, wall))
    group = list(range(len(cells)))
    doors: list[Door] = []
    for index in rng.permutation(len(walls)):
        i, j, (axis, position, low, high) = walls[int(index)]
        joins = group[i] != group[j]
        if not joins and rng.random() > 0.35:
            continue
        along = float(rng.uniform(low + DOOR_WIDTH / 2 + 0.2, high - DOOR_WIDTH / 2 - 0.2))
        x, y = (position, along) if axis == 0 else (along, position)
        doors.append(Door(x, y, axis, (i, j)))
        group = [group[i] if g == group[j] else g for g in group]
    return doors if len(set(group)) == 1 else None
