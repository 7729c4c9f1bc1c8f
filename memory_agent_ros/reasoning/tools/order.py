"""``pick`` and ``compare``: which one, and which more."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from memory_agent_ros.reasoning.calls import CallError
from memory_agent_ros.reasoning.confidence import object_confidence
from memory_agent_ros.reasoning.matching import volume
from memory_agent_ros.reasoning.results import Result, ResultKind, joined_cited, unknown
from memory_agent_ros.reasoning.tools.finding import state_of
from memory_agent_ros.reasoning.tools.space import centre_distances_m, gaps_m, nearest_first
from memory_agent_ros.reasoning.tools.workspace import Workspace
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.room import Room

Value = Callable[[MapObject], float]


def _height(obj: MapObject) -> float:
    return float(obj.box.size[2])


def _middle(obj: MapObject) -> float:
    return float(obj.box.center[2])


def _last(obj: MapObject) -> float:
    return float(obj.last_seen_ns)


#: What things are ordered by, and whether the largest comes first.
_ORDERS: Mapping[str, tuple[Value, bool]] = {
    "largest": (volume, True),
    "smallest": (volume, False),
    "highest": (_middle, True),
    "lowest": (_middle, False),
    "latest": (_last, True),
    "earliest": (_last, False),
}


def pick(space: Workspace, order: str, of: Result, to: Result | None = None) -> Result:
    """The one that comes first in an order.

    ``nearest`` and ``farthest`` go by the gap between boxes to the nearest thing of ``to`` (centres decide ties),
    ``largest`` and ``smallest`` by the volume of the box, rooms by area, ``highest`` and ``lowest`` by how high its
    centre is, ``latest`` and ``earliest`` by when a thing was last seen, or by when a change happened. Orders in space
    are over present things, or over gone ones if none is present; those in time over all. It rests on all that it
    chose from.

    Raises:
        CallError: nearest or farthest without ``to``, or an order that rooms or changes have not.
    """
    if order in ("nearest", "farthest"):
        if to is None:
            raise CallError(f"pick({order}, ...) needs a second result")
        return _pick_by_distance(space, order, of, to)
    if of.kind is ResultKind.ROOMS:
        return _pick_room(order, of)
    if of.kind is ResultKind.EVENTS and order in ("latest", "earliest"):
        return _pick_event(order, of)
    value, largest = _ORDERS[order]
    chosen_from = list(of.things) if order in ("latest", "earliest") else of.best
    if not chosen_from:
        return _nothing(of)
    best = min(chosen_from, key=lambda o: (-value(o) if largest else value(o), o.id))
    return _picked(best, of)


def _nothing(of: Result, *more: Result) -> Result:
    """Nothing to choose from."""
    kind = ResultKind.ROOMS if of.kind is ResultKind.ROOMS else ResultKind.THINGS
    if of.state is AnswerState.UNKNOWN:
        return unknown("pick", kind, of.reason or "never seen", of)
    cited = joined_cited(of.cited, *(m.cited for m in more))
    return Result(
        kind, "pick", cited=cited, state=of.state, confidence=of.confidence, reason=of.reason or "none to pick"
    )


def _picked(best: MapObject, of: Result, *more: Result) -> Result:
    cited = joined_cited([best], of.cited, *(m.cited for m in more))
    sure = object_confidence(best) * float(np.prod([m.confidence for m in more]))
    return Result(ResultKind.THINGS, "pick", (best,), name=best.label, where=of.where, cited=cited,
                  state=state_of((best,)), confidence=sure, of_gone=of.of_gone)  # fmt: skip


def _pick_by_distance(space: Workspace, order: str, of: Result, to: Result) -> Result:
    if ResultKind.ROOMS in (of.kind, to.kind):
        raise CallError(f"pick({order}, ...) needs things, not rooms")
    own = {o.id for o in to.things}
    things, anchors = [o for o in of.best if o.id not in own], to.best
    if not things:
        return _nothing(of, to)
    if not anchors:
        return _nothing(to, of)
    if order == "nearest":
        best = nearest_first(things, anchors)[0]
    else:
        gap, middle = gaps_m(things, anchors).min(axis=1), centre_distances_m(things, anchors).min(axis=1)
        order_of = sorted(range(len(things)), key=lambda k: (-round(float(gap[k]), 3), -float(middle[k]), things[k].id))
        best = things[order_of[0]]
    return _picked(best, of, to)


def _pick_room(order: str, of: Result) -> Result:
    if order not in ("largest", "smallest"):
        raise CallError(f"rooms have no {order}")
    if not of.rooms:
        return _nothing(of)
    sign = -1.0 if order == "largest" else 1.0
    best: Room = min(of.rooms, key=lambda r: (sign * r.area_m2, r.id))
    return Result(ResultKind.ROOMS, "pick", rooms=(best,), name=best.name, cited=of.cited, state=of.state,
                  confidence=of.confidence)  # fmt: skip


def _pick_event(order: str, of: Result) -> Result:
    if not of.events:
        return _nothing(of)
    sign = -1 if order == "latest" else 1
    best = min(of.events, key=lambda e: (sign * e.stamp_ns, e.id))
    things = tuple(o for o in of.things if o.id == best.object_id)
    return Result(ResultKind.EVENTS, "pick", things, events=(best,), name=best.label, cited=of.cited, state=of.state,
                  confidence=best.confidence)  # fmt: skip


#: What sizes are compared by.
_SIZES: Mapping[str, Value] = {"larger": volume, "smaller": volume, "taller": _height, "shorter": _height}


def compare(space: Workspace, by: str, of: Result, other: Result) -> Result:
    """Whether the first is more, larger, later ... than the second; its things are those of the side that is.

    ``more``, ``fewer``, ``equal`` compare numbers: counts and metres as they are, of things how many are present.
    ``larger``, ``smaller`` compare the volumes and ``taller``, ``shorter`` the heights of the largest (tallest) thing
    of each side, or metres; present things first, gone ones if none is present. ``later``, ``earlier`` compare times:
    when last seen, when the last of the changes happened. ``same_room``: whether a thing of the one stands in the room
    of a thing of the other. A side that was never seen, or has nothing to compare, makes the result *unknown*.
    """
    for side in (of, other):
        if side.state is AnswerState.UNKNOWN:
            return unknown("compare", ResultKind.TRUTH, f"{side.name or 'it'} {side.reason or 'never seen'}", side)
    if by == "same_room":
        return _same_room(space, of, other)
    a, b = _measured(by, of), _measured(by, other)
    if a is None or b is None:
        return unknown("compare", ResultKind.TRUTH, "nothing to compare", of)
    greater = by in ("more", "larger", "taller", "later")
    truth = a.value == b.value if by == "equal" else (a.value > b.value if greater else a.value < b.value)
    both = Result(ResultKind.TRUTH, "compare", truth=truth, cited=joined_cited(of.cited, other.cited),
                  state=_joint(of, other), confidence=of.confidence * other.confidence)  # fmt: skip
    if a.value == b.value:
        return dataclasses.replace(both, name="equal" if truth else "")
    wins = a if (a.value > b.value) is greater else b
    counted = by in ("more", "fewer", "equal") or wins.of.kind is ResultKind.NUMBER
    return dataclasses.replace(
        both,
        things=wins.things,
        rooms=wins.rooms,
        events=wins.events,
        number=wins.value if counted else None,
        unit=wins.of.unit,
        name=wins.of.name or (wins.things[0].label if wins.things else ""),
    )


@dataclass(frozen=True, eq=False)
class _Side:
    """One side of a comparison: the number it is compared by, and what that number is of."""

    of: Result
    value: float
    things: tuple[MapObject, ...] = ()
    rooms: tuple[Room, ...] = ()
    events: tuple[MemoryEvent, ...] = ()


def _joint(of: Result, other: Result) -> AnswerState:
    return AnswerState.GONE if AnswerState.GONE in (of.state, other.state) else AnswerState.SEEN


def _measured(by: str, of: Result) -> _Side | None:
    """None if there is nothing to compare by."""
    if by in ("later", "earlier"):
        return _latest(of)
    if of.kind is ResultKind.NUMBER:
        return None if of.number is None else _Side(of, of.number, of.things, of.rooms)
    if by in ("more", "fewer", "equal"):
        counts = {ResultKind.ROOMS: len(of.rooms), ResultKind.EVENTS: len(of.events)}
        return _Side(of, float(counts.get(of.kind, len(of.counted))), of.things, of.rooms, of.events)
    if of.kind is ResultKind.ROOMS:
        room = max(of.rooms, key=lambda r: (r.area_m2, -r.id), default=None)
        return None if room is None else _Side(of, room.area_m2, rooms=(room,))
    value = _SIZES[by]
    best = max(of.best, key=lambda o: (value(o), -o.id), default=None)
    return None if best is None else _Side(of, value(best), (best,))


def _latest(of: Result) -> _Side | None:
    if of.kind is ResultKind.EVENTS:
        event = max(of.events, key=lambda e: (e.stamp_ns, e.id), default=None)
        if event is None:
            return None
        return _Side(of, float(event.stamp_ns), tuple(o for o in of.things if o.id == event.object_id), events=(event,))
    obj = max(of.things, key=lambda o: (o.last_seen_ns, -o.id), default=None)
    return None if obj is None else _Side(of, float(obj.last_seen_ns), (obj,))


def _same_room(space: Workspace, of: Result, other: Result) -> Result:
    rooms = [{o.id: space.memory.room_of(o.id) for o in side.best} for side in (of, other)]
    known = [{r.id for r in found.values() if r is not None} for found in rooms]
    cited = joined_cited(of.cited, other.cited)
    if not known[0] or not known[1]:
        return Result(ResultKind.TRUTH, "compare", cited=cited, state=AnswerState.UNKNOWN, reason="room not known")
    both = known[0] & known[1]
    shared = tuple(r for r in space.rooms if r.id in both)
    things = tuple(o for o in of.best if (r := rooms[0][o.id]) is not None and r.id in both)
    name = shared[0].name if shared else ""
    return Result(ResultKind.TRUTH, "compare", things, shared, truth=bool(both), name=name, cited=cited,
                  state=_joint(of, other), confidence=of.confidence * other.confidence)  # fmt: skip
