"""What one chunk of a spatial memory holds: the things, relations and changes of a room or of an hour.

A chunk tells nothing of the others, nothing of ids and nothing of the clock: the same things at the same places, seen
at the same times, give the same digest, however the map came to hold them.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.outlines import room_at
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Room

HOUR_NS = 3600 * 10**9
#: Where things are that stand in no known room.
ELSEWHERE = "elsewhere"
#: Events that are read; the others change what is read without being read themselves.
TOLD = (EventKind.ADDED, EventKind.MOVED, EventKind.GONE)
#: Relations that are read; in which room a thing stands, its chunk says.
SHOWN = (RelationKind.ON, RelationKind.INSIDE, RelationKind.NEXT_TO, RelationKind.UNDER)


class ObjectMemory(Protocol):
    """What is read of a memory; a :class:`SpatialMemory` has all of it."""

    def objects(self) -> list[MapObject]:
        """All confirmed objects, present and gone, by id."""
        ...

    def rooms(self) -> list[Room]:
        """Rooms by id."""
        ...

    def relations(self) -> list[Relation]:
        """Of present objects."""
        ...

    def changes(self, since_ns: int = 0) -> list[MemoryEvent]:
        """Events other than ``updated``, oldest first."""
        ...


class Division(enum.StrEnum):
    """What a chunk is of: a room, or an hour in which things were seen last."""

    ROOM = "room"
    HOUR = "hour"


@dataclass(frozen=True, eq=False)
class Link:
    """A relation by names: ``subject`` is ``kind`` ``other``."""

    kind: RelationKind
    subject: str
    other: str


@dataclass(frozen=True, eq=False)
class Change:
    """What happened to a thing of a chunk.

    Attributes:
        kind: one of :data:`TOLD`.
        label: of the thing.
        before, after: names of the rooms, "" where unknown; ``before`` is set for what moved.
        stamp_ns: when.
    """

    kind: EventKind
    label: str
    before: str
    after: str
    stamp_ns: int


@dataclass(frozen=True, eq=False)
class ChunkReading:
    """What one chunk holds.

    Attributes:
        place: key of the chunk, which a new name of the room does not change: "room 3", "hour 491400", "elsewhere".
        name: what people call it: "kitchen", "2026-01-23 12h".
        objects: present and gone, by id.
        homes: per object, the name of the room it stands or stood in, "" if it is in none.
        links, changes: of these objects; changes oldest first.
        viewpoint: (3,) from where the objects are looked at, map frame, metres.
    """

    place: str
    name: str
    objects: tuple[MapObject, ...]
    homes: tuple[str, ...]
    links: tuple[Link, ...]
    changes: tuple[Change, ...]
    viewpoint: NDArray[np.float64]

    @property
    def stamp_ns(self) -> int:
        """Of the newest thing in it, 0 if it is empty."""
        seen = [o.last_seen_ns for o in self.objects]
        return max([*seen, *(c.stamp_ns for c in self.changes)], default=0)

    @property
    def labels(self) -> tuple[str, ...]:
        """Kinds of things in it, in alphabetical order."""
        return tuple(sorted({o.label for o in self.objects} | {c.label for c in self.changes}))

    @property
    def digest(self) -> str:
        """SHA-256 of everything that is read; ids are not."""
        digest = hashlib.sha256(f"{self.place}|{self.name}|{len(self.objects)}".encode())
        for obj, home in zip(self.objects, self.homes, strict=True):
            box = np.concatenate([obj.box.center, obj.box.size, [obj.box.yaw, obj.presence], obj.covariance.ravel()])
            votes = sorted(obj.label_probs.items())
            told = (home, obj.label, votes, str(obj.state), obj.observations, obj.first_seen_ns, obj.last_seen_ns)
            digest.update(repr(told).encode() + np.asarray(box, np.float64).tobytes())
            digest.update(b"" if obj.embedding is None else np.asarray(obj.embedding, np.float32).tobytes())
        digest.update(repr([(str(i.kind), i.subject, i.other) for i in self.links]).encode())
        digest.update(repr([(str(c.kind), c.label, c.before, c.after, c.stamp_ns) for c in self.changes]).encode())
        digest.update(np.asarray(self.viewpoint, np.float64).tobytes())
        return digest.hexdigest()


def read_chunks(memory: ObjectMemory, division: Division = Division.ROOM) -> list[ChunkReading]:
    """Everything that a memory holds, by chunk; only those that hold something."""
    return _Reader(memory, division).all()


def read_chunk(memory: ObjectMemory, place: str) -> ChunkReading:
    """One chunk, by its key.

    Raises:
        BadInputError: ``no_such_place``.
    """
    division = Division.HOUR if place.startswith("hour ") else Division.ROOM
    found = {r.place: r for r in _Reader(memory, division).all([place])}
    if place not in found:
        raise BadInputError("no_such_place", f"the map holds nothing in {place!r}; list its chunks first")
    return found[place]


def places_of(memory: ObjectMemory, event: MemoryEvent, division: Division = Division.ROOM) -> set[str]:
    """Keys of the chunks in which an event happened: where the thing is now, and where it was before.

    Empty for an event of the whole map (``reanchored``), which touches all of them.
    """
    if event.kind is EventKind.REANCHORED:
        return set()
    if division is Division.HOUR:
        return {_hour(event.stamp_ns)}
    rooms = memory.rooms()
    spots = [event.position_m, *([] if event.previous_position_m is None else [event.previous_position_m])]
    return {_room_place(room_at(rooms, spot)) for spot in spots}


class _Reader:
    def __init__(self, memory: ObjectMemory, division: Division) -> None:
        self._division = division
        self._rooms = memory.rooms()
        inside = {i: r for r in self._rooms for i in r.object_ids}
        self._objects = sorted(memory.objects(), key=lambda o: o.id)
        self._homes = {o.id: inside.get(o.id) or room_at(self._rooms, o.box.center) for o in self._objects}
        self._relations = [r for r in memory.relations() if r.kind in SHOWN and r.object_id is not None]
        self._events = [e for e in memory.changes() if e.kind in TOLD and e.object_id in self._homes]

    def all(self, wanted: Sequence[str] | None = None) -> list[ChunkReading]:
        """Readings by place, of all or of some."""
        members: dict[str, list[MapObject]] = {}
        for obj in self._objects:
            members.setdefault(self._place(obj), []).append(obj)
        for event in self._events if self._division is Division.ROOM else ():
            if event.previous_position_m is not None:  # the room that it left tells of it too
                members.setdefault(_room_place(room_at(self._rooms, event.previous_position_m)), [])
        places = sorted(members, key=_order)
        return [self._read(p, members[p]) for p in places if wanted is None or p in wanted]

    def _place(self, obj: MapObject) -> str:
        return _hour(obj.last_seen_ns) if self._division is Division.HOUR else _room_place(self._homes[obj.id])

    def _read(self, place: str, objects: Sequence[MapObject]) -> ChunkReading:
        ids = {o.id: o.label for o in objects}
        everything = {o.id: o.label for o in self._objects}
        links = [
            Link(r.kind, ids[r.subject_id], everything[r.object_id])
            for r in self._relations
            if r.subject_id in ids and r.object_id in everything
        ]
        homes = tuple(_name(self._homes[o.id]) for o in objects)
        changes = tuple(self._changes(place, ids))
        links.sort(key=lambda i: (i.subject, SHOWN.index(i.kind), i.other))
        name, viewpoint = self._called(place), self._viewpoint(place, objects)
        return ChunkReading(place, name, tuple(objects), homes, tuple(links), changes, viewpoint)

    def _changes(self, place: str, ids: Mapping[int, str]) -> Iterable[Change]:
        for event in self._events:
            after = room_at(self._rooms, event.position_m)
            spot = event.previous_position_m
            before = None if spot is None else room_at(self._rooms, spot)
            left = self._division is Division.ROOM and spot is not None and _room_place(before) == place
            if event.object_id in ids or left:
                told = "" if spot is None else _name(before)
                yield Change(event.kind, event.label, told, _name(after), event.stamp_ns)

    def _called(self, place: str) -> str:
        if place == ELSEWHERE:
            return ELSEWHERE
        number = int(place.rpartition(" ")[2])
        if self._division is Division.HOUR:
            return datetime.fromtimestamp(number * 3600, UTC).strftime("%Y-%m-%d %Hh")
        return next(r.name for r in self._rooms if r.id == number)

    def _viewpoint(self, place: str, objects: Sequence[MapObject]) -> NDArray[np.float64]:
        """The middle of a room; of another chunk that of its things."""
        if self._division is Division.ROOM and place != ELSEWHERE:
            room = next(r for r in self._rooms if r.id == int(place.rpartition(" ")[2]))
            return np.array([*room.center, _EYE_M])
        middle = np.mean([o.box.center for o in objects], axis=0) if objects else np.zeros(3)
        return np.array([middle[0], middle[1], _EYE_M])


#: Height from which a chunk's things are looked at, metres.
_EYE_M = 1.2


def _room_place(room: Room | None) -> str:
    return ELSEWHERE if room is None else f"room {room.id}"


def _hour(stamp_ns: int) -> str:
    return f"hour {stamp_ns // HOUR_NS}"


def _name(room: Room | None) -> str:
    return "" if room is None else room.name


def _order(place: str) -> tuple[bool, int]:
    return (True, 0) if place == ELSEWHERE else (False, int(place.rpartition(" ")[2]))


def gone(obj: MapObject) -> bool:
    """Whether an object is believed gone."""
    return obj.state is ObjectState.GONE
