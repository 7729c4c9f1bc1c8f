"""How large a picture may be so that a model spends no more tokens on it than it is given.

Models with dynamic resolution cut a picture of any size into patches and spend one token on each (or on a square of
them): Phi-4-reasoning-vision (arXiv 2603.03975) 256 to 3600 tokens of 16-pixel patches, Qwen-VL and others likewise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import BadInputError


@dataclass(frozen=True)
class TokenBudget:
    """Of one picture.

    Attributes:
        least, most: tokens.
        patch: edge of the square that one token stands for, pixels.
    """

    least: int = 256
    most: int = 3600
    patch: int = 16

    def __post_init__(self) -> None:
        if not (1 <= self.least <= self.most and self.patch >= 1):
            raise BadInputError("token_budget", f"needs 1 <= least <= most and a patch of pixels, got {self}")

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of patches for a picture of a size: as many as it has, within the budget, aspect kept.

        A picture so long that a row of patches alone is over the budget becomes the longest row that fits.

        Raises:
            BadInputError: ``picture_size``.
        """
        if height < 1 or width < 1:
            raise BadInputError("picture_size", f"a picture needs at least one pixel, got {width} x {height}")
        rows, columns = max(1, round(height / self.patch)), max(1, round(width / self.patch))
        if self.least <= rows * columns <= self.most:
            return rows, columns
        return self._near(self.most if rows * columns > self.most else self.least, height / width)

    def _near(self, wanted: int, aspect: float) -> tuple[int, int]:
        """Rows and columns within the budget, about ``wanted`` in all, whose ratio comes nearest to the aspect."""
        found = []
        ideal = math.sqrt(wanted * aspect)
        for whole in {math.floor(ideal), math.ceil(ideal)}:
            rows = min(max(1, whole), self.most)
            across = rows / aspect
            for columns in {math.floor(across), math.ceil(across), math.ceil(self.least / rows), self.most // rows}:
                if columns >= 1 and self.least <= rows * columns <= self.most:
                    off = abs(math.log(rows / columns / aspect))
                    found.append((off, abs(rows * columns - wanted), rows, columns))
        _, _, rows, columns = min(found)
        return rows, columns

    def tokens(self, height: int, width: int) -> int:
        """Tokens spent on a picture of a size."""
        rows, columns = self.grid(height, width)
        return rows * columns

    def fitted(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """An (H, W, 3) picture at the size that its patches fill."""
        rows, columns = self.grid(*picture.shape[:2])
        size = (columns * self.patch, rows * self.patch)
        if size == (picture.shape[1], picture.shape[0]):
            return picture
        shrinks = size[0] * size[1] < picture.shape[0] * picture.shape[1]
        resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        return np.ascontiguousarray(resized).astype(np.uint8, copy=False)
