"""The ``discover`` benchmark: see as many movable things per metre as possible, in the twin.

The arms of ``search`` in the same apartments of five or more rooms, things put by habit; the budget is 25 m and 50
decisions. ``auc`` is the mean over the budget of the share of the apartment's movable things that were seen. The
learned policy was trained on this task too. ``generator_prior`` has no goal to look for here: it is the policy that
knows the apartment and takes the candidate that shows most unseen things per metre, greedy and privileged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from memory_agent_ros.evaluation.exploration.arm_figures import difference_figure, mean_figure, not_measured
from memory_agent_ros.evaluation.exploration.arms import ARMS, LEARNED, arm_policy, label_words
from memory_agent_ros.evaluation.exploration.rollout import roll_out
from memory_agent_ros.evaluation.exploration.task_sets import discover_tasks, large_apartments
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.exploration_task import EpisodeOutcome

_CHUNK = 40
#: What the learned arm has to beat.
_RIVALS = ("nearest_frontier", "information_gain")


@dataclass(frozen=True)
class Discovery:
    """One episode of one arm in the apartment of a seed."""

    seed: int
    arm: str
    outcome: EpisodeOutcome


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments; those with fewer than five rooms are left out.
        jobs: processes.
        options: ``progress`` (bool), ``learned`` (path of weights, instead of those that ship).
    """
    chunks = [seeds[i : i + _CHUNK] for i in range(0, len(seeds), _CHUNK)]
    calls = [(split, chunk, str(options.get("learned", LEARNED))) for chunk in chunks]
    progress = bool(options.get("progress", False))
    parts = spread(run_chunk, calls, jobs, f"discover {split}", "chunk", progress=progress)
    episodes = [one for part in parts for one in part]
    if not episodes:
        raise BadInputError("tasks_empty", "no apartment with five rooms among these seeds; give more")
    episodes.sort(key=lambda e: (e.arm, e.seed))
    arms = {arm: _arm_figures(episodes, arm) for arm in ARMS}
    return Outcome(arms[LEARNED] | _contrasts(episodes), arms, [asdict(e) for e in episodes])


def run_chunk(split: str, seeds: range, learned: str = LEARNED) -> list[Discovery]:
    """All arms in the apartments of some seeds."""
    if not large_apartments(split, seeds):
        return []
    tasks = discover_tasks(split, seeds)
    environment = TwinEnvironment(tasks, label_words())
    episodes = []
    for arm in ARMS:
        policy = arm_policy(learned if arm == LEARNED else arm, environment)
        if policy is not None:
            outcomes = roll_out(environment, policy)
            episodes += [Discovery(t.seed, arm, o) for t, o in zip(tasks, outcomes, strict=True)]
    return episodes


def _arm_figures(episodes: Sequence[Discovery], arm: str) -> dict[str, Figure]:
    mine = [e for e in episodes if e.arm == arm]
    if not mine:
        return {"auc": not_measured(), "found": not_measured(), "metres": not_measured("m")}
    seeds = [e.seed for e in mine]
    return {
        "auc": mean_figure(seeds, [e.outcome.auc for e in mine]),
        "found": mean_figure(seeds, [e.outcome.found for e in mine]),
        "metres": mean_figure(seeds, [e.outcome.metres for e in mine], "m"),
    }


def _contrasts(episodes: Sequence[Discovery]) -> dict[str, Figure]:
    auc = {arm: [e.outcome.auc for e in episodes if e.arm == arm] for arm in ARMS}
    seeds = [e.seed for e in episodes if e.arm == _RIVALS[0]]
    above = Goal("min", 0.0)
    return {
        f"auc_over_{arm}": difference_figure(seeds, auc[LEARNED], auc[arm], above)
        if auc[LEARNED]
        else not_measured("", above)
        for arm in _RIVALS
    }
