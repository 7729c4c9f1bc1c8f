"""What the tools share while one question is answered."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Protocol

from memory_agent_ros.reasoning import matching
from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.reasoning.names import plain
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.relation import Relation
from memory_agent_ros.records.room import Room, rooms_called


class Looker(Protocol):
    """Reads what only pictures hold."""

    def look(self, obj: MapObject, aspect: str) -> tuple[str, float]:
        """What the pictures that an object cites show of it, and how sure that is; "" where they do not tell."""
        ...


class Workspace:
    """A memory as one question sees it: read once, kept for all its calls.

    Args:
        memory: what is asked.
        now_ns: the clock that "ago" refers to; the last time anything was looked at if None.
        looker: reads pictures; None without one.
        noun: what the question calls a thing that the memory does not hold, for sentences.
    """

    def __init__(
        self, memory: MemoryReader, now_ns: int | None = None, looker: Looker | None = None, noun: str = ""
    ) -> None:
        self.memory = memory
        self.looker = looker
        self.noun = noun
        self._now_ns = now_ns

    @functools.cached_property
    def now_ns(self) -> int:
        """The clock, nanoseconds."""
        if self._now_ns is not None:
            return self._now_ns
        return max((max(o.last_seen_ns, o.last_looked_ns) for o in self.by_id.values()), default=0)

    @functools.cached_property
    def rooms(self) -> Sequence[Room]:
        """All rooms."""
        return self.memory.rooms()

    @functools.cached_property
    def relations(self) -> Sequence[Relation]:
        """All relations of present things."""
        return self.memory.relations()

    @functools.cached_property
    def by_id(self) -> Mapping[int, MapObject]:
        """All confirmed things, present and gone."""
        return {o.id: o for o in self.memory.find(limit=matching.ALL)}

    def rooms_named(self, name: str) -> list[Room]:
        """The rooms that a name in a call stands for."""
        found = rooms_called(self.rooms, name)
        return found or [r for r in self.rooms if plain(r.name).lower() == plain(name).lower()]


def ordered(things: Sequence[MapObject]) -> tuple[MapObject, ...]:
    """Each once: present ones first, then by id, so that the same things always come in the same order."""
    unique = {o.id: o for o in things}.values()
    return tuple(sorted(unique, key=lambda o: (o.state is not ObjectState.PRESENT, o.id)))
