"""What all services of the memory share: who holds the memory, and how a refusal is answered."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
from geometry_msgs.msg import Point

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.nodes.conversions import point_from_message
from memory_agent_ros.records.errors import BadInputError, MemoryAgentError
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.region import Region

Services = TypeVar("Services")
Response = TypeVar("Response")


class MemoryHolder(Protocol):
    """Who owns the open memory (the node) and shows what a service changed."""

    @property
    def memory(self) -> SpatialMemory:
        """The open memory."""
        ...

    def publish_events(self, events: list[MemoryEvent]) -> None:
        """Tell the graph what changed."""
        ...

    def load(self, path: str) -> SpatialMemory:
        """Open another map in place of this one."""
        ...


class HasRegion(Protocol):
    """A request that may name a box."""

    has_region: bool
    region_min: Point
    region_max: Point


def answering(call: Callable[[Services, Any, Any], None]) -> Callable[[Services, Any, Response], Response]:
    """A refused request answers ``success: false`` with the reason instead of raising in the executor."""

    @functools.wraps(call)
    def answer(self: Services, request: Any, response: Any) -> Any:
        try:
            call(self, request, response)
            response.success = True
        except MemoryAgentError as error:
            response.success, response.message = False, str(error)
        return response

    return answer


def region_of(request: HasRegion) -> Region | None:
    """The box that a request names, if it names one.

    Raises:
        BadInputError: ``region_invalid``.
    """
    if not request.has_region:
        return None
    low, high = point_from_message(request.region_min), point_from_message(request.region_max)
    if np.isnan(low).any() or np.isnan(high).any() or (low > high).any():
        raise BadInputError("region_invalid", f"region_min {low} must not be above region_max {high}")
    return Region(low, high)
