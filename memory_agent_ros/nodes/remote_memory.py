"""The memory behind ``memory/query_objects`` and ``memory/picture``, as a :class:`MemoryReader`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.client import Client
from rclpy.node import Node

from memory_agent_msgs.srv import GetPicture, QueryObjects
from memory_agent_ros.nodes.blocking import BlockingCalls
from memory_agent_ros.nodes.conversions import event_from_message, object_from_message, point_message, time_message
from memory_agent_ros.nodes.picture_messages import keyframe_from_picture, view_from_message
from memory_agent_ros.nodes.structure_messages import relation_from_message, room_from_message
from memory_agent_ros.records.errors import MemoryAgentError
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.object_query import ObjectQuery, RelationTarget, relation_kind
from memory_agent_ros.records.recalled_view import RecalledView
from memory_agent_ros.records.region import Region
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Room

#: Stands for an open side of a region in a message.
_FAR_M = 1.0e6
#: More objects than a map holds.
_MANY = 1_000_000


class MemoryUnavailableError(MemoryAgentError):
    """The memory node did not answer, or refused the query; the message holds its reason."""


class RemoteMemory:
    """Blocking memory tools; call them from a thread of their own, while the node's executor spins elsewhere.

    Args:
        node: owner of the service clients.
        service: relative name of the query service.
        picture_service: relative name of the service that gives pictures.
        timeout_s: how long a query may take, wall seconds.
        with_appearance: let all objects come with their appearance.
    """

    def __init__(
        self,
        node: Node,
        service: str = "memory/query_objects",
        timeout_s: float = 5.0,
        picture_service: str = "memory/picture",
        with_appearance: bool = False,
    ) -> None:
        self._node, self._with_appearance = node, with_appearance
        self._calls = BlockingCalls("memory", timeout_s, MemoryUnavailableError)
        self._client = node.create_client(QueryObjects, service)
        self._pictures = node.create_client(GetPicture, picture_service)

    @property
    def available(self) -> bool:
        """Whether the memory node offers its service now."""
        return bool(self._client.service_is_ready())

    @property
    def service_name(self) -> str:
        """Full name of the service."""
        return str(self._client.service_name)

    def interrupt(self) -> None:
        """Let every call under way, and all later ones, fail at once; what comes before :meth:`close`."""
        self._calls.interrupt()

    def close(self) -> None:
        """Withdraw the clients."""
        self.interrupt()
        self._node.destroy_client(self._client)
        self._node.destroy_client(self._pictures)

    def objects(self) -> list[MapObject]:
        """All confirmed objects, present and gone, by id, without evidence."""
        request = self._request(QueryObjects.Request.MODE_OBJECTS)
        request.with_appearance = self._with_appearance
        return self._objects(request)

    def get(self, object_id: int) -> MapObject:
        """One object; the id of one that was merged away gives the survivor.

        Raises:
            MemoryUnavailableError: the memory does not answer, or knows no such object.
        """
        request = self._request(QueryObjects.Request.MODE_OBJECTS)
        request.object_id = object_id
        return self._objects(request)[0]

    def keyframe(self, keyframe_id: int) -> Keyframe:
        """One remembered picture, without patch features.

        Raises:
            MemoryUnavailableError: the memory does not answer, or keeps no such picture.
        """
        return keyframe_from_picture(
            keyframe_id, self._call(GetPicture.Request(keyframe_id=keyframe_id), self._pictures)
        )

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
        """See :class:`MemoryReader`; the query of a nested relation is asked first, its ids go into this one."""
        request = self._request(QueryObjects.Request.MODE_FIND, label, text, region)
        request.state, request.limit = str(state) if state is not None else "", limit
        request.room = f"#{room}" if isinstance(room, int) else room or ""
        if relation is not None:
            request.relation = str(relation_kind(relation[0]))
            if isinstance(relation[1], str):
                request.relation_to = relation[1]
            else:
                request.relation_ids = self._target_ids(relation[1])
                if not request.relation_ids:
                    return []
        return self._objects(request)

    def labels(self) -> dict[str, int]:
        """See :class:`MemoryReader`; counted here, of all objects without their evidence."""
        return dict(sorted(Counter(thing.label for thing in self.objects()).items()))

    def rooms(self) -> list[Room]:
        """See :class:`MemoryReader`."""
        return [room_from_message(m) for m in self._call(self._request(QueryObjects.Request.MODE_ROOMS)).rooms]

    def room_of(self, object_id: int) -> Room | None:
        """See :class:`MemoryReader`."""
        request = self._request(QueryObjects.Request.MODE_ROOMS)
        request.object_id = object_id
        found = self._call(request).rooms
        return room_from_message(found[0]) if found else None

    def relations(
        self, object_id: int | None = None, kinds: Sequence[RelationKind | str] | None = None
    ) -> list[Relation]:
        """See :class:`MemoryReader`."""
        request = self._request(QueryObjects.Request.MODE_RELATIONS)
        request.object_id = object_id or 0
        request.relation_kinds = [str(relation_kind(k)) for k in kinds or ()]
        return [relation_from_message(m) for m in self._call(request).relations]

    def _target_ids(self, target: int | Sequence[int] | ObjectQuery) -> list[int]:
        if isinstance(target, int):
            return [target]
        if not isinstance(target, ObjectQuery):
            return [int(i) for i in target]
        where: dict[str, Any] = {"room": target.room, "relation": target.relation, "state": ObjectState.PRESENT}
        found = self.find(target.name or None, limit=_MANY, **where)
        if not found and target.name and not self.find(target.name, limit=1):
            found = self.find(text=target.name, limit=_MANY, **where)
            found = [o for o in found if o.relevance >= found[0].relevance - 1e-6]
        return [o.id for o in found]

    def near(
        self,
        center: NDArray[np.float64] | None = None,
        *,
        object_id: int | None = None,
        radius_m: float = 1.0,
        label: str | None = None,
        limit: int = 20,
    ) -> list[MapObject]:
        """See :class:`MemoryReader`."""
        request = self._request(QueryObjects.Request.MODE_NEAR, label)
        if center is not None:
            request.has_center, request.center = True, point_message(center)
        request.object_id, request.radius_m, request.limit = object_id or 0, float(radius_m), limit
        return self._objects(request)

    def last_seen(self, label: str | None = None, *, text: str | None = None) -> MapObject | None:
        """See :class:`MemoryReader`."""
        found = self._objects(self._request(QueryObjects.Request.MODE_LAST_SEEN, label, text))
        return found[0] if found else None

    def count(self, label: str | None = None, *, text: str | None = None, region: Region | None = None) -> int:
        """See :class:`MemoryReader`."""
        return int(self._call(self._request(QueryObjects.Request.MODE_COUNT, label, text, region)).count)

    def history(self, object_id: int) -> list[MemoryEvent]:
        """See :class:`MemoryReader`."""
        request = self._request(QueryObjects.Request.MODE_HISTORY)
        request.object_id = object_id
        return [event_from_message(event) for event in self._call(request).events]

    def changes(self, since_ns: int = 0) -> list[MemoryEvent]:
        """See :class:`MemoryReader`."""
        request = self._request(QueryObjects.Request.MODE_CHANGES)
        request.since = time_message(since_ns)
        return [event_from_message(event) for event in self._call(request).events]

    def recall_place(self, center: NDArray[np.float64], radius_m: float = 1.0, k: int = 5) -> list[RecalledView]:
        """See :class:`MemoryReader`."""
        request = self._request(QueryObjects.Request.MODE_VIEWS)
        request.has_center, request.center = True, point_message(center)
        request.radius_m, request.limit = float(radius_m), k
        return [view_from_message(message) for message in self._call(request).views]

    def _request(
        self, mode: str, label: str | None = None, text: str | None = None, region: Region | None = None
    ) -> QueryObjects.Request:
        request = QueryObjects.Request(mode=mode, label=label or "", text=text or "")
        if region is not None:
            request.has_region = True
            request.region_min = point_message(np.clip(region.minimum, -_FAR_M, _FAR_M))
            request.region_max = point_message(np.clip(region.maximum, -_FAR_M, _FAR_M))
        return request

    def _objects(self, request: QueryObjects.Request) -> list[MapObject]:
        return [object_from_message(message) for message in self._call(request).objects]

    def _call(self, request: Any, client: Client | None = None) -> Any:
        return self._calls.call(client or self._client, request)
