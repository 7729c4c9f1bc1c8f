"""Sentences of answers, from the typed result alone."""

from __future__ import annotations

from collections.abc import Sequence

from memory_agent_ros.reasoning import wording
from memory_agent_ros.reasoning.placing import PlaceOf, place_of
from memory_agent_ros.reasoning.results import Result, ResultKind
from memory_agent_ros.reasoning.tools.workspace import Workspace
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.room import Room

Placed = tuple[MapObject, PlaceOf]


def unknown(result: Result) -> str:
    """Nobody has seen it, or the reason why it is not known."""
    if result.reason in ("", "never seen"):
        text = f"I have never seen {wording.with_article(result.name) if result.name else 'what you ask about'}."
    else:
        text = f"I do not know: {result.reason}."
    return text + " So I count 0." * (result.kind is ResultKind.NUMBER and result.number == 0)


def where_phrase(obj: MapObject, place: PlaceOf) -> str:
    """On the counter in the kitchen, at (1.0, 2.0) m."""
    return f"{place.words}{', ' * bool(place.words)}at {wording.place(obj.box.center)}"


def here(site: Workspace, obj: MapObject, place: PlaceOf) -> str:
    """Where a thing is, and when it was last seen."""
    return f"The {obj.label} is {where_phrase(obj, place)}; last seen {wording.ago(obj.last_seen_ns, site.now_ns)}."


def gone(site: Workspace, obj: MapObject, place: PlaceOf) -> str:
    """Where a thing was, and when it was noticed to be gone."""
    noticed = [e.stamp_ns for e in site.memory.history(obj.id) if e.kind is EventKind.GONE]
    looked = noticed[-1] if noticed else obj.last_looked_ns
    return (
        f"The {obj.label} was {where_phrase(obj, place)}, last seen {wording.ago(obj.last_seen_ns, site.now_ns)}; "
        f"when I looked again {wording.ago(looked, site.now_ns)} it was gone."
    )


def where(site: Workspace, result: Result, placed: Sequence[Placed]) -> str:
    """Where things are, and where those were that are gone."""
    if not placed:
        return none(result)
    present = [(o, p) for o, p in placed if o.state is ObjectState.PRESENT]
    lost = [gone(site, o, p) for o, p in placed if o.state is not ObjectState.PRESENT]
    if len(present) == 1:
        lost.insert(0, here(site, *present[0]))
    elif present:
        listed = [f"{i}. {_label(result, o)}{where_phrase(o, p)}" for i, (o, p) in enumerate(present, 1)]
        noun = present[0][0].label if len({o.label for o, _ in present}) == 1 else "thing"
        lost.insert(0, f"I know of {len(present)} {wording.plural(noun)}: " + "; ".join(listed) + ".")
    return " ".join(lost)


def _label(result: Result, obj: MapObject) -> str:
    return "" if result.name else f"the {obj.label} "


def where_before(
    site: Workspace, result: Result, told: Sequence[tuple[MapObject, PlaceOf, int]], at: Sequence[Sequence[float]]
) -> str:
    """Where things were before they were moved or taken away."""
    if not told:
        return f"I have not noticed that {_the(result)} was moved."
    parts = []
    for (obj, place, stamp), position in zip(told, at, strict=True):
        words = f"{place.words}{', ' * bool(place.words)}at ({position[0]:.1f}, {position[1]:.1f}) m"
        what = "moved" if obj.state is ObjectState.PRESENT else "gone"
        parts.append(f"The {obj.label} was {words}; {wording.ago(stamp, site.now_ns)} I noticed that it was {what}.")
    return " ".join(parts)


def _the(result: Result) -> str:
    return f"the {result.name or (result.things[0].label if result.things else 'thing')}"


def none(result: Result) -> str:
    """There are none of a kind that is known."""
    noun = wording.plural(result.name) if result.name else ""
    if result.of_gone:
        return f"I know of no {noun or 'things'} that are gone."
    if result.where:
        return f"I know of no {noun} {result.where}." if noun else f"I know of nothing {result.where}."
    return f"I know of no {noun}." if noun else "I know of nothing there."


def no_room(site: Workspace, result: Result, placed: Sequence[Placed]) -> str:
    """A place is known, and no room there."""
    if not placed:
        return none(result)
    (obj, place), *_ = placed
    return f"I know where the {obj.label} is, but no room there: " + here(site, obj, place)


def yes_no(site: Workspace, result: Result, truth: bool, placed: Sequence[Placed]) -> str:
    """Yes or no, and what it rests on."""
    if result.kind is not ResultKind.THINGS:
        more = {
            ResultKind.EVENTS: lambda: changes(site, result, result.events) if truth else no_change(result),
            ResultKind.TRUTH: lambda: f"It is the {result.name}." if not truth and result.things else "",
        }.get(result.kind, lambda: "")()
        return f"{'Yes' if truth else 'No'}. {more}".strip()
    if result.of_gone:
        return ("Yes. " if truth else "No. ") + where(site, result, placed)
    if not placed:
        return "No. " + none(result)
    lead = "Yes. " if truth else "No longer. "
    return lead + (where(site, result, placed) if result.tool == "find" or not truth else listed(site, result))


