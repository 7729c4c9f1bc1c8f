"""The ``lifelong`` benchmark: chains of ten searches in one apartment, the world changed before each, in the twin.

Arms differ in what the robot knows when a further goal is given: ``memory_kept`` what it saw itself, ``memory_reset``
nothing, ``oracle_map`` the floor and where everything stands now. All act by one policy (``policy``; the learned one if
it ships, else ``cooccurrence_frontier``) on the same goals and the same changes: three things moved or taken away, an
hour passing. The robot begins each goal where it began the first, as from a dock. An action is one of up to 30
candidates, the budget 26 m and 50 decisions a goal. Figures are over the goals after the first. ``gap_closed``: share
of the way in SPL from ``memory_reset`` to ``oracle_map``; primary contrast: ``spl_over_reset``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from memory_agent_ros.evaluation.exploration.arm_figures import difference_figure, gap_closed_figure, mean_figure
from memory_agent_ros.evaluation.exploration.arms import LEARNED, arm_policy, label_words
from memory_agent_ros.evaluation.exploration.lifelong import GOALS, draw_chains, run_chains
from memory_agent_ros.evaluation.exploration.twin_environment import MemoryMode, TwinEnvironment
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.exploration_task import EpisodeOutcome

_KEPT, _RESET, _ORACLE = MemoryMode.KEPT, MemoryMode.RESET, MemoryMode.ORACLE
_FALLBACK = "cooccurrence_frontier"
_CHUNK = 24


@dataclass(frozen=True)
class ChainResult:
    """One chain in one arm.

    Attributes:
        seed: apartment.
        policy: what chose.
        arm: what was remembered.
        goals: labels.
        outcomes: of each goal.
    """

    seed: int
    policy: str
    arm: str
    goals: tuple[str, ...]
    outcomes: tuple[EpisodeOutcome, ...]


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments; those with fewer than five rooms are left out.
        jobs: processes.
        options: ``progress`` (bool), ``policy`` (an arm of the searches, or a path of weights).
    """
    chunks = [seeds[i : i + _CHUNK] for i in range(0, len(seeds), _CHUNK)]
    calls = [(split, chunk, str(options.get("policy", LEARNED))) for chunk in chunks]
    progress = bool(options.get("progress", False))
    parts = spread(run_chunk, calls, jobs, f"lifelong {split}", "chunk", progress=progress)
    results = [one for part in parts for one in part]
    if not results:
        raise BadInputError("tasks_empty", "no apartment with five rooms among these seeds; give more")
    results.sort(key=lambda r: (r.arm, r.seed))
    arms = {str(mode): _arm_figures(results, mode) for mode in MemoryMode}
    return Outcome(arms[str(_KEPT)] | _contrasts(results), arms, [asdict(r) for r in results])


def run_chunk(split: str, seeds: range, policy: str, goals: int = GOALS) -> list[ChainResult]:
    """All arms on the chains of some apartments."""
    chains = draw_chains(split, seeds, goals=goals)
    if not chains:
        return []
    environment = TwinEnvironment([c.task for c in chains], label_words())
    chooser = arm_policy(policy, environment) or arm_policy(_FALLBACK, environment)
    assert chooser is not None
    results = []
    for mode in MemoryMode:
        for chain, outcomes in zip(chains, run_chains(environment, chooser, chains, mode), strict=True):
            task = chain.task
            results.append(ChainResult(task.seed, chooser.name, str(mode), task.goals, tuple(outcomes)))
    return results


def _after_first(results: Sequence[ChainResult], mode: MemoryMode, name: str) -> tuple[list[int], list[float]]:
    """Seeds and values of an outcome's field over all goals after the first."""
    pairs = [(r.seed, float(getattr(o, name))) for r in results if r.arm == str(mode) for o in r.outcomes[1:]]
    return [seed for seed, _ in pairs], [value for _, value in pairs]


def _arm_figures(results: Sequence[ChainResult], mode: MemoryMode) -> dict[str, Figure]:
    out = {
        "success_after_first": mean_figure(*_after_first(results, mode, "success")),
        "spl_after_first": mean_figure(*_after_first(results, mode, "spl")),
        "metres_after_first": mean_figure(*_after_first(results, mode, "metres"), "m"),
    }
    for number in (0, 1, 4, 9):
        chosen = [r for r in results if r.arm == str(mode) and len(r.outcomes) > number]
        out[f"spl@goal{number + 1}"] = mean_figure([r.seed for r in chosen], [r.outcomes[number].spl for r in chosen])
    return out


def _contrasts(results: Sequence[ChainResult]) -> dict[str, Figure]:
    seeds, kept = _after_first(results, _KEPT, "spl")
    reset, oracle = (_after_first(results, mode, "spl")[1] for mode in (_RESET, _ORACLE))
    success = {mode: _after_first(results, mode, "success")[1] for mode in MemoryMode}
    return {
        "gap_closed": gap_closed_figure(seeds, kept, reset, oracle, Goal("min", 0.5)),
        "gap": difference_figure(seeds, oracle, reset),
        "spl_over_reset": difference_figure(seeds, kept, reset),
        "success_over_reset": difference_figure(seeds, success[_KEPT], success[_RESET]),
    }
