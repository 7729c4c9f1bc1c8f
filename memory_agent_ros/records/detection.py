"""What a detector says about one image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Detection:
    """One detected object in one image.

    Attributes:
        label: most likely category, lower case, spaces between words ("coffee table").
        score: confidence in [0, 1].
        box_xyxy: (4,) float32 pixel box, x right, y down, half-open.
        mask: (H, W) bool instance mask, or None if the detector gives boxes only.
        label_scores: probability by label when the detector gives more than one.
    """

    label: str
    score: float
    box_xyxy: NDArray[np.float32]
    mask: NDArray[np.bool_] | None = None
    label_scores: Mapping[str, float] = field(default_factory=dict)
