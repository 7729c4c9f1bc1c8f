"""Intervals over apartments and training seeds at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.statistics import RESAMPLES, Figure, Goal


def two_way_figure(values: NDArray[np.float64], unit: str = "", goal: Goal | None = None) -> Figure:
    """Mean of (apartments, training seeds) with the percentile interval of a bootstrap that draws both anew."""
    if values.size == 0 or not np.isfinite(values).any():
        return Figure(float("nan"), float("nan"), float("nan"), unit, goal)
    draws = _draws(values)
    low, high = np.nanquantile(draws, [0.025, 0.975]) if len(values) > 1 else (np.nan, np.nan)
    return Figure(float(np.nanmean(values)), float(low), float(high), unit, goal)


def holm(differences: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Two-sided bootstrap p of each (apartments, training seeds) difference, corrected by Holm's method."""
    raw = {}
    for name, values in differences.items():
        draws = _draws(values)
        raw[name] = min(1.0, 2.0 * (min((draws <= 0).sum(), (draws >= 0).sum()) + 1) / (len(draws) + 1))
    corrected: dict[str, float] = {}
    worst = 0.0
    for rank, name in enumerate(sorted(raw, key=lambda n: raw[n])):
        worst = max(worst, min(1.0, raw[name] * (len(raw) - rank)))
        corrected[name] = worst
    return corrected


def _draws(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2000,) means of resampled rows and columns."""
    rng = np.random.default_rng(0)
    rows = rng.integers(len(values), size=(RESAMPLES, len(values), 1))
    columns = rng.integers(values.shape[1], size=(RESAMPLES, 1, values.shape[1]))
    return np.asarray(np.nanmean(values[rows, columns], axis=(1, 2)))
