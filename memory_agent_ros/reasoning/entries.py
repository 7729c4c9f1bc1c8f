"""Objects, events and rooms as JSON-ready values of answers, and the observations that answers cite."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.room import Room


def evidence_of(objects: Iterable[MapObject], per_object: int) -> tuple[Evidence, ...]:
    """The best observations of each object, best of all objects first."""
    ranked = [obj.evidence[:per_object] for obj in objects]
    return tuple(e[rank] for rank in range(per_object) for e in ranked if rank < len(e))


def rounded(values: Iterable[float]) -> list[float]:
    """Millimetres, milliseconds: what is told of a number."""
    return [round(float(v), 3) for v in values]


def object_entry(obj: MapObject) -> dict[str, Any]:
    """An object as JSON-ready value."""
    return {
        "object": obj.id,
        "label": obj.label,
        "state": str(obj.state),
        "position_m": rounded(obj.box.center),
        "last_seen_ns": obj.last_seen_ns,
    }


def event_entry(event: MemoryEvent) -> dict[str, Any]:
    """An event as JSON-ready value."""
    before = event.previous_position_m
    return {
        "kind": str(event.kind),
        "object": event.object_id,
        "label": event.label,
        "stamp_ns": event.stamp_ns,
        "position_m": rounded(event.position_m),
        "previous_position_m": None if before is None else rounded(before),
    }


def room_entry(room: Room) -> dict[str, Any]:
    """A room as JSON-ready value."""
    return {
        "id": room.id,
        "name": room.name,
        "name_confidence": round(room.name_confidence, 3),
        "area_m2": round(room.area_m2, 2),
    }
