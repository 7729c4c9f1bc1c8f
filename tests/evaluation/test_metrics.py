"""Scores of maps and changes on cases worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_agent_ros.evaluation.metrics import After, Thing, duplicates, f1, match, score_changes, score_map


def thing(i: int, label: str, x: float, radius: float = 0.1) -> Thing:
    return Thing(i, label, np.array([x, 0.0, 0.5]), radius)


def test_matching_needs_label_and_nearness_and_is_one_to_one() -> None:
    truth = [thing(1, "mug", 0.0), thing(2, "mug", 0.2), thing(3, "book", 5.0)]
    found = [thing(10, "mug", 0.1), thing(11, "mug", 0.24), thing(12, "bowl", 5.0)]
    assert match(found, truth) == {1: 10, 2: 11}
    assert match(found, []) == {} and match([], truth) == {}
    assert match([thing(10, "mug", 0.26)], [thing(1, "mug", 0.0)]) == {}


def test_more_pairs_win_over_closer_pairs() -> None:
    truth = [thing(1, "mug", 0.0), thing(2, "mug", 0.2)]
    found = [thing(10, "mug", 0.01), thing(11, "mug", -0.2)]
    assert match(found, truth) == {1: 11, 2: 10}


def test_map_score() -> None:
    truth = [thing(1, "mug", 0.0), thing(2, "table", 2.0, 0.8), thing(3, "book", 5.0), thing(4, "pot", 7.0)]
    required = truth[:3]
    found = [
        thing(10, "mug", 0.03),
        thing(11, "table", 2.1),
        thing(12, "table", 2.6),
        thing(13, "pot", 7.0),
        thing(14, "pot", 9.0),
    ]
    score, matched = score_map(found, required, truth)
    assert matched == {1: 10, 2: 11}
    assert (score.truths, score.matched, score.found, score.real, score.on_matched) == (3, 2, 5, 3, 3)
    assert sorted(score.errors_m) == pytest.approx([0.03, 0.1])
    assert duplicates(found, required, {}) == 0


def after(i: int, x: float, before: float, present: bool = True, moved: bool = False) -> After:
    return After(i, present, np.array([x, 0, 0]), np.array([before, 0, 0]), moved)


def test_change_score_counts_found_missed_and_false_claims() -> None:
    matched = {1: 10, 2: 20, 3: 30, 4: 40}
    moved = {1: np.array([1.0, 0, 0]), 2: np.array([2.0, 0, 0])}
    now = [
        after(10, 1.1, 0.0, moved=True),
        after(20, 2.5, 0.0, moved=True),
        after(30, 0.0, 0.0, present=False),
        after(40, 0.05, 0.0, moved=True),
        after(50, 3.0, 3.0, present=False),
    ]
    score = score_changes(moved, [3, 5], matched, now)
    assert (score.edits, score.found, score.false_claims) == (4, 2, 2)
    assert f1(2, 4, 2) == pytest.approx(0.5)
    excused = score_changes(moved, [3], matched | {6: 50}, now, excused=[6])
    assert excused.false_claims == 1


def test_saying_nothing_scores_nothing() -> None:
    matched = {1: 10}
    score = score_changes({}, [1], matched, [after(10, 0.0, 0.0)])
    assert (score.found, score.false_claims) == (0, 0)
    assert f1(0, 1, 0) == 0.0 and f1(0, 0, 0) == 1.0


@given(st.lists(st.floats(-3, 3), max_size=8), st.lists(st.floats(-3, 3), max_size=8))
def test_matching_is_always_one_to_one_and_near(a: list[float], b: list[float]) -> None:
    truth = [thing(i, "mug", x) for i, x in enumerate(a)]
    found = [thing(100 + i, "mug", x) for i, x in enumerate(b)]
    pairs = match(found, truth)
    assert len(set(pairs.values())) == len(pairs)
    assert all(abs(a[t] - b[m - 100]) <= 0.25 + 1e-9 for t, m in pairs.items())
