"""Answers from a real memory that has seen a room, and seen it change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.rules.questions import QuestionNotUnderstoodError
from memory_agent_ros.reasoning.rules.reasoner import RuleReasoner
from memory_agent_ros.records.answer import Answer, AnswerState
from tests.reasoning.room import SECOND, Room, furnished


class Meanings:
    """A text embedder of a few words: furniture lies close together, cups and mugs closer."""

    vectors: ClassVar = {
        "piano": (1.0, -1.1, 0.0), "table": (1.0, 0.0, 0.0), "shelf": (1.0, 0.1, 0.2), "chair": (1.0, 0.2, 0.0),
        "cup": (0.0, 0.1, 1.0), "mug": (0.0, 0.0, 1.0), "book": (-1.0, 0.0, 0.0),
    }  # fmt: skip

    def embed_texts(self, texts: list[str]) -> NDArray[np.float32]:
        rows = np.array([self.vectors.get(t, (0.0, -1.0, 0.0)) for t in texts], dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def before() -> Iterator[tuple[RuleReasoner, Room, SpatialMemory]]:
    """A room as it was first seen."""
    room = furnished()
    with SpatialMemory.open(None, text_embedder=Meanings()) as memory:
        room.look(memory)
        yield RuleReasoner(memory), room, memory


@pytest.fixture(scope="module")
def after() -> Iterator[tuple[RuleReasoner, Room, SpatialMemory]]:
    """The same room after the book was taken away and the mug was put elsewhere."""
    room = furnished()
    with SpatialMemory.open(None, text_embedder=Meanings()) as memory:
        room.look(memory)
        del room.things["book"]
        room.look(memory, rounds=6)
        yield RuleReasoner(memory), room, memory


def cites(answer: Answer) -> bool:
    return bool(answer.evidence) and all(e.keyframe_id > 0 and e.observation_id > 0 for e in answer.evidence)


def test_where_names_place_landmark_and_evidence(before) -> None:
    reasoner, room, memory = before
    answer = reasoner.answer("Where is the book?", room.stamp_ns + 40 * SECOND)
    assert answer.state is AnswerState.SEEN and cites(answer)
    assert "on the table" in answer.text and "ago" in answer.text
    (entry,) = answer.value
    assert np.abs(np.array(entry["position_m"]) - room.things["book"][1]).max() < 0.05
    assert {e.object_id for e in answer.evidence} == {entry["object"]}
    assert 0.5 < answer.confidence <= 1.0
    assert memory.keyframe(answer.evidence[0].keyframe_id).jpeg


def test_all_instances_are_listed(before) -> None:
    reasoner, room, _ = before
    answer = reasoner.answer("where are the mugs?", room.stamp_ns)
    assert len(answer.value) == 2 and "2 mugs" in answer.text
    assert {e.object_id for e in answer.evidence} == {v["object"] for v in answer.value}


def test_count_and_its_confidence(before) -> None:
    reasoner, *_ = before
    answer = reasoner.answer("how many mugs are there?")
    assert answer.value == 2 and answer.state is AnswerState.SEEN and cites(answer)
    single = reasoner.answer("how many books are there?")
    assert single.value == 1 and answer.confidence <= single.confidence + 1e-9


@pytest.mark.parametrize(
    "question",
    [
        "where is the piano?",
        "is there a piano?",
        "how many pianos are there?",
        "when did you last see the piano?",
        "what is near the piano?",
    ],
)
def test_a_thing_never_seen_is_unknown_however_close_its_meaning(before, question: str) -> None:
    reasoner, *_ = before
    answer = reasoner.answer(question)
    assert answer.state is AnswerState.UNKNOWN and answer.evidence == ()
    assert "never seen a piano" in answer.text
    assert answer.value in (0, None)
    assert 0.0 < answer.confidence <= 1.0


def test_other_words_for_a_thing_are_understood(before) -> None:
    reasoner, *_ = before
    answer = reasoner.answer("where is the cup?")
    assert answer.state is AnswerState.SEEN and {v["label"] for v in answer.value} == {"mug"}


def test_attributes_that_were_not_checked_are_said_and_cost_confidence(before) -> None:
    reasoner, *_ = before
    plain, red = reasoner.answer("where is the book?"), reasoner.answer("where is the red book?")
    assert red.state is AnswerState.SEEN and "'red'" in red.text
    assert red.confidence == pytest.approx(0.6 * plain.confidence)


def test_near_and_on(before) -> None:
    reasoner, *_ = before
    near = reasoner.answer("what is near the table?")
    assert {"mug", "book"} <= {v["label"] for v in near.value} and cites(near)
    on = reasoner.answer("what is on the table?")
    assert sorted(v["label"] for v in on.value) == ["book", "mug"]
    assert "on the table" in on.text
    assert "nothing on the chair" in reasoner.answer("what is on the chair?").text


def test_lists_and_regions(before) -> None:
    reasoner, *_ = before
    everything = reasoner.answer("what objects are there?")
    assert sorted(v["label"] for v in everything.value) == ["book", "chair", "mug", "mug", "shelf", "table"]
    there = reasoner.answer("what is within 0.8 m of (0.2, 1.7)?")
    assert {v["label"] for v in there.value} == {"mug", "shelf"}
    assert reasoner.answer("what is between (3, 3) and (4, 4)?").state is AnswerState.UNKNOWN


def test_a_thing_taken_away_is_gone_not_unknown(after) -> None:
    reasoner, room, _ = after
    answer = reasoner.answer("where is the book?", room.stamp_ns)
    assert answer.state is AnswerState.GONE and cites(answer)
    assert "was on the table" in answer.text and "it was gone" in answer.text
    assert answer.confidence > 0.5
    count = reasoner.answer("how many books are there?", room.stamp_ns)
    assert count.value == 0 and count.state is AnswerState.GONE
    assert reasoner.answer("is there a book?").state is AnswerState.GONE
    last = reasoner.answer("when did you last see the book?", room.stamp_ns)
    assert last.state is AnswerState.GONE and last.value["seconds_ago"] > 5


def test_changes(after, before) -> None:
    reasoner, room, _ = after
    answer = reasoner.answer("what changed?", room.stamp_ns)
    assert [(v["kind"], v["label"]) for v in answer.value] == [("gone", "book")]
    assert answer.state is AnswerState.GONE and cites(answer)
    assert reasoner.answer("has the book been moved?").value == answer.value
    assert reasoner.answer("did the chair move?").value == []
    nothing = before[0].answer("what changed?")
    assert nothing.value == [] and "no change" in nothing.text


def test_an_empty_memory_knows_nothing() -> None:
    with SpatialMemory.open(None) as memory:
        reasoner = RuleReasoner(memory)
        assert reasoner.answer("what objects are there?").state is AnswerState.UNKNOWN
        assert reasoner.answer("where is the mug?").state is AnswerState.UNKNOWN
        with pytest.raises(QuestionNotUnderstoodError):
            reasoner.answer("sing a song")


def test_answers_are_json_ready(before) -> None:
    reasoner, *_ = before
    for question in ("where is the mug?", "what is near the table?", "how many mugs?", "what changed?"):
        data = json.loads(json.dumps(reasoner.answer(question).to_dict()))
        assert set(data) >= {"answer", "state", "confidence", "evidence"}
