"""Choosing the tunables of the ``continual`` arms on ``val`` streams, with the same number of trials for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from memory_agent_ros.evaluation.continual.learners import Life
from memory_agent_ros.evaluation.continual.runs import Stream, cached_run, transfer
from memory_agent_ros.evaluation.parallel import spread

#: Arm -> the changes of :class:`Life` that are tried; the first is what stands there.
TRIALS: dict[str, tuple[dict[str, Any], ...]] = {
    "fine_tuning": ({}, {"rate": 2e-3}, {"rate": 1e-2}),
    "ewc": ({}, {"held": 1e3}, {"held": 1e4}),
    "reservoir": ({}, {"share": 0.25}, {"share": 0.75}),
    "routed": ({}, {"target": 0.03}, {"quantile": 0.0}),
    "joint": ({}, {"rate": 2e-3}, {"rate": 1e-2}),
    "oracle_route": ({}, {"target": 0.03}, {"quantile": 0.0}),
    "no_surprise": ({}, {"target": 0.03}, {"target": 0.3}),
    "fixed_replay": ({}, {"share": 0.1}, {"share": 0.25}),
}


def tune(
    seeds: Sequence[int], life: Life | None = None, jobs: int = 1, *, progress: bool = False
) -> dict[str, list[tuple[float, dict[str, Any]]]]:
    """Average accuracy of every trial over ``val`` streams; per arm (average, change), best first."""
    usual = life or Life()
    calls, owners = [], []
    for arm, trials in TRIALS.items():
        for number, change in enumerate(trials):
            for seed in seeds:
                calls.append((arm, number, Stream("val", seed, replace(usual, **change))))
                owners.append((arm, number))
    found: dict[tuple[str, int], list[float]] = {owner: [] for owner in owners}
    for arm, number, average in spread(_average, calls, jobs, "tune continual", "life", progress=progress):
        found[arm, number].append(average)
    return {
        arm: sorted(((float(np.mean(found[arm, n])), change) for n, change in enumerate(trials)), key=lambda t: -t[0])
        for arm, trials in TRIALS.items()
    }


def _average(arm: str, number: int, stream: Stream) -> tuple[str, int, float]:
    return arm, number, transfer(np.array(cached_run(arm, stream)["accuracy"]))["average"]
