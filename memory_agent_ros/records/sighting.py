"""One logged observation, as the map's file keeps it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Sighting:
    """What was detected once, and which object it was put to.

    Attributes:
        observation_id: id in the map's store.
        object_id: the object it belongs to now.
        label, score: of the detection itself, whatever the object is called.
        position_m: (3,) box centre as it was seen, map frame.
        stamp_ns: when.
    """

    observation_id: int
    object_id: int
    label: str
    score: float
    position_m: NDArray[np.float64]
    stamp_ns: int
