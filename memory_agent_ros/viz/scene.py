"""What a picture of a map needs, as plain records."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.relation import Relation
from memory_agent_ros.records.room import Room
from memory_agent_ros.viz.trails import Trail

#: Colours that stay apart from one another and from grey (after Tableau 10 and ColorBrewer Dark2).
_PALETTE = (
    "#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#76b7b2", "#9c755f", "#d37295",
    "#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#386cb0", "#b8860b",
)  # fmt: skip
GONE_COLOR = "#9a9a9a"


@dataclass(frozen=True, eq=False)
class FloorMap:
    """Occupancy seen from above.

    Attributes:
        cells: (H, W) int8, -1 unknown, 0 free, 100 occupied; row 0 is the lowest y.
        resolution_m: edge of a cell.
        origin_xy: (2,) map position of the outer corner of cell (0, 0), metres.
    """

    cells: NDArray[np.int8]
    resolution_m: float
    origin_xy: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScenePoints:
    """Coloured surface points of the surroundings, for maps without occupancy.

    Attributes:
        points_map: (N, 3) float32 metres.
        rgb: (N, 3) uint8.
    """

    points_map: NDArray[np.float32]
    rgb: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class MapScene:
    """One map at one moment.

    Attributes:
        objects: present and gone ones.
        floor, points: surroundings, either or none.
        path_xy: (N, 2) where the robot went, or None.
        moves: ``moved`` events drawn as arrows.
        robot_xy_yaw: (x, y, yaw) of the robot now, or None.
        highlight: ids of objects to stress (those that changed).
        rooms: outlines with names.
        relations: drawn as lines between their two objects.
        trails: ways of objects that have moved.
        anchors_xy: (N, 2) pose nodes that the geometry hangs on, or None.
    """

    objects: Sequence[MapObject]
    floor: FloorMap | None = None
    points: ScenePoints | None = None
    path_xy: NDArray[np.float64] | None = None
    moves: Sequence[MemoryEvent] = ()
    robot_xy_yaw: tuple[float, float, float] | None = None
    highlight: frozenset[int] = frozenset()
    rooms: Sequence[Room] = ()
    relations: Sequence[Relation] = ()
    trails: Sequence[Trail] = ()
    anchors_xy: NDArray[np.float64] | None = None


def object_color(label: str) -> str:
    """Hex colour of a label, the same in every picture."""
    return _PALETTE[int(hashlib.sha1(label.encode()).hexdigest(), 16) % len(_PALETTE)]


def color_of(item: MapObject) -> str:
    """Colour of an object: its label's, grey once it is gone."""
    return GONE_COLOR if item.state is ObjectState.GONE else object_color(item.label)


def scene_bounds(scene: MapScene, margin_m: float = 0.5) -> tuple[float, float, float, float]:
    """X low, x high, y low, y high that hold everything worth showing, metres."""
    clouds = [np.asarray([o.box.center[:2] for o in scene.objects]).reshape(-1, 2)]
    clouds += [room.polygon for room in scene.rooms] + [trail.positions_m[:, :2] for trail in scene.trails]
    if scene.path_xy is not None:
        clouds.append(scene.path_xy)
    if scene.floor is not None:
        rows, columns = np.nonzero(scene.floor.cells >= 0)
        clouds.append(np.stack([columns, rows], axis=1) * scene.floor.resolution_m + scene.floor.origin_xy)
    if scene.points is not None and len(scene.points.points_map):
        clouds.append(np.quantile(scene.points.points_map[:, :2], [0.005, 0.995], axis=0))
    cloud = np.concatenate(clouds)
    if not len(cloud):
        return -1.0, 1.0, -1.0, 1.0
    low, high = cloud.min(axis=0) - margin_m, cloud.max(axis=0) + margin_m
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])
