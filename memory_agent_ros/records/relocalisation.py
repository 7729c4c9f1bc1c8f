"""Where a new session stands in an older map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Relocalisation:
    """A pose of a local map in a stored one, found from what both have in common.

    Attributes:
        T_map_local: (4, 4) maps points of the local map's frame into the stored map's; a turn about z and a shift.
        pairs: (stored id, local id) of the objects that are the same.
        residual_m: root mean square distance of the centres of these pairs.
        probability: that the pose is right, calibrated on simulated sessions.
        score: log-odds behind it.
        ambiguity: share of the evidence that the best other pose explains as well, in [0, 1].
        surfaces: share of the surfaces seen in both maps on which they agree; NaN where no depth was kept.
    """

    T_map_local: NDArray[np.float64]
    pairs: tuple[tuple[int, int], ...]
    residual_m: float
    probability: float
    score: float
    ambiguity: float
    surfaces: float
