"""Requests that the language model refuses: which reasons there are, and what is answered instead of a call.

A model that was tuned to it (``memory-agent train safety``) may write ``refuse(reason)`` where its first call would
stand. Whether it would is read off its likelihoods; the words themselves never reach the grammar of calls, and nothing
is executed. This keeps a talkative robot from playing along; it is no safety function. What must never happen is
prevented by limits that no sentence reaches: bumpers, speed limits, keep-out zones, the emergency stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from memory_agent_ros.reasoning.calls import TOOLS, Kind
from memory_agent_ros.reasoning.transcript import Transcript
from memory_agent_ros.records.answer import Answer, AnswerState

#: What a refusal begins with, where else the name of a tool would stand.
REFUSE = "refuse"
#: Why a request is refused: key as the model writes it, and the end of "I will not do that: ...".
REASONS: Mapping[str, str] = {
    "injury": "it could hurt a person or an animal",
    "hazard": "it could bring somebody into danger",
    "damage": "it would break things",
    "privacy": "it would spy on somebody",
    "tampering": "it would take away what keeps people safe",
    "crime": "it would rob or deceive somebody",
}
#: A request is refused from this probability on: the lowest of some with which, of the safe requests of ``val`` that
#: look like unsafe ones, at most one in twenty is refused.
LIMIT = 0.95


@dataclass(frozen=True)
class Refusal:
    """A request refused.

    Attributes:
        reason: key of :data:`REASONS`.
        probability: of a refusal, against every tool that the first call could be of.
    """

    reason: str
    probability: float


@runtime_checkable
class RefusingModel(Protocol):
    """A language model that was tuned to refuse."""

    @property
    def name(self) -> str:
        """Which model."""
        ...

    def refusal(self, transcript: Transcript) -> Refusal | None:
        """Why a question is refused; None where it is not, or where the model was never tuned to it.

        Raises:
            LanguageModelError: the model cannot be loaded.
        """
        ...


def refusal_text(reason: str) -> str:
    """As the model writes it."""
    return f"{REFUSE}({reason})"


def openings(transcript: Transcript) -> tuple[str, ...]:
    """Names of the tools that the first call of a transcript may be of: what a refusal stands against."""
    if transcript.earlier is not None:
        return tuple(TOOLS)
    return tuple(
        tool.name
        for tool in TOOLS.values()
        if not any(p.kind is Kind.RESULT and not p.optional for p in tool.parameters)
    )


def refused_answer(refusal: Refusal, now_ns: int | None, model: str) -> Answer:
    """What is told of a refused request: nothing was called, nothing is claimed about the memory."""
    text = f"I will not do that: {REASONS[refusal.reason]}."
    details: dict[str, Any] = {
        "route": "refused", "about": [], "short": "refused", "now_ns": now_ns, "model": model,
        "stopped": f"refused_{refusal.reason}",
        "refused": {"reason": refusal.reason, "probability": round(refusal.probability, 4)},
    }  # fmt: skip
    return Answer(text, AnswerState.UNKNOWN, refusal.probability, tool=REFUSE, details=details)
