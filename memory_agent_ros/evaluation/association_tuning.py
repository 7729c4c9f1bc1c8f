"""Choosing the two rules' tunables on held-out apartments, with the same number of trials for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from memory_agent_ros.evaluation.association_arms import Level, RuleArm, class_sizes, run_arms
from memory_agent_ros.evaluation.association_rules import (
    GreedySum,
    GreedySumConfig,
    LabelDistance,
    LabelDistanceConfig,
)
from memory_agent_ros.evaluation.walks.replay import Detections

#: What a trial is judged at; the score is the mean IDF1.
LEVELS = (Level(0.0, 0.0, 0.0), Level(0.1, 3.0, 0.2), Level(0.2, 5.0, 0.2))
TRIALS = 24


def draw_label_distance(rng: np.random.Generator) -> LabelDistanceConfig:
    """One trial."""
    return LabelDistanceConfig(
        round(float(rng.uniform(0.05, 0.6)), 2), round(float(rng.uniform(0.0, 1.0)), 2), int(rng.integers(1, 5))
    )


def draw_greedy_sum(rng: np.random.Generator) -> GreedySumConfig:
    """One trial."""
    return GreedySumConfig(
        radius_m=round(float(rng.uniform(0.025, 0.25)), 3),
        threshold=round(float(rng.uniform(0.8, 1.5)), 2),
        merge_overlap=round(float(rng.uniform(0.3, 0.95)), 2),
        merge_appearance=round(float(rng.uniform(0.5, 0.95)), 2),
        merge_every=int(rng.choice([1, 5, 10, 20])),
        min_detections=int(rng.integers(1, 5)),
    )


def tune(walks: Sequence[Detections], trials: int = TRIALS, seed: int = 0) -> dict[str, list[tuple[float, Any]]]:
    """Random search for each rule; per rule (mean IDF1, tunables), best first."""
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[Any]] = {
        "label_distance": [LabelDistanceConfig(), *(draw_label_distance(rng) for _ in range(trials - 1))],
        "greedy_sum": [GreedySumConfig(), *(draw_greedy_sum(rng) for _ in range(trials - 1))],
    }
    scores: dict[str, list[list[float]]] = {name: [[] for _ in range(trials)] for name in drawn}
    rounds = [(walk, level) for walk in walks for level in LEVELS]
    for detections, level in tqdm(rounds, desc="tune rules"):
        sizes = class_sizes(detections.walk)
        arms = {f"label_distance {n}": RuleArm(LabelDistance(c, sizes)) for n, c in enumerate(drawn["label_distance"])}
        arms |= {f"greedy_sum {n}": RuleArm(GreedySum(c)) for n, c in enumerate(drawn["greedy_sum"])}
        counts = run_arms(arms, detections.replay(level.pose(detections.walk.seed), level.miss))
        for name, count in counts.items():
            rule, n = name.split()
            scores[rule][int(n)].append(count.idf1)
    out = {}
    for rule, trials_of in drawn.items():
        means = [float(np.mean(s)) for s in scores[rule]]
        out[rule] = sorted(zip(means, trials_of, strict=True), key=lambda pair: -pair[0])
    return out
