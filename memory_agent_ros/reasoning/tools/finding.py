"""``find``, ``rooms``, ``keep``, ``count``: which things there are."""

from __future__ import annotations

import dataclasses

from memory_agent_ros.reasoning import wording
from memory_agent_ros.reasoning.calls import ANYTHING, NOTHING, CallError
from memory_agent_ros.reasoning.confidence import all_of, mean, object_confidence
from memory_agent_ros.reasoning.matching import ALL
from memory_agent_ros.reasoning.names import plain
from memory_agent_ros.reasoning.results import Result, ResultKind, joined_cited, unknown
from memory_agent_ros.reasoning.rules import pictures
from memory_agent_ros.reasoning.tools.workspace import Workspace, ordered
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.room import Room

#: Things elsewhere that an empty result cites, to show that the kind is known.
_ELSEWHERE = 5


def find(space: Workspace, thing: str, room: str | None = None, state: str | None = None) -> Result:
    """Things of a kind.

    A label is matched whole, in any case, singular or plural, with spaces or underscores; ``anything`` is every thing,
    ``nothing`` none, and unknown. With ``room`` only what stands, or stood, in a room of that name. With ``state`` only
    present or only gone ones. An empty result of a kind that is known is *seen* (it cites things of the kind that are
    elsewhere or otherwise), of a kind that is not known *unknown*.

    Raises:
        CallError: there is no room of that name.
    """
    if thing == NOTHING or room == NOTHING:
        return dataclasses.replace(unknown("find", ResultKind.THINGS, "never seen"), name=space.noun)
    rooms = _rooms_of(space, room)
    label = None if thing == ANYTHING else thing
    wanted = None if state is None else ObjectState(state)
    where = "" if room is None else "in " + _rooms_in_words(rooms, room)
    found = ordered(_in_rooms(space, label, wanted, rooms))
    name = "" if label is None else (found[0].label if found else plain(label))
    spots = tuple(pictures.spot_of_room(r, [o for o in found if o.id in r.object_ids]) for r in rooms or ())
    of_gone = wanted is ObjectState.GONE
    if found:
        told = state_of(found)
        sure = mean([object_confidence(o) for o in found])
        return Result(ResultKind.THINGS, "find", found, name=name, where=where, cited=found, spots=spots, state=told,
                      confidence=sure, of_gone=of_gone)  # fmt: skip
    others = ordered(
        space.memory.find(label, state=ObjectState.PRESENT, limit=_ELSEWHERE)
        or space.memory.find(label, limit=_ELSEWHERE)
    )
    if not others and (label is not None or rooms is None):
        return dataclasses.replace(unknown("find", ResultKind.THINGS, "never seen"), name=name)
    told = (
        AnswerState.SEEN
        if wanted is not None or any(o.state is ObjectState.PRESENT for o in others)
        else state_of(others)
    )
    reason = f"none {where}".strip() if wanted is None else f"none {wanted} {where}".strip()
    sure = mean([object_confidence(o) for o in others])
    return Result(ResultKind.THINGS, "find", name=name, where=where, cited=others, spots=spots, state=told,
                  confidence=sure, reason=plain(reason, 60), of_gone=of_gone)  # fmt: skip


def _rooms_of(space: Workspace, room: str | None) -> list[Room] | None:
    if room is None:
        return None
    rooms = space.rooms_named(room)
    if not rooms:
        known = ", ".join(plain(r.name) for r in space.rooms[:8])
        raise CallError(f"there is no room {room}; rooms: {known or 'none'}")
    return rooms


def _in_rooms(
    space: Workspace, label: str | None, state: ObjectState | None, rooms: list[Room] | None
) -> list[MapObject]:
    if rooms is None:
        return space.memory.find(label, state=state, limit=ALL)
    return [o for r in rooms for o in space.memory.find(label, state=state, room=r.id, limit=ALL)]


def _rooms_in_words(rooms: list[Room] | None, name: str) -> str:
    if rooms and len(rooms) == 1:
        return wording.room_name(rooms[0])
    return f"the {wording.plural(name)}"


def state_of(things: tuple[MapObject, ...]) -> AnswerState:
    """Seen if any is present, gone if all are gone, unknown of none."""
    if any(o.state is ObjectState.PRESENT for o in things):
        return AnswerState.SEEN
    return AnswerState.GONE if things else AnswerState.UNKNOWN


