"""Figures, result files and the page made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memory_agent_ros.evaluation import bench
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.results import main, render
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean, median, ratio_of_sums
from memory_agent_ros.records.errors import BadInputError

KEYS = {
    "schema", "bench", "split", "seeds", "options", "commit", "hardware", "wall_s", "peak_rss_mb", "figures", "arms",
}  # fmt: skip


def test_intervals_hold_the_value_and_shrink_with_more_scenes() -> None:
    rng = np.random.default_rng(1)
    few = figure(rng.normal(5, 1, (8, 1)), mean)
    many = figure(rng.normal(5, 1, (200, 1)), mean)
    for f in (few, many):
        assert f.low <= f.value <= f.high
    assert many.high - many.low < (few.high - few.low) / 2
    assert many.low < 5 < many.high


def test_special_cases_of_figures() -> None:
    assert figure([[3, 4], [1, 4]], ratio_of_sums).value == 0.5
    constant = figure([[1.0]] * 4, mean)
    assert constant.value == 1.0 and constant.to_dict()["ci95"] in ([1.0, 1.0], [None, None])
    alone = figure([[2.0]], median, "ms").to_dict()
    assert alone == {"value": 2.0, "ci95": [None, None], "unit": "ms", "goal": None, "met": None}
    nothing = figure([[np.nan]], median, goal=Goal("max", 1.0)).to_dict()
    assert nothing["value"] is None and nothing["met"] is False


def test_goals() -> None:
    assert Goal("min", 0.9).met(0.9) and not Goal("min", 0.9).met(0.89)
    assert Goal("max", 30).met(30) and not Goal("max", 30).met(31)
    assert Goal("band", 1.0, 0.05).met(1.05) and not Goal("band", 1.0, 0.05).met(0.94)
    assert not Goal("min", 0.9).met(float("nan"))
    assert str(Goal("band", 1.0, 0.05)) == "1 +- 0.05"


@pytest.mark.parametrize(("text", "seeds"), [("0:3", [0, 1, 2]), ("-2:0", [-2, -1]), ("7", [7])])
def test_seeds(text: str, seeds: list[int]) -> None:
    assert list(bench.parse_seeds(text)) == seeds


@pytest.mark.parametrize("text", ["", "a:b", "3:3", "4:1", "1:2:3"])
def test_bad_seeds_are_refused(text: str) -> None:
    with pytest.raises(BadInputError, match="seed"):
        bench.parse_seeds(text)


def counting(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """A benchmark of nothing: how many seeds."""
    figures = {"seeds": Figure(float(len(seeds)), 0.0, 9.0, "", Goal("min", options.get("goal", 100)))}
    return Outcome(figures, {"half": {"seeds": Figure(len(seeds) / 2, 0.0, 9.0)}}, [{"seed": s} for s in seeds])


def test_result_file_and_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "registry", lambda: {"count": counting})
    path = tmp_path / "results" / "count.json"
    details = tmp_path / "details.json"
    result = bench.run("count", "val", "0:4", json_path=path, details_path=details, progress=False, env="elsewhere")
    assert set(result) == KEYS
    assert json.loads(path.read_text()) == result
    assert result["seeds"] == "0:4" and result["figures"]["seeds"]["met"] is False
    assert result["peak_rss_mb"] > 10 and result["hardware"]["cores"] >= 1
    assert len(json.loads((tmp_path / "details.json").read_text())) == 4
    assert "NOT met" in bench.as_text(result) and "arm half" in bench.as_text(result)
    page = tmp_path / "docs" / "results.md"
    page.parent.mkdir()
    page.write_text("# Results\n\nWritten by hand.\n")
    for _ in range(2):
        assert main([str(path.parent), str(page)]) == 0
    text = page.read_text()
    assert text.count("### `count --env elsewhere` on val seeds 0:4") == 1
    assert "Written by hand." in text and "| seeds | 4 | [0, 9] | >= 100 | **no** |" in text
    assert "| figure | `half` |" in text and "| seeds | 2 [0, 9] |" in text


def entry(value: float) -> dict[str, Any]:
    return {"value": value, "unit": "m", "ci95": [None, None], "goal": "", "met": None}


def test_arms_that_share_figures_are_columns_of_one_table() -> None:
    arms = {"ours": {"a": entry(1), "b": entry(2)}, "theirs": {"a": entry(3)}, "odd": {"z": entry(4)}}
    about = {"split": "test", "seeds": "0:5", "commit": "c", "wall_s": 1, "peak_rss_mb": 2}
    result = {"bench": "x", "hardware": {"cpu": "q", "cores": 2}, "figures": {"a": entry(1)}, "arms": arms, **about}
    lines = render([result]).splitlines()
    start = lines.index("| figure | `ours` | `theirs` |")
    assert lines[start + 1 : start + 4] == ["| --- | --- | --- |", "| a | 1 m | 3 m |", "| b | 2 m |  |"]
    assert "| figure | `odd` |" in lines and "| z | 4 m |" in lines


def test_bad_requests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"there are: .*map"):
        bench.run("nothing")
    with pytest.raises(BadInputError, match="split must be"):
        bench.run("map", "prod")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(BadInputError, match="no JSON"):
        main([str(tmp_path), str(tmp_path / "page.md")])
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(BadInputError, match="schema"):
        main([str(tmp_path), str(tmp_path / "page.md")])
    assert render([]) == "\n"
