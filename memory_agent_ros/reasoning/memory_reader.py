"""What the reasoner needs of a memory: the read-only half of ``SpatialMemory``, local or behind a ROS service."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import MemoryAgentError
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.object_query import RelationTarget
from memory_agent_ros.records.recalled_view import RecalledView
from memory_agent_ros.records.region import Region
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Room


class RecallUnavailableError(MemoryAgentError):
    """This way to the memory cannot recall pictures; the message is a sentence that says so."""


class MemoryReader(Protocol):
    """Read-only memory tools. Every returned object carries its evidence, best observation first."""

    def find(
        self,
        label: str | None = None,
        *,
        text: str | None = None,
        region: Region | None = None,
        state: ObjectState | None = None,
        limit: int = 20,
        room: str | int | None = None,
        relation: tuple[RelationKind | str, RelationTarget] | None = None,
    ) -> list[MapObject]:
        """Confirmed objects by exact label and/or free text, best first; ``state=None`` means present and gone.

        ``room`` is an id or a name, ``relation`` a kind with the other thing; see ``SpatialMemory.find``.
        """
        ...

    def labels(self) -> dict[str, int]:
        """What all confirmed objects are called, by label: how many there are of each, present and gone."""
        ...

    def rooms(self) -> list[Room]:
        """Rooms found so far, by id."""
        ...

    def room_of(self, object_id: int) -> Room | None:
        """The room an object stands in, or stood in."""
        ...

    def relations(
        self, object_id: int | None = None, kinds: Sequence[RelationKind | str] | None = None
    ) -> list[Relation]:
        """Relations of present objects: all, or those an object is part of."""
        ...

    def near(
        self,
        center: NDArray[np.float64] | None = None,
        *,
        object_id: int | None = None,
        radius_m: float = 1.0,
        label: str | None = None,
        limit: int = 20,
    ) -> list[MapObject]:
        """Present objects whose box is within ``radius_m`` of a map point or of an object's box, nearest first."""
        ...

    def last_seen(self, label: str | None = None, *, text: str | None = None) -> MapObject | None:
        """The matching object seen most recently, present or gone."""
        ...

    def count(self, label: str | None = None, *, text: str | None = None, region: Region | None = None) -> int:
        """How many matching objects are present."""
        ...

    def history(self, object_id: int) -> list[MemoryEvent]:
        """All events of one object, oldest first."""
        ...

    def changes(self, since_ns: int = 0) -> list[MemoryEvent]:
        """Events other than ``updated`` with a stamp at or after ``since_ns``, oldest first."""
        ...

    def recall_place(self, center: NDArray[np.float64], radius_m: float = 1.0, k: int = 5) -> list[RecalledView]:
        """Stored pictures that show the surfaces within ``radius_m`` of a (3,) map point, best first.

        Raises:
            RecallUnavailableError: the pictures cannot be asked for from here.
        """
        ...
