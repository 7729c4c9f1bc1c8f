"""The ``rendered`` benchmark: searches in the rendered simulation, the whole stack from pictures to a declaration.

The same tasks are done by each policy, and once more in the fast twin, so that the twin's word on who is better can be
checked. Camera 320x240, simulated detector with its default noise, the real memory, one goal in each apartment.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from memory_agent_ros.evaluation.exploration.rollout import roll_out
from memory_agent_ros.evaluation.exploration.task_sets import search_tasks
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean, median
from memory_agent_ros.evaluation.task_episode import run_task
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.policies.by_name import LEARNED, policy_by_name
from memory_agent_ros.exploration.situation import Policy
from memory_agent_ros.perception.factory import lazy_text_embedder
from memory_agent_ros.perception.protocols import TextEmbedder
from memory_agent_ros.records.exploration_task import EpisodeOutcome, ExplorationTask

BASELINE = "nearest_frontier"
POLICIES = (LEARNED, BASELINE)


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments; those with too few rooms are left out.
        jobs: processes.
        options: ``progress`` (bool), ``policies`` (names; the first is compared with the second), ``episodes`` (at
            most so many tasks).
    """
    names = tuple(options.get("policies", POLICIES))
    progress = bool(options.get("progress", False))
    tasks = search_tasks(split, seeds, goals=1)[: options.get("episodes")]
    todo = [(name, task) for task in tasks for name in names]
    done: dict[tuple[str, int], dict[str, Any]] = {}
    for row in spread(run_rendered, todo, jobs, f"rendered {split}", "episode", progress=progress, tell=_tell):
        done[row["policy"], row["seed"]] = row
    rows = {name: [done[name, task.seed] for task in tasks] for name in names}
    twin = {name: _twin(name, tasks) for name in names}
    arms = {name: _figures(rows[name]) | {"same_success_as_twin": _same(rows[name], twin[name])} for name in names}
    arms |= {f"{name}_twin": _figures([asdict(o) for o in twin[name]]) for name in names}
    details = [row | {"twin": asdict(o)} for name in names for row, o in zip(rows[name], twin[name], strict=True)]
    return Outcome(_contrast(rows[names[0]], rows[names[1]]) | arms[names[0]], arms, details)


def run_rendered(name: str, task: ExplorationTask) -> dict[str, Any]:
    """One episode; JSON-ready."""
    policy, texts = _policy(name)
    begin = time.perf_counter()
    result = run_task(task, policy, texts=texts)
    goal = result.goals[0]
    return {
        "policy": name,
        "seed": task.seed,
        "goal": goal.goal,
        **asdict(goal.outcome),
        "simulated_s": round(goal.phase.simulated_s, 1),
        "seconds": round(time.perf_counter() - begin, 1),
        "collisions": goal.phase.collisions,
        "choices": [d.reason for d in goal.decisions],
    }


@functools.cache
def _policy(name: str) -> tuple[Policy, TextEmbedder | None]:
    texts = lazy_text_embedder("auto")
    return policy_by_name(name, LabelVectors(texts)), texts


def _tell(bar: Any, row: dict[str, Any]) -> None:
    bar.set_postfix_str(f"{row['policy']} {'found' if row['success'] else row['stop_reason']}")


def _twin(name: str, tasks: Sequence[ExplorationTask]) -> list[EpisodeOutcome]:
    policy, texts = _policy(name)
    return roll_out(TwinEnvironment(tasks, LabelVectors(texts)), policy)


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> list[list[float]]:
    return [[float(row[name])] for row in rows]


def _figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    found = {name: figure(_column(rows, name), mean) for name in ("success", "spl", "wrong_declarations")}
    found["metres"] = figure(_column(rows, "metres"), mean, "m")
    found["decisions"] = figure(_column(rows, "decisions"), mean)
    if "seconds" in rows[0]:
        found["episode_s"] = figure(_column(rows, "seconds"), median, "s")
    return found


def _same(rows: Sequence[Mapping[str, Any]], twin: Sequence[EpisodeOutcome]) -> Figure:
    return figure([[float(row["success"] == o.success)] for row, o in zip(rows, twin, strict=True)], mean)


def _contrast(ours: Sequence[Mapping[str, Any]], theirs: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    """Paired differences, the primary contrast first."""
    found = {}
    for name, goal in (("spl", Goal("min", 0.0)), ("success", None)):
        pairs = zip(_column(ours, name), _column(theirs, name), strict=True)
        found[f"{name}_difference"] = figure([[a[0] - b[0]] for a, b in pairs], mean, "", goal)
    return found | {"episodes": figure([[1.0]] * len(ours), lambda d: float(d.sum()), "", Goal("min", 30))}
