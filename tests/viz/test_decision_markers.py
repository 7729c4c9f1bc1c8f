from __future__ import annotations

import dataclasses

import numpy as np

from memory_agent_ros.records.decision import Candidate, CandidateKind, Decision
from memory_agent_ros.viz.decision_markers import DECISION_NAMESPACES, decision_markers, reason_text, score_colors

DECISION = Decision(
    stamp_ns=5,
    policy="learned/1",
    goal="red mug",
    candidates=(
        Candidate(CandidateKind.STOP, np.array([0.0, 0.0]), 0.0),
        Candidate(CandidateKind.FRONTIER, np.array([2.0, 0.0]), 2.1),
        Candidate(CandidateKind.VIEWPOINT, np.array([0.0, 3.0]), 3.3, object_id=7, room="kitchen"),
    ),
    scores=np.array([-1.0, 0.5, 2.0], dtype=np.float32),
    terms=({}, {"gain": 0.5}, {"goal_match": 1.5, "path": -0.2, "age": 0.7}),
    tips=((), (), ("mugs stand in kitchens", "look on counters", "a third one")),
    chosen=2,
    reason="best match for a mug",
)
NO_PATH = np.zeros((0, 2))


def by_namespace(markers):
    return {name: [m for m in markers if m.namespace == name] for name in DECISION_NAMESPACES}


def test_candidates_are_coloured_from_the_worst_to_the_best() -> None:
    (dots,) = by_namespace(decision_markers(DECISION, NO_PATH))["candidates"]
    np.testing.assert_allclose(dots.points_m[:, :2], [[0, 0], [2, 0], [0, 3]])
    lightness = dots.colors[:, :3] @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(lightness) > 0.1).all()
    np.testing.assert_allclose(dots.colors, score_colors(DECISION.scores))


def test_scores_that_are_all_alike_or_missing_have_a_colour_too() -> None:
    assert np.isfinite(score_colors([3.0, 3.0])).all()
    colors = score_colors([-np.inf, 1.0, 2.0])
    assert colors[0].tolist() == [0.5, 0.5, 0.5, 0.3]
    assert score_colors([]).shape == (0, 4)


def test_the_way_to_the_choice_is_drawn_as_it_is_driven() -> None:
    path = np.array([[0.0, 0.0], [0.0, 1.0], [0.5, 2.0], [0.0, 3.0]])
    line = by_namespace(decision_markers(DECISION, path))["choice"][0]
    np.testing.assert_allclose(line.points_m[::2, :2], path[:-1])
    np.testing.assert_allclose(line.points_m[1::2, :2], path[1:])


def test_the_reason_stands_over_the_choice_in_short_lines() -> None:
    told = dataclasses.replace(DECISION, reason="look at mug #7 in kitchen, 3.3 m away; goal +1.50, memory +0.70")
    text = reason_text(told)
    assert text.splitlines()[0] == "looking for: red mug" and max(map(len, text.splitlines())) <= 48
    assert " ".join(text.splitlines()[1:]) == told.reason
    (marker,) = by_namespace(decision_markers(told, NO_PATH))["reason"]
    assert marker.text == text and marker.position_m[:2].tolist() == [0.0, 3.0]


def test_only_the_best_scores_are_written() -> None:
    many = dataclasses.replace(
        DECISION,
        candidates=tuple(Candidate(CandidateKind.FRONTIER, np.array([i, 0.0]), 1.0) for i in range(30)),
        scores=np.arange(30, dtype=np.float32),
        terms=({},) * 30,
        tips=((),) * 30,
    )
    texts = by_namespace(decision_markers(many, NO_PATH))["scores"]
    assert [m.id for m in texts] == list(range(29, 17, -1))
    assert texts[0].text == "frontier 29.00"


def test_goals_put_aside_stay_shown_without_a_choice() -> None:
    (marker,) = decision_markers(None, NO_PATH, [(np.array([1.0, 2.0]), "no_path")])
    assert (marker.namespace, marker.text) == ("put_aside", "x no_path")
