"""What an answer rests on, as markers and as a strip of pictures."""

from __future__ import annotations

import numpy as np

from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.pose import Pose
from memory_agent_ros.viz.answer_markers import ANSWER_NAMESPACES, answer_markers
from memory_agent_ros.viz.evidence_picture import picture_strip
from tests.exploration.remembered import thing


def test_cited_things_rays_and_sentence():
    mug = thing(3, "mug", (1.0, 2.0, 0.8))
    upright = np.array([0.0, 0.0, 0.0, 1.0])
    seen = Evidence(3, 5, 7, 0, Pose(mug.box.center, upright), Pose(np.zeros(3), upright), np.zeros(4, np.float32), 0.9)
    answer = Answer("The mug is here. " + "x" * 300, AnswerState.SEEN, 0.9, (seen, seen))
    by_namespace = {m.namespace: m for m in answer_markers(answer, [mug])}
    assert tuple(sorted(by_namespace)) == ANSWER_NAMESPACES
    assert (by_namespace["cited"].scale_m > mug.box.size).all()
    assert by_namespace["seen_from"].points_m.shape == (4, 3)
    assert len(by_namespace["answer"].text) <= 120
    assert by_namespace["answer"].position_m[2] > mug.box.center[2]


def test_an_answer_about_nothing_draws_nothing():
    assert answer_markers(Answer("I have never seen a piano.", AnswerState.UNKNOWN, 1.0), []) == []


def test_strip_keeps_shapes():
    wide, tall = np.zeros((100, 200, 3), np.uint8), np.zeros((200, 100, 3), np.uint8)
    assert picture_strip([wide, tall], height=50, gap=4).shape == (50, 100 + 4 + 25, 3)
    assert picture_strip([], height=50).shape == (50, 0, 3)
