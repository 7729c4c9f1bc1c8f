"""One training of a comparison of EMPO2's parts, and what its policy does afterwards. Needs torch.

Every arm gets the same environment steps, tasks, network and optimiser; only what the arm is named after differs.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.exploration.task_sets import search_tasks
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.evaluation.training.explorer_courses import (
    ExplorerTraining,
    label_vectors,
    make_courses,
    make_policy,
    standardise,
)
from memory_agent_ros.evaluation.walks.walk import cache_folder
from memory_agent_ros.exploration.empo2 import Empo2, Empo2Config
from memory_agent_ros.exploration.learned_policy import LearnedPolicy
from memory_agent_ros.exploration.rollout import rollout
from memory_agent_ros.exploration.tips import TipMemory, TipStore

#: What each trained arm changes in the settings of ``full``.
CHANGES: dict[str, dict[str, Any]] = {
    "grpo": {"novelty": 0.0, "off_policy": 0.0, "tips_on_policy": 0.0},
    "grpo_novelty": {"off_policy": 0.0, "tips_on_policy": 0.0},
    "no_off_policy": {},
    "no_tips_on_policy": {},
    "no_distillation": {"distillation": 0.0},
    "full": {},
}
#: Arm -> the training that its policy comes from: tips at test need no training of their own.
TRAINED_AS: dict[str, str] = {"tips_at_test": "grpo", **{name: name for name in CHANGES}}
ARMS: tuple[str, ...] = (
    "grpo", "grpo_novelty", "tips_at_test", "no_off_policy", "no_tips_on_policy", "no_distillation", "full",
)  # fmt: skip
#: The kind of apartment that no policy is trained on, and how often a search there is repeated.
UNKNOWN_KIND, TRIALS = "student_flat", 10
#: Tips that are read while trying: those of the search's own trials, the same with their choices shuffled, none.
TIPS = ("own", "shuffled", "none")
_BATCH = 64


@dataclass(frozen=True)
class Comparison:
    """What is compared.

    Attributes:
        training: settings of ``full``; its seed is replaced by each training seed.
        split, seeds: apartments of the measurement.
        goals: searches in each; ``trial_goals`` in each apartment of the unknown kind.
        temperature: of the softmax in measurements and trials, 0.4 as in the paper; 0 takes the best score.
        draws: episodes of each search.
    """

    training: ExplorerTraining = field(
        default_factory=lambda: ExplorerTraining(
            Empo2Config(decisions=12_000),
            apartments=140,
            goals=8,
            variants=0,
            discover=0.0,
            guide="",
            text_vectors=False,
        )
    )
    split: str = "test"
    seeds: tuple[int, ...] = ()
    goals: int = 6
    trial_goals: int = 2
    temperature: float = 0.4
    draws: int = 3


def settings(arm: str, full: Empo2Config) -> Empo2Config:
    """Settings of a trained arm; without one of the modes with tips its share goes to the other one."""
    if arm == "no_off_policy":
        return replace(full, off_policy=0.0, tips_on_policy=full.off_policy + full.tips_on_policy)
    if arm == "no_tips_on_policy":
        return replace(full, off_policy=full.off_policy + full.tips_on_policy, tips_on_policy=0.0)
    return replace(full, **CHANGES[arm])


def cached_run(arm: str, seed: int, comparison: Comparison) -> dict[str, Any]:
    """:func:`run`, or what it gave before with the same settings and code."""
    told = json.dumps([arm, seed, asdict(comparison), _code()], sort_keys=True)
    path = cache_folder().parent / "empo2" / f"{arm}-{seed}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.json"
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        return found
    result = run(arm, seed, comparison)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(result))
    draft.replace(path)
    return result


def run(arm: str, seed: int, comparison: Comparison) -> dict[str, Any]:
    """Train one arm with one seed and measure it.

    Returns:
        JSON-ready: ``apartments`` of the searches, (E,) ``success`` and ``spl`` under ``off`` and ``on`` (tips),
        ``trials`` (chains, 10) of success by kind of tips for ``full``, the training's ``curve`` and cost.
    """
    import torch

    torch.set_num_threads(1)
    started = time.process_time()
    training = replace(comparison.training, empo2=replace(settings(arm, comparison.training.empo2), seed=seed))
    courses, policy = make_courses(training), make_policy(training)
    algorithm = Empo2(policy, courses, training.empo2)
    algorithm.decisions = standardise(policy, courses)
    curve = []
    while not algorithm.done:
        figures = algorithm.step()
        curve.append([algorithm.decisions, round(figures["score"], 4), figures["with_tips"]])
    algorithm.settle()
    trained = time.process_time() - started
    words = label_vectors(training.text_vectors)
    tasks = search_tasks(comparison.split, comparison.seeds, goals=comparison.goals)
    environment = TwinEnvironment(tasks, words, name=courses[0].environment.name)
    result: dict[str, Any] = {
        "arm": arm,
        "seed": seed,
        "apartments": [task.seed for task in tasks],
        "off": _measured(environment, policy, None, comparison),
        "on": _measured(environment, policy, algorithm.tips, comparison),
        "decisions": algorithm.decisions,
        "train_cpu_s": round(trained, 1),
        "curve": curve,
    }
    if arm == "full":
        unknown = search_tasks(comparison.split, comparison.seeds, UNKNOWN_KIND, comparison.trial_goals)
        place = TwinEnvironment(unknown, words)
        result["unknown"] = [task.seed for task in unknown]
        result["trials"] = {tips: trials(place, policy, tips, comparison.temperature, seed).tolist() for tips in TIPS}
    return result | {"cpu_s": round(time.process_time() - started, 1)}


def _measured(
    environment: TwinEnvironment, policy: LearnedPolicy, tips: TipStore | None, comparison: Comparison
) -> dict[str, list[float]]:
    """Success and SPL of each search, means over the draws."""
    out: dict[str, list[float]] = {"success": [], "spl": []}
    for first in range(0, len(environment.tasks), _BATCH):
        numbers = range(first, min(first + _BATCH, len(environment.tasks)))
        success, spl = [], []
        for draw in range(comparison.draws):
            seed, temperature = (first, draw), comparison.temperature
            rollout(environment, policy, numbers, tips, seed, temperature=temperature, words=False)
            done = environment.outcomes()
            success.append([float(o.success) for o in done])
            spl.append([o.spl for o in done])
        out["success"] += np.mean(success, axis=0).round(4).tolist()
        out["spl"] += np.mean(spl, axis=0).round(4).tolist()
    return out


def trials(
    environment: TwinEnvironment, policy: LearnedPolicy, tips: str, temperature: float, seed: int, count: int = TRIALS
) -> NDArray[np.float64]:
    """(tasks, count) success of each search tried again and again: tips are kept, the spatial memory and weights not.

    ``own``: tips of the search's own trials; ``shuffled``: the same, each with the choice of another tip of any of the
    searches; ``none``: without tips. The draws are the same for all three.
    """
    parts = []
    for first in range(0, len(environment.tasks), _BATCH):
        numbers = range(first, min(first + _BATCH, len(environment.tasks)))
        parts.append(_tried(environment, policy, numbers, tips, temperature, seed, count))
    return np.concatenate(parts)


def _tried(
    environment: TwinEnvironment,
    policy: LearnedPolicy,
    numbers: Sequence[int],
    tips: str,
    temperature: float,
    seed: int,
    count: int,
) -> NDArray[np.float64]:
    stores = [TipMemory() for _ in numbers]
    out = np.zeros((len(numbers), count))
    for trial in range(count):
        draws = (seed, trial, numbers[0])
        told = None if tips == "none" else stores
        played = rollout(environment, policy, numbers, told, draws, temperature=temperature)
        out[:, trial] = played.score
        learned = played.tips(policy.name)
        if tips == "shuffled":
            order = np.random.default_rng([*draws, 1]).permutation(len(learned))
            learned = [replace(t, choice=learned[i].choice) for t, i in zip(learned, order.tolist(), strict=True)]
        for episode, tip in zip(played.episode.tolist(), learned, strict=True):
            stores[episode].add([tip])
    return out


def table(runs: Mapping[int, Mapping[str, Any]], tips: str, what: str) -> NDArray[np.float64]:
    """(training seeds, apartments) mean over an apartment's searches of ``success`` or ``spl``, tips off or on."""
    rows = []
    for seed in sorted(runs):
        apartments, values = np.array(runs[seed]["apartments"]), np.array(runs[seed][tips][what])
        rows.append([values[apartments == a].mean() for a in np.unique(apartments)])
    return np.array(rows)


@cache
def _code() -> str:
    """Digest of the code that decides what a run gives."""
    import memory_agent_sim

    import memory_agent_ros

    package, simulator = Path(memory_agent_ros.__file__).parent, Path(memory_agent_sim.__file__).parent
    files = sorted(
        [
            *(package / "exploration").rglob("*.py"),
            *(package / "evaluation" / "exploration").glob("*.py"),
            *(simulator / "twin").glob("*.py"),
            simulator / "habits.py",
        ]
    )
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:16]
