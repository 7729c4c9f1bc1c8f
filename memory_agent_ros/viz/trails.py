"""Where objects have been: their ways through the map, from their events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject


@dataclass(frozen=True, eq=False)
class Trail:
    """The way of one object.

    Attributes:
        object_id, label: whose.
        positions_m: (N, 3) places it has stood at, map frame, oldest first, at least two.
        stamps_ns: (N,) when each was first known.
    """

    object_id: int
    label: str
    positions_m: NDArray[np.float64]
    stamps_ns: NDArray[np.int64]


def trails_of(objects: Sequence[MapObject], events: Iterable[MemoryEvent]) -> list[Trail]:
    """Ways of the objects that have moved, by id; the last place is where the object is now."""
    moves: dict[int, list[MemoryEvent]] = {}
    for event in sorted(events, key=lambda e: (e.stamp_ns, e.id)):
        if event.kind is EventKind.MOVED and event.previous_position_m is not None:
            moves.setdefault(event.object_id, []).append(event)
    trails = []
    for item in sorted(objects, key=lambda o: o.id):
        own = moves.get(item.id)
        if not own:
            continue
        places = [e.previous_position_m for e in own] + [item.box.center]
        stamps = [item.first_seen_ns, *(e.stamp_ns for e in own)]
        trails.append(Trail(item.id, item.label, np.array(places, np.float64), np.array(stamps, np.int64)))
    return trails
