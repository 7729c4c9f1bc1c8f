"""The ``change`` benchmark: objects moved, removed, added and swapped between two visits to an apartment.

Both visits have 5 cm and 1 degree of pose error and 20 % of the detections missed on top of what the simulated detector
misses. All arms get the same detections. Primary contrast, named beforehand: ``change_f1`` of ours less that of
``voxel_clearing``. ``place_f1`` asks where something left or came, not which object it is: the baselines' own terms.
``false_gone`` are objects declared gone although a partial second visit showed nothing of their place by the
simulator's truth, out of ``gone_chances``. ``p_detect_ece`` compares what the memory expected in the first visit, where
nothing changes, with what was detected.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.calibration import expected_calibration_error
from memory_agent_ros.evaluation.change_arms import ARMS, WALK, Apartment, run_apartment
from memory_agent_ros.evaluation.change_score import Counts
from memory_agent_ros.evaluation.metrics import f1
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean, ratio_of_sums


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments.
        jobs: processes.
        options: ``progress`` (bool), ``memory`` (:class:`~memory_agent_ros.memory.config.MemoryConfig`), ``walk``
            (:class:`~memory_agent_ros.evaluation.walks.walk.WalkConfig`).
    """
    settings = options.get("memory"), options.get("walk") or WALK
    progress = bool(options.get("progress", False))
    calls = [(split, seed, *settings) for seed in seeds]
    found = spread(run_apartment, calls, jobs, f"change {split}", "apartment", progress=progress, tell=_tell)
    runs = sorted(found, key=lambda r: r.seed)
    figures = _figures(runs, "ours", goals=True) | _contrasts(runs)
    return Outcome(figures, {arm: _figures(runs, arm, goals=False) for arm in ARMS}, [_details(r) for r in runs])


def _figures(runs: Sequence[Apartment], arm: str, goals: bool) -> dict[str, Figure]:
    scores = [r.scores[arm] for r in runs]

    def goal(kind: str, limit: float) -> Goal | None:
        return Goal(kind, limit) if goals else None

    out = {
        "change_f1": figure([_row(s.changes) for s in scores], _pooled_f1, "", goal("min", 0.90)),
        "swap_f1": figure([_row(s.swaps) for s in scores], _pooled_f1),
        "place_f1": figure([_row(s.places) for s in scores], _pooled_f1),
        "unmoved_gone": figure([[s.lost, s.unmoved] for s in scores], ratio_of_sums),
        "false_gone": figure([[r.chances[arm][1]] for r in runs], _total, "", goal("max", 0.0)),
        "gone_chances": figure([[r.chances[arm][0]] for r in runs], _total, "", goal("min", 300.0)),
    }
    if arm == "ours":
        out["center_error_m"] = figure([[r.center_error_m] for r in runs], mean, "m", goal("max", 0.05))
        out["p_detect_ece"] = figure([r.reliability.ravel().tolist() for r in runs], _pooled_ece)
        out["edits"] = figure([[s.changes.wanted] for s in scores], _total)
        out["swapped_objects"] = figure([[s.swaps.wanted] for s in scores], _total)
    return out


def _contrasts(runs: Sequence[Apartment]) -> dict[str, Figure]:
    """Differences of F1 on the same apartments, ours less the other."""
    out = {}
    for arm in ARMS[1:]:
        for name, pick in _PICKS.items():
            rows = [[*_row(pick(r, "ours")), *_row(pick(r, arm))] for r in runs]
            out[f"{name}_over_{arm}"] = figure(rows, _difference)
    return out


_PICKS: dict[str, Callable[[Apartment, str], Counts]] = {
    "change_f1": lambda run, arm: run.scores[arm].changes,
    "place_f1": lambda run, arm: run.scores[arm].places,
}


def _row(counts: Counts) -> list[float]:
    return [counts.found, counts.wanted, counts.false]


def _pooled_f1(data: NDArray[np.float64]) -> float:
    return f1(*data.sum(axis=0).tolist())


def _pooled_ece(data: NDArray[np.float64]) -> float:
    return expected_calibration_error(data.sum(axis=0).reshape(-1, 3))


def _difference(data: NDArray[np.float64]) -> float:
    return _pooled_f1(data[:, :3]) - _pooled_f1(data[:, 3:])


def _total(data: NDArray[np.float64]) -> float:
    return float(data.sum())


def _tell(bar: Any, run: Apartment) -> None:
    bar.write(_line(run))


def _line(run: Apartment) -> str:
    parts = [f"seed {run.seed}: centre {run.center_error_m:.3f} m"]
    for arm in ARMS:
        s = run.scores[arm]
        parts.append(
            f"{arm} {s.changes.found}/{s.changes.wanted} +{s.changes.false} false, swaps {s.swaps.found}/"
            f"{s.swaps.wanted} +{s.swaps.false}, places {s.places.found}/{s.places.wanted} +{s.places.false}, "
            f"lost {s.lost}/{s.unmoved}, unlooked gone {run.chances[arm][1]}/{run.chances[arm][0]}"
        )
    return "\n  ".join(parts)


def _details(run: Apartment) -> dict[str, Any]:
    return dataclasses.asdict(run) | {"reliability": run.reliability.round(2).tolist()}
