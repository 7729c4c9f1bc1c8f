from __future__ import annotations

import numpy as np
import pytest

from memory_agent_ros.evaluation.benches.twin import compare
from memory_agent_ros.evaluation.exploration.apartments import apartment
from memory_agent_ros.evaluation.exploration.twin_agreement import Walk, chosen_places, walk_in_twin
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.policies.frontiers import NearestFrontier
from memory_agent_ros.records.exploration_task import ExplorationTask, TaskKind


def test_a_walk_tells_what_was_found_and_when() -> None:
    inf = np.inf
    walk = Walk(np.array([0.0, 4.0, 10.0]), np.array([[1.0, inf, inf], [inf, 3.0, inf], [inf, 2.0, inf]]))
    all_things, second = np.ones(3, bool), np.array([False, True, False])
    assert walk.found(all_things, 10.0) == pytest.approx(2 / 3)
    assert walk.found(all_things, 3.9) == pytest.approx(1 / 3)
    assert walk.reached_at(second, 3.5) == 4.0 and walk.reached_at(second, 2.5) == 10.0
    assert walk.reached_at(np.array([False, False, True]), 9.0) == inf
    assert walk.auc(all_things, 20.0) == pytest.approx((4 * 1 / 3 + 16 * 2 / 3) / 20)
    assert walk.auc(all_things, 2.0) == pytest.approx(1 / 3)


def test_walking_the_chosen_places_again_gives_the_episode() -> None:
    pytest.importorskip("memory_agent_sim")
    task = ExplorationTask(TaskKind.DISCOVER, "train", 0, (), "habitual", 12.0, 30)
    environment = TwinEnvironment([task], LabelVectors())
    places = chosen_places(environment, NearestFrontier(), 0)
    [outcome] = environment.outcomes()
    tables = apartment("train", 0, "habitual")
    walk = walk_in_twin(tables, places)
    things = tables.movable & tables.boxes.present
    assert walk.metres[-1] == pytest.approx(outcome.metres, abs=0.01)
    assert walk.found(things, 100.0) == pytest.approx(outcome.found)


@pytest.mark.slow
def test_the_twin_agrees_with_pictures() -> None:
    pytest.importorskip("memory_agent_sim")
    row = compare("train", 4)
    assert row["same_sight"] > 0.9
    assert abs(row["twin"]["found"] - row["mujoco"]["found"]) < 0.1
    assert abs(row["twin"]["metres"] / row["mujoco"]["metres"] - 1) < 0.1