def rooms(space: Workspace) -> Result:
    """All rooms, by id; it cites two things of each, which rooms are named by."""
    found = tuple(space.rooms)
    if not found:
        return unknown("rooms", ResultKind.ROOMS, "no rooms known")
    cited = tuple(space.by_id[i] for r in found for i in r.object_ids[:2] if i in space.by_id)
    sure = mean([r.name_confidence or 1.0 for r in found])
    spots = tuple(pictures.spot_of_room(r) for r in found)
    return Result(ResultKind.ROOMS, "rooms", rooms=found, name="room", cited=cited, spots=spots, confidence=sure)


def keep(of: Result, among: Result) -> Result:
    """What of the first result is in the second too, in the order of the first; changes by the things they are of."""
    cited = joined_cited(of.cited, among.cited)
    state = min((of.state, among.state), key=_ORDER.index)
    sure = of.confidence * among.confidence
    if state is AnswerState.UNKNOWN:
        return unknown("keep", of.kind, of.reason or among.reason)
    if of.kind is ResultKind.ROOMS or among.kind is ResultKind.ROOMS:
        return _keep_rooms(of, among, cited, sure)
    ids = {o.id for o in among.things}
    things = tuple(o for o in of.things if o.id in ids)
    events = tuple(e for e in of.events if e.object_id in ids)
    kind = ResultKind.EVENTS if of.kind is ResultKind.EVENTS else ResultKind.THINGS
    where = " and ".join(w for w in dict.fromkeys((of.where, among.where)) if w)
    told = state_of(things) if things else AnswerState.SEEN
    return Result(kind, "keep", things, events=events, name=of.name or among.name, where=where, cited=cited,
                  spots=of.spots or among.spots, state=told, confidence=sure, of_gone=of.of_gone or among.of_gone,
                  reason="" if things else "none in both")  # fmt: skip


_ORDER = (AnswerState.UNKNOWN, AnswerState.GONE, AnswerState.SEEN)


def _keep_rooms(of: Result, among: Result, cited: tuple[MapObject, ...], sure: float) -> Result:
    """Rooms that are in both, things that stand in the rooms, or rooms in which the things stand."""
    if of.kind is among.kind:
        ids = {r.id for r in among.rooms}
        found = tuple(r for r in of.rooms if r.id in ids)
    elif of.kind is ResultKind.ROOMS:
        held = {o.id for o in among.things}
        found = tuple(r for r in of.rooms if held & set(r.object_ids))
    else:
        inside = {i for r in among.rooms for i in r.object_ids}
        things = tuple(o for o in of.things if o.id in inside)
        return Result(ResultKind.THINGS, "keep", things, name=of.name, cited=cited, confidence=sure,
                      reason="" if things else "none in both")  # fmt: skip
    return Result(ResultKind.ROOMS, "keep", rooms=found, name="room", cited=cited, confidence=sure,
                  reason="" if found else "none in both")  # fmt: skip


def count(of: Result) -> Result:
    """How many things are present (or gone, where gone ones were asked for); how many rooms or changes.

    None of a known kind is 0; of what was never seen it is 0 too, and *unknown*.
    """
    if of.state is AnswerState.UNKNOWN and not of.cited:
        return Result(ResultKind.NUMBER, "count", number=0.0, name=of.name, where=of.where, state=AnswerState.UNKNOWN,
                      confidence=of.confidence, reason=of.reason or "never seen")  # fmt: skip
    if of.kind is ResultKind.ROOMS:
        number, sure = len(of.rooms), of.confidence
    elif of.kind is ResultKind.EVENTS:
        number, sure = len(of.events), of.confidence
    elif of.kind in (ResultKind.THINGS, ResultKind.TIME, ResultKind.TRUTH, ResultKind.ATTRIBUTE):
        number = len(of.counted)
        sure = all_of(of.counted or of.things or of.cited[:1])
    else:
        raise CallError("count needs things, rooms or changes")
    state = of.state if number or of.kind is not ResultKind.THINGS else _zero(of)
    return Result(ResultKind.NUMBER, "count", of.things, of.rooms, float(number), name=of.name, where=of.where,
                  cited=of.cited, state=state, confidence=sure, of_gone=of.of_gone)  # fmt: skip


def _zero(of: Result) -> AnswerState:
    return AnswerState.GONE if of.gone or of.state is AnswerState.GONE else AnswerState.SEEN
