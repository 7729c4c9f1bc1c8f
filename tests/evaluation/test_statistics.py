"""Intervals."""

import numpy as np
import pytest

from memory_agent_ros.evaluation.statistics import crossed_figure, figure, mean


def test_crossed_figure_covers_seeds_and_scenes():
    rng = np.random.default_rng(0)
    table = 0.3 + 0.2 * rng.normal(size=(5, 1)) + 0.1 * rng.normal(size=(5, 40))
    both = crossed_figure(table)
    assert both.value == pytest.approx(table.mean()) and both.low < both.value < both.high
    scenes_only = figure(table.mean(axis=0)[:, None].tolist(), mean)
    assert both.high - both.low > 2 * (scenes_only.high - scenes_only.low)
    wider = crossed_figure(table, comparisons=5)
    assert wider.low < both.low and wider.high > both.high