def number(site: Workspace, result: Result, counted: Sequence[Placed]) -> str:
    """A count, and where those are that were counted."""
    count = int(result.number or 0)
    noun = result.name or ("thing" if result.things or not result.rooms else "room")
    if result.of_gone:
        return f"I know of {wording.numbered(count, noun)} that {'is' if count == 1 else 'are'} gone."
    text = f"I count {wording.numbered(count, noun)}"
    if not count:
        text += f" {result.where}." if result.where else (" any more." if result.gone else ".")
    elif counted and not result.name:
        text += f": {wording.inventory([o for o, _ in counted])}."
    elif counted and len(counted) == count:
        text += f". {'They are' if count > 1 else 'It is'} " + "; ".join(where_phrase(o, p) for o, p in counted) + "."
    else:
        text += "."
    told = [gone(site, o, place_of(site.memory, o)) for o in result.gone]
    return " ".join([text, *told])


def metres(site: Workspace, result: Result) -> str:
    """A length, or the time since."""
    value = result.number or 0.0
    if result.kind is ResultKind.TIME:
        return f"I last saw the {result.name} {wording.ago(result.stamp_ns or 0, site.now_ns)}."
    first, *rest = [f"the {o.label}" for o in result.things] or ["it"]
    was = "is" if result.state is AnswerState.SEEN else "was"
    if result.aspect == "distance" and rest:
        return f"{first.capitalize()} {was} {value:.2f} m from {rest[0]}."
    if result.aspect == "above_floor":
        return f"{first.capitalize()} {was} {value:.2f} m above the floor."
    edge = {"height": "high", "width": "wide", "length": "long"}.get(result.aspect, "")
    return f"{first.capitalize()} {was} {value:.2f} m {edge}.".replace(" .", ".")


def listed(site: Workspace, result: Result) -> str:
    """A list of things at a place."""
    objects = result.counted
    if objects and result.of_gone:
        return f"{wording.inventory(objects)} {_be(objects, past=False)} gone."
    if objects and not result.where:
        return f"I know of {wording.inventory(objects)}."
    if objects:
        return f"{wording.inventory(objects)} {_be(objects, past=False)} {result.where}."
    if result.gone and not result.of_gone:
        return f"{wording.inventory(result.gone)} {_be(result.gone, past=True)} {result.where or 'there'}; gone now."
    if result.cited and result.state is AnswerState.GONE and result.reason:
        return f"{result.reason.capitalize()}."
    return none(result)


def _be(objects: Sequence[MapObject], past: bool) -> str:
    return ("was" if past else "is") if len(objects) == 1 else ("were" if past else "are")


def rooms(result: Result) -> str:
    """Rooms with their areas."""
    if not result.rooms:
        return "I know no such room."
    told = [f"{wording.room_name(r)} ({r.area_m2:.0f} m2)" for r in result.rooms]
    if result.tool != "rooms":
        return f"It is {wording.joined(told)}." if len(told) == 1 else f"They are {wording.joined(told)}."
    return f"I know {wording.numbered(len(told), 'room')}: {wording.joined(told)}."


def described_rooms(site: Workspace, told: Sequence[Room], inside: Sequence[MapObject]) -> str:
    """The things in each room and its doors."""
    names = {r.id: wording.room_name(r) for r in site.rooms}
    parts = []
    for room in told:
        found = wording.inventory([o for o in inside if o.id in room.object_ids]) or "nothing"
        others = sorted({i for d in room.doors for i in d.rooms if i != room.id and i in names})
        doors = wording.joined([names[i] for i in others])
        lead = f"In {names.get(room.id, room.name)} ({room.area_m2:.0f} m2) I know of {found}"
        parts.append(lead + (f"; a door leads to {doors}." if doors else "."))
    return " ".join(parts)


def last_seen(site: Workspace, obj: MapObject, place: PlaceOf) -> str:
    """When a thing was last seen, and where."""
    if obj.state is ObjectState.GONE:
        return gone(site, obj, place)
    return f"I last saw the {obj.label} {wording.ago(obj.last_seen_ns, site.now_ns)}, {where_phrase(obj, place)}."


def which(site: Workspace, result: Result, placed: Placed | None) -> str:
    """The one that was chosen."""
    if placed is None:
        value = f"{result.number:.2f} m" if result.unit else f"{result.number or 0:g}"
        return f"The {result.name}: {value}."
    obj, place = placed
    if obj.state is ObjectState.GONE:
        return gone(site, obj, place)
    return f"It is the {obj.label} {where_phrase(obj, place)}."


def attribute(result: Result) -> str:
    """What the pictures show of a thing."""
    if result.aspect == "text":
        return f"On the {result.name} I read {result.text!r}."
    said = {"colour": "is", "material": "is made of", "state": "is"}[result.aspect]
    return f"The {result.name} {said} {result.text}."


def no_change(result: Result) -> str:
    """Nothing was noticed."""
    return f"I noticed no change{f' of the {result.name}' if result.name else ''}."


def changes(site: Workspace, result: Result, events: Sequence[MemoryEvent]) -> str:
    """What happened, oldest first."""
    text = wording.joined([wording.change(e, site.now_ns) for e in events])
    return text[:1].upper() + text[1:] + "."
