"""The ``search`` benchmark: find one thing by category in an apartment never seen, in the twin.

Arms act in the same episodes: two goals in each apartment of five or more rooms, things put by habit. All but the
learned one share the rule for declaring. An action is one of up to 30 candidates (``stop``, frontiers, rooms not
entered, viewpoints), the budget 13 m and 25 decisions: set on ``val`` so that the nearest frontier finds 50 to 60 %,
as were the baselines' weights. Success: a declaration within sight and 2.5 m of such a thing.

Primary contrast, named beforehand: ``spl`` of ``learned`` less that of ``cooccurrence_frontier``. ``gap_closed`` is
the learned arm's share of the way in SPL from ``nearest_frontier`` to ``generator_prior``, which knows the
generator's habits and all furniture. ``success@Bm``: at other budgets. ``*_shifted``: apartments in which half of the
categories have other habits than in training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from memory_agent_ros.evaluation.exploration.arm_figures import (
    difference_figure,
    gap_closed_figure,
    mean_figure,
    not_measured,
)
from memory_agent_ros.evaluation.exploration.arms import ARMS, CEILING, FLOOR, LEARNED, arm_policy, label_words
from memory_agent_ros.evaluation.exploration.rollout import roll_out
from memory_agent_ros.evaluation.exploration.task_sets import SEARCH_BUDGET_M, search_tasks
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.exploration_task import EpisodeOutcome, ExplorationTask

#: Other budgets, metres; decisions in proportion.
BUDGETS_M = (6.5, 9.0, 19.0, 26.0)
#: Seeds handed to a process at a time.
_CHUNK = 40


@dataclass(frozen=True)
class Episode:
    """One episode of one arm.

    Attributes:
        placement: how things were put.
        seed, goal, budget_m: of its task.
        arm: which.
        outcome: how it ended.
    """

    placement: str
    seed: int
    goal: str
    budget_m: float
    arm: str
    outcome: EpisodeOutcome


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments; those with fewer than five rooms are left out.
        jobs: processes.
        options: ``progress`` (bool), ``learned`` (path of weights, instead of those that ship), ``curve`` (bool, other
            budgets too; True).
    """
    chunks = [seeds[i : i + _CHUNK] for i in range(0, len(seeds), _CHUNK)]
    budgets = BUDGETS_M if options.get("curve", True) else ()
    calls = [(split, chunk, str(options.get("learned", LEARNED)), budgets) for chunk in chunks]
    progress = bool(options.get("progress", False))
    parts = spread(run_chunk, calls, jobs, f"search {split}", "chunk", progress=progress)
    episodes = [one for part in parts for one in part]
    if not episodes:
        raise BadInputError("tasks_empty", "no apartment with five rooms among these seeds; give more")
    episodes.sort(key=lambda e: (e.placement, e.budget_m, e.arm, e.seed))
    arms = {arm: arm_figures(episodes, arm, budgets) for arm in ARMS}
    return Outcome(_figures(episodes) | arms[LEARNED], arms, [_details(e) for e in episodes])


def run_chunk(split: str, seeds: range, learned: str, budgets: Sequence[float]) -> list[Episode]:
    """All arms in the apartments of some seeds."""
    words, episodes = label_words(), []
    for placement in ("habitual", "shifted"):
        try:
            tasks = search_tasks(split, seeds, placement)
        except BadInputError:
            continue
        for budget in (SEARCH_BUDGET_M, *(budgets if placement == "habitual" else ())):
            episodes += _run(_at_budget(tasks, budget), words, learned)
    return episodes


def _at_budget(tasks: Sequence[ExplorationTask], budget_m: float) -> list[ExplorationTask]:
    factor = budget_m / SEARCH_BUDGET_M
    return [replace(t, budget_m=budget_m, max_decisions=round(t.max_decisions * factor)) for t in tasks]


def _run(tasks: Sequence[ExplorationTask], words: LabelVectors, learned: str) -> list[Episode]:
    environment = TwinEnvironment(tasks, words)
    episodes = []
    for arm in ARMS:
        policy = arm_policy(learned if arm == LEARNED else arm, environment)
        if policy is None:
            continue
        for task, outcome in zip(tasks, roll_out(environment, policy), strict=True):
            episodes.append(Episode(task.placement, task.seed, task.goals[0], task.budget_m, arm, outcome))
    return episodes


def pick(episodes: Sequence[Episode], arm: str, placement: str, budget_m: float) -> list[Episode]:
    """The episodes of an arm; the same order for every arm."""
    return [e for e in episodes if e.arm == arm and e.placement == placement and e.budget_m == budget_m]


def arm_figures(episodes: Sequence[Episode], arm: str, budgets: Sequence[float]) -> dict[str, Figure]:
    """Figures of one arm; null if it did not run."""
    out: dict[str, Figure] = {}
    for placement, tail in (("habitual", ""), ("shifted", "_shifted")):
        mine = pick(episodes, arm, placement, SEARCH_BUDGET_M)
        seeds = [e.seed for e in mine]
        out[f"success{tail}"] = _mean(seeds, [e.outcome.success for e in mine])
        out[f"spl{tail}"] = _mean(seeds, [e.outcome.spl for e in mine])
        out[f"metres{tail}"] = _mean(seeds, [e.outcome.metres for e in mine], "m")
        out[f"wrong{tail}"] = _mean(seeds, [e.outcome.wrong_declarations for e in mine])
    for budget in budgets:
        mine = pick(episodes, arm, "habitual", budget)
        out[f"success@{budget:g}m"] = _mean([e.seed for e in mine], [e.outcome.success for e in mine])
    return out


def _mean(seeds: Sequence[int], values: Sequence[float], unit: str = "") -> Figure:
    return mean_figure(seeds, values, unit) if len(values) else not_measured(unit)


def _figures(episodes: Sequence[Episode]) -> dict[str, Figure]:
    """The learned arm against the others, episode by episode."""
    out: dict[str, Figure] = {}
    for placement, tail in (("habitual", ""), ("shifted", "_shifted")):
        found = {arm: pick(episodes, arm, placement, SEARCH_BUDGET_M) for arm in ARMS}
        spl = {arm: [e.outcome.spl for e in mine] for arm, mine in found.items()}
        seeds = [e.seed for e in found[FLOOR]]
        least = Goal("min", 0.3) if not tail else None
        ours = spl[LEARNED]
        out[f"gap_closed{tail}"] = (
            gap_closed_figure(seeds, ours, spl[FLOOR], spl[CEILING], least) if ours else not_measured("", least)
        )
        if seeds:
            out[f"gap{tail}"] = difference_figure(seeds, spl[CEILING], spl[FLOOR])
        for arm in ARMS:
            if ours and arm not in (LEARNED, CEILING):
                out[f"spl_over_{arm}{tail}"] = difference_figure(seeds, ours, spl[arm])
    habitual = pick(episodes, FLOOR, "habitual", SEARCH_BUDGET_M)
    nan = not_measured().low
    out["episodes"] = Figure(float(len(habitual)), nan, nan, "", Goal("min", 500.0))
    out["budget_m"] = Figure(SEARCH_BUDGET_M, nan, nan, "m")
    return out


def _details(episode: Episode) -> dict[str, Any]:
    row: dict[str, Any] = asdict(episode)
    outcome: dict[str, Any] = row.pop("outcome")
    return row | outcome
