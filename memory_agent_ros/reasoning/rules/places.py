"""What a phrase with places means in a memory."""

from __future__ import annotations

from dataclasses import dataclass

from memory_agent_ros.reasoning import matching, wording
from memory_agent_ros.reasoning.matching import Match, MatchKind, Where
from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.reasoning.rules.phrases import Phrase
from memory_agent_ros.reasoning.rules.questions import singular
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.relation import RelationKind
from memory_agent_ros.records.room import rooms_called


@dataclass(frozen=True, eq=False)
class Resolved:
    """What a phrase stands for.

    Attributes:
        match: the things; of kind ``NONE`` if there are none there.
        where: the place in words, "" without one.
        anchors: the things that the place names.
        missing: a sentence about a place that is not known, or "".
        gone: those the place names, if all of them are gone.
    """

    match: Match
    where: str = ""
    anchors: tuple[MapObject, ...] = ()
    missing: str = ""
    gone: tuple[MapObject, ...] = ()


def resolve(memory: MemoryReader, phrase: Phrase) -> Resolved:
    """The things a phrase stands for.

    A room narrows what was said before it; a thing takes the places that follow it: in "mugs in the kitchen on the
    counter" both belong to the mugs, in "mugs on the counter in the hall" the hall is the counter's.
    """
    where: Where = {}
    words: list[str] = []
    anchors: tuple[MapObject, ...] = ()
    for n, place in enumerate(phrase.places):
        said = place.kind in (RelationKind.IN, RelationKind.INSIDE)
        rooms = rooms_called(memory.rooms(), place.name) if said and "room" not in where else []
        if rooms:
            where["room"] = rooms[0].id if len(rooms) == 1 else place.name
            words.append(
                "in " + (wording.room_name(rooms[0]) if len(rooms) == 1 else f"the {wording.plural(place.name)}")
            )
            continue
        anchor = resolve(memory, Phrase(place.name, phrase.places[n + 1 :]))
        if anchor.missing or not anchor.match.objects:
            return Resolved(
                Match(MatchKind.NONE), missing=anchor.missing or _no_place(memory, place.name, said, anchor)
            )
        anchors = tuple(anchor.match.present)
        if not anchors:
            return Resolved(Match(MatchKind.NONE), gone=tuple(anchor.match.gone))
        where["relation"] = (place.kind, [o.id for o in anchors])
        words.append(f"{_said(place.kind)} {_the(anchors)}{' ' * bool(anchor.where)}{anchor.where}")
        break
    text = " ".join(words)
    if phrase.noun:
        return Resolved(matching.match_name(memory, phrase.noun, where), text, anchors)
    found = tuple(o for o in matching.everything(memory, where) if o.id not in {a.id for a in anchors})
    return Resolved(Match(MatchKind.LABEL if found else MatchKind.NONE, found, "thing"), text, anchors)


def _said(kind: RelationKind) -> str:
    return str(RelationKind.INSIDE if kind is RelationKind.IN else kind)


def _the(objects: tuple[MapObject, ...]) -> str:
    label = objects[0].label
    return f"the {label}" if len(objects) == 1 else f"the {len(objects)} {wording.plural(label)}"


def _no_place(memory: MemoryReader, name: str, room: bool, anchor: Resolved) -> str:
    if not room:
        return f"I have never seen {wording.with_article(singular(name))}{' ' * bool(anchor.where)}{anchor.where}."
    known = wording.joined([wording.room_name(r) for r in memory.rooms()])
    return f"I know of no room and of no thing called {name!r}. " + (
        f"I know {known}." if known else "I know no rooms."
    )
