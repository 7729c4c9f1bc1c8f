"""EMPO2 against GRPO on text environments: arms differ in what they are named after, figures are per task."""

import numpy as np
import pytest

pytest.importorskip("torch")

from memory_agent_ros.evaluation.exploration.text import bench, comparison
from memory_agent_ros.evaluation.exploration.text.comparison import TextComparison, run
from memory_agent_ros.evaluation.exploration.text.encoding import TextVectors
from memory_agent_ros.evaluation.exploration.text.environment import TextConfig, TextEnvironment
from memory_agent_ros.records.errors import BadInputError
from tests.evaluation.exploration.text.test_environment import Corridor


def test_an_arm_is_trained_and_measured_on_games_it_did_not_practise(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def environment(kind: str, task: str, split: str, count: int) -> tuple[TextEnvironment, range]:
        made.append((split, count))
        return TextEnvironment(f"{kind}/{task}", Corridor, TextVectors(), TextConfig(decisions=6)), range(min(count, 3))

    monkeypatch.setattr(comparison, "_environment", environment)
    wanted = TextComparison("textworld", "corridor", "val", (0, 2), practised=3, decisions=400)
    found = {arm: run(arm, 1, wanted) for arm in ("full", "grpo")}
    assert made == [("train", 3), ("val", 3)] * 2
    for arm, one in found.items():
        assert (one["arm"], one["seed"], one["task"]) == (arm, 1, "corridor") and one["decisions"] >= 400
        assert len(one["off"]["score"]) == len(one["on"]["success"]) == 2
        assert one["parameters"] < 150_000
    assert all(with_tips == 0.0 for _, _, with_tips in found["grpo"]["curve"]), "GRPO reads no tips while it trains"
    assert any(with_tips == 1.0 for _, _, with_tips in found["full"]["curve"])
    first, last = found["grpo"]["curve"][0][1], np.mean([score for _, score, _ in found["grpo"]["curve"][-3:]])
    assert last > first, "nothing was learned"


def test_figures_carry_their_task_and_the_contrast_is_paired(monkeypatch: pytest.MonkeyPatch) -> None:
    def played(arm: str, seed: int, wanted: TextComparison) -> dict[str, object]:
        base = 0.5 if arm == "full" else 0.25
        scores = [base + 0.1 * g + 0.01 * seed for g in wanted.games]
        one = {"score": scores, "success": [0.0] * len(scores)}
        return {"task": wanted.task, "arm": arm, "seed": seed, "off": one, "on": one}

    monkeypatch.setattr(bench, "run", played)
    outcome = bench.bench_text("scienceworld", "val", range(4), 1, {})
    assert set(outcome.arms) == {"grpo", "full"} and len(outcome.details) == 8
    gained = outcome.figures["find-non-living-thing_score_tips_off_over_grpo"]
    assert (
        gained.value == pytest.approx(0.25) and gained.low == pytest.approx(0.25) and gained.high == pytest.approx(0.25)
    )
    assert outcome.arms["full"]["lifespan-longest-lived_score_tips_off"].value == pytest.approx(0.655)
    assert "find-non-living-thing_score_tips_on" not in outcome.arms["grpo"]


def test_an_unknown_environment_is_refused() -> None:
    with pytest.raises(BadInputError) as caught:
        bench.bench_text("alfworld", "val", range(1), 1, {})
    assert caught.value.reason == "environment_unknown"
