"""The loop: calls, results, errors, limits."""

from __future__ import annotations

import math
from itertools import count

import pytest

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.agent import Agent
from memory_agent_ros.reasoning.calls import ToolCall
from memory_agent_ros.reasoning.citing import recompute
from memory_agent_ros.reasoning.language.model import LanguageModelError
from memory_agent_ros.reasoning.names import names_of
from memory_agent_ros.reasoning.toolbox import Toolbox
from memory_agent_ros.reasoning.transcript import Transcript
from memory_agent_ros.records.answer import Answer, AnswerState
from tests.reasoning.room import Room
from tests.reasoning.scripted import Answering, Scripted

World = tuple[SpatialMemory, Room]


def ask(world: World, model: Scripted, agent: Agent | None = None, **more: object) -> Answer:
    memory, room = world
    box = Toolbox(memory, room.stamp_ns)
    return (agent or Agent(model)).answer(Transcript("?", ()), names_of(memory), box, **more)


def test_calls_are_executed_and_shown_until_one_answers(before: World) -> None:
    model = Scripted("find(table)", "find(chair)", "relation(on, $1)", "count($3)", "answer(number, $4)")
    told: list[tuple[int, str, str]] = []

    def on_call(number: int, call: ToolCall, line: str) -> None:
        told.append((number, str(call), line))

    answer = ask(before, model, on_call=on_call)
    assert answer.value == 2 and answer.state is AnswerState.SEEN
    assert [t[0] for t in told] == [1, 2, 3, 4, 5] and told[2][2] == "1 book; 1 mug present"
    assert [t.result for t in model.read_transcripts[-1].turns] == [line for _, _, line in told[:4]]
    assert answer.calls == ("find(table)", "relation(on, $1)", "count($2)", "answer(number, $3)"), "what it rests on"
    assert recompute(answer, before[0]).value == 2


def test_errors_are_shown_and_can_be_mended(before: World) -> None:
    model = Scripted("find(unicorn)", "find(mug)", "near($5)", "pick(nearest, $2)", "answer(number, $2)")
    answer = ask(before, model)
    lines = [t.result for t in model.read_transcripts[-1].turns]
    assert lines[0] == "error: the memory holds no thing unicorn" and lines[2] == "error: there is no result 5"
    assert lines[3].startswith("error: pick nearest") and "(" not in lines[3]
    assert answer.value == 2 and answer.calls == ("find(mug)", "answer(number, $1)")


def test_an_empty_result_says_so(before: World) -> None:
    model = Scripted("find(mug, state=gone)", "find(nothing)", "answer(list, $2)")
    answer = ask(before, model)
    assert [t.result for t in model.read_transcripts[-1].turns] == ["none gone", "never seen"]
    assert answer.state is AnswerState.UNKNOWN and answer.evidence == ()


def test_going_round_ends_with_the_best_that_is_known(before: World) -> None:
    model = Answering(lambda transcript: "find(mug)")
    answer = ask(before, model)
    assert len(model.read_transcripts) == 3
    assert answer.details["stopped"] == "going_round" and "circles" in answer.text
    assert len(answer.value) == 2 and answer.confidence <= 0.5
    assert recompute(answer, before[0]).value == answer.value


def test_calls_that_only_fail_end_unknown(before: World) -> None:
    numbers = count(2)
    answer = ask(before, Answering(lambda transcript: f"count(${next(numbers)})"))
    assert answer.state is AnswerState.UNKNOWN and answer.details["stopped"] == "going_round"
    assert answer.calls == () and answer.evidence == ()


def test_calls_and_time_are_bounded(before: World) -> None:
    radii = count(1)
    wander = Answering(lambda t: "find(mug)" if not t.turns else f"near($1, {next(radii)})")
    answer = ask(before, wander, Agent(wander, most_calls=8))
    assert answer.details["stopped"] == "out_of_calls" and len(answer.details["steps"]) == 8
    clock = iter([0.0, 1.0, 2.0, 9.0, 99.0])
    slow = Answering(lambda t: f"find({'mug' if not t.turns else 'table'})")
    late = ask(before, slow, Agent(slow, budget_s=5.0, clock=lambda: next(clock)))
    assert late.details["stopped"] == "out_of_time" and len(late.details["steps"]) == 2
    assert late.value[0]["label"] == "table" and "time for it ran out" in late.text


def test_a_model_that_fails(before: World) -> None:
    with pytest.raises(LanguageModelError):
        ask(before, Scripted())
    answer = ask(before, Scripted("find(mug)"))
    assert answer.details["stopped"] == "model_failed" and len(answer.value) == 2


def test_what_on_call_raises_ends_the_question(before: World) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ask(before, Scripted("find(mug)"), on_call=stop)


def test_confidence_is_the_product_of_what_is_kept(before: World) -> None:
    answer = ask(before, Scripted("find(mug)", "answer(where, $1)", log_prob=-0.1, mass=0.8))
    sure = answer.details["confidence"]
    assert sure["calls"] == pytest.approx(math.exp(-0.2)) and sure["mass"] == 0.8
    assert answer.confidence == pytest.approx(sure["memory"] * sure["calls"] * sure["mass"])
    assert answer.details["model"] == "scripted" and answer.details["tokens"] == 14
