"""The face of the reasoner: routes, dialogue, what acts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.acting import ActingTools
from memory_agent_ros.reasoning.citing import recompute
from memory_agent_ros.reasoning.dialogue import Dialogue
from memory_agent_ros.reasoning.language.model import LanguageModelError
from memory_agent_ros.reasoning.reasoner import Reasoner
from memory_agent_ros.reasoning.rules.questions import QuestionNotUnderstoodError
from memory_agent_ros.reasoning.rules.reasoner import RuleReasoner
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.errors import BadInputError
from tests.reasoning.room import Room
from tests.reasoning.scripted import Answering, Scripted

World = tuple[SpatialMemory, Room]


@pytest.mark.parametrize(
    "question",
    [
        "Where is the book?", "where are the mugs?", "how many mugs are there?", "is there a chair?",
        "what is on the table?", "when did you last see the book?", "how many pianos are there?", "where is the piano?",
        "which mugs are on the shelf?", "is there a piano?", "what is near the table?", "what is on the chair?",
    ],
)  # fmt: skip
def test_tools_alone_say_what_the_templates_say(after: World, question: str) -> None:
    memory, room = after
    answer = Reasoner(memory).answer(question, room.stamp_ns)
    rules = RuleReasoner(memory).answer(question, room.stamp_ns)
    assert answer.details["route"] == "no_think" and answer.calls
    assert answer.state is rules.state
    assert answer.text == rules.text
    if isinstance(rules.value, int):
        assert answer.value == rules.value
    elif answer.value and isinstance(answer.value, list):
        assert sorted(v["object"] for v in answer.value) == sorted(v["object"] for v in rules.value)
    assert recompute(answer, memory).value == answer.value


@pytest.mark.parametrize(
    "question",
    [
        "where did the chair stand earlier?", "where is the red book?", "where is the mug that I left here?",
        "is the mug next to the book or the table?", "what is next to it?", "how many mugs and books are there?",
    ],
)  # fmt: skip
def test_what_the_templates_are_not_sure_of_goes_to_the_model(after: World, question: str) -> None:
    memory, room = after
    model = Scripted("find(chair)", "answer(where_before, $1)")
    answer = Reasoner(memory, model=model).answer(question, room.stamp_ns)
    assert answer.details["route"] == "think" and answer.details["model"] == "scripted"


def test_words_that_the_memory_may_have_another_name_for_go_to_the_model(after: World) -> None:
    memory, room = after

    class Cups:
        """A cup is a mug, and nothing else means anything."""

        def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
            axis = {"cup": 0, "mug": 0}
            return np.eye(len(texts) + 2, dtype=np.float32)[[axis.get(t, n + 1) for n, t in enumerate(texts)]][:, :1]

    def route(question: str, meaning: Cups | None) -> str:
        model = Scripted("find(mug)", "answer(where, $1)")
        return str(Reasoner(memory, model, meaning=meaning).answer(question, room.stamp_ns).details["route"])

    assert route("where is the cup?", None) == "think" and route("where is the piano?", None) == "think"
    assert route("where is the cup?", Cups()) == "think" and route("where is the piano?", Cups()) == "no_think"
    assert route("where is the mug?", None) == "no_think"


def test_thinking_can_be_asked_for_and_forbidden(after: World) -> None:
    memory, room = after
    model = Scripted("find(mug)", "answer(number, $1)", "find(mug)", "answer(yes_no, $1)")
    reasoner = Reasoner(memory, model=model, think="never")
    assert reasoner.answer("where is the red book?", room.stamp_ns).details["route"] == "rules"
    thought = reasoner.answer("how many mugs are there?", room.stamp_ns, think="always")
    assert thought.details["route"] == "think" and thought.value == 2
    with pytest.raises(LanguageModelError):
        Reasoner(memory).answer("how many mugs are there?", think="always")


def test_without_a_model_the_templates_serve_and_say_what_is_missing(after: World) -> None:
    memory, room = after
    reasoner = Reasoner(memory)
    answer = reasoner.answer("where is the red book?", room.stamp_ns)
    plain = reasoner.answer("where is the book?", room.stamp_ns)
    assert answer.details["route"] == "rules" and "'red'" in answer.text
    assert answer.confidence == pytest.approx(0.6 * plain.confidence)
    assert answer.calls == plain.calls and recompute(answer, memory).value == answer.value == plain.value
    place = reasoner.answer("what is within 0.8 m of (0.2, 1.7)?", room.stamp_ns)
    assert place.details["route"] == "rules" and place.calls == () and place.details["no_calls"]
    with pytest.raises(QuestionNotUnderstoodError, match="no language model"):
        reasoner.answer("why is the sky blue?")


def test_a_model_that_fails_leaves_the_question_to_the_templates(after: World) -> None:
    memory, room = after
    answer = Reasoner(memory, model=Scripted()).answer("where is the red book?", room.stamp_ns)
    assert answer.details["route"] == "rules" and answer.details["model_failed"] == "nothing is left to say"


def test_it_means_what_the_last_answer_spoke_of(before: World) -> None:
    memory, room = before
    reasoner, dialogue = Reasoner(memory), Dialogue()
    (table,) = memory.find("table")
    reasoner.answer("where is the table?", room.stamp_ns, dialogue)
    assert dialogue.about == (table.id,)
    on = reasoner.answer("and what is on it?", room.stamp_ns, dialogue)
    assert sorted(v["label"] for v in on.value) == ["book", "mug"] and recompute(on, memory).value == on.value
    assert dialogue.earlier is not None and dialogue.earlier[0] == "and what is on it?"
    assert set(dialogue.about) == {v["object"] for v in on.value}
    reasoner.answer("what rooms are there?", room.stamp_ns, dialogue)
    assert set(dialogue.about) == {v["object"] for v in on.value}, "a list of rooms speaks of no thing"
    reasoner.answer("where is the piano?", room.stamp_ns, dialogue)
    assert dialogue.about == (), "nobody has seen what it speaks of"
    nowhere = reasoner.answer("what is near it?", room.stamp_ns, dialogue)
    assert nowhere.state is AnswerState.UNKNOWN
    for _ in range(20):
        reasoner.answer("where is the table?", room.stamp_ns, dialogue)
    assert len(dialogue.exchanges) == 8


def test_the_model_reads_what_was_said_before(before: World) -> None:
    memory, room = before
    model = Scripted("pick(largest, $0)", "answer(which, $1)")
    reasoner, dialogue = Reasoner(memory, model=model), Dialogue()
    reasoner.answer("what objects are there?", room.stamp_ns, dialogue)
    answer = reasoner.answer("which of them is the largest?", room.stamp_ns, dialogue)
    assert answer.value["label"] == "table" and recompute(answer, memory).value == answer.value
    assert model.read_transcripts[0].earlier is not None
    assert model.read_transcripts[0].earlier[0] == "what objects are there?"


def test_nothing_acts_unless_it_is_allowed_by_name(before: World) -> None:
    memory, room = before
    gone_to: list[str] = []

    def look(thing: str) -> bool:
        gone_to.append(thing)
        return False

    quiet = Reasoner(memory, acting=ActingTools({"look": look}))
    answer = quiet.answer("where is the piano?", room.stamp_ns)
    assert answer.details["look_for"] == "piano" and gone_to == []
    allowed = Reasoner(memory, acting=ActingTools({"look": look}, allowed=["look"]))
    assert allowed.answer("where is the piano?", room.stamp_ns).state is AnswerState.UNKNOWN
    assert gone_to == ["piano"]
    allowed.answer("where is the table?", room.stamp_ns)
    assert gone_to == ["piano"], "there was nothing to look for"
    with pytest.raises(BadInputError, match="no acting tool"):
        ActingTools({}, allowed=["look"])
    with pytest.raises(BadInputError, match="not allowed"):
        ActingTools({"look": look}).act("look", "piano")


def test_known_names_and_limits_reach_the_model(before: World) -> None:
    memory, room = before
    model = Answering(lambda t: "find(mug)" if not t.turns else "answer(where, $1)")
    answer = Reasoner(memory, model=model).answer("tell me about mugs", room.stamp_ns)
    assert model.read_transcripts[0].known[0] == "mug" and answer.details["route"] == "think"


def test_what_the_model_read_goes_when_a_thing_was_forgotten(after: World) -> None:
    class Remembering(Scripted):
        forgotten = 0

        def forget(self) -> None:
            self.forgotten += 1

    memory, room = after
    model = Remembering()
    with SpatialMemory.open(None) as own:
        own.merge(memory, np.eye(4))
        reasoner = Reasoner(own, model=model, think="never")
        reasoner.answer("where is the book?", room.stamp_ns)
        assert model.forgotten == 0 and own.forget(label="book")
        assert reasoner.answer("where is the book?", room.stamp_ns).state is AnswerState.UNKNOWN
        assert model.forgotten == 1
