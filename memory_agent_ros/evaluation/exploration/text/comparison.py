"""EMPO2 against GRPO on text environments at equal environment steps. Needs torch; exploratory."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.exploration.text.encoding import TextVectors
from memory_agent_ros.evaluation.exploration.text.environment import TextEnvironment
from memory_agent_ros.evaluation.exploration.text.game import SceneCache
from memory_agent_ros.evaluation.exploration.text.make import make_text_environment
from memory_agent_ros.exploration.empo2 import Course, Empo2, Empo2Config
from memory_agent_ros.exploration.learned_policy import LearnedPolicy
from memory_agent_ros.exploration.policy_network import PolicyConfig
from memory_agent_ros.exploration.rollout import rollout
from memory_agent_ros.exploration.tips import TipStore

#: What each arm changes in the settings of ``full``.
ARMS: dict[str, dict[str, Any]] = {
    "grpo": {"novelty": 0.0, "off_policy": 0.0, "tips_on_policy": 0.0},
    "full": {},
}
#: Environment steps of a training.
DECISIONS = {"scienceworld": 4000, "textworld": 12_000}
#: Games of ``train`` that are practised.
PRACTISED = {"scienceworld": 8, "textworld": 96}


@dataclass(frozen=True)
class TextComparison:
    """What is compared.

    Attributes:
        kind, task: the environment.
        split, games: held-out games of the measurement, by position in the split.
        practised: games of ``train`` that are practised; 0 takes :data:`PRACTISED`.
        decisions: environment steps of a training; 0 takes :data:`DECISIONS`.
        empo2: settings of ``full``; its seed is replaced by each training seed.
        dim, layers: of the network.
        episodes: played of each held-out game, drawn from the policy's softmax.
    """

    kind: str
    task: str
    split: str
    games: tuple[int, ...]
    practised: int = 0
    decisions: int = 0
    empo2: Empo2Config = field(
        default_factory=lambda: Empo2Config(tasks=2, group=8, epochs=4, minibatch=64, rate=1e-3, novelty=0.1)
    )
    dim: int = 48
    layers: int = 1
    episodes: int = 2


def run(arm: str, seed: int, comparison: TextComparison) -> dict[str, Any]:
    """Train one arm with one seed and measure it.

    Returns:
        JSON-ready: (games,) mean ``score`` and ``success`` (the full score) under ``off`` and ``on`` (tips), the
        training's ``curve``, its steps per second and parameters.
    """
    import torch

    torch.set_num_threads(1)
    kind, task = comparison.kind, comparison.task
    practised, tasks = _environment(kind, task, "train", comparison.practised or PRACTISED[kind])
    config = replace(comparison.empo2, seed=seed, decisions=comparison.decisions or DECISIONS[kind], **ARMS[arm])
    policy = LearnedPolicy.new(PolicyConfig(practised.shape, comparison.dim, layers=comparison.layers), seed, "reader")
    algorithm, curve, started = Empo2(policy, [Course(practised, tasks)], config), [], time.perf_counter()
    first = rollout(practised, policy, tasks[:16], words=False)  # tells the scale of the inputs
    policy.standardise(first.situations)
    algorithm.decisions = len(first.choice)
    while not algorithm.done:
        figures = algorithm.step()
        curve.append([algorithm.decisions, round(figures["score"], 4), figures["with_tips"]])
    trained = time.perf_counter() - started
    held_out, _ = _environment(kind, task, comparison.split, max(comparison.games) + 1)
    return {
        "env": kind,
        "task": task,
        "arm": arm,
        "seed": seed,
        "off": _measured(held_out, policy, None, comparison),
        "on": _measured(held_out, policy, algorithm.tips, comparison),
        "curve": curve,
        "decisions": algorithm.decisions,
        "decisions_per_s": round(algorithm.decisions / trained, 2),
        "parameters": sum(p.numel() for p in policy.module.parameters()),
    }


def _measured(
    environment: TextEnvironment, policy: LearnedPolicy, tips: TipStore | None, comparison: TextComparison
) -> dict[str, list[float]]:
    """Means over the episodes of each game; the draws are the same for every arm."""
    games = np.repeat(comparison.games, comparison.episodes).tolist()
    scores = np.concatenate(
        [rollout(environment, policy, games[n : n + 8], tips, (n,), words=False).score for n in range(0, len(games), 8)]
    ).reshape(len(comparison.games), comparison.episodes)
    success = (scores > 0.999).mean(axis=1)
    return {"score": scores.mean(axis=1).round(4).tolist(), "success": success.round(4).tolist()}


def table(runs: Mapping[int, Mapping[str, Any]], tips: str, what: str) -> NDArray[np.float64]:
    """(training seeds, games) ``score`` or ``success``, tips off or on."""
    return np.array([runs[seed][tips][what] for seed in sorted(runs)])


def _environment(kind: str, task: str, split: str, count: int) -> tuple[TextEnvironment, range]:
    return make_text_environment(kind, task, split, count, _vectors(), cache=_scenes(kind, task, split))


@cache
def _vectors() -> TextVectors:
    """Vectors of this process, by the embedded text encoder.

    Raises:
        MissingExtraError: the text encoder is not installed.
    """
    from memory_agent_ros.perception.embedders.minilm import MiniLmEmbedder

    return TextVectors(MiniLmEmbedder.from_package())


@cache
def _scenes(kind: str, task: str, split: str) -> SceneCache:
    """What this process has seen of the games of a split: all arms and seeds play the same ones."""
    return SceneCache()
