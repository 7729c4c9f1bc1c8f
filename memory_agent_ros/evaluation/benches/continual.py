"""The ``continual`` benchmark: a life in one apartment after the other, and what is left of the first ones.

Each seed is a stream of eight apartments of its own. In each the robot is asked where things are, sees again and again
what the true answer was, and learns adapters on a frozen model; the same question has another answer in the next
apartment. Nobody tells which apartment it is, in training or at test, but to ``oracle_route``: the views before the
question must. Every arm takes the same steps with the same batches; what replays keeps the same number of moments.

Primary contrasts, named beforehand, on the same streams: ``forgetting_over_half_reservoir`` is the forgetting of
``routed`` less half of that of ``reservoir`` (at most 0), and ``average_over_reservoir`` its average accuracy less that
of ``reservoir`` (not below: above -0.02). Intervals are over streams, each with weights and apartments of its own.

Runs are kept, so an interrupted benchmark goes on where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from memory_agent_ros.evaluation.continual.learners import ARMS
from memory_agent_ros.evaluation.continual.runs import Stream, cached_run, transfer
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean

FIGURES = ("average", "backward_transfer", "forward_transfer", "forgetting")
#: Arms that ``routed`` is compared with beside the primary one.
_OTHERS = ("fine_tuning", "ewc", "oracle_route", "no_surprise", "fixed_replay")

Runs = dict[str, dict[int, dict[str, Any]]]


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: streams; each has eight apartments.
        jobs: processes, each for one life at a time.
        options: ``progress`` (bool), ``stream`` (:class:`~memory_agent_ros.evaluation.continual.runs.Stream`).
    """
    usual = replace(options.get("stream") or Stream(), split=split)
    calls = [(arm, replace(usual, seed=seed)) for seed in seeds for arm in ARMS]
    progress = bool(options.get("progress", False))
    runs: Runs = {arm: {} for arm in ARMS}
    for run in spread(cached_run, calls, jobs, f"continual {split}", "life", progress=progress):
        runs[run["arm"]][run["seed"]] = run
    arms = {arm: _figures(by_seed) for arm, by_seed in runs.items()}
    details = [run for by_seed in runs.values() for _, run in sorted(by_seed.items())]
    return Outcome({**arms["routed"], **_contrasts(runs), **_health(runs["routed"])}, arms, details)


def _values(by_seed: Mapping[int, Mapping[str, Any]], name: str) -> list[float]:
    """One number a stream, NaN where an arm has none."""
    return [transfer(np.array(by_seed[s]["accuracy"])).get(name, float("nan")) for s in sorted(by_seed)]


def _figures(by_seed: Mapping[int, Mapping[str, Any]]) -> dict[str, Figure]:
    found = {name: _values(by_seed, name) for name in FIGURES}
    return {name: figure([[v] for v in values], mean) for name, values in found.items() if np.isfinite(values).any()}


def _contrasts(runs: Runs) -> dict[str, Figure]:
    """``routed`` less another arm on the same streams."""
    own = {name: np.array(_values(runs["routed"], name)) for name in FIGURES}
    other = {name: np.array(_values(runs["reservoir"], name)) for name in FIGURES}
    found = {
        "forgetting_over_half_reservoir": _paired(own["forgetting"] - 0.5 * other["forgetting"], Goal("max", 0.0)),
        "average_over_reservoir": _paired(own["average"] - other["average"], Goal("min", -0.02)),
    }
    for arm in _OTHERS:
        for name in ("average", "forgetting"):
            found[f"{name}_over_{arm}"] = _paired(own[name] - np.array(_values(runs[arm], name)))
    return found


def _paired(differences: np.ndarray[Any, np.dtype[np.float64]], goal: Goal | None = None) -> Figure:
    return figure(differences[:, None].tolist(), mean, "", goal)


def _health(by_seed: Mapping[int, Mapping[str, Any]]) -> dict[str, Figure]:
    """Of the router: share of questions that go to their apartment's own column, and how evenly columns are used."""
    return {
        name: figure([[float(by_seed[s][key])] for s in sorted(by_seed)], mean)
        for name, key in (("route_purity", "routes"), ("usage_entropy", "usage_entropy"))
    }
