"""What the embedded reader sees of a crop: features of an image network and statistics of colours, cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

#: Cells along each edge of a crop.
CELLS = 3
#: Bins of the histogram of a cell: grays by lightness; colours by hue, each dark and light.
_GRAYS, _HUES = 6, 12
#: From this chroma on a pixel counts as coloured, CIELAB; fully so at twice of it.
_CHROMA = 6.0
#: Numbers that describe the colours of a cell, and the shape of a crop.
COLOUR_SIZE = 6 + _GRAYS + 2 * _HUES
SHAPE_SIZE = 3
_SIDE = 48


class FeatureMaps(Protocol):
    """An image network before its pooling."""

    @property
    def dimension(self) -> int:
        """Length of a feature."""
        ...

    def feature_maps(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """B crops -> (B, h, w, D) float32."""
        ...


@dataclass(frozen=True, eq=False)
class CropFeatures:
    """N crops.

    Attributes:
        image: (N, 9, D) float32 features of the image network, of the cells row by row.
        colour: (N, 9, COLOUR_SIZE) float32 of the same cells: mean and spread of L, a, b; soft histogram.
        shape: (N, 3) float32 logarithms of height over width, and of height and width over 64 pixels.
    """

    image: NDArray[np.float32]
    colour: NDArray[np.float32]
    shape: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.image)

    def rows(self, chosen: NDArray[np.intp]) -> CropFeatures:
        """Some of the crops."""
        return CropFeatures(self.image[chosen], self.colour[chosen], self.shape[chosen])


def crop_features(network: FeatureMaps, crops: Sequence[NDArray[np.uint8]]) -> CropFeatures:
    """Features of crops (h, w, 3) uint8 RGB, none empty."""
    maps = network.feature_maps(crops)
    image = np.stack([_pooled(m) for m in maps]) if len(crops) else np.zeros((0, CELLS**2, network.dimension))
    colour = np.stack([colour_cells(c) for c in crops]) if len(crops) else np.zeros((0, CELLS**2, COLOUR_SIZE))
    sizes = np.array([c.shape[:2] for c in crops], dtype=np.float64).reshape(-1, 2)
    shape = np.column_stack([np.log(sizes[:, 0] / sizes[:, 1]), np.log(sizes / 64.0)])
    return CropFeatures(image.astype(np.float32), colour.astype(np.float32), shape.astype(np.float32))


def colour_cells(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w, 3) uint8 RGB -> (9, COLOUR_SIZE): for each cell of a 3 x 3 grid what its colours are in CIELAB."""
    side = (min(_SIDE, max(CELLS, crop.shape[1])), min(_SIDE, max(CELLS, crop.shape[0])))
    small = cv2.resize(crop, side, interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(small.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
    described = _described(lab)
    rows, columns = (np.arange(n) * CELLS // n for n in lab.shape[:2])
    cell = (rows[:, None] * CELLS + columns[None]).ravel()
    lab, described = lab.reshape(-1, 3) / np.array([100.0, 60.0, 60.0]), described.reshape(len(cell), -1)
    out = np.zeros((CELLS**2, COLOUR_SIZE), dtype=np.float32)
    for number in range(CELLS**2):
        inside = cell == number
        out[number] = np.concatenate([lab[inside].mean(0), lab[inside].std(0), described[inside].mean(0)])
    return out


def _described(lab: NDArray[Any]) -> NDArray[np.float32]:
    """(h, w, 3) L, a, b -> (h, w, bins) weights that add up to 1: how gray, at which lightness; else of which hue."""
    lightness, a, b = lab[..., 0], lab[..., 1], lab[..., 2]
    coloured = np.clip(np.hypot(a, b) / _CHROMA - 1.0, 0.0, 1.0)
    gray = _soft(lightness / 100.0 * (_GRAYS - 1), _GRAYS, wraps=False)
    hue = _soft((np.arctan2(b, a) / (2 * np.pi) % 1.0) * _HUES, _HUES, wraps=True)
    light = np.clip((lightness - 25.0) / 50.0, 0.0, 1.0)[..., None]
    tinted = np.concatenate([hue * (1 - light), hue * light], axis=-1)
    whole: NDArray[np.float32] = np.concatenate(
        [gray * (1 - coloured[..., None]), tinted * coloured[..., None]], axis=-1
    ).astype(np.float32)
    return whole


def _soft(position: NDArray[Any], bins: int, *, wraps: bool) -> NDArray[np.float32]:
    """Linear interpolation between the two nearest bins."""
    away = np.abs(position[..., None] - np.arange(bins, dtype=np.float32))
    if wraps:
        away = np.minimum(away, bins - away)
    weights: NDArray[np.float32] = np.clip(1.0 - away, 0.0, 1.0)
    return weights


def _pooled(grid: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w, D) -> (9, D): means over the cells of a 3 x 3 grid, which overlap where they do not divide the map."""
    edges = [
        [(int(np.floor(i * n / CELLS)), int(np.ceil((i + 1) * n / CELLS))) for i in range(CELLS)]
        for n in grid.shape[:2]
    ]
    cells = [grid[r0:r1, c0:c1].mean(axis=(0, 1)) for r0, r1 in edges[0] for c0, c1 in edges[1]]
    return np.stack(cells)
