"""Places: what a phrase means in a memory, and where a thing is in words that can be checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from memory_agent_ros.reasoning import matching, wording
from memory_agent_ros.reasoning.matching import Match, MatchKind, Where
from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.reasoning.rules.phrases import Phrase
from memory_agent_ros.reasoning.rules.questions import singular
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Room, rooms_called

_CARRIED = (RelationKind.ON, RelationKind.INSIDE)
#: How far landmarks are looked for, and up to where a thing is simply "by" one, metres.
_BESIDE_M, _BY_M = 1.0, 0.1
#: A landmark has at least this volume, or this many times that of the thing, cubic metres.
_LANDMARK_M3, _LANDMARK_TIMES = 0.03, 3.0


@dataclass(frozen=True, eq=False)
class Resolved:
    """What a phrase stands for.

    Attributes:
        match: the things; of kind ``NONE`` if there are none there.
        where: the place in words, "" without one.
        anchors: the things that the place names.
        missing: a sentence about a place that is not known, or "".
        gone: those the place names, if all of them are gone.
    """

    match: Match
    where: str = ""
    anchors: tuple[MapObject, ...] = ()
    missing: str = ""
    gone: tuple[MapObject, ...] = ()


def resolve(memory: MemoryReader, phrase: Phrase) -> Resolved:
    """The things a phrase stands for.

    A room narrows what was said before it; a thing takes the places that follow it: in "mugs in the kitchen on the
    counter" both belong to the mugs, in "mugs on the counter in the hall" the hall is the counter's.
    """
    where: Where = {}
    words: list[str] = []
    anchors: tuple[MapObject, ...] = ()
    for n, place in enumerate(phrase.places):
        said = place.kind in (RelationKind.IN, RelationKind.INSIDE)
        rooms = rooms_called(memory.rooms(), place.name) if said and "room" not in where else []
        if rooms:
            where["room"] = rooms[0].id if len(rooms) == 1 else place.name
            words.append(
                "in " + (wording.room_name(rooms[0]) if len(rooms) == 1 else f"the {wording.plural(place.name)}")
            )
            continue
        anchor = resolve(memory, Phrase(place.name, phrase.places[n + 1 :]))
        if anchor.missing or not anchor.match.objects:
            return Resolved(
                Match(MatchKind.NONE), missing=anchor.missing or _no_place(memory, place.name, said, anchor)
            )
        anchors = tuple(anchor.match.present)
        if not anchors:
            return Resolved(Match(MatchKind.NONE), gone=tuple(anchor.match.gone))
        where["relation"] = (place.kind, [o.id for o in anchors])
        words.append(f"{_said(place.kind)} {_the(anchors)}{' ' * bool(anchor.where)}{anchor.where}")
        break
    text = " ".join(words)
    if phrase.noun:
        return Resolved(matching.match_name(memory, phrase.noun, where), text, anchors)
    found = tuple(o for o in matching.everything(memory, where) if o.id not in {a.id for a in anchors})
    return Resolved(Match(MatchKind.LABEL if found else MatchKind.NONE, found, "thing"), text, anchors)


def _said(kind: RelationKind) -> str:
    return str(RelationKind.INSIDE if kind is RelationKind.IN else kind)


def _the(objects: tuple[MapObject, ...]) -> str:
    label = objects[0].label
    return f"the {label}" if len(objects) == 1 else f"the {len(objects)} {wording.plural(label)}"


def _no_place(memory: MemoryReader, name: str, room: bool, anchor: Resolved) -> str:
    if not room:
        return f"I have never seen {wording.with_article(singular(name))}{' ' * bool(anchor.where)}{anchor.where}."
    known = wording.joined([wording.room_name(r) for r in memory.rooms()])
    return f"I know of no room and of no thing called {name!r}. " + (
        f"I know {known}." if known else "I know no rooms."
    )


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
    present = obj.state is ObjectState.PRESENT
    around = [
        o
        for o in (
            memory.near(object_id=obj.id, radius_m=_BESIDE_M, limit=matching.ALL)
            if present
            else memory.near(obj.box.center, radius_m=_BESIDE_M, limit=matching.ALL)
        )
        if o.id != obj.id
    ]
    by_id = {o.id: o for o in around}
    carried = [r for r in memory.relations(obj.id, kinds=_CARRIED) if r.subject_id == obj.id] if present else []
    relation = next((r for r in carried if r.object_id in by_id), None)
    carrier = by_id.get(relation.object_id or 0) if relation else None
    if not present:
        carrier = next((o for o in around if matching.is_on(obj, o)), None)
    how = str(relation.kind if relation else RelationKind.ON)
    room = memory.room_of(obj.id)
    if room is not None and not room.doors and room.name_confidence == 0.0:
        room = None
    inside = set(room.object_ids) if room else {o.id for o in around}
    big = max(_LANDMARK_M3, _LANDMARK_TIMES * matching.volume(obj))
    for other in around:
        told = carrier is not None and other.id == carrier.id
        if not told and other.id in inside and other.label != obj.label and matching.volume(other) > big:
            return PlaceOf(room, how, carrier, relation, other, (1.0 - other.relevance) * _BESIDE_M)
    return PlaceOf(room, how, carrier, relation, None, 0.0)
