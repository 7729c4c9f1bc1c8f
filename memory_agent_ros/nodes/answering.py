"""From a question to what the action tells: the reasoner behind one face, whichever models it has."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.reasoning.rules.questions import QuestionNotUnderstoodError, parse, singular
from memory_agent_ros.reasoning.rules.reasoner import RuleReasoner
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.errors import MemoryAgentError


class CancelledError(MemoryAgentError):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True)
class Step:
    """A call as it happens: its number from 1, the call as it is written, what it gave in a line."""

    number: int
    call: str
    result: str


@dataclass(frozen=True)
class Asked:
    """A question with all that was asked about it.

    Attributes:
        question: in words.
        dialogue: name of the dialogue it belongs to; "" for none.
        think: auto, always or never.
        budget_s: wall seconds for the answer.
        cancelled: set when nobody waits any more.
        on_step: told of each call.
    """

    question: str
    dialogue: str = ""
    think: str = "auto"
    budget_s: float = 10.0
    cancelled: threading.Event = field(default_factory=threading.Event)
    on_step: Callable[[Step], None] = lambda _: None


@dataclass(frozen=True)
class Told:
    """An answer with how it came about.

    Attributes:
        answer: with its evidence.
        calls: that led to it.
        model: that took part, "" for none.
        route: think or no_think.
        reason: why it is unknown, a code; "" otherwise.
        look_for: what to search for to know more; "" if looking would not help.
    """

    answer: Answer
    calls: tuple[str, ...] = ()
    model: str = ""
    route: str = "no_think"
    reason: str = ""
    look_for: str = ""


class Answering:
    """Answers questions one after another."""

    def __init__(self, memory: MemoryReader) -> None:
        self._rules = RuleReasoner(memory)

    def answer(self, asked: Asked, now_ns: int) -> Told:
        """Answer one question.

        Raises:
            QuestionNotUnderstoodError: nobody could read it.
            CancelledError: nobody waits any more.
        """
        answer = self._rules.answer(asked.question, now_ns=now_ns)
        unknown = answer.state is AnswerState.UNKNOWN
        return Told(
            answer, reason="never_seen" if unknown else "", look_for=_subject(asked.question) if unknown else ""
        )


def _subject(question: str) -> str:
    """The thing that a question is about."""
    try:
        return singular(parse(question).subject)
    except QuestionNotUnderstoodError:
        return ""
