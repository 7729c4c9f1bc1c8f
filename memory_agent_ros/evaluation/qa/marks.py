"""How arms of the ``qa`` benchmark did."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mark:
    """How one arm did on one question.

    Attributes:
        right, abstained: whether it was the true answer, and whether it said that it does not know.
        confidence: that it gave.
        seconds: wall time.
        route: how it was answered, "" where there is but one way.
        steps: tool calls, without the answer.
        cites: whether the answer recomputed from what it cites alone is the same; None where nothing was answered.
        told: its text.
    """

    right: bool
    abstained: bool
    confidence: float = 1.0
    seconds: float = 0.0
    route: str = ""
    steps: int = 0
    cites: bool | None = None
    told: str = ""


@dataclass(frozen=True)
class TaskMarks:
    """One question, and how each arm did; the truth as text and its form for people who look closer."""

    number: int
    klass: str
    family: str
    held_out: bool
    openeqa: bool
    unanswerable: bool
    form: str
    question: str
    truth: str
    marks: dict[str, Mark]


@dataclass(frozen=True)
class Apartment:
    """All questions of one apartment."""

    seed: int
    tasks: list[TaskMarks]
