"""The ``association`` benchmark: do identities survive errors of the pose and of the detector?

Cluttered apartments are toured twice; every arm gets the same detections at the same noisy poses. Identities are scored
over all detections of the walk by true instance, as they stand at the end. ``unseen`` is the mean of two families of
pose noise that nothing was trained or tuned on. The primary contrast is ``gap_closed@p10r3m20``: how much of the gap
between the better one of two peers' rules and the assignment by true instance the learned association closes; it is
void where that gap (``gap@...``) is below 0.3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.evaluation.association_arms import Level, class_sizes, make_arm, run_arms
from memory_agent_ros.evaluation.association_scores import IdentityCounts
from memory_agent_ros.evaluation.association_worlds import association_world
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean, ratio_of_sums
from memory_agent_ros.memory.association.associators import BETTER

RULES = ("label_distance", "greedy_sum")
ARMS = (*RULES, "hand_built", "learned", "oracle")
#: All misses at the level that is judged, all poses at the usual misses.
CROSS = (
    Level(0.0, 0.0, 0.0), Level(0.0, 0.0, 0.2), Level(0.05, 1.0, 0.2), Level(0.1, 3.0, 0.0), Level(0.1, 3.0, 0.2),
    Level(0.1, 3.0, 0.4), Level(0.2, 5.0, 0.2),
)  # fmt: skip
#: Every pose error with every share of misses.
GRID = tuple(Level(p, r, m) for p, r in ((0.0, 0.0), (0.05, 1.0), (0.1, 3.0), (0.2, 5.0)) for m in (0.0, 0.2, 0.4))
UNSEEN = (Level(0.1, 3.0, 0.2, "drift"), Level(0.1, 3.0, 0.2, "heavy_tail"))
JUDGED, EXACT = "p10r3m20", "p0r0m0"


@dataclass(frozen=True, eq=False)
class Apartment:
    """One apartment: per level (family in its name) and arm the counts."""

    seed: int
    counts: Mapping[str, Mapping[str, IdentityCounts]]


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments.
        jobs: processes.
        options: ``grid`` (bool): the full grid of levels instead of a cross; ``progress`` (bool).
    """
    levels = (*(GRID if options.get("grid") else CROSS), *UNSEEN)
    progress = bool(options.get("progress", False))
    calls = [(split, seed, levels, progress and jobs == 1) for seed in seeds]
    found = spread(run_apartment, calls, jobs, f"association {split}", "walk", progress=progress)
    apartments = sorted(found, key=lambda a: a.seed)
    names = list(dict.fromkeys(level.name for level in levels))
    arms = {arm: _figures(apartments, arm, names) for arm in ARMS}
    for level in (JUDGED, "unseen"):
        for arm in ("hand_built", "learned"):
            arms[arm][f"gap_closed@{level}"] = _gap_closed(apartments, arm, level, None)
    return Outcome(_contrasts(apartments, names), arms, [_details(a) for a in apartments])


def run_apartment(split: str, seed: int, levels: Sequence[Level], progress: bool) -> Apartment:
    """Replay one apartment at every level to fresh arms."""
    detections = association_world(split, seed)
    sizes = class_sizes(detections.walk)
    counts = {}
    for level in tqdm(levels, desc=f"seed {seed}", leave=False, disable=not progress):
        arms = {name: make_arm(name, sizes) for name in ARMS}
        counts[f"{level.name}/{level.family}"] = run_arms(arms, detections.replay(level.pose(seed), level.miss))
    return Apartment(seed, counts)


def _of(apartment: Apartment, level: str, arm: str) -> list[IdentityCounts]:
    """Counts of one level; ``unseen`` has one for each family."""
    return [arms[arm] for key, arms in apartment.counts.items() if key.split("/")[0] == level]


def _idf1(apartment: Apartment, level: str, arm: str) -> float:
    return float(np.mean([c.idf1 for c in _of(apartment, level, arm)]))


def _figures(apartments: Sequence[Apartment], arm: str, levels: Sequence[str]) -> dict[str, Figure]:
    found = {}
    for level in levels:
        counts = [_of(a, level, arm) for a in apartments]
        switches = [[1000.0 * sum(c.switches for c in cs), sum(c.true for c in cs)] for cs in counts]
        doubles = [[sum(c.identities for c in cs), sum(c.instances for c in cs)] for cs in counts]
        found[f"idf1@{level}"] = figure([[_idf1(a, level, arm)] for a in apartments], mean)
        found[f"id_switches@{level}"] = figure(switches, ratio_of_sums, "per 1000")
        found[f"duplicate_ratio@{level}"] = figure(doubles, ratio_of_sums)
    return found


def _contrasts(apartments: Sequence[Apartment], levels: Sequence[str]) -> dict[str, Figure]:
    """What ships, and what is compared."""
    found = _figures(apartments, BETTER, levels)
    for level in (JUDGED, "unseen"):
        found[f"gap_closed@{level}"] = _gap_closed(apartments, "learned", level, Goal("min", 0.3))
        found[f"gap@{level}"] = figure(_rows(apartments, level, "oracle"), _gap)
    not_below = figure(_rows(apartments, EXACT, "learned"), _above_rule, "", Goal("min", -0.02))
    found[f"learned_minus_rule@{EXACT}"] = not_below
    for level in (EXACT, JUDGED, "unseen"):
        pairs = [[_idf1(a, level, "learned") - _idf1(a, level, "hand_built")] for a in apartments]
        found[f"learned_minus_hand_built@{level}"] = figure(pairs, mean)
    return found


def _rows(apartments: Sequence[Apartment], level: str, arm: str) -> list[list[float]]:
    """Per apartment IDF1 of the two rules, of the arm, and of the oracle."""
    return [[_idf1(a, level, name) for name in (*RULES, arm, "oracle")] for a in apartments]


def _gap_closed(apartments: Sequence[Apartment], arm: str, level: str, goal: Goal | None) -> Figure:
    return figure(_rows(apartments, level, arm), _share, "", goal)


def _share(data: NDArray[np.float64]) -> float:
    """(N, 4) -> share of the gap between the better rule and the oracle that the arm closes."""
    gap = _gap(data)
    return _above_rule(data) / gap if gap > 0 else float("nan")


def _above_rule(data: NDArray[np.float64]) -> float:
    mid = data.mean(axis=0)
    return float(mid[2] - mid[:2].max())


def _gap(data: NDArray[np.float64]) -> float:
    mid = data.mean(axis=0)
    return float(mid[3] - mid[:2].max())


def _details(apartment: Apartment) -> dict[str, Any]:
    counts = {
        level: {arm: {**dataclasses.asdict(c), "idf1": round(c.idf1, 4)} for arm, c in arms.items()}
        for level, arms in apartment.counts.items()
    }
    return {"seed": apartment.seed, "levels": counts}
