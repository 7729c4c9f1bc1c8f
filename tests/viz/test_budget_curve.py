from __future__ import annotations

import pytest

from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.viz.budget_curve import budget_points, draw_budget_curve


def entry(value: float | None) -> dict:
    return {
        "value": value,
        "ci95": [value and value - 0.1, value and value + 0.1],
        "unit": "",
        "goal": None,
        "met": None,
    }


RESULT = {
    "split": "val",
    "seeds": "0:9",
    "figures": {"budget_m": {"value": 13.0}},
    "arms": {
        "nearest_frontier": {"success": entry(0.5), "success@26m": entry(0.9), "success@6.5m": entry(0.2)},
        "learned": {"success": entry(None), "success@26m": entry(None)},
    },
}


def test_points_rise_with_the_budget_and_arms_that_did_not_run_are_left_out() -> None:
    lines = budget_points(RESULT)
    assert list(lines) == ["nearest_frontier"]
    assert [(b, s) for b, s, _, _ in lines["nearest_frontier"]] == [(6.5, 0.2), (13.0, 0.5), (26.0, 0.9)]


def test_the_picture_is_written(tmp_path) -> None:
    draw_budget_curve(RESULT, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes()[:4] == b"\x89PNG"


def test_other_results_are_refused() -> None:
    with pytest.raises(BadInputError) as refused:
        budget_points({"figures": {}, "arms": {}})
    assert refused.value.reason == "bench_result"
