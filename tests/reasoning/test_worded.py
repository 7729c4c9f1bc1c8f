"""The model's words hold nothing that the value does not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.dialogue import Dialogue
from memory_agent_ros.reasoning.language.model import LanguageModelError, Reading
from memory_agent_ros.reasoning.names import MemoryNames
from memory_agent_ros.reasoning.reasoner import Reasoner
from memory_agent_ros.reasoning.worded import worded
from memory_agent_ros.records.answer import Answer, AnswerState
from tests.reasoning.room import Room
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


class Talks(Scripted):
    """A model that keeps dialogues, itself being the only one."""

    said: list[str]

    def talk(self) -> Talks:
        self.said = []
        return self

    def words(self, facts: Sequence[str], question: str) -> str:
        return "Two mugs." if self.said else facts[0]

    def add(self, question: str, answer: str) -> None:
        self.said.append(f"{question} {answer}")


def test_a_dialogue_in_own_words_knows_what_was_said_before_by_whomever(before: tuple[SpatialMemory, Room]) -> None:
    memory, room = before
    model = Talks(*["find(mug)", "count($1)", "answer(number, $2)"] * 2)
    dialogue, reasoner = Dialogue(), Reasoner(memory, model, own_words=True)
    reasoner.answer("where is the table?", room.stamp_ns, dialogue)
    assert dialogue.talk is None, "tools alone answered"
    taken = reasoner.answer("tell me the number of those red mugs", room.stamp_ns, dialogue)
    assert dialogue.talk is model and taken.details["template"].startswith("I count 2 mugs")
    assert [line.split("?")[0] for line in model.said[:1]] == ["where is the table"]
    assert model.said[1] == f"tell me the number of those red mugs {taken.text}"
