"""An answer that can be checked."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.recalled_view import RecalledView


class AnswerState(enum.StrEnum):
    """Three different things: it is there, it was there, or nobody has looked."""

    SEEN = "seen"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, eq=False)
class Answer:
    """An answer with its evidence.

    Attributes:
        text: the sentence shown to a person.
        state: seen, gone or unknown.
        confidence: probability that the answer is right, in [0, 1].
        evidence: observations the answer rests on, best first; empty only if ``state`` is unknown or the answer counts
            to zero.
        value: machine-readable result (a count, a position, a list of names, a stamp), JSON-ready.
        tool: name of the memory tool that produced it.
        pictures: stored pictures of the place asked about, best first; evidence of a place, not of one object.
        calls: the tool calls that led to it, as they are written, the last one the answer; empty where templates that
            are no calls answered. Executed over the cited observations alone they give the same value.
        details: what else is known of how it came about: the clock, raw confidences; JSON-ready.
    """

    text: str
    state: AnswerState
    confidence: float
    evidence: tuple[Evidence, ...] = ()
    value: Any = None
    tool: str = ""
    pictures: tuple[RecalledView, ...] = ()
    calls: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, as ``memory-agent ask --json`` prints it."""
        return {
            "answer": self.text,
            "state": str(self.state),
            "confidence": round(float(self.confidence), 4),
            "evidence": [e.to_dict() for e in self.evidence],
            "value": self.value,
            "tool": self.tool,
            "pictures": [p.to_dict() for p in self.pictures],
            "calls": list(self.calls),
            "details": dict(self.details),
        }
