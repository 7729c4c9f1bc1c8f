"""Times back from now in a question: code works them out, a model only says where they belong."""

from __future__ import annotations

import dataclasses
import re

from memory_agent_ros.reasoning.calls import ToolCall

_UNIT_S = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0, "week": 604_800.0}
_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_COUNT = {word: float(n) for n, word in enumerate(_WORDS, start=1)} | {"half": 0.5, "couple of": 2.0}
_SPAN = re.compile(
    rf"\b(?:last|past|previous)\s+(?:(?P<count>[0-9]+(?:\.[0-9]+)?|{'|'.join(_COUNT)})\s+(?:an?\s+)?)?"
    rf"(?P<unit>{'|'.join(_UNIT_S)})s?\b"
)


def span_seconds(question: str) -> float | None:
    """Seconds back from now, where the question names one such time and only one; else None."""
    found = list(_SPAN.finditer(question.lower()))
    if len(found) != 1:
        return None
    count = found[0]["count"]
    return (1.0 if count is None else _COUNT.get(count) or float(count)) * _UNIT_S[found[0]["unit"]]


def with_span(call: ToolCall, question: str) -> ToolCall:
    """A call whose ``since``, if it has one, is the time that its question names."""
    seconds = span_seconds(question)
    if "since" not in call.arguments or not seconds:
        return call
    return dataclasses.replace(call, arguments={**call.arguments, "since": seconds})
