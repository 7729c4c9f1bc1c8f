"""What a dialogue keeps, so that "it" and "there" can be understood."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from memory_agent_ros.reasoning.names import harmless
from memory_agent_ros.reasoning.transcript import shortened
from memory_agent_ros.records.answer import Answer, AnswerState


@dataclass(frozen=True)
class Exchange:
    """A question, its answer in a few words, and the ids of the things that the answer spoke of."""

    question: str
    answer: str
    about: tuple[int, ...]


class Dialogue:
    """The last exchanges of one dialogue, oldest first.

    Args:
        length: how many are kept.
    """

    def __init__(self, length: int = 8) -> None:
        self.exchanges: deque[Exchange] = deque(maxlen=length)
        self._about: tuple[int, ...] | None = None

    @property
    def about(self) -> tuple[int, ...] | None:
        """Ids of the things of ``$0``; None before the first answer, empty after one about what nobody has seen.

        An answer that speaks of no things, such as a list of rooms, leaves them as they were.
        """
        return self._about

    @property
    def earlier(self) -> tuple[str, str] | None:
        """The previous question and its answer in a few words."""
        return (self.exchanges[-1].question, self.exchanges[-1].answer) if self.exchanges else None

    def add(self, question: str, answer: Answer) -> None:
        """Keep an exchange."""
        about = tuple(int(i) for i in answer.details.get("about", ()))
        if about or answer.state is AnswerState.UNKNOWN or self._about is None:
            self._about = about
        self.exchanges.append(Exchange(" ".join(question.split()), shortened(harmless(answer.text)), about))
