"""What a memory holds, as short English sentences that a language model reads.

Names come from detectors, people and text that a camera saw: they are written plainly, and are data, never calls.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.outlines import room_at
from memory_agent_ros.reasoning import wording
from memory_agent_ros.reasoning.names import plain
from memory_agent_ros.reasoning.retrieval.asked import FactKind
from memory_agent_ros.reasoning.tools.workspace import Workspace
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.relation import RelationKind
from memory_agent_ros.records.room import Room

#: Up to where things are near one another, metres; and how many neighbours of one are told.
_NEAR_M, _NEIGHBOURS = 1.5, 6
_TOLD = {EventKind.ADDED, EventKind.MOVED, EventKind.GONE}
_SHOWN = (RelationKind.ON, RelationKind.INSIDE, RelationKind.UNDER, RelationKind.NEXT_TO)


@dataclass(frozen=True)
class Fact:
    """One sentence.

    Attributes:
        text: the sentence.
        kind: what it tells of.
        objects: ids it tells of, the subject first.
        names: labels and rooms in it.
        stamp_ns: when what it tells was seen last, or happened; 0 for what has no time.
    """

    text: str
    kind: FactKind
    objects: tuple[int, ...] = ()
    names: tuple[str, ...] = ()
    stamp_ns: int = 0


class FactWriter:
    """Writes facts about one memory as a workspace sees it."""

    def __init__(self, space: Workspace) -> None:
        self._space = space

    # -- names and places -----------------------------------------------------------------------------------------

    @functools.cached_property
    def _numbered(self) -> dict[int, str]:
        """Object id -> "mug", or "mug 2" where there are several."""
        by_label: dict[str, list[int]] = {}
        for obj in sorted(self._space.by_id.values(), key=lambda o: o.id):
            by_label.setdefault(plain(obj.label), []).append(obj.id)
        return {
            i: label if len(ids) == 1 else f"{label} {number}"
            for label, ids in by_label.items()
            for number, i in enumerate(ids, start=1)
        }

    @functools.cached_property
    def _room_by_object(self) -> dict[int, Room]:
        inside = {i: room for room in self._space.rooms for i in room.object_ids}
        for obj in self._space.by_id.values():
            room = None if obj.id in inside else room_at(self._space.rooms, obj.box.center)
            if room is not None:
                inside[obj.id] = room
        return inside

    @functools.cached_property
    def _related(self) -> dict[int, list[tuple[RelationKind, int]]]:
        found: dict[int, list[tuple[RelationKind, int]]] = {}
        for relation in self._space.relations:
            if relation.kind in _SHOWN and relation.object_id is not None:
                found.setdefault(relation.subject_id, []).append((relation.kind, relation.object_id))
        return {i: sorted(pairs, key=lambda p: (_SHOWN.index(p[0]), p[1])) for i, pairs in found.items()}

    def name(self, object_id: int) -> str:
        """What a thing is called in sentences."""
        return self._numbered.get(object_id, f"object {object_id}")

    def room_of(self, object_id: int) -> Room | None:
        """The room a thing stands in, or stood in."""
        return self._room_by_object.get(object_id)

    def words_of(self, object_id: int) -> str:
        """All names around a thing, for an index of words: its own, its room's, what it is on or next to."""
        others = [self._space.by_id[i].label for _, i in self._related.get(object_id, ()) if i in self._space.by_id]
        room = self.room_of(object_id)
        labels = [self._space.by_id[object_id].label, *([room.name] if room else []), *others]
        return " ".join(plain(label) for label in labels)

    def _in(self, room: Room | None) -> str:
        return f" in {_the(room)}" if room is not None else ""

    # -- facts ------------------------------------------------------------------------------------------------------

    def thing(self, obj: MapObject) -> Fact:
        """Where a thing is, or was, and when it was seen."""
        room, name = self.room_of(obj.id), f"The {self.name(obj.id)}"
        ago = wording.ago(obj.last_seen_ns, self._space.now_ns)
        if obj.state is ObjectState.GONE:
            text = f"{name} was{self._in(room) or ' there'} and is gone; last seen {ago}."
            return Fact(text, FactKind.THING, (obj.id,), self._names([obj], room), obj.last_seen_ns)
        related = self._related.get(obj.id, [])
        held = next(((k, i) for k, i in related if k in (RelationKind.ON, RelationKind.INSIDE)), None)
        on = f" {held[0]} the {self.name(held[1])}" if held else ""
        rest = [f"{k} the {self.name(i)}" for k, i in related if (k, i) != held][:2]
        text = f"{name} is{on}{self._in(room)}{', ' * bool(rest)}{wording.joined(rest)}; last seen {ago}."
        if not (on or room or rest):
            text = f"{name} is at {wording.place(obj.box.center)}; last seen {ago}."
        others = [self._space.by_id[i] for _, i in related[:3] if i in self._space.by_id]
        ids = (obj.id, *(o.id for o in others))
        return Fact(text, FactKind.THING, ids, self._names([obj, *others], room), obj.last_seen_ns)

    def size(self, obj: MapObject) -> Fact:
        """How large a thing is."""
        long, wide = sorted((float(v) for v in obj.box.size[:2]), reverse=True)
        top = float(obj.box.center[2] + obj.box.size[2] / 2)
        text = (
            f"The {self.name(obj.id)} is {obj.box.size[2]:.2f} m high, {long:.2f} m long and {wide:.2f} m wide; "
            f"its top is {top:.2f} m above the floor."
        )
        return Fact(text, FactKind.SIZE, (obj.id,), self._names([obj], None))

    def near(self, obj: MapObject) -> Fact | None:
        """What is near a thing, nearest first; None if nothing is."""
        around = self._space.memory.near(object_id=obj.id, radius_m=_NEAR_M, limit=_NEIGHBOURS + 1)
        others = [o for o in around if o.id != obj.id][:_NEIGHBOURS]
        if not others:
            return None
        told = [f"the {self.name(o.id)} ({(1.0 - o.relevance) * _NEAR_M:.1f} m)" for o in others]
        text = f"Near the {self.name(obj.id)} are {wording.joined(told)}."
        return Fact(text, FactKind.NEAR, (obj.id, *(o.id for o in others)), self._names([obj, *others], None))

    def kinds(self, labels: Iterable[str]) -> list[Fact]:
        """How many there are of each kind, and in which rooms."""
        return [self._kind(label) for label in dict.fromkeys(labels)]

    def _kind(self, label: str) -> Fact:
        things = [o for o in self._space.by_id.values() if o.label == label]
        present = [o for o in things if o.state is ObjectState.PRESENT]
        gone = len(things) - len(present)
        rooms = Counter(r.name for o in present if (r := self.room_of(o.id)) is not None)
        noun = plain(label)
        there = f"There {'is' if len(present) == 1 else 'are'} {wording.numbered(len(present), noun)}"
        spread = wording.joined([f"{n} in the {plain(room)}" for room, n in sorted(rooms.items())])
        text = there + (f": {spread}" if len(present) > 1 and spread else "") + (f"; {gone} gone" if gone else "") + "."
        names = (noun, *(plain(room) for room in rooms))
        return Fact(text, FactKind.KIND, tuple(o.id for o in things), names)

    def room(self, room: Room) -> Fact:
        """What a room holds."""
        things = [self._space.by_id[i] for i in room.object_ids if i in self._space.by_id]
        held = _inventory(things) if things else "nothing that I know of"
        text = f"{_the(room).capitalize()} holds {held}."
        return Fact(text, FactKind.ROOM, tuple(o.id for o in things), self._names(things, room))

    def rooms(self) -> Fact:
        """Which rooms there are."""
        names = [plain(room.name) for room in self._space.rooms]
        text = f"There are {wording.numbered(len(names), 'room')}: {wording.joined(names)}."
        return Fact(text if names else "No rooms are known.", FactKind.ROOMS, (), tuple(names))

    def changes(self) -> list[Fact]:
        """What happened, newest first; of things that are still known."""
        events = [e for e in self._space.memory.changes() if e.kind in _TOLD and e.object_id in self._space.by_id]
        return [self._change(e) for e in reversed(events)]

    def _change(self, event: MemoryEvent) -> Fact:
        when = wording.ago(event.stamp_ns, self._space.now_ns)
        name = f"The {self.name(event.object_id)}"
        here = room_at(self._space.rooms, event.position_m)
        before: NDArray[np.float64] | None = event.previous_position_m
        there = None if before is None else room_at(self._space.rooms, before)
        if event.kind is EventKind.GONE:
            text = f"{name} that was{self._in(here) or ' there'} was gone {when}."
        elif event.kind is EventKind.ADDED:
            text = f"{name} was first seen{self._in(here)} {when}."
        elif here is not None and there is not None and here.id != there.id:
            text = f"{name} was moved from {_the(there)} to {_the(here)} {when}."
        else:
            text = f"{name} was moved within {_the(here) if here else 'the map'} {when}."
        rooms = tuple(plain(r.name) for r in (here, there) if r is not None)
        kind = FactKind.ARRIVAL if event.kind is EventKind.ADDED else FactKind.CHANGE
        return Fact(text, kind, (event.object_id,), (plain(event.label), *rooms), event.stamp_ns)

    def _names(self, objects: Sequence[MapObject], room: Room | None) -> tuple[str, ...]:
        labels = [plain(o.label) for o in objects] + ([plain(room.name)] if room is not None else [])
        return tuple(dict.fromkeys(labels))


def _the(room: Room) -> str:
    name = wording.room_name(room)
    return f"the {plain(name[4:])}" if name.startswith("the ") else plain(name)


def _inventory(things: Sequence[MapObject]) -> str:
    counts = Counter(plain(o.label) for o in things)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return wording.joined([wording.numbered(n, label) for label, n in ranked])
