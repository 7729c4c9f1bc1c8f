"""``last_seen``, ``history``, ``changes``: when, and what happened."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from memory_agent_ros.reasoning.calls import ANYTHING, NOTHING, CallError
from memory_agent_ros.reasoning.confidence import mean, object_confidence
from memory_agent_ros.reasoning.matching import ALL
from memory_agent_ros.reasoning.results import Result, ResultKind, joined_cited, unknown
from memory_agent_ros.reasoning.tools.finding import state_of
from memory_agent_ros.reasoning.tools.workspace import Workspace, ordered
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject, ObjectState

#: Kinds of events that people ask about.
TOLD = (EventKind.ADDED, EventKind.MOVED, EventKind.GONE)
#: Things that "nothing has changed" cites: those looked at last.
_LOOKED_AT = 10


def last_seen(space: Workspace, of: Result) -> Result:
    """When that one of them was last seen that was seen last, present or gone."""
    if of.kind is ResultKind.ROOMS:
        raise CallError("last_seen needs things, not rooms")
    if not of.things:
        state = AnswerState.UNKNOWN if of.state is AnswerState.UNKNOWN else of.state
        return Result(ResultKind.TIME, "last_seen", cited=of.cited, state=state, confidence=of.confidence,
                      reason=of.reason or "never seen")  # fmt: skip
    last = max(of.things, key=lambda o: (o.last_seen_ns, -o.id))
    return Result(ResultKind.TIME, "last_seen", (last,), number=(space.now_ns - last.last_seen_ns) / 1e9,
                  stamp_ns=last.last_seen_ns, name=last.label, cited=joined_cited([last], of.cited),
                  state=state_of((last,)), confidence=object_confidence(last), of_gone=of.of_gone)  # fmt: skip


def history(space: Workspace, of: Result) -> Result:
    """What happened to them, oldest first: when each was found, moved, gone."""
    if of.kind is ResultKind.ROOMS:
        raise CallError("history needs things, not rooms")
    if of.state is AnswerState.UNKNOWN:
        return unknown("history", ResultKind.EVENTS, of.reason or "never seen", of)
    found = [
        dataclasses.replace(event, object_id=o.id, label=o.label)
        for o in of.things
        for event in space.memory.history(o.id)
        if event.kind in TOLD
    ]
    events = tuple(sorted(found, key=lambda e: (e.stamp_ns, e.id)))
    return Result(ResultKind.EVENTS, "history", of.things, events=events, name=of.name, cited=of.cited, state=of.state,
                  confidence=mean([e.confidence for e in events]) * of.confidence,
                  reason="" if events else "nothing happened")  # fmt: skip


def changes(space: Workspace, since: float | None = None, kind: str | None = None, thing: str | None = None) -> Result:
    """What was moved, is gone or came in the last so many seconds, or ever; one change a thing, oldest first.

    A thing that was there before and is not any more is *gone*, one that was not there before and is now is *added*,
    one that was moved is *moved* from where it was at first to where it came last. With ``kind``: *moved* is every
    thing that was moved at least once, *gone* what left and has not come back, *added* what came and is there.
    Without ``since`` the first sight of a thing is no change, unless ``added`` is asked for. Things merged into others,
    and forgotten ones, have no changes. The result is *unknown* if the kind of thing was never seen, *seen* and empty
    if nothing changed.
    """
    if thing == NOTHING:
        return unknown("changes", ResultKind.EVENTS, "never seen")
    label = None if thing in (None, ANYTHING) else thing
    known = space.by_id if label is None else {o.id: o for o in space.memory.find(label, limit=ALL)}
    if not known:
        return unknown("changes", ResultKind.EVENTS, "never seen")
    start = 0 if since is None else max(0, space.now_ns - round(since * 1e9))
    by_object: dict[int, list[MemoryEvent]] = {}
    for event in space.memory.changes(start):
        if event.kind in TOLD and event.object_id in known:
            by_object.setdefault(event.object_id, []).append(event)
    net = [_net(known[i], events, kind, since is None) for i, events in by_object.items()]
    events = tuple(sorted((e for e in net if e is not None), key=lambda e: (e.stamp_ns, e.id)))
    things = ordered([known[e.object_id] for e in events])
    cited = things if events else _looked_at(list(known.values()))
    state = AnswerState.GONE if events and all(e.kind is EventKind.GONE for e in events) else AnswerState.SEEN
    name = "" if label is None else (next(iter(known.values())).label)
    return Result(ResultKind.EVENTS, "changes", things, events=events, name=name, cited=cited, state=state,
                  confidence=mean([e.confidence for e in events]), reason="" if events else "no change",
                  of_gone=kind == "gone")  # fmt: skip


def _looked_at(things: Sequence[MapObject]) -> tuple[MapObject, ...]:
    """The things whose places were looked at last: they are what "no change" rests on."""
    return tuple(sorted(things, key=lambda o: (-o.last_looked_ns, o.id))[:_LOOKED_AT])


def _net(obj: MapObject, events: Sequence[MemoryEvent], kind: str | None, ever: bool) -> MemoryEvent | None:
    """The one change that a thing's events amount to, or None."""
    if ever and kind != "added" and events[0].kind is EventKind.ADDED:
        events = events[1:]
    of_kind = {k: [e for e in events if e.kind is k] for k in TOLD}
    present = obj.state is ObjectState.PRESENT
    came, left, moved = of_kind[EventKind.ADDED], of_kind[EventKind.GONE], of_kind[EventKind.MOVED]
    if kind == "added":
        return came[-1] if came and present else None
    if kind == "gone" or (kind is None and not present):
        return left[-1] if left and not present else None
    if kind is None and came and events[0].kind is EventKind.ADDED:
        return came[-1]
    if moved:
        return dataclasses.replace(moved[-1], previous_position_m=moved[0].previous_position_m)
    return None
