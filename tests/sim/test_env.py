from __future__ import annotations

import warnings

import gymnasium
import memory_agent_sim
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

TINY = {"width": 64, "height": 48, "rooms": 3, "split": "val"}


def test_check_env_is_clean() -> None:
    gymnasium.register_envs(memory_agent_sim)
    env = gymnasium.make("MemoryApartment-v0", instances=True, render_mode="rgb_array", max_steps=20, **TINY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    env.close()


def test_episode_is_truncated_and_pays_for_new_things() -> None:
    env = gymnasium.make("MemoryApartment-v0", max_steps=15, **TINY)
    observation, info = env.reset(seed=4, options={"apartment": 4})
    assert observation in env.observation_space
    total, first = 0.0, info["seen"]
    for step in range(15):
        observation, reward, terminated, truncated, info = env.step(np.array([0.0, 1.0], dtype=np.float32))
        assert not terminated
        total += reward
        assert truncated == (step == 14)
    assert total == pytest.approx(info["seen"] - first, abs=0.16)
    assert info["seen"] > 0
    again, _ = env.reset(seed=4)
    assert np.allclose(again["pose"], env.unwrapped.simulation.layout.start)
    env.close()


def test_step_before_reset_is_refused() -> None:
    env = gymnasium.make("MemoryApartment-v0", **TINY).unwrapped
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(np.zeros(2, dtype=np.float32))


def test_vectorised() -> None:
    envs = gymnasium.make_vec(
        "MemoryApartment-v0", num_envs=2, vectorization_mode="sync", sensor="raycast", max_steps=10, **TINY
    )
    observation, _ = envs.reset(seed=[1, 2])
    assert observation["rgb"].shape == (2, 48, 64, 3)
    assert not np.array_equal(observation["rgb"][0], observation["rgb"][1])
    observation, reward, *_ = envs.step(envs.action_space.sample())
    assert reward.shape == (2,)
    assert np.isfinite(observation["pose"]).all()
    envs.close()
