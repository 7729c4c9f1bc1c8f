"""A memory as text for a reader: the facts that a question needs, within a budget of tokens."""

from __future__ import annotations

import re
from collections.abc import Callable

from memory_agent_ros.reasoning.known import Meaning
from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.reasoning.retrieval.retriever import Retriever
from memory_agent_ros.reasoning.tools.workspace import Workspace

_PIECES = re.compile(r"\d|[^\W\d]+|[^\w\s]")


def about_tokens(text: str) -> int:
    """How many tokens a text takes, about: words, digits and signs, one each, and a line of its own."""
    return len(_PIECES.findall(text)) + 2


def render_facts(
    memory: MemoryReader,
    question: str,
    budget_tokens: int = 512,
    *,
    meaning: Meaning | None = None,
    now_ns: int | None = None,
    count_tokens: Callable[[str], int] = about_tokens,
) -> list[str]:
    """Facts that a question needs, best first, as many as fit.

    Args:
        memory: what is asked.
        question: as it was asked; of a follow-up, with what it speaks of.
        budget_tokens: of all facts together. A fact that does not fit is left out, shorter ones behind it may fit.
        meaning: gives texts vectors; without it words decide alone.
        now_ns: the clock of "ago"; the last time anything was looked at if None.
        count_tokens: how many tokens a line takes.
    """
    left, chosen = budget_tokens, []
    for found in Retriever(Workspace(memory, now_ns), meaning).facts(question):
        cost = count_tokens(found.fact.text)
        if cost <= left and found.fact.text not in chosen:
            chosen.append(found.fact.text)
            left -= cost
        if left <= 0:
            break
    return chosen
