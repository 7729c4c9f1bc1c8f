"""Distilling tips into a policy, and the gate before it lives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from memory_agent_ros.evaluation.training.learn import Held, LearnConfig, _Kept, distil, judge, learn, read_tips
from memory_agent_ros.exploration.empo2 import Course, Empo2Config
from memory_agent_ros.exploration.learned_policy import LearnedPolicy
from memory_agent_ros.exploration.policy_network import PolicyConfig
from memory_agent_ros.exploration.rollout import rollout
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.tip import Tip
from tests.exploration.hidden_places import HiddenPlaces

SMALL = LearnConfig(Empo2Config(decisions=600, tasks=4, group=4, epochs=1, off_policy=0.6, rate=1e-3))


@pytest.fixture(scope="module")
def policy() -> LearnedPolicy:
    torch.set_num_threads(1)
    return LearnedPolicy.new(PolicyConfig(HiddenPlaces().shape, dim=16, heads=2, layers=1), seed=1)


@pytest.fixture(scope="module")
def tips(policy: LearnedPolicy) -> list[Tip]:
    played = rollout(HiddenPlaces(), policy, range(40))
    return [t for t in played.tips("robot") if t.score > 0]


def held(count: int = 60) -> Held:
    return Held("search", HiddenPlaces(), [i // 4 for i in range(count)])


def test_tips_are_read_out_of_maps_by_domain_and_width(tmp_path: Path, tips: list[Tip]) -> None:
    path = tmp_path / "home.map"
    with SpatialMemory.open(path) as memory:
        memory.tips.remember(tips)
    key, choice = len(tips[0].situation), len(tips[0].choice)
    assert len(read_tips([path], tips[0].domain, key, choice)) == len({t.text + str(t.choice) for t in tips})
    for domain, width in (("elsewhere", choice), (tips[0].domain, choice + 1)):
        with pytest.raises(BadInputError) as caught:
            read_tips([path], domain, key, width)
        assert caught.value.reason == "tips_absent"


def test_the_robots_tips_stay_and_no_others_come(tips: list[Tip]) -> None:
    kept = _Kept(tips[:3])
    kept.add(tips[3:])
    assert len(kept) == 3


def test_distilling_changes_a_copy_only(policy: LearnedPolicy, tips: list[Tip]) -> None:
    before = {k: v.clone() for k, v in policy.module.state_dict().items()}
    new = distil(policy, tips, [Course(HiddenPlaces(), range(30))], SMALL)
    assert all(torch.equal(before[k], v) for k, v in policy.module.state_dict().items())
    assert any(not torch.equal(before[k], v) for k, v in new.module.state_dict().items())
    assert "tips" in new.name


def test_the_gate_compares_the_same_tasks(policy: LearnedPolicy) -> None:
    same = judge(policy, policy, held(), 0.02)
    assert same.difference == 0.0 and same.passes and same.old == same.new


def test_a_policy_that_loses_does_not_go_live(
    tmp_path: Path, policy: LearnedPolicy, tips: list[Tip], monkeypatch
) -> None:
    from memory_agent_ros.evaluation.training import learn as module

    courses, out = [Course(HiddenPlaces(), range(30))], tmp_path / "new.safetensors"
    worse = {"old": np.ones(60), "new": np.where(np.arange(60) % 3, 1.0, 0.0)}
    monkeypatch.setattr(module, "_scores", lambda p, h: worse["old" if p is policy else "new"])
    lost = learn(policy, tips, courses, lambda: [held()], out, SMALL)
    assert not lost["live"] and lost["file"] is None and not out.exists() and lost["policy"] == policy.name
    worse["new"] = np.ones(60)
    won = learn(policy, tips, courses, lambda: [held()], out, SMALL)
    assert won["live"] and out.exists()
    again = LearnedPolicy.load(out)
    assert "tips" in again.about["learned_from"] and "1.000 -> 1.000" in again.about["verdicts"]
