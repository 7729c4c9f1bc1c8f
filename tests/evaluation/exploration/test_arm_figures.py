from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.evaluation.exploration.arm_figures import (
    difference_figure,
    gap_closed_figure,
    mean_figure,
    per_apartment,
    within,
)

SEEDS = [1, 1, 2, 2, 3, 3]


def test_episodes_of_an_apartment_are_one_unit() -> None:
    assert per_apartment([2, 1, 2], [1.0, 0.5, 0.0]) == [[0.5, 1.0], [1.0, 2.0]]
    same = mean_figure(SEEDS, [1, 1, 0, 0, 1, 1])
    assert same.value == pytest.approx(4 / 6) and same.high - same.low > 0.3


def test_gap_closed_is_the_share_of_the_way_and_void_without_a_gap() -> None:
    floor, ceiling = [0.2] * 6, [0.8] * 6
    assert gap_closed_figure(SEEDS, [0.5] * 6, floor, ceiling).value == pytest.approx(0.5)
    assert np.isnan(gap_closed_figure(SEEDS, [0.5] * 6, floor, [0.45] * 6).value)


def test_differences_are_paired() -> None:
    ours, other = [0.9, 0.1, 0.8, 0.2, 0.7, 0.3], [0.8, 0.0, 0.7, 0.1, 0.6, 0.2]
    found = difference_figure(SEEDS, ours, other)
    assert found.value == pytest.approx(0.1) and found.low > 0.09


def test_success_within_a_budget() -> None:
    assert within([4.0, 9.0, 2.0], [True, True, False], 5.0) == [1.0, 0.0, 0.0]
