"""What a dialogue keeps, so that "it" and "there" can be understood."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass

from memory_agent_ros.memory.association.labels import tokens
from memory_agent_ros.reasoning.language.model import EntityNames, Talk
from memory_agent_ros.reasoning.names import harmless
from memory_agent_ros.reasoning.transcript import shortened
from memory_agent_ros.records.answer import Answer, AnswerState

_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|theirs|these|those|this|both|the others?|the same one|ones?)\b|\bthat\W*$"
)
#: Words by which a question without a name speaks of the whole memory, not of what was said before.
_OF_ALL = re.compile(
    r"\b(?:things?|objects?|items?|stuff|rooms?|everything|anything|something|apartment|house|home|flat|chang\w*|"
    r"mov\w*|gone|missing|new|added|happen\w*|you)\b"
)
#: A noun that the memory does not know is what the question is about; "the largest", "the colour" are of something.
_NOUN = re.compile(
    r"\b(?:the|a|an|any|my|your)\s+(?!\w+est\b|most\b|least\b|same\b|other\b|colou?r\b|material\b|size\b|height\b|number\b|"
    r"distance\b|state\b|text\b|first\b|second\b|last\b|reason\b)\w+"
)
_GOES_ON = re.compile(r"^(?:and|so|what about|how about)\b")
_ASKS = re.compile(r"\b(?:is|are|was|were|do|does|did|has|have|can|could|many|where|when|which|who)\b")


def refers_back(question: str, names: EntityNames) -> bool:
    """Whether a question of a dialogue needs what was said before it.

    It does if it points there ("it", "them"), or says neither a name of the memory, nor another noun, nor that it is
    about all of it. Otherwise it stands for itself, and a model that read what was said before might take it for
    more of the same.
    """
    text = " ".join(question.lower().split())
    if _POINTS_BACK.search(text):
        return True
    words = f" {' '.join(tokens(text))} "
    named = any(f" {' '.join(tokens(name))} " in words for name in (*names.things, *names.rooms))
    if _GOES_ON.search(text) and not _ASKS.search(text):
        return True
    return not (named or _OF_ALL.search(text) or _NOUN.search(text))


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
        self._talk: Talk | None = None

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

    @property
    def talk(self) -> Talk | None:
        """The same dialogue as a language model keeps it, which goes farther back; None without one."""
        return self._talk

    def keep_in(self, talk: Talk) -> None:
        """Let a language model keep it too, from what is left of it on."""
        for exchange in self.exchanges:
            talk.add(exchange.question, exchange.answer)
        self._talk = talk

    def add(self, question: str, answer: Answer) -> None:
        """Keep an exchange."""
        if self._talk is not None:
            self._talk.add(question, harmless(answer.text))
        about = tuple(int(i) for i in answer.details.get("about", ()))
        if about or answer.state is AnswerState.UNKNOWN or self._about is None:
            self._about = about
        self.exchanges.append(Exchange(" ".join(question.split()), shortened(harmless(answer.text)), about))
