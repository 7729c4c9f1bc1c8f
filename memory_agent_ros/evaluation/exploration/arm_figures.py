"""Figures of arms from paired episodes, with intervals over apartments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, ratio_of_sums

#: Below this difference of ceiling and floor a share of the gap says nothing.
LEAST_GAP = 0.3


def per_apartment(seeds: Sequence[int], values: Sequence[float]) -> list[list[float]]:
    """Episodes' values -> (sum, count) for each apartment, in the order of the seeds."""
    apartments = sorted(set(seeds))
    index = {seed: i for i, seed in enumerate(apartments)}
    rows = [[0.0, 0.0] for _ in apartments]
    for seed, value in zip(seeds, values, strict=True):
        rows[index[seed]][0] += float(value)
        rows[index[seed]][1] += 1.0
    return rows


def mean_figure(seeds: Sequence[int], values: Sequence[float], unit: str = "", goal: Goal | None = None) -> Figure:
    """Mean over episodes, its interval over apartments."""
    return figure(per_apartment(seeds, values), ratio_of_sums, unit, goal)


def difference_figure(
    seeds: Sequence[int], ours: Sequence[float], other: Sequence[float], goal: Goal | None = None
) -> Figure:
    """Mean difference over paired episodes, its interval over apartments."""
    return mean_figure(seeds, [a - b for a, b in zip(ours, other, strict=True)], "", goal)


def gap_closed_figure(
    seeds: Sequence[int],
    ours: Sequence[float],
    floor: Sequence[float],
    ceiling: Sequence[float],
    goal: Goal | None = None,
) -> Figure:
    """(ours - floor) / (ceiling - floor) of the means; NaN where ceiling - floor is below 0.3."""
    if np.mean(ceiling) - np.mean(floor) < LEAST_GAP:
        return not_measured("", goal)
    columns = [np.array(per_apartment(seeds, values))[:, 0] for values in (ours, floor, ceiling)]
    return figure(np.stack(columns, axis=1).tolist(), _gap_closed, "", goal)


def _gap_closed(data: NDArray[np.float64]) -> float:
    ours, floor, ceiling = data.sum(axis=0)
    return float((ours - floor) / (ceiling - floor)) if ceiling > floor else float("nan")


def not_measured(unit: str = "", goal: Goal | None = None) -> Figure:
    """A figure of something that could not be run."""
    nan = float("nan")
    return Figure(nan, nan, nan, unit, goal)


def within(metres: Sequence[float], success: Sequence[bool], budget_m: float) -> list[float]:
    """1 for episodes that succeeded within so many metres, else 0."""
    return [float(s and m <= budget_m + 1e-3) for m, s in zip(metres, success, strict=True)]
