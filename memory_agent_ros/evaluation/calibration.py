"""How well probabilities fit what happens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 10


def reliability(p: NDArray[np.float64], happened: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(10, 3) per equal-width bin of ``p`` (N,): how many, their sum of ``p``, how many of them happened."""
    index = np.clip((p * BINS).astype(np.intp), 0, BINS - 1)
    return np.stack(
        [np.bincount(index, w, BINS) for w in (np.ones_like(p), p, happened.astype(np.float64))], axis=1
    )  # fmt: skip


def expected_calibration_error(bins: NDArray[np.float64]) -> float:
    """Mean distance of probability and frequency over (10, 3) :func:`reliability` bins, weighted by their size."""
    total = bins[:, 0].sum()
    return float(np.abs(bins[:, 1] - bins[:, 2]).sum() / total) if total else float("nan")
