"""The model's words hold nothing that the value does not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from memory_agent_ros.reasoning.language.model import LanguageModelError, Reading
from memory_agent_ros.reasoning.names import MemoryNames
from memory_agent_ros.reasoning.worded import worded
from memory_agent_ros.records.answer import Answer, AnswerState
from tests.reasoning.scripted import Scripted

NAMES = MemoryNames(("coffee table", "mug", "table"), ("kitchen",), 1)
ANSWER = Answer("I count 2 mugs. They are on the table.", AnswerState.SEEN, 0.9, value=2)


class Says(Scripted):
    def __init__(self, text: str | None) -> None:
        super().__init__()
        self.text = text

    def read(self, facts: Sequence[str], question: str, choices: Sequence[str] = ()) -> Reading:
        assert facts == [ANSWER.text] and choices == ()
        if self.text is None:
            raise LanguageModelError("away")
        return Reading(self.text, {})


@pytest.mark.parametrize("text", ["There are 2 mugs on the table.", "Two mugs.", "You have two mugs, on a table!"])
def test_the_same_in_other_words_is_taken(text: str) -> None:
    answer = worded(ANSWER, "how many mugs?", Says(text), NAMES)
    assert answer.text == text and answer.value == 2 and answer.details["template"] == ANSWER.text


@pytest.mark.parametrize(
    "text",
    [
        "There are 3 mugs.", "Two mugs in the kitchen.", "Two mugs on the coffee table.", "There are no mugs.", "",
        "Three mugs.", "Some things.", "2 mugs. " * 40, None,
    ],
)  # fmt: skip
def test_anything_else_is_not(text: str | None) -> None:
    assert worded(ANSWER, "how many mugs?", Says(text), NAMES) is ANSWER
