"""Figures with bootstrap intervals over scenes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

RESAMPLES = 2000


@dataclass(frozen=True)
class Goal:
    """What a figure should reach.

    Attributes:
        kind: "min", "max" or "band".
        limit: the bound; for a band its middle.
        width: half-width of a band.
    """

    kind: str
    limit: float
    width: float = 0.0

    def met(self, value: float) -> bool:
        """Whether a value reaches the goal; NaN does not."""
        if self.kind == "min":
            return bool(value >= self.limit)
        if self.kind == "max":
            return bool(value <= self.limit)
        return bool(abs(value - self.limit) <= self.width + 1e-12)

    def __str__(self) -> str:
        if self.kind == "band":
            return f"{self.limit:g} +- {self.width:g}"
        return f"{'>=' if self.kind == 'min' else '<='} {self.limit:g}"


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        value: over all scenes; NaN if it could not be measured.
        low: lower end of the 95 % interval over scenes, NaN with fewer than two scenes.
        high: upper end.
        unit: "" for shares.
        goal: what it should reach, or None.
    """

    value: float
    low: float
    high: float
    unit: str = ""
    goal: Goal | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form: ``{value, ci95, unit, goal, met}``; what could not be measured is null."""
        return {
            "value": _number(self.value),
            "ci95": [_number(self.low), _number(self.high)],
            "unit": self.unit,
            "goal": str(self.goal) if self.goal else None,
            "met": self.goal.met(self.value) if self.goal else None,
        }


def _number(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None


def figure(
    rows: Sequence[Sequence[float]],
    statistic: Callable[[NDArray[np.float64]], float],
    unit: str = "",
    goal: Goal | None = None,
) -> Figure:
    """A statistic over scenes with its 95 % interval.

    Args:
        rows: one row of numbers per scene.
        statistic: (scenes, numbers) array -> value.
        unit: of the value.
        goal: what it should reach.

    Interval: BCa bootstrap over scenes (Efron, 1987), percentile where BCa is not defined.
    """
    data = np.asarray(rows, dtype=np.float64).reshape(len(rows), -1)
    value = statistic(data) if len(data) else float("nan")
    low = high = float("nan")
    if len(data) >= 2:
        low, high = _interval(data, statistic)
    return Figure(float(value), low, high, unit, goal)


def _interval(data: NDArray[np.float64], statistic: Callable[[NDArray[np.float64]], float]) -> tuple[float, float]:
    def of_indices(indices: NDArray[np.int64]) -> float:
        return statistic(data[indices.astype(np.int64)])

    for method in ("BCa", "percentile"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = stats.bootstrap(
                (np.arange(len(data)),),
                of_indices,
                vectorized=False,
                n_resamples=RESAMPLES,
                method=method,
                rng=np.random.default_rng(0),
            )
        low, high = (float(v) for v in result.confidence_interval)
        if np.isfinite([low, high]).all():
            return low, high
    return float("nan"), float("nan")


def crossed_figure(
    table: NDArray[np.float64], unit: str = "", goal: Goal | None = None, *, comparisons: int = 1
) -> Figure:
    """The mean of a (training seeds, scenes) table, with an interval over both.

    Args:
        table: one number for each training seed and scene; rows and columns are drawn anew with replacement.
        unit: of the value.
        goal: what it should reach.
        comparisons: how many intervals are read together; each is widened (Bonferroni) so that all hold at 95 %.
    """
    rng = np.random.default_rng(0)
    seeds = rng.multinomial(len(table), np.full(len(table), 1.0 / len(table)), RESAMPLES) / len(table)
    scenes = rng.multinomial(table.shape[1], np.full(table.shape[1], 1.0 / table.shape[1]), RESAMPLES) / table.shape[1]
    drawn = np.einsum("rs,sa,ra->r", seeds, table, scenes, optimize=True)
    tail = 2.5 / comparisons
    low, high = np.percentile(drawn, [tail, 100.0 - tail]) if table.size > 1 else (np.nan, np.nan)
    return Figure(float(table.mean()), float(low), float(high), unit, goal)


def ratio_of_sums(data: NDArray[np.float64]) -> float:
    """(N, 2) rows of numerator, denominator -> pooled ratio."""
    total = data[:, 1].sum()
    return float(data[:, 0].sum() / total) if total else float("nan")


def mean(data: NDArray[np.float64]) -> float:
    """(N, 1) -> mean of what is finite."""
    return float(np.nanmean(data)) if np.isfinite(data).any() else float("nan")


def median(data: NDArray[np.float64]) -> float:
    """(N, 1) -> median of what is finite."""
    return float(np.nanmedian(data)) if np.isfinite(data).any() else float("nan")
