"""The benchmark of rendered searches: pairing, contrast, agreement with the twin."""

from __future__ import annotations

from typing import Any

import pytest

from memory_agent_ros.records.exploration_task import EpisodeOutcome, ExplorationTask, TaskKind

pytest.importorskip("memory_agent_sim.twin.tables")
from memory_agent_ros.evaluation.benches import rendered

TASKS = [ExplorationTask(TaskKind.SEARCH, "val", seed, ("mug",)) for seed in (4, 5, 6)]


def played(name: str, task: ExplorationTask) -> dict[str, Any]:
    """The first policy finds it in apartments 4 and 5, the second in 5 by a longer way."""
    success = task.seed == 5 or (name == "first" and task.seed == 4)
    spl = (0.8 if name == "first" else 0.5) * success
    return {
        "policy": name, "seed": task.seed, "goal": "mug", "success": success, "spl": spl, "metres": 7.0,
        "decisions": 5, "wrong_declarations": 0, "found": 0.5, "auc": 0.3, "stop_reason": "budget", "seconds": 20.0,
    }  # fmt: skip


def test_policies_are_compared_task_by_task_and_with_the_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    twin = [EpisodeOutcome(True, 0.9, 6.0, 4, 0, 0.5, 0.3, "declared")] * 3
    monkeypatch.setattr(rendered, "search_tasks", lambda *a, **k: TASKS)
    monkeypatch.setattr(rendered, "run_rendered", played)
    monkeypatch.setattr(rendered, "_twin", lambda name, tasks: twin[: len(tasks)])
    outcome = rendered.bench("val", range(9), 1, {"policies": ("first", "second")})
    assert outcome.figures["spl_difference"].value == pytest.approx((0.8 + 0.3 + 0.0) / 3)
    assert outcome.figures["success_difference"].value == pytest.approx(1 / 3)
    assert outcome.figures["episodes"].value == 3
    assert outcome.arms["first"]["success"].value == pytest.approx(2 / 3)
    assert outcome.arms["first"]["same_success_as_twin"].value == pytest.approx(2 / 3)
    assert outcome.arms["second_twin"]["spl"].value == pytest.approx(0.9)
    assert outcome.arms["second"]["episode_s"].value == 20.0
    assert len(outcome.details) == 6 and outcome.details[0]["twin"]["success"]
    few = rendered.bench("val", range(9), 1, {"policies": ("first", "second"), "episodes": 2})
    assert few.figures["episodes"].value == 2
