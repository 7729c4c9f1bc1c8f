"""Rooms, relations, anchors and trails of a map as Rerun entities, as the picture from above has them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import rerun as rr
from numpy.typing import NDArray

from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.relation import Relation
from memory_agent_ros.records.room import Room
from memory_agent_ros.viz.layers import ANCHOR_COLOR, RELATION_COLORS, ROOM_COLOR, TRAIL_COLOR
from memory_agent_ros.viz.trails import Trail

#: Height at which flat things are drawn, just above the floor, metres.
_FLOOR_M = 0.01


def log_rooms(stream: rr.RecordingStream, rooms: Sequence[Room]) -> None:
    """``world/rooms/ID`` with the outline, ``.../name`` in its middle, ``.../doors``; shown all the time."""
    for room in rooms:
        path = f"world/rooms/{room.id}"
        outline = np.column_stack([room.polygon, np.full(len(room.polygon), _FLOOR_M)])
        strip = np.concatenate([outline, outline[:1]])
        stream.log(path, rr.LineStrips3D([strip], colors=[_rgb(ROOM_COLOR)], radii=0.02), static=True)
        name = rr.Points3D(
            [[*room.center, _FLOOR_M]], labels=[room.name], show_labels=True, colors=[_rgb(ROOM_COLOR)], radii=0.03
        )
        stream.log(f"{path}/name", name, static=True)
        if room.doors:
            at = [[*door.position_m, _FLOOR_M] for door in room.doors]
            stream.log(f"{path}/doors", rr.Points3D(at, colors=[_rgb(ROOM_COLOR)], radii=0.06), static=True)


def log_relations(stream: rr.RecordingStream, relations: Sequence[Relation], objects: Sequence[MapObject]) -> None:
    """``world/relations/KIND`` with a line from each thing to the other; those with rooms are told by the rooms."""
    centers = {item.id: item.box.center for item in objects}
    for kind, color in RELATION_COLORS.items():
        told = [r for r in relations if r.kind is kind and r.subject_id in centers and r.object_id in centers]
        lines = [np.stack([centers[r.subject_id], centers[r.object_id or 0]]) for r in told]
        if lines:
            path = f"world/relations/{str(kind).replace(' ', '_')}"
            labels = [f"{kind} ({r.confidence:.2f})" for r in told]
            strips = rr.LineStrips3D(lines, colors=[_rgb(color)], labels=labels, show_labels=False, radii=0.008)
            stream.log(path, strips)


def log_trail(stream: rr.RecordingStream, trail: Trail, known: int) -> None:
    """``world/trails/ID``: the first ``known`` places of a thing, as a way with a dot where it stood."""
    at = trail.positions_m[:known]
    path = f"world/trails/{trail.object_id}"
    stream.log(path, rr.LineStrips3D([at], colors=[_rgb(TRAIL_COLOR)], radii=0.01))
    stream.log(f"{path}/places", rr.Points3D(at, colors=[_rgb(TRAIL_COLOR)], radii=0.03))


def log_anchors(stream: rr.RecordingStream, positions_m: NDArray[np.float64]) -> None:
    """``world/anchors``: the (N, 3) places of the poses that all geometry hangs on, known so far."""
    stream.log("world/anchors", rr.Points3D(positions_m, colors=[_rgb(ANCHOR_COLOR)], radii=0.02))


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
