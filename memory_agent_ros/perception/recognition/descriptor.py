"""What the recognition head reads of a crop: its colours and, coarsely, where they lie. Nothing in it is learnt."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.perception.embedders.color_histogram import ColorHistogramEmbedder

#: Side of the thumbnail, pixels.
SIDE = 12
_HISTOGRAM, _PIXELS = 4.0, 2.0


class CropDescriptor:
    """A colour histogram of the masked crop beside a thumbnail of all of it.

    The weights bring both parts to about the same length, so that neither rules the first layer of what learns on them.
    """

    def __init__(self) -> None:
        self._histogram = ColorHistogramEmbedder()

    @property
    def dimension(self) -> int:
        """Length D of the vectors."""
        return self._histogram.dimension + 3 * SIDE**2

    def describe(
        self, crops: Sequence[NDArray[np.uint8]], masks: Sequence[NDArray[np.bool_] | None] | None = None
    ) -> NDArray[np.float32]:
        """B crops (h, w, 3) uint8 RGB, with optional masks (h, w) -> (B, D) float32; zeros for an empty crop."""
        colours = self._histogram.embed_images(crops, masks)
        small = np.zeros((len(crops), 3 * SIDE**2), dtype=np.float32)
        for row, crop in enumerate(crops):
            if crop.size:
                small[row] = cv2.resize(crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA).ravel() / 255.0 - 0.5
        told: NDArray[np.float32] = np.concatenate([_HISTOGRAM * colours, _PIXELS * small], axis=1)
        return told
