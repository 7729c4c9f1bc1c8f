"""What the reasoner needs of a language model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from memory_agent_ros.reasoning.calls import ToolCall
from memory_agent_ros.reasoning.transcript import Transcript
from memory_agent_ros.records.errors import MemoryAgentError


class LanguageModelError(MemoryAgentError):
    """The model cannot be reached, took too long, or gave nothing that can be used; the message says which."""


@dataclass(frozen=True)
class Emission:
    """A call that the model wrote under the constraint.

    Attributes:
        call: valid: its tool exists, its arguments are of the right types, its names are entities of the memory now.
        log_prob: of the call's tokens under the constraint.
        mass: the least share of probability that the model, unconstrained, gave to what was allowed at a name; near 0
            when it would rather have named something that the memory does not hold. 1 where there was no name, or
            where a model does not tell.
        tokens: how many it wrote, forced ones not counted.
    """

    call: ToolCall
    log_prob: float
    mass: float = 1.0
    tokens: int = 0


@dataclass(frozen=True)
class Reading:
    """An answer read from text or chosen among candidates.

    Attributes:
        text: the answer.
        probabilities: of the candidates, by candidate; empty where it was written freely.
    """

    text: str
    probabilities: Mapping[str, float]


class EntityNames(Protocol):
    """Entity names that a call may hold now."""

    @property
    def things(self) -> Sequence[str]:
        """Labels, without ``anything`` and ``nothing``."""
        ...

    @property
    def rooms(self) -> Sequence[str]:
        """Names of rooms."""
        ...

    @property
    def version(self) -> int:
        """Grows when the names change."""
        ...


class LanguageModel(Protocol):
    """Turns a question into calls, and reads answers from rendered memory."""

    @property
    def name(self) -> str:
        """Which model, for answers and reports."""
        ...

    def next_call(self, transcript: Transcript, names: EntityNames) -> Emission:
        """The next call of a transcript.

        Raises:
            LanguageModelError: the model cannot be reached, or took too long.
        """
        ...

    def read(self, facts: Sequence[str], question: str, choices: Sequence[str] = ()) -> Reading:
        """An answer from facts: one of the choices by likelihood, or a short text if there are none.

        Raises:
            LanguageModelError: the model cannot be reached, or took too long.
        """
        ...


class Talk(Protocol):
    """A dialogue as a language model keeps it, in constant memory."""

    def words(self, facts: Sequence[str], question: str) -> str:
        """What the model would answer, from facts and what was said before.

        Raises:
            LanguageModelError: it took too long.
        """
        ...

    def add(self, question: str, answer: str) -> None:
        """A question and what was answered to it."""
        ...


@runtime_checkable
class TalkingModel(Protocol):
    """A language model that can keep a dialogue."""

    def talk(self) -> Talk | None:
        """A new dialogue; None where the model has no cache for one."""
        ...
