"""Hide what cannot be seen before drawing: outside the view, or in a room that no sight line through doors reaches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import Matrix, inverse, transform_points
from memory_agent_ros.records.camera import Camera
from memory_agent_sim.floorplan import DOOR_WIDTH, HALF_WALL, Door, FloorPlan
from memory_agent_sim.scene import HIDDEN_GROUP, Scene

#: Bearings seen, as (middle, half width) in radians; half width pi is all around.
Arc = tuple[float, float]
_ALL_AROUND: Arc = (0.0, float(np.pi))
#: Nearer than this to an opening both rooms count as seen all around, metres.
_THRESHOLD_M = 0.3


class Culling:
    """Moves geoms that cannot show a pixel into the hidden group, and back.

    Bounding spheres are tested against the four planes of the view; rooms by the portals they are seen through (walls
    reach the ceiling, so sight passes between rooms through door openings only; Luebke and Georges, 1995).
    """

    def __init__(self, scene: Scene, plan: FloorPlan, data: Any, camera: Camera) -> None:
        self._scene = scene
        self._plan = plan
        self._data = data
        self._home = scene.model.geom_group.copy()
        half_w, half_h = camera.width / 2 / camera.K[0, 0], camera.height / 2 / camera.K[1, 1]
        planes = np.array([[1, 0, half_w], [-1, 0, half_w], [0, 1, half_h], [0, -1, half_h]], dtype=np.float64)
        self._planes = planes / np.linalg.norm(planes, axis=1, keepdims=True)

    def visible(self, T_map_camera: Matrix) -> NDArray[np.bool_]:
        """(ngeom,) bool: False only for geoms that cannot show in the picture."""
        points = transform_points(inverse(T_map_camera), self._data.geom_xpos)
        inside: NDArray[np.bool_] = (points @ self._planes.T > -self._scene.model.geom_rbound[:, None]).all(axis=1)
        return inside & self._in_sight(T_map_camera[:2, 3])

    def apply(self, T_map_camera: Matrix) -> None:
        """Set the groups of the model's geoms for one picture."""
        self._scene.model.geom_group[:] = np.where(self.visible(T_map_camera), self._home, HIDDEN_GROUP)

    def _in_sight(self, eye: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(ngeom,) bool: whether a line of sight through the doors may reach a geom's bounding circle."""
        arcs = rooms_in_sight(self._plan, eye)
        rooms = self._rooms_of_geoms()
        offset = self._data.geom_xpos[:, :2] - eye
        distance = np.linalg.norm(offset, axis=1)
        bearing = np.arctan2(offset[:, 1], offset[:, 0])
        ratio = self._scene.model.geom_rbound / np.maximum(distance, 1e-9)
        spread = np.where(ratio < 1, np.arcsin(np.minimum(ratio, 1.0)), np.pi)
        seen: NDArray[np.bool_] = np.logical_not(rooms.any(axis=1))
        for room, found in arcs.items():
            part_of_room = self._scene.geom_room == room
            for middle, half in found:
                turn = np.abs(np.mod(bearing - middle + np.pi, 2 * np.pi) - np.pi)
                seen |= rooms[:, room] & (part_of_room | (turn <= half + spread + 1e-6))
        return seen

    def _rooms_of_geoms(self) -> NDArray[np.bool_]:
        """(ngeom, rooms) bool; what reaches into a door opening belongs to both of its rooms, the robot to none."""
        position = self._data.geom_xpos[:, :2]
        member = np.zeros((len(position), len(self._plan.rooms)), dtype=bool)
        thing = self._scene.geom_instance > 0
        for index, room in enumerate(self._plan.rooms):
            low, high = room.minimum - HALF_WALL, room.maximum + HALF_WALL
            member[:, index] = thing & (position >= low).all(axis=1) & (position <= high).all(axis=1)
        for door in self._plan.doors:
            near = np.hypot(*(position - [door.x, door.y]).T) < self._scene.model.geom_rbound + DOOR_WIDTH / 2 + 0.1
            member[np.ix_(thing & near, list(door.rooms))] = True
        built = np.flatnonzero(self._scene.geom_room >= 0)
        member[built, self._scene.geom_room[built]] = True
        return member


def rooms_in_sight(plan: FloorPlan, eye: NDArray[np.float64]) -> dict[int, list[Arc]]:
    """Room index -> bearings (map frame) at which lines of sight from ``eye`` (2,) may enter it through open doors."""
    arcs: dict[int, list[Arc]] = {}
    starts = {plan.room_at(eye)}
    for door in plan.doors:
        if _distance(door, eye) < _THRESHOLD_M:
            starts |= set(door.rooms)
    for room in starts:
        _enter(plan, eye, room, _ALL_AROUND, (), arcs)
    return arcs


def _enter(
    plan: FloorPlan, eye: NDArray[np.float64], room: int, arc: Arc, passed: tuple[int, ...], arcs: dict[int, list[Arc]]
) -> None:
    arcs.setdefault(room, []).append(arc)
    for index, door in enumerate(plan.doors):
        if room not in door.rooms or index in passed or _distance(door, eye) < _THRESHOLD_M:
            continue
        through = _overlap(arc, _door_arc(door, eye))
        if through is not None:
            other = door.rooms[1] if door.rooms[0] == room else door.rooms[0]
            _enter(plan, eye, other, through, (*passed, index), arcs)


def _ends(door: Door) -> NDArray[np.float64]:
    half = DOOR_WIDTH / 2
    along = np.array([0.0, half]) if door.axis == 0 else np.array([half, 0.0])
    ends: NDArray[np.float64] = np.array([door.x, door.y]) + np.stack([-along, along])
    return ends


def _distance(door: Door, eye: NDArray[np.float64]) -> float:
    a, b = _ends(door)
    share = float(np.clip((eye - a) @ (b - a) / ((b - a) @ (b - a)), 0.0, 1.0))
    return float(np.linalg.norm(eye - a - share * (b - a)))


def _door_arc(door: Door, eye: NDArray[np.float64]) -> Arc:
    first, second = (float(np.arctan2(y, x)) for x, y in _ends(door) - eye)
    width = (second - first + np.pi) % (2 * np.pi) - np.pi
    return first + width / 2, abs(width) / 2


def _overlap(a: Arc, b: Arc) -> Arc | None:
    """Common bearings of two arcs, the second narrower than half a turn."""
    if a[1] >= np.pi:
        return b
    shift = (b[0] - a[0] + np.pi) % (2 * np.pi) - np.pi
    low, high = max(-a[1], shift - b[1]), min(a[1], shift + b[1])
    return (a[0] + (low + high) / 2, (high - low) / 2) if high > low else None
