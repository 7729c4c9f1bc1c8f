from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from memory_agent_sim.registration import TWIN_ENV_ID, register_envs
from memory_agent_sim.twin.vector_env import LABELS, NODES, TwinVectorEnv

from memory_agent_ros.records.errors import BadInputError

COUNT = 3


@pytest.fixture(scope="module")
def env() -> TwinVectorEnv:
    register_envs()
    register_envs()
    made = gymnasium.make_vec(
        TWIN_ENV_ID,
        num_envs=COUNT,
        vectorization_mode="vector_entry_point",
        apartments=3,
        budget_m=6.0,
        max_decisions=12,
    )
    assert isinstance(made.unwrapped, TwinVectorEnv)
    return made.unwrapped


def nearest_unknown(observation: dict[str, np.ndarray]) -> np.ndarray:
    worth = (observation["known"] > 0) & (observation["gain_m2"] > 0.5)
    return np.where(worth, observation["path_m"], np.inf).argmin(axis=1)


def test_observations_are_in_the_space_and_results_have_one_row_each(env: TwinVectorEnv) -> None:
    observation, info = env.reset(seed=0)
    assert env.observation_space.contains(observation) and info["apartment"].tolist() == [0, 1, 2]
    for _ in range(4):
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert env.observation_space.contains(observation)
        assert reward.shape == terminated.shape == truncated.shape == (COUNT,)
        assert not terminated.any() and (reward >= 0).all()


def test_the_same_seed_and_actions_give_the_same_episode(env: TwinVectorEnv) -> None:
    def run() -> list[tuple[object, ...]]:
        observation, _ = env.reset(seed=1)
        steps: list[tuple[object, ...]] = [(observation,)]
        for _ in range(14):
            observation, *rest = env.step(nearest_unknown(observation))
            steps.append((observation, *rest[:3]))
        return steps

    assert all(data_equivalence(a, b) for a, b in zip(run(), run(), strict=True))


def test_exploring_finds_things_and_pays_once_for_each(env: TwinVectorEnv) -> None:
    observation, info = env.reset(seed=0)
    seen, paid = info["seen"].copy(), np.zeros(COUNT)
    for _ in range(20):
        observation, reward, _, truncated, info = env.step(nearest_unknown(observation))
        paid += reward
        shown = ((observation["label"] >= 0) & (observation["label"] < 23)).sum(axis=1)
        assert (info["seen"] == shown).all()
        if truncated.any():
            break
    assert (info["seen"] - seen == paid).all() and paid.sum() > 0
    assert observation["metres"].max() <= 6.0 + 1e-4


def test_an_ended_episode_begins_anew_on_the_next_step(env: TwinVectorEnv) -> None:
    observation, _ = env.reset(seed=0)
    ended = np.zeros(COUNT, dtype=bool)
    for _ in range(40):
        before = ended
        observation, reward, _, ended, info = env.step(nearest_unknown(observation))
        assert (observation["metres"][before, 0] == 0).all() and (reward[before] == 0).all()
        assert (info["decisions"][before] == 0).all()
        if before.any():
            return
    pytest.fail("no episode ended")


def test_nothing_is_told_of_what_was_not_seen(env: TwinVectorEnv) -> None:
    observation, _ = env.reset(seed=0)
    unknown = observation["known"] == 0
    assert (observation["path_m"][unknown] == 0).all() and (observation["node_xy"][unknown] == 0).all()
    unseen = observation["label"] < 0
    assert unseen.any() and (observation["thing_xy"][unseen] == 0).all()
    assert (observation["label"] < len(LABELS)).all()


def test_a_place_that_is_not_known_means_to_stay(env: TwinVectorEnv) -> None:
    observation, _ = env.reset(seed=0)
    far = np.array([np.flatnonzero(row == 0)[0] for row in observation["known"]])
    after, *_ = env.step(far)
    assert (after["metres"] == 0).all() and (after["node"] == observation["node"]).all()
    after, *_ = env.step(np.full(COUNT, NODES - 1))
    assert (after["metres"] == 0).all()


def test_bad_arguments_are_refused() -> None:
    for arguments in ({"num_envs": 0}, {"budget_m": -1.0}, {"render_mode": "rgb_array"}):
        with pytest.raises(BadInputError, match=r"num_envs|pictures"):
            TwinVectorEnv(**arguments)
    with pytest.raises(gymnasium.error.ResetNeeded):
        TwinVectorEnv(num_envs=1).step(np.zeros(1, dtype=int))
