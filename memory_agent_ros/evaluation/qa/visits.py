"""What a perfect memory believes after some visits, and when it learned it.

It speaks the memory's words: a thing is *added* when it is first seen, *moved* when it is seen elsewhere, *gone* when
its place was looked at and it was not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.qa.true_structure import Solid
from memory_agent_ros.records.event import EventKind, MemoryEvent

#: A thing that stands farther than this from where it was seen last was moved, metres.
MOVED_M = 0.3


@dataclass(frozen=True, eq=False)
class Sighting:
    """A thing in a picture: when, which picture, from where (4, 4), in which pixels (4,), how well from 0 to 1."""

    stamp_ns: int
    keyframe_id: int
    T_map_camera: NDArray[np.float64]
    box_xyxy: NDArray[np.float32]
    score: float = 1.0


@dataclass(frozen=True, eq=False)
class Visit:
    """One visit to the apartment.

    Attributes:
        solids: things that stood there and were seen, by id.
        sightings: of each of them, oldest first, at least one.
        looked_ns: things whose place, as it was known before, was looked at: when first, and they were not there or
            they were.
        end_ns: when the visit ended.
    """

    solids: Mapping[int, Solid]
    sightings: Mapping[int, Sequence[Sighting]]
    looked_ns: Mapping[int, int]
    end_ns: int


@dataclass(frozen=True, eq=False)
class TrueThing:
    """A thing as a perfect memory knows it.

    Attributes:
        solid: where it stands, or stood when it was last seen.
        gone: whether its place was found empty since, and it was seen nowhere else.
        sightings: oldest first.
        last_looked_ns: when its place was last looked at.
        moved_at: number of the first sighting where it stands now.
    """

    solid: Solid
    gone: bool
    sightings: tuple[Sighting, ...]
    last_looked_ns: int
    moved_at: int = 0


@dataclass
class _Book:
    things: dict[int, TrueThing] = field(default_factory=dict)
    events: list[MemoryEvent] = field(default_factory=list)

    def note(self, kind: EventKind, solid: Solid, stamp_ns: int, before: Solid | None = None) -> None:
        previous = None if before is None else before.box.center
        self.events.append(
            MemoryEvent(kind, solid.id, solid.label, stamp_ns, solid.box.center, previous, id=len(self.events) + 1)
        )


def remembered(visits: Sequence[Visit]) -> tuple[dict[int, TrueThing], list[MemoryEvent]]:
    """Things by id, and events oldest first, after some visits."""
    book = _Book()
    for visit in visits:
        for i, solid in visit.solids.items():
            _see(book, solid, tuple(visit.sightings[i]))
        for i, stamp_ns in visit.looked_ns.items():
            thing = book.things.get(i)
            if thing is None:
                continue
            if i not in visit.solids and not thing.gone:
                book.note(EventKind.GONE, thing.solid, stamp_ns)
                thing = replace(thing, gone=True)
            book.things[i] = replace(thing, last_looked_ns=max(stamp_ns, thing.last_looked_ns))
    events = sorted(book.events, key=lambda e: (e.stamp_ns, e.id))
    return book.things, [replace(e, id=n) for n, e in enumerate(events, start=1)]


def _see(book: _Book, solid: Solid, sightings: tuple[Sighting, ...]) -> None:
    old = book.things.get(solid.id)
    moved_at = 0 if old is None else old.moved_at
    if old is None:
        book.note(EventKind.ADDED, solid, sightings[0].stamp_ns)
    elif old.gone or float(np.linalg.norm(solid.box.center - old.solid.box.center)) > MOVED_M:
        book.note(EventKind.MOVED, solid, sightings[0].stamp_ns, old.solid)
        moved_at = len(old.sightings)
    earlier = () if old is None else old.sightings
    book.things[solid.id] = TrueThing(solid, False, (*earlier, *sightings), sightings[-1].stamp_ns, moved_at)
