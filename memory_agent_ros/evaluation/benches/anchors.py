"""The ``anchors`` benchmark: odometry drifts to 1 m and 10 degrees over two tours, then a loop is closed.

The same detections for every arm. Between the tours the world is changed (things moved and taken away). While the map
drifts, old places look empty and things stand elsewhere; after the correction objects must be where they are, one each,
with the identity they had on the first tour. Primary contrast: ``error_ratio``, the median error of centres after
re-anchoring over that of a run without drift.

Arms: ``no_drift`` (the bound), ``ours``, ``no_reanchor`` (the map is left as it drifted), ``one_anchor_per_object``
(every voxel of an object hangs on the object's newest anchor instead of its own).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.anchors_arms import ARMS, Apartment, details, run_apartment
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean, ratio_of_sums


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments.
        jobs: processes.
        options: ``progress`` (bool).
    """
    progress = bool(options.get("progress", False))
    calls = [(split, seed) for seed in seeds]
    found = spread(run_apartment, calls, jobs, f"anchors {split}", "apartment", progress=progress, tell=_tell)
    runs = sorted(found, key=lambda r: r.seed)
    figures = {
        "error_ratio": figure(_error_pairs(runs, "ours"), _ratio, "", Goal("max", 1.2)),
        "error_without_m": figure([[_error(r, "no_reanchor")] for r in runs], mean, "m"),
        "error_ratio_one_anchor": figure(_error_pairs(runs, "one_anchor_per_object"), _ratio),
        "identity_less_than_no_drift": figure(
            [[*_kept(r, "no_drift"), *_kept(r, "ours")] for r in runs], _less_of_ratios
        ),
        "reanchor_s": figure([[r.scores["ours"].seconds] for r in runs], mean, "s"),
    } | _figures(runs, "ours")
    return Outcome(figures, {arm: _figures(runs, arm) for arm in ARMS}, [details(r) for r in runs])


def _figures(runs: Sequence[Apartment], arm: str) -> dict[str, Figure]:
    scores = [r.scores[arm] for r in runs]
    return {
        "center_error_m": figure([[_error(r, arm)] for r in runs], mean, "m"),
        "recall": figure([[s.matched, s.required] for s in scores], ratio_of_sums),
        "precision": figure([[s.real, s.found] for s in scores], ratio_of_sums),
        "duplicate_ratio": figure([[s.on_matched, s.matched] for s in scores], ratio_of_sums),
        "identity_kept": figure([[s.kept, s.unmoved] for s in scores], ratio_of_sums),
        "false_gone": figure([[s.false_gone, s.unmoved] for s in scores], ratio_of_sums),
    }


def _error(run: Apartment, arm: str) -> float:
    errors = run.scores[arm].errors_m
    return float(np.median(errors)) if errors else float("nan")


def _error_pairs(runs: Sequence[Apartment], arm: str) -> list[list[float]]:
    return [[_error(r, arm), _error(r, "no_drift")] for r in runs]


def _ratio(data: NDArray[np.float64]) -> float:
    """Mean error over the apartments, over the mean error without drift."""
    return float(data[:, 0].mean() / data[:, 1].mean())


def _kept(run: Apartment, arm: str) -> list[float]:
    return [run.scores[arm].kept, run.scores[arm].unmoved]


def _less_of_ratios(data: NDArray[np.float64]) -> float:
    return ratio_of_sums(data[:, :2]) - ratio_of_sums(data[:, 2:])


def _tell(bar: Any, run: Apartment) -> None:
    bar.write(_line(run))


def _line(run: Apartment) -> str:
    parts = [f"seed {run.seed}: {run.objects} objects, {run.anchors} anchors"]
    for arm in ARMS:
        s = run.scores[arm]
        parts.append(
            f"{arm}: error {_error(run, arm):.3f} m, {s.matched}/{s.required} found, {s.real}/{s.found} real, "
            f"{s.on_matched - s.matched} duplicates, identity {s.kept}/{s.unmoved}, gone {s.false_gone}, "
            f"{s.seconds:.2f} s"
        )
    return "\n  ".join(parts)
