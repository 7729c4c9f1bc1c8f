"""The services of the memory node: requests to calls of the memory's face, results and errors back."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from memory_agent_msgs.srv import GetPicture, LoadMemory, QueryObjects, SaveMemory, Tips
from memory_agent_ros.nodes.conversions import event_message, nanoseconds, object_message, point_from_message
from memory_agent_ros.nodes.picture_messages import fill_picture, view_message
from memory_agent_ros.nodes.service_answers import MemoryHolder, answering, region_of
from memory_agent_ros.nodes.structure_messages import relation_message, room_message
from memory_agent_ros.nodes.tips_exchange import tip_from_message, tip_message
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.map_object import MapObject, ObjectState


class MemoryServices:
    """Callbacks of the services: questions, pictures, saving, loading and tips."""

    def __init__(self, holder: MemoryHolder) -> None:
        self._holder = holder

    @answering
    def query(self, request: QueryObjects.Request, response: QueryObjects.Response) -> None:
        """``memory/query_objects``."""
        modes: dict[str, Callable[[QueryObjects.Request], list[MapObject]]] = {
            QueryObjects.Request.MODE_FIND: self._find,
            QueryObjects.Request.MODE_NEAR: self._near,
            QueryObjects.Request.MODE_LAST_SEEN: self._last_seen,
            QueryObjects.Request.MODE_COUNT: self._counted,
        }
        memory = self._holder.memory
        if request.mode == QueryObjects.Request.MODE_OBJECTS:
            things = [memory.get(int(request.object_id))] if request.object_id else memory.objects()
            response.objects = [object_message(thing, request.with_appearance) for thing in things]
            response.count = len(response.objects)
        elif request.mode in modes:
            found = modes[request.mode](request)
            response.objects = [object_message(thing) for thing in found]
            response.count = len(found)
            if request.mode == QueryObjects.Request.MODE_COUNT:
                response.count = memory.count(
                    request.label or None, text=request.text or None, region=region_of(request)
                )
        elif request.mode in (QueryObjects.Request.MODE_HISTORY, QueryObjects.Request.MODE_CHANGES):
            changes = request.mode == QueryObjects.Request.MODE_CHANGES
            events = memory.changes(nanoseconds(request.since)) if changes else memory.history(int(request.object_id))
            response.events = [event_message(event) for event in events]
            response.count = len(events)
        elif request.mode in (QueryObjects.Request.MODE_ROOMS, QueryObjects.Request.MODE_RELATIONS):
            self._structure(request, response)
        elif request.mode == QueryObjects.Request.MODE_VIEWS:
            views = memory.recall_place(_center(request), float(request.radius_m), int(request.limit))
            response.views = [view_message(view) for view in views]
            response.count = len(views)
        else:
            more = "objects, history, changes, rooms, relations, views"
            raise BadInputError("query_mode", f"mode must be one of {', '.join(modes)}, {more}; got {request.mode!r}")

    def _structure(self, request: QueryObjects.Request, response: QueryObjects.Response) -> None:
        memory, object_id = self._holder.memory, int(request.object_id) or None
        if request.mode == QueryObjects.Request.MODE_RELATIONS:
            relations = memory.relations(object_id, kinds=list(request.relation_kinds) or None)
            response.relations = [relation_message(r) for r in relations]
            response.count = len(relations)
            return
        rooms = memory.rooms() if object_id is None else [r for r in (memory.room_of(object_id),) if r is not None]
        response.rooms = [room_message(r) for r in rooms]
        response.count = len(rooms)

    @answering
    def picture(self, request: GetPicture.Request, response: GetPicture.Response) -> None:
        """``memory/picture``."""
        fill_picture(response, self._holder.memory.keyframe(int(request.keyframe_id)))

    @answering
    def save(self, request: SaveMemory.Request, response: SaveMemory.Response) -> None:
        """``memory/save``."""
        memory = self._holder.memory
        response.message = f"saved to {memory.save(request.path or None)}"
        response.objects = len(memory.objects())

    @answering
    def load(self, request: LoadMemory.Request, response: LoadMemory.Response) -> None:
        """``memory/load``."""
        if not request.path:
            raise BadInputError("load_path", "path must name a map file")
        memory = self._holder.load(request.path)
        response.message = f"opened {memory.place}"
        response.objects = len(memory.objects())

    @answering
    def tips(self, request: Tips.Request, response: Tips.Response) -> None:
        """``memory/tips``."""
        memory = self._holder.memory
        if request.remember:
            response.fresh = memory.tips.remember(tip_from_message(tip, memory.place) for tip in request.remember)
        if request.domain:
            response.tips = [tip_message(tip) for tip in memory.tips.of(request.domain)]

    def _find(self, request: QueryObjects.Request) -> list[MapObject]:
        return self._holder.memory.find(
            request.label or None,
            text=request.text or None,
            region=region_of(request),
            state=_state(request.state),
            limit=int(request.limit),
            room=request.room or None,
            relation=_relation(request),
        )

    def _near(self, request: QueryObjects.Request) -> list[MapObject]:
        if not request.has_center and not request.object_id:
            raise BadInputError("query_center", "mode near needs has_center with center, or object_id")
        return self._holder.memory.near(
            point_from_message(request.center) if request.has_center else None,
            object_id=int(request.object_id) or None,
            radius_m=float(request.radius_m),
            label=request.label or None,
            limit=int(request.limit),
        )

    def _last_seen(self, request: QueryObjects.Request) -> list[MapObject]:
        found = self._holder.memory.last_seen(request.label or None, text=request.text or None)
        return [] if found is None else [found]

    def _counted(self, request: QueryObjects.Request) -> list[MapObject]:
        return self._holder.memory.find(
            request.label or None,
            text=request.text or None,
            region=region_of(request),
            state=ObjectState.PRESENT,
            limit=int(request.limit),
        )


def _center(request: QueryObjects.Request) -> NDArray[np.float64]:
    if not request.has_center:
        raise BadInputError("query_center", "mode views needs has_center with center")
    return point_from_message(request.center)


def _relation(request: QueryObjects.Request) -> tuple[str, str | list[int]] | None:
    ids = [int(i) for i in request.relation_ids]
    if not request.relation:
        return None
    if bool(ids) == bool(request.relation_to):
        raise BadInputError("query_relation", "a relation needs either relation_to or relation_ids")
    return request.relation, ids or request.relation_to


def _state(name: str) -> ObjectState | None:
    if not name:
        return None
    if name not in tuple(ObjectState):
        raise BadInputError("query_state", f"state must be present, gone or empty, got {name!r}")
    return ObjectState(name)
