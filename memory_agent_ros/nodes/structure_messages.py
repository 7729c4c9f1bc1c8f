"""Rooms and relations as messages, and back."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Point, Point32, Polygon

from memory_agent_msgs.msg import Door as DoorMessage
from memory_agent_msgs.msg import Relation as RelationMessage
from memory_agent_msgs.msg import Room as RoomMessage
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Door, Room


def room_message(room: Room) -> RoomMessage:
    """Room -> message."""
    return RoomMessage(
        id=room.id,
        name=room.name,
        name_confidence=float(room.name_confidence),
        outline=Polygon(points=[Point32(x=float(x), y=float(y), z=0.0) for x, y in room.polygon]),
        area=float(room.area_m2),
        center=_point(room.center),
        doors=[
            DoorMessage(position=_point(d.position_m), width=float(d.width_m), rooms=list(d.rooms)) for d in room.doors
        ],
        object_ids=list(room.object_ids),
    )


def room_from_message(message: RoomMessage) -> Room:
    """Message -> room."""
    doors = [
        Door(np.array([d.position.x, d.position.y]), float(d.width), (int(d.rooms[0]), int(d.rooms[1])))
        for d in message.doors
    ]
    return Room(
        int(message.id),
        str(message.name),
        float(message.name_confidence),
        np.array([[p.x, p.y] for p in message.outline.points], dtype=np.float64).reshape(-1, 2),
        float(message.area),
        np.array([message.center.x, message.center.y]),
        tuple(doors),
        tuple(int(i) for i in message.object_ids),
    )


def relation_message(relation: Relation) -> RelationMessage:
    """Relation -> message; ids that do not apply are 0."""
    return RelationMessage(
        kind=str(relation.kind),
        subject_id=relation.subject_id,
        object_id=relation.object_id or 0,
        room_id=relation.room_id or 0,
        distance=float(relation.distance_m),
        confidence=float(relation.confidence),
    )


def relation_from_message(message: RelationMessage) -> Relation:
    """Message -> relation.

    Raises:
        BadInputError: ``relation_unknown``.
    """
    if message.kind not in tuple(RelationKind):
        raise BadInputError("relation_unknown", f"there are no relations of kind {message.kind!r}")
    return Relation(
        RelationKind(message.kind),
        int(message.subject_id),
        int(message.object_id) or None,
        int(message.room_id) or None,
        float(message.distance),
        float(message.confidence),
    )


def _point(xy: np.ndarray) -> Point:
    return Point(x=float(xy[0]), y=float(xy[1]), z=0.0)
