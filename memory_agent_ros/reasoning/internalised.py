"""Answers from internalised memory: what a language model says once memory was written into its weights.

Such an answer cites no observation: nothing was looked up. Its trail is what the adapter was made from (places and
documents with hash and stamp), it says where it comes from, and to the memory the question stays unknown.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Any, Protocol

from memory_agent_ros.reasoning.language.model import EntityNames
from memory_agent_ros.reasoning.names import harmless
from memory_agent_ros.reasoning.self_knowledge import Knowledge, SelfKnowledge, Where, with_knowledge
from memory_agent_ros.reasoning.wording import joined
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.recall import Recall
from memory_agent_ros.records.source import Source

YES_NO = ("yes", "no")
#: Most that is counted to.
_MOST = 20
_TRUTH = re.compile(r"^(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should)\b")
_ROOM = re.compile(r"^(?:where|in (?:which|what) rooms?|(?:which|what) rooms?)\b")
_NOT_INTERNALISED = "I do not know: nothing that I internalised is about this."
_THING = re.compile(r"^(?:which|what) (?:things?|objects?|items?)\b|^what (?:is|was|are|were|stands?|lies?|chang|mov)")


class Internalised(Protocol):
    """Adapters that can be asked."""

    def relevance(self, question: str) -> float | None:
        """Probability that what is asked was written into an adapter, [0, 1]; None where there is no adapter."""
        ...

    def recall(self, question: str, choices: Sequence[str] = ()) -> Recall | None:
        """What the most relevant adapter answers: one of the choices by likelihood, or free text; None without any."""
        ...


def choices_of(question: str, names: EntityNames | None) -> tuple[str, ...]:
    """What may be the answer to a question, by its form; empty where it is written freely.

    Args:
        question: English.
        names: of the memory, for questions after rooms and things; None where there is no memory.
    """
    text = " ".join(question.lower().split())
    if _TRUTH.search(text):
        return YES_NO
    if text.startswith("how many "):
        return tuple(str(n) for n in range(_MOST + 1))
    if names is not None and _ROOM.search(text):
        return tuple(names.rooms)
    return tuple(names.things) if names is not None and _THING.search(text) else ()


def with_recall(answer: Answer, recall: Recall, known: Knowledge) -> Answer:
    """What adapters say in place of what the memory does not tell, as self-knowledge has it."""
    told = {
        "relevance": round(recall.relevance, 4),
        "share": round(recall.share, 4),
        "probabilities": {choice: round(p, 4) for choice, p in recall.probabilities.items()},
        "sources": [source.to_dict() for source in recall.sources],
    }
    details = {**answer.details, "internalised": told, "about": [], "short": recall.text}
    text = f"From internalised memory ({sources_text(recall.sources)}): {recall.text}"
    answer = dataclasses.replace(
        answer, text=text, value=recall.text, state=AnswerState.UNKNOWN, evidence=(), pictures=(), calls=(),
        tool="internalised", details=details,
    )  # fmt: skip
    return with_knowledge(answer, known)


def closed_book_answer(
    book: Internalised, question: str, names: EntityNames | None = None, knowing: SelfKnowledge | None = None
) -> Answer:
    """An answer from adapters alone; unknown where none of them is about what is asked.

    Args:
        book: adapters.
        question: English.
        names: of the memory, that questions after rooms and things choose among.
        knowing: decides whether what they say is told.
    """
    knowing = knowing or SelfKnowledge()
    relevance = book.relevance(question)
    known = knowing.closed_book(relevance or 0.0)
    about: dict[str, Any] = {"route": "closed_book", "about": [], "short": "not known"}
    answer = Answer(_NOT_INTERNALISED, AnswerState.UNKNOWN, known.confidence, details=about)
    recall = book.recall(question, choices_of(question, names)) if known.where is Where.IN_ADAPTER else None
    if recall is None:
        return with_knowledge(answer, known if known.where is Where.NOWHERE else knowing.closed_book(0.0))
    known = knowing.recalled(known, recall.confidence)
    return with_recall(answer, recall, known)


def sources_text(sources: Sequence[Source], most: int = 3) -> str:
    """Sources in a few words."""
    names = list(dict.fromkeys(harmless(source.name) for source in sources))
    more = [f"{len(names) - most} more"] if len(names) > most else []
    return joined([*names[:most], *more])
