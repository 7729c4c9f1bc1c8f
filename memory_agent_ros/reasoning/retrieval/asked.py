"""What a question asks for, read off its words: phrases that may be names, and which kinds of facts would tell."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from memory_agent_ros.reasoning.known import content_words, phrases_of


class FactKind(enum.StrEnum):
    """Kinds of facts."""

    THING = "thing"
    KIND = "kind"
    ROOM = "room"
    ROOMS = "rooms"
    CHANGE = "change"
    ARRIVAL = "arrival"
    SIZE = "size"
    NEAR = "near"


_WORDS_TEXT = {
    FactKind.CHANGE: """
        away before change changed changes different disappear disappeared earlier former gone happened history left
        lost miss missing move moved moves past previously relocated removed since taken use used vanish vanished
        """,
    FactKind.ARRIVAL: """
        add added appear appeared arrival arrive arrived came change changed changes come first happened history new
        novel
        """,
    FactKind.KIND: "amount any count every fewer less many more most number quantity several total",
    FactKind.ROOM: "all contain contains everything hold holds list things what",
    FactKind.ROOMS: "apartment flat home house layout rooms",
    FactKind.SIZE: """
        above big bigger biggest broad deep height high higher highest large larger largest length longer low lower
        lowest measure shorter size small smaller smallest tall taller tallest thick wide wider width
        """,
    FactKind.NEAR: """
        around beside between close closer closest distance far farther farthest from furthest metre metres near nearby
        nearer nearest next reach side surrounding within
        """,
}
#: Where a thing is, is part of most answers; other kinds only where a word asks for them.
_ALWAYS = 0.5
_WORDS = {kind: frozenset(text.split()) for kind, text in _WORDS_TEXT.items()}
#: Words that ask for the newest or for a time.
_TIME_TEXT = """
    ago day days earliest hour hours last late lately latest minute minutes newest recent recently since today when
    while yesterday
    """
_TIME = frozenset(_TIME_TEXT.split())


@dataclass(frozen=True)
class Needs:
    """What a question needs.

    Attributes:
        phrases: runs of words that may name something.
        words: its words that may name something, in one text.
        kinds: weight of each kind of facts, 1 where a word asks for it.
        time: whether what is newest matters.
    """

    phrases: tuple[str, ...]
    words: str
    kinds: dict[FactKind, float]
    time: bool


def needs_of(question: str) -> Needs:
    """What a question needs."""
    words = re.findall(r"[a-z]+", question.lower())
    weights = {kind: float(any(word in cue for word in words)) for kind, cue in _WORDS.items()}
    weights[FactKind.THING] = _ALWAYS
    return Needs(tuple(phrases_of(question)), " ".join(content_words(question)), weights, bool(_TIME & set(words)))
