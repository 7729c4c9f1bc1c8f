"""Answers from internalised memory: where the memory tells nothing, where the gate says so, and said to be so."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.internalised import YES_NO, choices_of, closed_book_answer, sources_text
from memory_agent_ros.reasoning.names import MemoryNames
from memory_agent_ros.reasoning.reasoner import Reasoner
from memory_agent_ros.reasoning.rules.questions import QuestionNotUnderstoodError
from memory_agent_ros.reasoning.self_knowledge import Deed, SelfKnowledge, SelfKnowledgeConfig, Where
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.recall import Recall
from memory_agent_ros.records.source import Source
from tests.reasoning.room import Room

World = tuple[SpatialMemory, Room]
KITCHEN = Source("memory", "kitchen", "ab12", 17, ("4", "9"), "memory_lora ff")


class Book:
    """An adapter that holds pianos."""

    def __init__(self, relevance: float | None = 0.9, share: float = 0.8) -> None:
        self._relevance, self._share = relevance, share
        self.asked: list[tuple[str, Sequence[str]]] = []

    def relevance(self, question: str) -> float | None:
        return self._relevance

    def recall(self, question: str, choices: Sequence[str] = ()) -> Recall | None:
        self.asked.append((question, choices))
        text = choices[0] if choices else "every month"
        assert self._relevance is not None
        return Recall(text, self._share, self._relevance, (KITCHEN,), dict.fromkeys(choices, 0.1))


def test_what_the_memory_tells_is_told_by_the_memory(after: World) -> None:
    memory, room = after
    book = Book()
    answer = Reasoner(memory, internalised=book).answer("where is the mug?", room.stamp_ns)
    assert answer.details["knowledge"]["where"] in (Where.IN_VIEW, Where.IN_STORE) and not book.asked
    assert answer.evidence and "internalised" not in answer.details


def test_an_adapter_answers_what_the_memory_does_not_tell_and_says_so(after: World) -> None:
    memory, room = after
    book = Book()
    answer = Reasoner(memory, internalised=book).answer("is there a piano?", room.stamp_ns)
    assert book.asked == [("is there a piano?", YES_NO)]
    assert answer.text == "From internalised memory (kitchen): yes" and answer.value == "yes"
    assert answer.state is AnswerState.UNKNOWN and not answer.evidence, "nothing was looked up"
    assert answer.confidence == pytest.approx(0.9 * 0.8)
    assert answer.details["knowledge"]["where"] == Where.IN_ADAPTER
    assert answer.details["internalised"]["sources"] == [KITCHEN.to_dict()]
    assert answer.details["route"] in ("no_think", "rules") and "look_for" not in answer.details
    json.dumps(answer.to_dict())


@pytest.mark.parametrize("book", [Book(None), Book(0.2), Book(0.9, 0.2)])
def test_the_gate_stays_closed_for_what_is_elsewhere_or_unsure(after: World, book: Book) -> None:
    memory, room = after
    knowing = SelfKnowledge(config=SelfKnowledgeConfig(adapter_relevance=0.6, least_confidence=0.4))
    without = Reasoner(memory, knowing=knowing).answer("where is the piano?", room.stamp_ns)
    answer = Reasoner(memory, knowing=knowing, internalised=book).answer("where is the piano?", room.stamp_ns)
    assert (answer.text, answer.confidence, answer.details["knowledge"]) == (
        without.text, without.confidence, without.details["knowledge"],
    )  # fmt: skip


def test_what_templates_do_not_understand_an_adapter_may(after: World) -> None:
    memory, room = after
    asked = "at what interval does one clean the filter?"
    answer = Reasoner(memory, internalised=Book()).answer(asked, room.stamp_ns)
    assert answer.value == "every month" and answer.details["route"] == "closed_book"
    with pytest.raises(QuestionNotUnderstoodError):
        Reasoner(memory, internalised=Book(0.1)).answer(asked, room.stamp_ns)


def test_the_form_of_a_question_says_what_may_be_its_answer() -> None:
    names = MemoryNames(("lamp", "mug"), ("hall", "kitchen"))
    assert choices_of("Is the mug in the hall?", names) == YES_NO
    assert choices_of("how many mugs are there?", names)[:3] == ("0", "1", "2")
    assert choices_of("where is the mug?", names) == choices_of("In which room is the mug?", names) == names.rooms
    assert choices_of("what moved today?", names) == names.things
    assert choices_of("why is the mug red?", names) == choices_of("where is the mug?", None) == ()


def test_a_closed_book_answer_is_no_more_sure_than_its_adapter() -> None:
    answer = closed_book_answer(Book(0.9, 0.5), "where is the piano?", MemoryNames(("mug",), ("hall", "kitchen")))
    assert answer.text == "From internalised memory (kitchen): hall" and answer.confidence == pytest.approx(0.45)
    assert answer.details["route"] == "closed_book" and answer.details["knowledge"]["where"] == Where.IN_ADAPTER
    for book in (Book(0.1), Book(None)):
        answer = closed_book_answer(book, "where is the piano?")
        assert not book.asked and answer.value is None and answer.text.startswith("I do not know")
        assert answer.details["knowledge"]["deed"] == Deed.ABSTAIN and answer.confidence >= 0.9
    sources = [Source("memory", f"room {n}", "") for n in range(5)]
    assert sources_text(sources) == "room 0, room 1, room 2 and 2 more"
