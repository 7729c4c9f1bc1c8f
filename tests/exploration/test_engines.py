"""Engines: the same requests give the same rollouts wherever they are played."""

import functools
import multiprocessing

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from memory_agent_ros.exploration.empo2 import Course, Empo2, Empo2Config, Request
from memory_agent_ros.exploration.engines import Engine, make_engine
from memory_agent_ros.exploration.learned_policy import LearnedPolicy
from memory_agent_ros.exploration.policy_network import PolicyConfig
from memory_agent_ros.exploration.rollout import Rollout, rollout
from memory_agent_ros.exploration.tips import TipMemory
from memory_agent_ros.records.errors import BadInputError, MissingExtraError
from tests.exploration.hidden_places import HiddenPlaces


def make_policy(seed: int = 0) -> LearnedPolicy:
    return LearnedPolicy.new(PolicyConfig(HiddenPlaces().shape, dim=16, heads=2, layers=1), seed)


def make_courses() -> list[Course]:
    return [Course(HiddenPlaces(), range(20))]


def engine(name: str) -> Engine:
    if name == "ray":
        pytest.importorskip("ray", reason="Ray is not installed (extra: ray)")
    # Workers start from other weights: those of the policy must come with each request.
    return make_engine(name, functools.partial(make_policy, 9), make_courses, workers=2)


def same(a: Rollout, b: Rollout) -> bool:
    return (
        np.array_equal(a.choice, b.choice)
        and np.allclose(a.log_prob, b.log_prob, atol=1e-6)
        and np.array_equal(a.score, b.score)
        and a.choice_text == b.choice_text
        and (a.seen is None) == (b.seen is None)
    )


@pytest.mark.parametrize("name", ["processes", "ray"])
def test_every_engine_plays_as_this_process_does(name: str) -> None:
    policy, env = make_policy(), HiddenPlaces()
    with torch.no_grad():
        policy.module.head.weight.normal_(generator=torch.Generator().manual_seed(3))
    tips = TipMemory()
    tips.add(rollout(env, policy, range(8), None, (5,)).tips(policy.name))
    requests = [Request(0, (n, n, n + 1), n == 2, (0, n)) for n in range(4)]
    expected = make_engine("here", make_policy, make_courses)(policy, tips, requests)
    with engine(name) as collect:
        found = collect(policy, tips, requests)
        assert all(same(a, b) for a, b in zip(expected, found, strict=True)) and found[2].seen is not None
        with torch.no_grad():
            policy.module.head.weight.neg_()
        changed = make_engine("here", make_policy, make_courses)(policy, tips, requests)
        assert all(same(a, b) for a, b in zip(changed, collect(policy, tips, requests), strict=True))
    assert not multiprocessing.active_children() or name == "ray"


def test_training_goes_the_same_way_in_processes() -> None:
    config, weights = Empo2Config(decisions=200, tasks=2, group=4, epochs=1), []
    for name in ("here", "processes"):
        policy = make_policy()
        with engine(name) as collect:
            learner = Empo2(policy, make_courses(), config, collect, parts=2)
            while not learner.done:
                learner.step()
        weights.append(torch.cat([p.detach().flatten() for p in policy.module.parameters()]))
    assert torch.allclose(*weights, atol=1e-6)


def test_an_unknown_engine_and_an_absent_one_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInputError) as caught:
        make_engine("cloud", make_policy, make_courses)
    assert caught.value.reason == "engine_unknown"
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MissingExtraError, match="memory_agent_ros\\[ray\\]"):
        make_engine("ray", make_policy, make_courses)
