"""When a question needs what was said before it."""

from __future__ import annotations

import pytest

from memory_agent_ros.reasoning.dialogue import refers_back
from memory_agent_ros.reasoning.names import MemoryNames

NAMES = MemoryNames(("coffee table", "mug"), ("kitchen",), 1)


@pytest.mark.parametrize(
    "question",
    [
        "And what is next to it?", "How many of them are there?", "which one is the largest?", "And in the kitchen?",
        "How tall is that?", "Where exactly?", "What about the kitchen ones?", "what colour are these?",
        "and the piano?", "what is the colour?", "How many objects is that?",
    ],
)  # fmt: skip
def test_questions_that_go_on(question: str) -> None:
    assert refers_back(question, NAMES)


@pytest.mark.parametrize(
    "question",
    [
        "How many mugs are there?", "Where are the coffee tables?", "What things do you know of?", "what changed?",
        "What rooms are there?", "And how many mugs are in the kitchen?", "what is gone?",
        "and where is the mug?", "where is the piano?", "is there a piano?",
    ],
)  # fmt: skip
def test_questions_that_stand_for_themselves(question: str) -> None:
    assert not refers_back(question, NAMES)
