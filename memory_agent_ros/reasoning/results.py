"""What a call gives: a typed result, with all that it rests on."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from memory_agent_ros.reasoning.names import plain
from memory_agent_ros.reasoning.rules.pictures import Spot
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.room import Room

#: Kinds of things, rooms or changes that the line of a result names.
_SHOWN = 4


class ResultKind(enum.StrEnum):
    """What a result is."""

    THINGS = "things"
    ROOMS = "rooms"
    NUMBER = "number"
    TIME = "time"
    TRUTH = "truth"
    EVENTS = "events"
    ATTRIBUTE = "attribute"


@dataclass(frozen=True, eq=False)
class Result:
    """The result of one call.

    Attributes:
        kind: which of the fields below it is about.
        tool: the tool that gave it.
        things: the things found; of other kinds, the things that they are about (what was counted, moved, compared).
        rooms: the rooms found.
        number: a count; metres with ``unit`` "m"; for a time, seconds before now.
        unit: "m" or "".
        stamp_ns: the time.
        truth: whether it is so; None where that is not known.
        events: what happened, oldest first.
        aspect, text: what was looked at in pictures, and what they show.
        name: noun for what it is of, as far as it is one kind: "mug", "kitchen"; "" otherwise.
        where: the place it was looked for at in words ("on the table"), "" for the whole map.
        cited: everything it rests on, in order of weight: recomputing from these alone gives the same.
        spots: places that pictures can show.
        state: seen, gone, or unknown: unknown where what is asked of was never seen, seen also for an empty result
            where what it is drawn from is known.
        confidence: probability that it is right as far as the memory knows, in [0, 1].
        reason: why it is empty or unknown, in a few words.
        of_gone: gone things were asked for, so that they count.
        looked: observations whose pictures were looked at.
    """

    kind: ResultKind
    tool: str
    things: tuple[MapObject, ...] = ()
    rooms: tuple[Room, ...] = ()
    number: float | None = None
    unit: str = ""
    stamp_ns: int | None = None
    truth: bool | None = None
    events: tuple[MemoryEvent, ...] = ()
    aspect: str = ""
    text: str = ""
    name: str = ""
    where: str = ""
    cited: tuple[MapObject, ...] = ()
    spots: tuple[Spot, ...] = ()
    state: AnswerState = AnswerState.SEEN
    confidence: float = 1.0
    reason: str = ""
    of_gone: bool = False
    looked: tuple[Evidence, ...] = ()

    @property
    def present(self) -> list[MapObject]:
        """Its things that are believed to be there."""
        return [o for o in self.things if o.state is ObjectState.PRESENT]

    @property
    def gone(self) -> list[MapObject]:
        """Its things that are believed to be gone."""
        return [o for o in self.things if o.state is ObjectState.GONE]

    @property
    def counted(self) -> list[MapObject]:
        """The things that count: present ones, or gone ones where those were asked for."""
        return self.gone if self.of_gone else self.present

    @property
    def best(self) -> list[MapObject]:
        """Present things, gone ones if there are none; what is measured and ordered."""
        return self.counted or list(self.things)

    @property
    def short(self) -> str:
        """One line for the transcript. Names from the memory are written so that they cannot be read as a call."""
        return _SHORT[self.kind](self)


def unknown(tool: str, kind: ResultKind, reason: str, of: Result | None = None) -> Result:
    """Nobody has seen what is asked of; a result that rests on an unknown one is unknown too."""
    cited = of.cited if of else ()
    confidence = of.confidence if of else 1.0
    name = of.name if of else ""
    return Result(kind, tool, cited=cited, name=name, state=AnswerState.UNKNOWN, confidence=confidence, reason=reason)


def joined_cited(*groups: Iterable[MapObject]) -> tuple[MapObject, ...]:
    """Each thing once, in the order of the groups."""
    return tuple({o.id: o for group in groups for o in group}.values())


def _counts(labels: Iterable[str]) -> str:
    counted = sorted(Counter(plain(name) for name in labels).items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(counted) - _SHOWN} more kinds" * (len(counted) > _SHOWN)
    return "; ".join(f"{n} {name}" for name, n in counted[:_SHOWN]) + more


def _empty(result: Result) -> str:
    return result.reason or ("never seen" if result.state is AnswerState.UNKNOWN else "none")


def _things(result: Result) -> str:
    present, gone = (_counts(o.label for o in part) for part in (result.present, result.gone))
    parts = [f"{part} {word}" for part, word in ((present, "present"), (gone, "gone")) if part]
    return "; ".join(parts) or _empty(result)


def _rooms(result: Result) -> str:
    return _counts(r.name for r in result.rooms) or _empty(result)


def _number(result: Result) -> str:
    if result.number is None:
        return _empty(result)
    return f"{result.number:.2f} m" if result.unit == "m" else f"{result.number:g}"


def _time(result: Result) -> str:
    if result.number is None:
        return _empty(result)
    return f"{max(0.0, result.number):.0f} s ago{'; gone now' * (result.state is AnswerState.GONE)}"


def _truth(result: Result) -> str:
    if result.truth is None:
        return _empty(result)
    return ("yes" if result.truth else "no") + (f": {plain(result.name)}" if result.name else "")


def _events(result: Result) -> str:
    told = [f"{plain(e.label)} {e.kind}" for e in result.events]
    more = f" and {len(told) - _SHOWN} more" * (len(told) > _SHOWN)
    return "; ".join(told[:_SHOWN]) + more if told else _empty(result)


def _attribute(result: Result) -> str:
    return f"{result.aspect} {plain(result.text)}" if result.text else _empty(result)


_SHORT = {
    ResultKind.THINGS: _things,
    ResultKind.ROOMS: _rooms,
    ResultKind.NUMBER: _number,
    ResultKind.TIME: _time,
    ResultKind.TRUTH: _truth,
    ResultKind.EVENTS: _events,
    ResultKind.ATTRIBUTE: _attribute,
}
