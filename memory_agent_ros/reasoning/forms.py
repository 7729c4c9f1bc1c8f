"""What an answer tells of a result: its value, its state, its sentence, and what it cites.

The value is JSON-ready. *Entry* is ``{"object", "label", "state", "position_m", "last_seen_ns"}``; *placed* an entry
with ``{"room": {"id", "name"} | null, "relation": {"kind", "object", "label", ...} | null, "beside": {...} | null}``.

============  ====================================================================================================
form          value
============  ====================================================================================================
where         list of placed: present things, then gone ones; of rooms ``{"id", "name", "position_m", ...}``
where_before  list of placed at the place before the last move (of a gone thing the place where it was), with the
              ``stamp_ns`` at which it was noticed not to be there; only of things that were moved or are gone
room          list of placed whose room is known; of rooms ``{"id", "name", ...}``
yes_no        true or false
number        whole number, or metres (three decimals)
list          list of entries: present things (gone ones where those were asked for); of rooms ``{"id", "name", ...}``
when          entry, or a change, with ``stamp_ns`` and ``seconds_ago``
which         entry of the first thing; ``{"label", "number"}`` of the side that has more or fewer; a room
              ``{"id", "name", "label", ...}``; null if neither side of a comparison is
attribute     ``{"object", "label", "aspect", "text"}``
changes       list of ``{"kind", "object", "label", "stamp_ns", "position_m", "previous_position_m"}``, oldest first
describe      list of placed (the things) and entries (what is around them, or stands in the room)
============  ====================================================================================================

What was never seen has the value null (a count 0) and the state *unknown*. None of a kind that is known is an answer:
false, 0 or an empty list, and *seen*; *gone* where there were some, and all are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memory_agent_ros.reasoning import confidence, sentences
from memory_agent_ros.reasoning.calls import CallError
from memory_agent_ros.reasoning.entries import event_entry, object_entry, room_entry, rounded
from memory_agent_ros.reasoning.placing import PlaceOf, place_before, place_of
from memory_agent_ros.reasoning.results import Result, ResultKind, joined_cited
from memory_agent_ros.reasoning.tools import finding, space, time
from memory_agent_ros.reasoning.tools.workspace import Workspace
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.map_object import MapObject, ObjectState

_K = ResultKind


@dataclass(frozen=True, eq=False)
class Draft:
    """An answer before its evidence is looked up.

    Attributes:
        value: as in the table of this module.
        text: a sentence.
        state, confidence: as of the answer.
        cited: things it rests on beside those of its result.
        pictures: whether pictures of the result's place belong to it.
    """

    value: Any
    text: str
    state: AnswerState
    confidence: float
    cited: tuple[MapObject, ...] = ()
    pictures: bool = False


def draft(site: Workspace, form: str, result: Result) -> Draft:
    """What the answer of a form tells of a result.

    Raises:
        CallError: the form cannot tell of such a result.
    """
    if form == "number" and result.kind is not _K.NUMBER and result.kind is not _K.TIME:
        result = finding.count(result)
    if result.state is AnswerState.UNKNOWN and not _told_though_unknown(form, result):
        value = 0 if form == "number" and result.number == 0 else None
        return Draft(value, sentences.unknown(result), AnswerState.UNKNOWN, result.confidence)
    return _FORMS[form](site, result)


def _told_though_unknown(form: str, result: Result) -> bool:
    """A look that showed nothing is unknown; what is known of the thing itself can still be told."""
    return result.kind is _K.ATTRIBUTE and bool(result.things) and form in ("where", "room", "when", "list", "which")


def _placed(obj: MapObject, place: PlaceOf) -> dict[str, Any]:
    return {**object_entry(obj), **place.to_dict()}


def _landmarks(places: Sequence[PlaceOf]) -> tuple[MapObject, ...]:
    return tuple(o for p in places for o in (p.carrier, p.beside) if o is not None)


def _told(result: Result) -> list[MapObject]:
    """Present things, then gone ones; only those that count where gone ones were asked for."""
    return result.gone if result.of_gone else [*result.present, *result.gone]


def _state(result: Result, things: Sequence[MapObject]) -> AnswerState:
    return finding.state_of(tuple(things)) if things else result.state


def _sure_of_best(result: Result, things: Sequence[MapObject]) -> float:
    """Of the best thing, as far as the result was simply found; else of the result."""
    if result.tool != "find" or not things:
        return result.confidence
    counted = [o for o in things if o.state is ObjectState.PRESENT] or things
    return max(confidence.object_confidence(o) for o in counted)


def _where(site: Workspace, result: Result) -> Draft:
    if result.kind is _K.ROOMS:
        value = [{**room_entry(r), "position_m": rounded(r.center)} for r in result.rooms]
        return Draft(value, sentences.rooms(result), result.state, result.confidence)
    things = _told(result)
    places = [place_of(site.memory, o) for o in things]
    text = sentences.where(site, result, list(zip(things, places, strict=True)))
    value = [_placed(o, p) for o, p in zip(things, places, strict=True)]
    return Draft(value, text, _state(result, things), _sure_of_best(result, things), _landmarks(places))


def _where_before(site: Workspace, result: Result) -> Draft:
    if result.kind is _K.ROOMS:
        raise CallError("rooms do not move")
    told: list[tuple[MapObject, PlaceOf, int]] = []
    value = []
    for obj in result.things:
        events = site.memory.history(obj.id)
        left = [
            e for e in events if e.kind is (EventKind.MOVED if obj.state is ObjectState.PRESENT else EventKind.GONE)
        ]
        at = (left[-1].previous_position_m if left else None) if obj.state is ObjectState.PRESENT else obj.box.center
        if at is None:
            continue
        place, stamp = place_before(site.memory, obj, at), left[-1].stamp_ns if left else obj.last_looked_ns
        told.append((obj, place, stamp))
        value.append({**_placed(obj, place), "position_m": rounded(at), "stamp_ns": stamp})
    text = sentences.where_before(site, result, told, [v["position_m"] for v in value])
    if not value:
        return Draft([], text, AnswerState.UNKNOWN, result.confidence)
    things = [o for o, _, _ in told]
    return Draft(
        value, text, _state(result, things), _sure_of_best(result, things), _landmarks([p for _, p, _ in told])
    )


def _room(site: Workspace, result: Result) -> Draft:
    if result.kind is _K.ROOMS or (result.kind is _K.TRUTH and result.rooms):
        return Draft([room_entry(r) for r in result.rooms], sentences.rooms(result), result.state, result.confidence)
    things = result.counted or _told(result)
    known = [(o, place_of(site.memory, o), r) for o in things if (r := site.memory.room_of(o.id)) is not None]
    places = [p for _, p, _ in known]
    if not known:
        text = sentences.no_room(site, result, [(o, place_of(site.memory, o)) for o in things[:1]])
        return Draft(None, text, AnswerState.UNKNOWN, 1.0)
    text = sentences.where(site, result, [(o, p) for o, p, _ in known])
    value = [{**_placed(o, p), "room": {"id": r.id, "name": r.name}} for o, p, r in known]
    things = [o for o, _, _ in known]
    return Draft(value, text, _state(result, things), _sure_of_best(result, things), _landmarks(places))


def _yes_no(site: Workspace, result: Result) -> Draft:
    if result.kind is _K.ATTRIBUTE:
        raise CallError("yes_no cannot tell of an attribute; use answer(attribute, ...)")
    truth = {
        _K.TRUTH: result.truth,
        _K.NUMBER: None if result.number is None else result.number > 0,
        _K.TIME: None if result.stamp_ns is None else True,
        _K.EVENTS: bool(result.events),
        _K.ROOMS: bool(result.rooms),
        _K.THINGS: bool(result.counted),
    }[result.kind]
    if truth is None:
        return Draft(None, sentences.unknown(result), AnswerState.UNKNOWN, result.confidence)
    sure, shown, places = result.confidence, [], []
    if result.kind is _K.THINGS:
        shown = _told(result)
        places = [place_of(site.memory, o) for o in shown]
        if result.tool == "find" and result.counted:
            sure = confidence.any_of(result.counted)
    text = sentences.yes_no(site, result, truth, list(zip(shown, places, strict=True)))
    return Draft(truth, text, result.state, sure, _landmarks(places))


def _number(site: Workspace, result: Result) -> Draft:
    if result.number is None:
        return Draft(None, sentences.unknown(result), AnswerState.UNKNOWN, result.confidence)
    if result.kind is _K.TIME or result.unit:
        return Draft(round(result.number, 3), sentences.metres(site, result), result.state, result.confidence)
    counted = [(o, place_of(site.memory, o)) for o in result.counted]
    text = sentences.number(site, result, counted)
    return Draft(int(result.number), text, result.state, result.confidence, _landmarks([p for _, p in counted]))


def _list(site: Workspace, result: Result) -> Draft:
    if result.kind is _K.ROOMS:
        return Draft([room_entry(r) for r in result.rooms], sentences.rooms(result), result.state, result.confidence)
    things = result.counted
    text = sentences.listed(site, result)
    value = [object_entry(o) for o in things]
    return Draft(value, text, _state(result, result.things), result.confidence, pictures=not result.name)


def _when(site: Workspace, result: Result) -> Draft:
    if result.kind is _K.ROOMS:
        raise CallError("rooms have no time")
    if result.kind is _K.EVENTS:
        if not result.events:
            return Draft(None, sentences.no_change(result), AnswerState.UNKNOWN, result.confidence)
        event = result.events[-1]
        value = {**event_entry(event), "seconds_ago": _ago(site, event.stamp_ns)}
        return Draft(value, sentences.changes(site, result, [event]), result.state, event.confidence)
    seen = result if result.kind is _K.TIME else time.last_seen(site, result)
    if not seen.things:
        return Draft(None, sentences.unknown(seen), AnswerState.UNKNOWN, seen.confidence)
    obj = seen.things[0]
    place = place_of(site.memory, obj)
    value = {**object_entry(obj), "stamp_ns": obj.last_seen_ns, "seconds_ago": _ago(site, obj.last_seen_ns)}
    return Draft(value, sentences.last_seen(site, obj, place), seen.state, seen.confidence, _landmarks([place]))


def _ago(site: Workspace, stamp_ns: int) -> float:
    return round((site.now_ns - stamp_ns) / 1e9, 3)


def _which(site: Workspace, result: Result) -> Draft:
    if result.kind is _K.TRUTH and result.number is not None:
        number: int | float = round(result.number, 3) if result.unit else int(result.number)
        value = {"label": result.name, "number": number}
        return Draft(value, sentences.which(site, result, None), result.state, result.confidence)
    if result.rooms and not (result.kind is _K.TRUTH and result.things):
        room = result.rooms[0]
        value = {**room_entry(room), "label": room.name}
        return Draft(value, sentences.rooms(result), result.state, result.confidence)
    if not result.things:
        return Draft(None, sentences.listed(site, result), result.state, result.confidence)
    obj = result.best[0] if result.kind is _K.THINGS else result.things[0]
    place = place_of(site.memory, obj)
    text = sentences.which(site, result, (obj, place))
    return Draft(object_entry(obj), text, _state(result, [obj]), result.confidence, _landmarks([place]))


def _attribute(site: Workspace, result: Result) -> Draft:
    if result.kind is not _K.ATTRIBUTE:
        raise CallError("answer(attribute, ...) needs a result of describe_view")
    obj = result.things[0]
    value = {"object": obj.id, "label": obj.label, "aspect": result.aspect, "text": result.text}
    return Draft(value, sentences.attribute(result), result.state, result.confidence)


def _changes(site: Workspace, result: Result) -> Draft:
    events = result if result.kind is _K.EVENTS else time.history(site, result)
    value = [event_entry(e) for e in events.events]
    if not value:
        return Draft(value, sentences.no_change(result), result.state, events.confidence)
    return Draft(value, sentences.changes(site, events, events.events), events.state, events.confidence)


def _describe(site: Workspace, result: Result) -> Draft:
    if result.kind is _K.ROOMS:
        inside = space.relation(site, "in", result)
        text = sentences.described_rooms(site, result.rooms, inside.things)
        value = [object_entry(o) for o in inside.things]
        return Draft(value, text, inside.state, inside.confidence, inside.cited, pictures=True)
    where = _where(site, result)
    if not result.present:
        return where
    around = space.near(site, result)
    value = [*where.value, *(object_entry(o) for o in around.things)]
    text = f"{where.text} {sentences.listed(site, around)}"
    sure = confidence.mean([where.confidence, around.confidence])
    return Draft(value, text, where.state, sure, joined_cited(where.cited, around.cited), pictures=True)


_FORMS: Mapping[str, Callable[[Workspace, Result], Draft]] = {
    "where": _where,
    "where_before": _where_before,
    "room": _room,
    "yes_no": _yes_no,
    "number": _number,
    "list": _list,
    "when": _when,
    "which": _which,
    "attribute": _attribute,
    "changes": _changes,
    "describe": _describe,
}
