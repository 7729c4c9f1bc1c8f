"""Appearance as a colour histogram with a coarse layout: no network, no weights, a fraction of a millisecond."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE = 32
# Odd numbers of bins, so that grey and mean lightness fall into the middle of a bin and not on an edge.
_LIGHT, _CHROMA = 5, 9
_LAYOUT_ROWS, _LAYOUT_CHROMA = 3, 3
_LAYOUT_WEIGHT = 0.5
_LEVELS, _LEVEL_WEIGHT = 5, 0.3
_MEAN_LIGHT = 120.0


class ColorHistogramEmbedder:
    """Joint histogram in CIELAB of the masked crop, and a coarser one for each third from top to bottom.

    The crop is brought to a common mean lightness first, so that brighter or darker pictures of the same object agree;
    the mean itself enters with a low weight, since it parts black things from white ones. Thirds are from top to bottom
    since turning around an upright object keeps them. Square roots of the counts are normalised to unit length
    (Hellinger kernel), so the dot product of two vectors is a Bhattacharyya coefficient.
    """

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return _LIGHT * _CHROMA**2 + _LAYOUT_ROWS * _LAYOUT_CHROMA**2 + _LEVELS

    def embed_images(
        self, crops: Sequence[NDArray[np.uint8]], masks: Sequence[NDArray[np.bool_] | None] | None = None
    ) -> NDArray[np.float32]:
        """B crops (h, w, 3) uint8 RGB, with optional masks (h, w) -> (B, D) float32 unit vectors.

        An empty crop gives a zero vector; an empty mask counts as no mask.
        """
        chosen = masks if masks is not None else [None] * len(crops)
        out = np.zeros((len(crops), self.dimension), dtype=np.float32)
        for row, (crop, mask) in enumerate(zip(crops, chosen, strict=True)):
            if crop.size:
                out[row] = _histogram(crop, mask)
        return out


def _histogram(crop: NDArray[np.uint8], mask: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    size = (min(crop.shape[1], _SIDE), min(crop.shape[0], _SIDE))
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if crop.shape[0] > 2 * _SIDE else cv2.INTER_NEAREST)
    pixels = small.reshape(-1, 3)
    third = np.repeat(np.arange(size[1]) * _LAYOUT_ROWS // size[1], size[0])
    if mask is not None:
        inside = (
            cv2.resize(np.ascontiguousarray(mask).view(np.uint8), size, interpolation=cv2.INTER_NEAREST).ravel() > 0
        )
        if inside.any():
            pixels, third = pixels[inside], third[inside]
    mean = max(float(pixels.mean()), 1.0)
    even = np.clip(pixels * np.float32(_MEAN_LIGHT / mean), 0, 255).astype(np.uint8)
    lab = cv2.cvtColor(even[None], cv2.COLOR_RGB2LAB)[0]
    light = lab[:, 0].astype(np.float32)
    relative = np.clip(light / max(float(light.mean()), 1.0) * (_LIGHT / 2), 0, _LIGHT - 1e-3).astype(np.int64)
    a, b = (_chroma_bin(lab[:, axis], _CHROMA) for axis in (1, 2))
    joint = np.bincount((relative * _CHROMA + a) * _CHROMA + b, minlength=_LIGHT * _CHROMA**2)
    ratio = _CHROMA // _LAYOUT_CHROMA
    coarse = (third * _LAYOUT_CHROMA + a // ratio) * _LAYOUT_CHROMA + b // ratio
    layout = np.bincount(coarse, minlength=_LAYOUT_ROWS * _LAYOUT_CHROMA**2)
    level = np.maximum(0.0, 1.0 - np.abs(np.arange(_LEVELS) - mean / 255 * (_LEVELS - 1)))
    parts = [joint / len(pixels), _LAYOUT_WEIGHT * layout / len(pixels), _LEVEL_WEIGHT * level]
    vector = np.sqrt(np.concatenate(parts))
    unit: NDArray[np.float32] = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


def _chroma_bin(channel: NDArray[Any], bins: int) -> NDArray[np.int64]:
    """Bin of an 8-bit a* or b* channel; finer around grey, where most indoor colours lie."""
    centred = (channel.astype(np.float32) - 128.0) / 128.0
    spread = np.sign(centred) * np.sqrt(np.abs(centred))
    index: NDArray[np.int64] = np.clip((spread + 1.0) * 0.5 * bins, 0, bins - 1).astype(np.int64)
    return index
