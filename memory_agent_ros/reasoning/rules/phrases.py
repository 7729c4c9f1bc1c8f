"""Noun phrases with places: "mugs in the kitchen on the counter"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from memory_agent_ros.records.relation import RelationKind

#: Prepositions, longest first, and what they mean. "in" is a room or a container; which of them, the memory knows.
PREPOSITIONS: dict[str, RelationKind] = {
    "on top of": RelationKind.ON,
    "inside of": RelationKind.INSIDE,
    "next to": RelationKind.NEXT_TO,
    "underneath": RelationKind.UNDER,
    "beneath": RelationKind.UNDER,
    "beside": RelationKind.NEXT_TO,
    "inside": RelationKind.INSIDE,
    "within": RelationKind.IN,
    "below": RelationKind.UNDER,
    "under": RelationKind.UNDER,
    "upon": RelationKind.ON,
    "on": RelationKind.ON,
    "in": RelationKind.IN,
}
PREPOSITION = "(?:" + "|".join(PREPOSITIONS) + ")"
_SPLIT = re.compile(rf"\s*\b({'|'.join(PREPOSITIONS)})\s+(?=\S)")
_FILLER = re.compile(r"\s+(?:that|which|who)?\s*(?:is|are|was|were|lying|standing|sitting|placed|kept|located)$")
_LEAD = re.compile(r"^(?:is|are|was|were|there|lying|standing|located)\s+")
ANYTHING = frozenset(
    (
        "",
        "thing",
        "things",
        "object",
        "objects",
        "item",
        "items",
        "stuff",
        "anything",
        "something",
        "everything",
        "else",
    )
)


@dataclass(frozen=True)
class Place:
    """One "in the kitchen" of a phrase: how, and the name of the room or thing, lower case, without article."""

    kind: RelationKind
    name: str


@dataclass(frozen=True)
class Phrase:
    """A thing and where it is said to be.

    Attributes:
        noun: the thing, lower case, attribute words kept; "" for anything.
        places: in the order in which they were said.
    """

    noun: str
    places: tuple[Place, ...] = ()


def split_places(text: str) -> tuple[str, list[tuple[RelationKind, str]]]:
    """Words before the first preposition, and each preposition with the words that follow it, articles kept."""
    parts = _SPLIT.split(" " + text.strip())
    head, places = parts[0].strip(), []
    for word, name in zip(parts[1::2], parts[2::2], strict=True):
        places.append((PREPOSITIONS[word], _FILLER.sub("", name.strip())))
    return _FILLER.sub("", _LEAD.sub("", head + " ").strip()), places
