"""Questions drawn over worlds: their calls execute, the truth is of the class, everything is reproducible."""

from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.evaluation.qa.families.catalogue import BY_NAME, FAMILIES, SEEN, of_class
from memory_agent_ros.evaluation.qa.families.family import CLASSES
from memory_agent_ros.evaluation.qa.random_worlds import WorldConfig, world_of
from memory_agent_ros.evaluation.qa.sample import Sample, draw_sample, execute, sample_of
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.reasoning.calls import format_call
from memory_agent_ros.records.answer import AnswerState


@pytest.fixture(scope="module")
def worlds() -> list[TruthMemory]:
    pytest.importorskip("memory_agent_sim")
    config = WorldConfig(visits=(3, 3))
    return [world_of("train", 50_001 + k, np.random.default_rng(k), config) for k in range(3)]


def test_every_family_can_be_asked(worlds: list[TruthMemory]) -> None:
    rng = np.random.default_rng(5)
    asked = {f.name for f in FAMILIES if any(sample_of(rng, w, f) is not None for _ in range(4) for w in worlds)}
    assert sorted({f.name for f in FAMILIES} - asked - {"relation_12"}) == [], "only things under others are rare"


@pytest.mark.parametrize("klass", CLASSES)
def test_the_truth_is_of_the_class(worlds: list[TruthMemory], klass: str) -> None:
    rng = np.random.default_rng(6)
    for _ in range(8):
        sample = draw_sample(rng, worlds[0], of_class(klass))
        assert sample.klass == klass and BY_NAME[sample.family].held_out is sample.held_out
        assert (sample.asked.truth.state is AnswerState.UNKNOWN) is (klass == "unanswerable")
        told = sample.before.told if sample.before else None
        again, _ = execute(sample.asked.calls, worlds[0], told)
        assert again.value == sample.asked.truth.value
        assert (sample.before is not None) is (klass == "dialogue")


def test_same_seed_same_questions(worlds: list[TruthMemory]) -> None:
    def draw() -> list[Sample]:
        rng = np.random.default_rng(7)
        return [draw_sample(rng, worlds[1], SEEN) for _ in range(10)]

    first, second = draw(), draw()
    assert [s.asked.question for s in first] == [s.asked.question for s in second]
    assert [list(map(format_call, s.asked.calls)) for s in first] == [
        list(map(format_call, s.asked.calls)) for s in second
    ]
    assert len({s.asked.question for s in first}) == 10
