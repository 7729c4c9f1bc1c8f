"""Driving a memory through the synthetic world."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from synthetic import CAMERA, World, arc, kitchen

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject, ObjectState

TABLE = (2.5, 0.0, 0.7)
DESK = (-2.5, 0.0, 0.7)
CUPBOARD = (0.0, 3.0, 0.9)
#: Twice the pixels a side of the tests' usual camera.
FINE = CAMERA.scaled(320, 240)


def watch(
    memory: SpatialMemory, world: World, poses: Iterable[NDArray[np.float64]], **noise: object
) -> list[MemoryEvent]:
    """Look from each pose; returns all events."""
    events = []
    for pose in poses:
        frame, observations = world.look(pose, **noise)  # type: ignore[arg-type]
        events += memory.observe(frame, observations)
    return events


def at_table(count: int = 8) -> list[NDArray[np.float64]]:
    return arc(TABLE, count=count)


def at_desk(count: int = 8) -> list[NDArray[np.float64]]:
    return arc(DESK, count=count, start=-0.5, end=0.5)


def at_cupboard(count: int = 8) -> list[NDArray[np.float64]]:
    return arc(CUPBOARD, count=count, start=-2.0, end=-1.0)


def mapped_kitchen(memory: SpatialMemory, camera: Camera = FINE, **noise: object) -> World:
    """The kitchen, seen once all over."""
    world = kitchen(camera)
    watch(memory, world, [*at_table(), *at_desk(), *at_cupboard()], **noise)
    return world


def only(objects: list[MapObject]) -> MapObject:
    assert len(objects) == 1, [(o.id, o.label, o.state) for o in objects]
    return objects[0]


def kinds(events: Iterable[MemoryEvent]) -> list[str]:
    return [str(e.kind) for e in events if e.kind is not EventKind.UPDATED]


def present(memory: SpatialMemory) -> list[str]:
    return sorted(o.label for o in memory.objects() if o.state is ObjectState.PRESENT)
