"""What the explorer reads of the memory: ``SpatialMemory``, or a picture of one that runs elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.residual import ViewResidual
from memory_agent_ros.records.room import Room


class KnownWorld(Protocol):
    """Things and rooms, in the frame in which the explorer gets its poses."""

    def objects(self) -> Sequence[MapObject]:
        """Confirmed objects, present and gone."""
        ...

    def rooms(self) -> Sequence[Room]:
        """Rooms found so far."""
        ...

    @property
    def last_residual(self) -> ViewResidual | None:
        """The last image against what was expected in it."""
        ...


@dataclass(frozen=True)
class StillWorld:
    """A memory as it was at one moment; the explorer of a robot gets such pictures from the memory's node."""

    things: Sequence[MapObject] = ()
    places: Sequence[Room] = ()
    last_residual: ViewResidual | None = None

    def objects(self) -> Sequence[MapObject]:
        """See :class:`KnownWorld`."""
        return self.things

    def rooms(self) -> Sequence[Room]:
        """See :class:`KnownWorld`."""
        return self.places
