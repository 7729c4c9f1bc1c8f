"""Rooms as records: found in free space, told apart over time, named by what stands in them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from memory_agent_ros.memory.structure.config import StructureConfig
from memory_agent_ros.memory.structure.free_space import FreeSpace
from memory_agent_ros.memory.structure.room_book import RoomBook, blocks_of
from memory_agent_ros.memory.structure.room_names import room_kind
from memory_agent_ros.memory.structure.segmentation import Segmentation
from memory_agent_ros.memory.structure.table import ObjectTable
from memory_agent_ros.records.room import Door, Room


@dataclass(frozen=True, eq=False)
class RoomShape:
    """A room without its things; see :class:`~memory_agent_ros.records.room.Room`."""

    id: int
    polygon: NDArray[np.float64]
    area_m2: float
    center: NDArray[np.float64]
    doors: tuple[Door, ...]


@dataclass(frozen=True, eq=False)
class RoomPlan:
    """All rooms at one moment.

    Attributes:
        shapes: by id.
        nearest: (H, W) int64 id of the nearest room.
        distance_m: (H, W) how far it is, 0 on its floor; margin_m: (H, W) how far the border to another room is.
        origin, cell_m: of the grid they refer to.
    """

    shapes: tuple[RoomShape, ...]
    nearest: NDArray[np.int64]
    distance_m: NDArray[np.float64]
    margin_m: NDArray[np.float64]
    origin: NDArray[np.float64]
    cell_m: float

    def locate(
        self, xy: NDArray[np.float64], reach_m: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
        """(N, 2) x, y -> (N,) id of the room within ``reach_m``, 0 if none; (N,) distance_m; (N,) margin_m."""
        if not self.shapes or len(xy) == 0:
            return np.zeros(len(xy), dtype=np.int64), np.zeros(len(xy)), np.zeros(len(xy))
        raw = np.floor((np.asarray(xy, dtype=np.float64) - self.origin) / self.cell_m)[:, ::-1]
        size = np.array(self.nearest.shape)
        cell = np.clip(raw, 0, size - 1).astype(np.intp)
        outside = np.linalg.norm(raw - cell, axis=1) * self.cell_m
        distance = self.distance_m[cell[:, 0], cell[:, 1]] + outside
        ids = np.where(distance <= reach_m, self.nearest[cell[:, 0], cell[:, 1]], 0)
        return ids, distance, self.margin_m[cell[:, 0], cell[:, 1]]


def plan_rooms(space: FreeSpace, found: Segmentation, book: RoomBook) -> RoomPlan:
    """Give every segmented room its lasting id and its outline."""
    first = np.rint(space.origin / space.cell_m).astype(np.int64)[::-1]
    count = int(found.labels.max()) if found.labels.size else 0
    cells = [np.argwhere(found.labels == label) for label in range(1, count + 1)]
    ids = [0, *book.match([blocks_of(c, first) for c in cells])]
    doors = []
    for passage in found.passages:
        pair = (min(ids[passage.a], ids[passage.b]), max(ids[passage.a], ids[passage.b]))
        doors.append(Door(space.points(np.array(passage.cell)), passage.width_m, pair))
    shapes = [
        RoomShape(
            ids[label],
            _outline(found.labels == label, space),
            len(cells[label - 1]) * space.cell_m**2,
            space.points(cells[label - 1][np.argmax(found.clearance_m[tuple(cells[label - 1].T)])]),
            tuple(d for d in doors if ids[label] in d.rooms),
        )
        for label in range(1, count + 1)
    ]
    if count:
        distance, (row, column) = ndimage.distance_transform_edt(found.labels == 0, return_indices=True)
        nearest = np.array(ids, dtype=np.int64)[found.labels[row, column]]
    else:
        distance, nearest = np.zeros(found.labels.shape), np.zeros(found.labels.shape, dtype=np.int64)
    shapes.sort(key=lambda s: s.id)
    margin = _margin(nearest) * space.cell_m
    return RoomPlan(tuple(shapes), nearest, distance * space.cell_m, margin, space.origin.copy(), space.cell_m)


def _margin(nearest: NDArray[np.int64]) -> NDArray[np.float64]:
    """(H, W) distance to where the nearest room changes, in cells; 100 if there is but one."""
    border = np.zeros(nearest.shape, dtype=bool)
    for axis in (0, 1):
        changes = np.diff(nearest, axis=axis) != 0
        border |= np.pad(changes, [(0, int(axis == 0)), (0, int(axis == 1))])
    if not border.any():
        return np.full(nearest.shape, 100.0)
    return np.asarray(ndimage.distance_transform_edt(~border))


def describe_rooms(
    plan: RoomPlan, table: ObjectTable, given: dict[int, str], config: StructureConfig
) -> tuple[Room, ...]:
    """Rooms with names and things. A second bedroom is "bedroom 2"."""
    located, *_ = plan.locate(table.center[:, :2], config.room_reach_m)
    rooms, used = [], set(given.values())
    for shape in plan.shapes:
        rows = np.flatnonzero(located == shape.id)
        if shape.id in given:
            name, confidence = given[shape.id], 1.0
        else:
            name, confidence = room_kind([table.labels[i] for i in rows.tolist()])
            if confidence < config.name_confidence:
                name, confidence = f"room {shape.id}", 0.0
            name = _distinct(name, used)
        used.add(name)
        things = tuple(table.ids[rows].tolist())
        rooms.append(Room(shape.id, name, confidence, shape.polygon, shape.area_m2, shape.center, shape.doors, things))
    return tuple(rooms)


def _distinct(name: str, used: set[str]) -> str:
    number, candidate = 1, name
    while candidate in used:
        number += 1
        candidate = f"{name} {number}"
    return candidate


def _outline(mask: NDArray[np.bool_], space: FreeSpace) -> NDArray[np.float64]:
    """(N, 2) outer border of the largest part, thinned to a cell and a half."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    border = cv2.approxPolyDP(max(contours, key=cv2.contourArea), 1.5, True).reshape(-1, 2)
    return space.points(np.asarray(border[:, ::-1], dtype=np.intp))
