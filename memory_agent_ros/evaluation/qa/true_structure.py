"""Rooms and relations of true boxes, by the definitions that the memory uses for its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from memory_agent_ros.memory.structure.config import StructureConfig
from memory_agent_ros.memory.structure.relations import find_relations
from memory_agent_ros.memory.structure.rooms import RoomPlan, RoomShape
from memory_agent_ros.memory.structure.table import ObjectTable
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.relation import Relation
from memory_agent_ros.records.room import Door, Room

#: Cells of the plan of rooms, and pitch of surface points, metres.
_CELL_M, _PITCH_M = 0.1, 0.06
#: True positions are known this well: sure, but no division by zero.
_STD_M = 0.01
#: A room is entered this far through the middle of a door, metres.
_DOOR_REACH_M = 0.3


@dataclass(frozen=True, eq=False)
class TrueRoom:
    """A rectangular room.

    Attributes:
        id: positive.
        name: what people call it.
        minimum, maximum: (2,) x, y of its corners, metres.
    """

    id: int
    name: str
    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]

    @property
    def center(self) -> NDArray[np.float64]:
        """(2,) its middle, metres."""
        return np.asarray((self.minimum + self.maximum) / 2)


@dataclass(frozen=True, eq=False)
class Solid:
    """A thing that stands somewhere: id, label, upright box and (M, 3) float32 surface points, map frame."""

    id: int
    label: str
    box: OrientedBox
    cloud: NDArray[np.float32]


class TrueStructure:
    """The rooms of an apartment; which of them holds a point, and how things in them hang together."""

    def __init__(self, rooms: Sequence[TrueRoom], doors: NDArray[np.float64]) -> None:
        """``doors`` (M, 2): x, y of their middles, metres."""
        self._rooms = tuple(rooms)
        self._config = StructureConfig()
        self._doors = [door for xy in doors if (door := self._door(xy)) is not None]
        self._plan = self._draw()

    def locate(self, points: NDArray[np.float64]) -> NDArray[np.int64]:
        """(N, 3) points -> (N,) ids of the rooms they lie in, 0 for none."""
        return self._plan.locate(points[:, :2], self._config.room_reach_m)[0]

    def rooms(self, solids: Sequence[Solid]) -> list[Room]:
        """Records of the rooms with the things in them."""
        centers = np.array([s.box.center for s in solids]).reshape(-1, 3)
        located = self.locate(centers).tolist()
        inside: dict[int, list[int]] = {r.id: [] for r in self._rooms}
        for solid, room_id in zip(solids, located, strict=True):
            inside.get(room_id, []).append(solid.id)
        return [
            Room(
                r.id, r.name, 1.0, shape.polygon, shape.area_m2, shape.center, shape.doors, tuple(sorted(inside[r.id]))
            )
            for r, shape in zip(self._rooms, self._plan.shapes, strict=True)
        ]  # fmt: skip

    def relations(self, solids: Sequence[Solid]) -> list[Relation]:
        """All relations of things that are there."""
        solids = sorted(solids, key=lambda s: s.id)
        count = len(solids)
        table = ObjectTable(
            tuple((s.id, 0, s.label, 0) for s in solids),
            np.array([s.id for s in solids], dtype=np.int64),
            tuple((s.label, 1.0) for s in solids),
            np.array([s.box.center for s in solids], dtype=np.float64).reshape(count, 3),
            np.array([s.box.size for s in solids], dtype=np.float64).reshape(count, 3),
            np.array([s.box.yaw for s in solids], dtype=np.float64),
            np.full(count, _STD_M),
            tuple(s.cloud for s in solids),
            np.full(count, _PITCH_M),
        )
        return list(find_relations(table, self._plan, self._config))

    def _door(self, xy: NDArray[np.float64]) -> Door | None:
        near = [
            r.id for r in self._rooms if float(_outside(r, xy[None])[0]) <= _DOOR_REACH_M
        ]  # a wall is thinner than that
        return Door(np.asarray(xy), 1.0, (min(near), max(near))) if len(near) == 2 else None

    def _draw(self) -> RoomPlan:
        low = np.min([r.minimum for r in self._rooms], axis=0) - 0.5
        high = np.max([r.maximum for r in self._rooms], axis=0) + 0.5
        width, height = np.ceil((high - low) / _CELL_M).astype(int)
        column, row = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        points = np.stack([column.ravel(), row.ravel()], axis=1) * _CELL_M + low
        away = np.stack([_outside(r, points) for r in self._rooms])
        ids = np.array([r.id for r in self._rooms], dtype=np.int64)
        nearest = ids[away.argmin(axis=0)].reshape(height, width)
        shapes = tuple(self._shape(r) for r in self._rooms)
        distance = away.min(axis=0).reshape(height, width)
        return RoomPlan(shapes, nearest, distance, _margin(nearest) * _CELL_M, low, _CELL_M)

    def _shape(self, room: TrueRoom) -> RoomShape:
        (x0, y0), (x1, y1) = room.minimum, room.maximum
        outline = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        doors = tuple(d for d in self._doors if room.id in d.rooms)
        return RoomShape(room.id, outline, float((x1 - x0) * (y1 - y0)), room.center, doors)


def _outside(room: TrueRoom, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) distance of (N, 2) points from a room, 0 inside, metres."""
    gap = np.maximum(np.maximum(room.minimum - points, points - room.maximum), 0.0)
    return np.asarray(np.linalg.norm(gap, axis=1))


def _margin(nearest: NDArray[np.int64]) -> NDArray[np.float64]:
    """(H, W) distance to where the nearest room changes, in cells."""
    border = np.zeros(nearest.shape, dtype=bool)
    border[:-1] |= np.diff(nearest, axis=0) != 0
    border[:, :-1] |= np.diff(nearest, axis=1) != 0
    if not border.any():
        return np.full(nearest.shape, 100.0)
    return np.asarray(ndimage.distance_transform_edt(~border))


def box_cloud(box: OrientedBox) -> NDArray[np.float32]:
    """(M, 3) points on the surface of an upright box, map frame."""
    half = box.size / 2
    return placed(_faces(tuple(np.round([*-half, *half], 3).tolist())), box.center, box.yaw)


def parts_cloud(parts: Sequence[tuple[float, ...]], center: NDArray[np.float64], yaw: float) -> NDArray[np.float32]:
    """(M, 3) points on boxes (x0, y0, z0, x1, y1, z1) given in a frame at ``center`` turned by ``yaw``."""
    return placed(np.concatenate([_faces(tuple(p)) for p in parts]), center, yaw)


def placed(local: NDArray[np.float64], center: NDArray[np.float64], yaw: float) -> NDArray[np.float32]:
    """(M, 3) local points -> map frame."""
    c, s = np.cos(yaw), np.sin(yaw)
    turned = local @ np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    return np.asarray(turned + center, dtype=np.float32)


@lru_cache(maxsize=4096)
def _faces(bounds: tuple[float, ...]) -> NDArray[np.float64]:
    """(M, 3) grid on the six faces of an axis-aligned box."""
    axes = []
    for low, high in zip(bounds[:3], bounds[3:], strict=True):
        axes.append(np.linspace(low, high, max(2, int(np.ceil((high - low) / _PITCH_M)) + 1)))
    faces = []
    for axis in range(3):
        for end in (axes[axis][:1], axes[axis][-1:]):
            grid = [end if a == axis else axes[a] for a in range(3)]
            faces.append(np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, 3))
    return np.unique(np.concatenate(faces).round(4), axis=0)
