"""What there is to see of an answer that says whether it is right, and whether anybody could know it.

Nothing here decides; :mod:`~memory_agent_ros.reasoning.self_knowledge` does. All of it is read off the question, the
answer with its calls and evidence, and the names of the memory: no further question is put to the memory, but whether a
place was looked at, where the memory can tell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.reasoning.calls import ANYTHING, NOTHING, TOOLS, CallError, Kind, ToolCall, parse_call
from memory_agent_ros.reasoning.known import Meaning, phrases_of
from memory_agent_ros.reasoning.language.model import EntityNames
from memory_agent_ros.reasoning.rules.questions import singular
from memory_agent_ros.reasoning.words import words_in
from memory_agent_ros.records.answer import Answer, AnswerState

#: A name that stands in the question; one that only shares its noun; one of which nothing stands there, if no meaning
#: tells how alike they are.
_WHOLE, _NOUN, _ELSE = 1.0, 0.8, 0.4
#: Seen so lately is seen now.
_VIEW_S = 2.0


@runtime_checkable
class TellsOfPlaces(Protocol):
    """A memory that knows which places it has looked at."""

    def state_at(self, place: int | NDArray[np.float64], since_ns: int = 0, radius_m: float = 0.1) -> AnswerState:
        """Seen, gone, or unknown where nobody has looked."""
        ...


@dataclass(frozen=True)
class Signals:
    """What is known of an answer.

    Attributes:
        values: by name:

            - ``memory``: how sure the memory is of the things that the answer rests on, [0, 1].
            - ``thought``, ``guessed``: whether the language model wrote the calls, or templates that were not sure.
            - ``calls``: log-probability of the calls; 0 where no model wrote them.
            - ``mass``: least share of probability that the model gave to names of the memory, where it wrote one.
            - ``match``: how well the name that fits worst stands in the question: 1 as it is, 0.8 by its noun, else
              how alike they are in meaning.
            - ``nothing``: 1 if a call asks for what the memory does not hold.
            - ``empty``: 1 if nothing was found: none, no, 0.
            - ``looked``: share of the places asked about that were looked at; 1 where there is none.
            - ``gone``: 1 if the things are gone.
            - ``things``: how many things it cites.
            - ``age_h``: hours since any of the things it rests on was seen; 0 without any.
            - ``steps``: calls before the answer.
            - ``stopped``: 1 if the model did not come to an end.
        words: words of the question, singular, that are of no name in the calls nor of the memory.
        in_view: whether all that it rests on is seen now.
        unknown: whether the answer is that it is not known.
    """

    values: Mapping[str, float]
    words: tuple[str, ...] = ()
    in_view: bool = False
    unknown: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        values = {name: round(value, 4) for name, value in self.values.items()}
        return {"values": values, "words": list(self.words), "in_view": self.in_view, "unknown": self.unknown}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Signals:
        """The inverse of :meth:`to_dict`."""
        return cls(dict(content["values"]), tuple(content["words"]), bool(content["in_view"]), bool(content["unknown"]))


def signals_of(
    question: str, answer: Answer, route: str, memory: object, names: EntityNames, meaning: Meaning | None = None
) -> Signals:
    """What there is to see of an answer.

    Args:
        question: as it was asked.
        answer: not yet calibrated, as the toolbox, the agent or the templates gave it.
        route: how it was answered.
        memory: asked which places it has looked at, if it can tell.
        names: of the memory.
        meaning: tells how alike a name and the words of a question are.
    """
    raw: Mapping[str, float] = answer.details.get("confidence", {})
    calls = _calls(answer)
    standing = [n for n in (*names.things, *names.rooms) if _match(n, question, None) == _WHOLE]
    called = _names(calls) or standing or _labels(answer.value)
    stamps = list(answer.details.get("last_seen_ns", ())) or [e.stamp_ns for e in answer.evidence]
    now_ns = answer.details.get("now_ns")
    told = bool(stamps) and now_ns is not None
    oldest_s, age_s = (max(0.0, (now_ns - f(stamps)) / 1e9) if told else 0.0 for f in (min, max))
    values = {
        "memory": float(raw.get("memory", answer.confidence)),
        "thought": float(route == "think"),
        "guessed": float(route == "rules"),
        "calls": math.log(max(float(raw.get("calls", 1.0)), 1e-9)),
        "mass": float(raw.get("mass", 1.0)),
        "match": min((_match(name, question, meaning) for name in called), default=_WHOLE),
        "nothing": float(any(NOTHING in c.arguments.values() for c in calls)),
        "empty": float(answer.value in ([], 0, False)),
        "looked": _looked(answer.details.get("places", ()), memory),
        "gone": float(answer.state is AnswerState.GONE),
        "things": float(len({e.object_id for e in answer.evidence})),
        "age_h": age_s / 3600.0,
        "steps": float(max(0, len(calls) - 1)),
        "stopped": float("stopped" in answer.details),
    }
    return Signals(
        values,
        _other_words(question, (*called, *standing)),
        told and oldest_s <= _VIEW_S,
        answer.state is AnswerState.UNKNOWN,
    )


def words_of(text: str) -> list[str]:
    """The words of a text, lower case, singular; numbers are none."""
    return [singular(word) for word in words_in(text, numbers=False)]


def _calls(answer: Answer) -> list[ToolCall]:
    """The calls of an answer; those that only failed beside the others, where the agent tells."""
    written = [str(step).split(" = ", 1)[0] for step in answer.details.get("steps", ())]
    found: list[ToolCall] = []
    for text in dict.fromkeys((*written, *answer.calls)):
        try:
            found.append(parse_call(text))
        except CallError:
            continue
    return found


def _names(calls: Sequence[ToolCall]) -> list[str]:
    """Names of things and rooms that stand in calls, our own words apart."""
    found = [
        str(call.arguments[p.name])
        for call in calls
        for p in TOOLS[call.tool].parameters
        if p.kind in (Kind.THING, Kind.ROOM) and p.name in call.arguments
    ]
    return [name for name in dict.fromkeys(found) if name not in (ANYTHING, NOTHING)]


def _labels(value: Any) -> list[str]:
    """What an answer calls the things that it tells of."""
    entries = value if isinstance(value, list) else [value]
    return list(dict.fromkeys(str(e["label"]) for e in entries if isinstance(e, Mapping) and "label" in e))


def _match(name: str, question: str, meaning: Meaning | None) -> float:
    """How well a name stands in a question, [0, 1]."""
    said, own = words_of(question), words_of(name)
    if not own:
        return _ELSE
    if any(said[i : i + len(own)] == own for i in range(len(said) - len(own) + 1)):
        return _WHOLE
    if own[-1] in said:
        return _NOUN
    phrases = phrases_of(question)
    if meaning is None or not phrases:
        return _ELSE
    alike = meaning.embed_texts(phrases) @ meaning.embed_texts([name])[0]
    return float(np.clip(alike.max(), 0.0, _NOUN))


def _other_words(question: str, names: Sequence[str]) -> tuple[str, ...]:
    own = {word for name in names for word in words_of(name)}
    return tuple(dict.fromkeys(word for word in words_of(question) if word not in own))


def _looked(places: Sequence[Sequence[float]], memory: Any) -> float:
    """Share of (x, y, z, radius) that were looked at."""
    if not places or not isinstance(memory, TellsOfPlaces):
        return 1.0
    told = [memory.state_at(np.array(p[:3], dtype=np.float64), 0, min(float(p[3]), 0.5)) for p in places]
    return float(np.mean([state is not AnswerState.UNKNOWN for state in told]))
