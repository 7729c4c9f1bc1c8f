"""What answers cite is enough to compute them again."""

from __future__ import annotations

import json

import pytest

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.calls import parse_call
from memory_agent_ros.reasoning.citing import CitedMemory, needed, recompute
from memory_agent_ros.reasoning.memory_reader import RecallUnavailableError
from memory_agent_ros.reasoning.toolbox import Toolbox
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.errors import BadInputError
from tests.reasoning.random_calls import random_answers
from tests.reasoning.room import Room


@pytest.fixture
def memory(after: tuple[SpatialMemory, Room]) -> SpatialMemory:
    return after[0]


def test_every_answer_is_the_same_from_its_citations_alone(memory: SpatialMemory) -> None:
    answers = random_answers(Toolbox(memory), seed=1, count=150)
    assert len({json.dumps(a.value) for a in answers}) > 40, "the questions differ"
    wrong = []
    for answer in answers:
        again = recompute(answer, memory)
        if again.value != answer.value or again.state is not answer.state:
            wrong.append((answer.calls, answer.value, again.value, answer.state, again.state))
    assert not wrong, wrong[:3]


def test_an_answer_that_hides_what_it_rests_on_is_found_out(memory: SpatialMemory) -> None:
    calls = [parse_call(c) for c in ("find(mug)", "count($1)", "answer(number, $2)")]
    answer, _ = Toolbox(memory).run(calls)
    first = answer.evidence[0].object_id
    poor = Answer(
        answer.text, answer.state, 1.0, tuple(e for e in answer.evidence if e.object_id == first), answer.value,
        calls=answer.calls, details=answer.details,
    )  # fmt: skip
    assert answer.value == 2 and recompute(answer, memory).value == 2 and recompute(poor, memory).value == 1


def test_a_thing_never_seen_cites_nothing_and_stays_unknown(memory: SpatialMemory) -> None:
    answer, _ = Toolbox(memory).run([parse_call("find(nothing)"), parse_call("answer(where, $1)")])
    assert answer.evidence == () and recompute(answer, memory).state is AnswerState.UNKNOWN


def test_what_the_dialogue_spoke_of_is_cited_too(memory: SpatialMemory) -> None:
    answer, _ = Toolbox(memory, before=memory.find("table")).run(
        [parse_call(c) for c in ("relation(on, $0)", "answer(list, $1)")]
    )
    assert len(answer.value) == 2 and recompute(answer, memory).value == answer.value


def test_templates_that_are_no_calls_cannot_be_recomputed(memory: SpatialMemory) -> None:
    with pytest.raises(BadInputError, match="came from calls"):
        recompute(Answer("", AnswerState.SEEN, 1.0), memory)


def test_only_cited_things_are_seen(memory: SpatialMemory) -> None:
    (table,) = memory.find("table")
    cited = CitedMemory(memory, table.evidence[:1])
    assert [o.id for o in cited.find()] == [table.id] and len(cited.find()[0].evidence) == 1
    assert cited.near(object_id=table.id) == [] and cited.relations() == [
        r for r in memory.relations(table.id) if r.object_id is None
    ]
    assert cited.count("mug") == 0 and cited.last_seen("mug") is None
    assert {e.object_id for e in cited.changes()} <= {table.id}
    with pytest.raises(RecallUnavailableError):
        cited.recall_place(table.box.center)
    with pytest.raises(BadInputError, match="ids"):
        cited.find(relation=("on", "table"))


def test_only_the_calls_that_an_answer_rests_on_are_kept() -> None:
    lines = ["find(mug)", "find(table)", "near($2)", "count($3)", "answer(number, $4)"]
    kept = [str(c) for c in needed([parse_call(c) for c in lines])]
    assert kept == ["find(table)", "near($1)", "count($2)", "answer(number, $3)"]
    assert [str(c) for c in needed([parse_call("relation(on, $0)"), parse_call("answer(list, $1)")])] == [
        "relation(on, $0)", "answer(list, $1)",
    ]  # fmt: skip
