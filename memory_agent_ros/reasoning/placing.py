"""Where a thing is, or was, in words that can be checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.outlines import room_at
from memory_agent_ros.reasoning import matching, wording
from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Room

_CARRIED = (RelationKind.ON, RelationKind.INSIDE)
#: How far landmarks are looked for, and up to where a thing is simply "by" one, metres.
_BESIDE_M, _BY_M = 1.0, 0.1
#: A landmark has at least this volume, or this many times that of the thing, cubic metres.
_LANDMARK_M3, _LANDMARK_TIMES = 0.03, 3.0


@dataclass(frozen=True, eq=False)
class PlaceOf:
    """Where a thing is, or was: its room, what carries it, and something big beside it.

    Attributes:
        room: told if it has a name or is one of several.
        how, carrier: "on" or "inside" what; None if nothing carries it.
        relation: the relation that says so; None for things that are gone, of which the boxes say it.
        beside, beside_m: the nearest landmark in the same room, and how far it is.
    """

    room: Room | None
    how: str
    carrier: MapObject | None
    relation: Relation | None
    beside: MapObject | None
    beside_m: float

    @property
    def words(self) -> str:
        """As told: on the counter in the kitchen, 0.3 m from the sink. Empty if nothing is known."""
        parts = []
        if self.carrier is not None:
            parts.append(f"{self.how} the {self.carrier.label}")
        if self.room is not None:
            parts.append(f"in {wording.room_name(self.room)}")
        text = " ".join(parts)
        if self.beside is not None:
            near = "by" if self.beside_m < _BY_M else f"{self.beside_m:.1f} m from"
            text += f"{', ' * bool(text)}{near} the {self.beside.label}"
        return text

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form with the ids that the words rest on."""
        told = self.relation.to_dict() if self.relation else {"kind": self.how}
        held = self.carrier and {**told, "object": self.carrier.id, "label": self.carrier.label}
        return {
            "room": {"id": self.room.id, "name": self.room.name} if self.room else None,
            "relation": held,
            "beside": {"object": self.beside.id, "label": self.beside.label, "distance_m": round(self.beside_m, 3)}
            if self.beside
            else None,
        }


def place_of(memory: MemoryReader, obj: MapObject) -> PlaceOf:
    """Where a thing is, or was, to be told to a person."""
    if obj.state is not ObjectState.PRESENT:
        return _former_place(memory, obj, memory.room_of(obj.id))
    around = [o for o in memory.near(object_id=obj.id, radius_m=_BESIDE_M, limit=matching.ALL) if o.id != obj.id]
    by_id = {o.id: o for o in around}
    carried = [r for r in memory.relations(obj.id, kinds=_CARRIED) if r.subject_id == obj.id]
    relation = next((r for r in carried if r.object_id in by_id), None)
    carrier = by_id.get(relation.object_id or 0) if relation else None
    return _beside(obj, around, memory.room_of(obj.id), carrier, relation)


def place_before(memory: MemoryReader, obj: MapObject, position_m: NDArray[np.floating]) -> PlaceOf:
    """Where a thing was when its centre was at a (3,) place, to be told to a person."""
    there = np.asarray(position_m, dtype=np.float64)
    stood = dataclasses.replace(obj, box=OrientedBox(there, obj.box.size, obj.box.yaw))
    return _former_place(memory, stood, room_at(memory.rooms(), there))


def _former_place(memory: MemoryReader, obj: MapObject, room: Room | None) -> PlaceOf:
    """Of things that are not there any more no relations are kept: the boxes say what carried them."""
    around = [o for o in memory.near(obj.box.center, radius_m=_BESIDE_M, limit=matching.ALL) if o.id != obj.id]
    return _beside(obj, around, room, next((o for o in around if matching.is_on(obj, o)), None), None)


def _beside(
    obj: MapObject,
    around: Sequence[MapObject],
    room: Room | None,
    carrier: MapObject | None,
    relation: Relation | None,
) -> PlaceOf:
    how = str(relation.kind if relation else RelationKind.ON)
    if room is not None and not room.doors and room.name_confidence == 0.0:
        room = None
    inside = set(room.object_ids) if room else {o.id for o in around}
    big = max(_LANDMARK_M3, _LANDMARK_TIMES * matching.volume(obj))
    for other in around:
        told = carrier is not None and other.id == carrier.id
        if not told and other.id in inside and other.label != obj.label and matching.volume(other) > big:
            return PlaceOf(room, how, carrier, relation, other, (1.0 - other.relevance) * _BESIDE_M)
    return PlaceOf(room, how, carrier, relation, None, 0.0)
