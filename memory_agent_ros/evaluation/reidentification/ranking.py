"""Mean average precision: does every other crop of the same object stand before all others?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mean_average_precision(vectors: NDArray[np.float32], keys: NDArray[np.str_]) -> float:
    """Each crop once as the query, all others ranked by cosine.

    Args:
        vectors: (N, D) unit vectors.
        keys: (N,) which object each shows; queries without a second crop are left out.

    Returns:
        In [0, 1]; NaN without any query.
    """
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :-1]
    same = keys[order] == keys[:, None]
    counts = same.sum(axis=1)
    precision = np.cumsum(same, axis=1) / np.arange(1, same.shape[1] + 1)
    asked = counts > 0
    if not asked.any():
        return float("nan")
    return float(((precision * same).sum(axis=1)[asked] / counts[asked]).mean())
