"""Tasks in the simulator, end to end; how they are scored."""

from __future__ import annotations

import json

import numpy as np
import pytest

from memory_agent_ros.evaluation.task_judge import TaskJudge, TrueThing
from memory_agent_ros.exploration.codes import StopReason
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.exploration_task import ExplorationTask, TaskKind
from memory_agent_ros.records.frame import Frame

TASK = ExplorationTask(TaskKind.SEARCH, "val", 1, ("mug",), budget_m=10.0)
THINGS = {
    1: TrueThing("mug", np.array([2.0, 0.0, 0.8]), True),
    2: TrueThing("plate", np.array([0.0, 3.0, 0.8]), True),
    3: TrueThing("table", np.array([2.0, 0.0, 0.4]), False),
}


def frame_of(*ids: int) -> Frame:
    """A picture of 64x48 whose columns show things."""
    instances = np.zeros((48, 64), np.int32)
    for i, number in enumerate(ids):
        instances[:, 4 * i : 4 * i + 4] = number
    K = np.array([[50.0, 0, 32], [0, 50, 24], [0, 0, 1]])
    depth = np.ones((48, 64), np.float32)
    return Frame(0, np.zeros((48, 64, 3), np.uint8), depth, Camera(64, 48, K), np.eye(4), instances=instances)


def ended(reason: StopReason, metres: float) -> Explorer:
    explorer = Explorer()
    explorer.run.stop_reason, explorer.run.travelled_m = reason, metres
    return explorer


def test_a_declaration_in_sight_and_near_succeeds_and_is_weighed_by_its_way() -> None:
    judge = TaskJudge(TASK, THINGS, [1], shortest_m=3.0)
    judge.look(frame_of(1), np.zeros(2), 6.0)
    outcome = judge.outcome(ended(StopReason.GOAL_FOUND, 6.0), np.zeros(2))
    assert outcome.success and outcome.spl == pytest.approx(0.5) and outcome.wrong_declarations == 0
    gone_on = judge.outcome(ended(StopReason.GOAL_FOUND, 6.0), np.array([1.0, 1.0]))
    assert not gone_on.success and gone_on.wrong_declarations == 1, "it was in sight from elsewhere"


def test_a_declaration_from_too_far_or_of_another_thing_is_wrong() -> None:
    far = TaskJudge(TASK, THINGS, [1], 3.0)
    far.look(frame_of(1), np.array([-1.0, 0.0]), 1.0)
    assert far.outcome(ended(StopReason.GOAL_FOUND, 1.0), np.array([-1.0, 0.0])).wrong_declarations == 1
    other = TaskJudge(TASK, THINGS, [1], 3.0)
    other.look(frame_of(2, 3), np.zeros(2), 1.0)
    assert not other.outcome(ended(StopReason.GOAL_FOUND, 1.0), np.zeros(2)).success
    nothing = other.outcome(ended(StopReason.BUDGET, 10.0), np.zeros(2))
    assert not nothing.success and nothing.wrong_declarations == 0 and nothing.stop_reason == "budget"


def test_what_was_discovered_counts_by_the_metres_at_which_it_was_seen() -> None:
    judge = TaskJudge(TASK, THINGS, [], 0.0)
    judge.look(frame_of(3), np.zeros(2), 0.0)
    judge.look(frame_of(1), np.zeros(2), 2.0)
    judge.look(frame_of(1, 2), np.zeros(2), 5.0)
    outcome = judge.outcome(ended(StopReason.POLICY_STOPPED, 6.0), np.zeros(2))
    assert outcome.found == 1.0, "furniture does not count"
    assert outcome.auc == pytest.approx((0.8 + 0.5) / 2)


def test_goals_must_suit_the_task() -> None:
    pytest.importorskip("memory_agent_sim.twin.tables")
    from memory_agent_ros.evaluation.task_episode import make_task

    with pytest.raises(BadInputError, match="no goal"):
        make_task("discover", "train", 0, ["mug"])
    with pytest.raises(BadInputError, match="one goal"):
        make_task("search", "train", 0, ["mug", "plate"])
    task = make_task("search", "train", 0, ["mug"], "habitual", 5.0)
    assert task.goals == ("mug",) and task.budget_m == 5.0 and task.placement == "habitual"


@pytest.mark.slow
def test_a_task_runs_through_simulation_memory_and_policy() -> None:
    pytest.importorskip("mujoco")
    from memory_agent_ros.evaluation.episode import EpisodeConfig
    from memory_agent_ros.evaluation.task_episode import make_task, run_task
    from memory_agent_ros.exploration.policies.frontiers import NearestFrontier

    config = EpisodeConfig(width=160, height=120, rooms=3, sensor="raycast")
    task = make_task("lifelong", "train", 3, ["mug", "plate"], "habitual", 4.0, edits=2)
    result = run_task(task, NearestFrontier(), config)
    assert [g.goal for g in result.goals] == ["mug", "plate"]
    for goal in result.goals:
        assert goal.outcome.decisions == len(goal.decisions) > 0
        assert goal.outcome.metres <= 4.3
        assert goal.outcome.stop_reason in {str(r) for r in StopReason if r}
    assert json.loads(json.dumps(result.to_dict()))["policy"] == "nearest_frontier"
