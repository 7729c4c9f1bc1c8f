"""Risk against coverage, cells, and the figures of what is told."""

from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.evaluation.qa.knowing import Told, area_under, cell_of, risk_coverage


def test_the_surest_answers_come_first() -> None:
    coverage, risk = risk_coverage(np.array([0.2, 0.9, 0.6, 0.4]), np.array([False, True, True, False]))
    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert risk == pytest.approx([0.0, 0.0, 1 / 3, 0.5])
    assert area_under(coverage, risk) == pytest.approx((1 / 3 + 0.5) / 4)
    worst = risk_coverage(np.array([0.9, 0.2, 0.4, 0.6]), np.array([False, True, True, False]))
    assert area_under(*worst) > area_under(coverage, risk)


def test_answers_that_are_equally_sure_come_in_no_order() -> None:
    right = np.array([True, False, True, False])
    area = area_under(*risk_coverage(np.full(4, 0.7), right))
    assert area == area_under(*risk_coverage(np.full(4, 0.7), right[::-1])) == pytest.approx(0.5)
    assert np.isnan(area_under(*risk_coverage(np.zeros(0), np.zeros(0, dtype=bool))))


def test_cells() -> None:
    assert cell_of(True, False) == cell_of(True, True) == "nowhere"
    assert cell_of(False, True) == "in_store" and cell_of(False, False) == ""


def test_figures_of_what_is_told() -> None:
    told = Told(
        np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False]), np.array([False, False, True, True]),
        np.array([True, True, False, True]),
    )  # fmt: skip
    found = told.figures()
    assert found["accuracy"] == 0.5 and found["accuracy@nowhere"] == 1.0
    assert found["accuracy@knowable"] == pytest.approx(1 / 3)
    assert found["abstain_unanswerable"] == 1.0 and found["abstain_answerable"] == pytest.approx(1 / 3)
    assert found["ece"] == pytest.approx((0.1 + 0.8 + 0.3 + 0.6) / 4)
