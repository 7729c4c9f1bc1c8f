"""Memories for tests of the reasoner: a room as it was first seen, and after things were moved and taken away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from tests.reasoning.room import SECOND, Room, furnished


@contextmanager
def seen_once() -> Iterator[tuple[SpatialMemory, Room]]:
    """A table with a mug and a book, a shelf with a mug, a chair."""
    room = furnished()
    with SpatialMemory.open(None) as memory:
        room.look(memory)
        yield memory, room


@contextmanager
def changed() -> Iterator[tuple[SpatialMemory, Room]]:
    """The same after a minute: the book is gone, the chair stands elsewhere, a bowl is new on the table."""
    room = furnished()
    with SpatialMemory.open(None) as memory:
        room.look(memory)
        room.stamp_ns += 60 * SECOND
        del room.things["book"]
        del room.things["chair"]
        room.put("chair", "chair", 1.6, -1.5, 0.0, 0.5, 0.5, 0.8)
        room.put("bowl", "bowl", -0.3, 0.15, 0.7, 0.18, 0.18, 0.1)
        room.look(memory, rounds=4)
        yield memory, room
