"""Movable things and furniture of an apartment as boxes, numbered as in the simulation: id = index + 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_sim.boxes import Bounds
from memory_agent_sim.furniture import furniture_shape
from memory_agent_sim.instances import instance_size
from memory_agent_sim.layout import Layout, PlacedObject

#: Where a thing that is not there is said to be, metres; out of every range.
_NOWHERE = (-1000.0, -1000.0, 0.0)


@dataclass(frozen=True, eq=False)
class ThingBoxes:
    """M things: the movable ones of the layout, its spares, its furniture.

    Attributes:
        center, size: (M, 3) float64 upright boxes, metres, map frame; ``yaw`` (M,) radians.
        present: (M,) bool, stands in the apartment now.
        room: (M,) int16 index of the room, -1 if it is not there.
        below: (M,) int16 index of the furniture (as a thing) that it stands on, -1 for the floor and for furniture.
    """

    center: NDArray[np.float64]
    size: NDArray[np.float64]
    yaw: NDArray[np.float64]
    present: NDArray[np.bool_]
    room: NDArray[np.int16]
    below: NDArray[np.int16]


def boxes_of(layout: Layout, places: Mapping[int, PlacedObject]) -> ThingBoxes:
    """Boxes with the movable things where ``places`` (id -> place) has them; those that are missing are not there."""
    instances = [o.instance for o in layout.objects] + list(layout.spares)
    movable, count = len(instances), len(instances) + len(layout.furniture)
    center, size = np.tile(np.array(_NOWHERE), (count, 1)), np.zeros((count, 3))
    yaw, present = np.zeros(count), np.zeros(count, dtype=bool)
    room, below = np.full(count, -1, dtype=np.int16), np.full(count, -1, dtype=np.int16)
    for i, instance in enumerate(instances):
        size[i] = instance_size(instance)
    for object_id, place in places.items():
        i = object_id - 1
        center[i] = place.x, place.y, place.z + size[i, 2] / 2
        yaw[i], present[i], room[i] = place.yaw, True, place.room
        below[i] = -1 if place.furniture is None else movable + place.furniture
    for i, piece in enumerate(layout.furniture, start=movable):
        size[i] = furniture_shape(piece.instance).size
        center[i] = piece.x, piece.y, size[i, 2] / 2
        yaw[i], present[i], room[i] = piece.yaw, True, piece.room
    return ThingBoxes(center, size, yaw, present, room, below)


def furniture_boxes(layout: Layout) -> list[tuple[int, list[Bounds]]]:
    """(owner in the voxels, boxes in the map frame) of each piece; pieces stand square to the walls."""
    first = len(layout.objects) + len(layout.spares)
    found = []
    for i, piece in enumerate(layout.furniture, start=first):
        c, s = round(float(np.cos(piece.yaw))), round(float(np.sin(piece.yaw)))
        boxes: list[Bounds] = []
        for x0, y0, z0, x1, y1, z1 in furniture_shape(piece.instance).boxes:
            xs = sorted((c * x0 - s * y0 + piece.x, c * x1 - s * y1 + piece.x))
            ys = sorted((s * x0 + c * y0 + piece.y, s * x1 + c * y1 + piece.y))
            boxes.append((xs[0], ys[0], z0, xs[1], ys[1], z1))
        found.append((i + 1, boxes))
    return found
