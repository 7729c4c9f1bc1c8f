"""A pose node on which geometry hangs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class AnchorPose:
    """Where the camera was when an anchor was laid.

    Attributes:
        stamp_ns: stamp of its frame.
        T_map_camera: (4, 4) pose of the optical frame in the map, as the map has it now.
    """

    stamp_ns: int
    T_map_camera: NDArray[np.float64]
