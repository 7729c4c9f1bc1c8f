from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.evaluation.exploration.rollout import roll_out, run_batch
from memory_agent_ros.evaluation.exploration.task_sets import goal_things, search_tasks, verify_tasks
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.exploration.candidates import FRONTIER, STOP
from memory_agent_ros.exploration.features import INDEX
from memory_agent_ros.exploration.policies.frontiers import InformationGain, NearestFrontier, Random
from memory_agent_ros.exploration.situation import Environment
from memory_agent_ros.records.errors import BadInputError


def test_it_speaks_the_protocol(search: TwinEnvironment) -> None:
    environment: Environment = search
    situations = environment.reset([0, 0, 1])
    shape = environment.shape
    assert situations.goal.shape == (3, shape.goal) and situations.key.shape == (3, shape.key)
    assert situations.candidates.shape[2] == shape.candidate and situations.context.shape[2] == shape.context
    assert situations.candidate_mask[:, 0].all()
    np.testing.assert_array_equal(situations.candidates[0], situations.candidates[1])
    assert situations.state[0] == situations.state[1]
    assert environment.name == "search/habitual"
    rooms = search.slots.tables[1].rooms
    assert any(environment.choice_text(1, 1).startswith(f"frontier in the {room}, ") for room in rooms)
    assert environment.choice_text(0, STOP) == "stop here" and environment.goal_text(0) == search.tasks[0].goals[0]


def test_a_wrong_declaration_ends_the_episode_with_nothing(search: TwinEnvironment) -> None:
    search.reset([0, 1])
    step = search.step(np.array([STOP, STOP]))
    assert step.done.all() and not step.reward.any() and not search.scores().any()
    outcome = search.outcomes()[0]
    assert outcome.stop_reason == "wrong_declaration" and outcome.wrong_declarations == 1 and outcome.metres == 0


def test_a_right_declaration_is_rewarded_once(search: TwinEnvironment) -> None:
    """Put the robot where the goal is in sight, as if it had driven there."""
    search.reset([0])
    slots = search.slots
    goal = goal_things(slots.tables[0].labels, search.tasks[0].goals[0])
    good = (slots.things_around[0] & (slots.range_m[0] < 2.3))[:, np.flatnonzero(goal)].any(axis=1)
    target = int(np.argmin(np.where(good, slots.path_m[0, slots.node[0]], np.inf)))
    search._targets[0, 1] = target
    step = search.step(np.array([1]))
    assert not step.done[0] and step.situations.candidates[0, 0, INDEX["match"]] == 1.0
    step = search.step(np.array([STOP]))
    outcome = search.outcomes()[0]
    assert step.done[0] and step.reward[0] == 1.0 and search.scores()[0] == 1.0
    assert outcome.success and 0.8 < outcome.spl <= 1.0 and outcome.stop_reason == "declared"
    again = search.step(np.array([STOP]))
    assert again.reward[0] == 0.0 and search.outcomes()[0].decisions == outcome.decisions


def test_rows_that_are_done_stay_as_they_are(search: TwinEnvironment) -> None:
    first = search.reset([0, 1])
    step = search.step(np.array([STOP, int(np.argmax(NearestFrontier().logits(first)[1]))]))
    assert step.done.tolist() == [True, False]
    np.testing.assert_array_equal(step.situations.candidates[0], first.candidates[0])
    assert (step.situations.candidates[1] != first.candidates[1]).any()


def test_frontiers_lead_to_unknown_floor_and_metres_add_up(search: TwinEnvironment) -> None:
    situations = search.reset([0])
    frontier = np.flatnonzero(search.scene.choices.mask[0] & (search.scene.choices.kind == FRONTIER))
    assert len(frontier)
    known = search.memory.seen.sum(), np.unpackbits(search.slots.known).sum()
    path = float(situations.candidates[0, frontier[0], INDEX["path"]]) * 10
    search.step(np.array([frontier[0]]))
    assert np.unpackbits(search.slots.known).sum() > known[1] and search.memory.seen.sum() >= known[0]
    assert search.metres[0] == pytest.approx(path, abs=1e-3)


def test_budget_and_decisions_end_an_episode(searches, words) -> None:
    from dataclasses import replace

    short = TwinEnvironment([replace(searches[0], budget_m=1.0), replace(searches[0], max_decisions=2)], words)
    run_batch(short, NearestFrontier(), [0, 1])
    budget, decisions = short.outcomes()
    assert budget.stop_reason in ("budget_used", "stopped") and budget.metres <= 1.0 + 1e-3
    assert decisions.decisions <= 2
    assert budget.decisions <= 3


def test_same_task_same_episode(search: TwinEnvironment) -> None:
    alone = roll_out(search, NearestFrontier(), [2])
    together = roll_out(search, NearestFrontier(), [0, 1, 2])
    assert alone[0] == together[2]


def test_policies_without_training_find_things(search: TwinEnvironment) -> None:
    outcomes = roll_out(search, InformationGain())
    assert any(o.success for o in outcomes)
    assert all(o.wrong_declarations == 0 for o in outcomes)
    assert all(0 <= o.spl <= 1 and o.metres <= t.budget_m + 1e-3 for o, t in zip(outcomes, search.tasks, strict=True))


def test_discovering_pays_by_the_area_under_the_curve(discover: TwinEnvironment) -> None:
    discover.reset(list(range(len(discover.tasks))))
    total = np.zeros(len(discover.tasks))
    first = discover.auc.copy()
    done, policy = np.zeros(len(total), bool), InformationGain()
    situations = discover.reset(list(range(len(total))))
    while not done.all():
        step = discover.step(np.argmax(policy.logits(situations), axis=1))
        situations, done, total = step.situations, step.done, total + step.reward
    np.testing.assert_allclose(total + first, discover.auc, atol=1e-5)
    assert (discover.auc > 0.2).all() and (discover.auc <= 1).all()
    lost = roll_out(discover, Random())
    assert np.mean([o.auc for o in lost]) < np.mean(discover.auc) + 0.1


def test_verifying_looks_again_at_what_is_remembered(words) -> None:
    tasks = verify_tasks("train", range(4))
    environment = TwinEnvironment(tasks, words)
    situations = environment.reset(list(range(len(tasks))))
    assert environment.name == "verify/habitual" and not environment.scene.choices.mask[0, 1:13].any()
    stale = environment._stale.sum()
    assert stale > 10 * len(tasks) and (situations.candidates[..., INDEX["is_viewpoint"]].sum(axis=1) > 3).all()
    total, done = environment.auc.copy(), np.zeros(len(tasks), bool)
    while not done.all():
        step = environment.step(np.argmax(NearestFrontier().logits(situations), axis=1))
        situations, done, total = step.situations, step.done, total + step.reward
    np.testing.assert_allclose(total, environment.scores(), atol=1e-5)
    assert (environment.found > 0.4).all() and environment._stale.sum() < 0.6 * stale
    moved = environment._movable_ever & environment.memory.seen & (environment.memory.presence == 0)
    assert moved.any()


def test_goals_are_named_by_label() -> None:
    assert goal_things(["mug", "book", "mug"], "the red Mug").tolist() == [True, False, True]
    assert not goal_things(["desk caddy"], "caddy").any()


def test_no_large_apartment_is_refused() -> None:
    with pytest.raises(BadInputError) as refused:
        search_tasks("train", [])
    assert refused.value.reason == "tasks_empty"
