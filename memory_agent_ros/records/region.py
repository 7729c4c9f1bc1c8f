"""A part of space that a query is limited to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Region:
    """Axis-aligned box in the map frame.

    Attributes:
        minimum, maximum: (3,) corners in metres; use ``-inf``/``inf`` for an open side.
    """

    minimum: NDArray[np.float64]
    maximum: NDArray[np.float64]
