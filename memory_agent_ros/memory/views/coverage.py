"""Which surface the kept pictures show, and how well: patches of a coarse grid, each with its best views.

A patch is a cell of ``CELL_M`` together with the side its surface faces (the axis nearest to its normal), so the two
faces of a thin wall are two patches. How well an image shows a patch follows the number of pixels it spends on it:
``min(1, (SHARP_M / d)^2) cos(a)`` at distance d and angle a between normal and line of sight.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.pinhole import unproject_depth
from memory_agent_ros.memory.presence.looks import LookRecord

CELL_M = 0.25
SHARP_M = 2.0

#: Every n-th pixel of a thumbnail is used; surfaces farther away or seen at a flatter angle are not counted.
_STRIDE = 2
_REACH_M = 6.0
_MINIMUM_COSINE = 0.1


@dataclass(frozen=True, eq=False)
class Surface:
    """What one image shows.

    Attributes:
        keys: (N,) int64, one per patch, ascending.
        quality: (N,) float64, how well it is shown, in (0, 1].
    """

    keys: NDArray[np.int64]
    quality: NDArray[np.float64]


def surface_of(look: LookRecord, T_map_camera: NDArray[np.float64]) -> Surface:
    """Patches in a depth thumbnail taken at (4, 4) ``T_map_camera``; the quality of each is the mean of its pixels."""
    points = unproject_depth(look.K, look.depth_mm.astype(np.float32) / 1000.0, _STRIDE).astype(np.float64)
    z = points[..., 2]
    right, down = points[:-1, 1:] - points[:-1, :-1], points[1:, :-1] - points[:-1, :-1]
    normal = np.cross(right, down)
    length = np.linalg.norm(normal, axis=2)
    here = points[:-1, :-1]
    distance = np.linalg.norm(here, axis=2)
    whole = (np.minimum(np.minimum(z[:-1, :-1], z[:-1, 1:]), z[1:, :-1]) > 0.0) & (length > 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.abs((normal * here).sum(axis=2)) / (length * distance)
        good = whole & (distance < _REACH_M) & (cosine > _MINIMUM_COSINE)
    if not good.any():
        return Surface(np.zeros(0, np.int64), np.zeros(0))
    facing = normal[good] * -np.sign((normal[good] * here[good]).sum(axis=1, keepdims=True))
    R = T_map_camera[:3, :3]
    keys = _patch_keys(here[good] @ R.T + T_map_camera[:3, 3], facing @ R.T)
    quality = np.minimum(1.0, (SHARP_M / distance[good]) ** 2) * cosine[good]
    unique, inverse, count = np.unique(keys, return_inverse=True, return_counts=True)
    return Surface(unique, np.bincount(inverse, quality) / count)


def _patch_keys(points: NDArray[np.float64], normals: NDArray[np.float64]) -> NDArray[np.int64]:
    """(N, 3) map points and normals -> (N,) six times the cell (19 bits an axis) plus the side."""
    axis = np.abs(normals).argmax(axis=1)
    positive = np.take_along_axis(normals, axis[:, None], axis=1)[:, 0] > 0
    at = np.floor(points / CELL_M).astype(np.int64) + (1 << 18)
    cells = at[:, 0] << 38 | at[:, 1] << 19 | at[:, 2]
    return np.asarray(cells * 6 + axis * 2 + positive, dtype=np.int64)


class CoverageMap:
    """For every patch which pictures show it how well, and for every picture what only it shows."""

    def __init__(self) -> None:
        self._shown: dict[int, dict[int, float]] = {}
        self._worth: dict[int, float] = {}

    def gain(self, surface: Surface) -> float:
        """By how much a picture would improve what is shown, in patches shown perfectly."""
        best = np.array([max(shown.values()) if (shown := self._shown.get(k)) else 0.0 for k in surface.keys.tolist()])
        return float(np.clip(surface.quality - best, 0.0, None).sum()) if len(best) else 0.0

    def worth(self, picture_id: int) -> float:
        """By how much coverage would fall without this picture, in patches shown perfectly."""
        return self._worth.get(picture_id, 0.0)

    def add(self, picture_id: int, surface: Surface) -> None:
        """Count a picture."""
        self._worth.setdefault(picture_id, 0.0)
        for key, quality in zip(surface.keys.tolist(), surface.quality.tolist(), strict=True):
            shown = self._shown.setdefault(key, {})
            self._credit(shown, -1.0)
            shown[picture_id] = quality
            self._credit(shown, 1.0)

    def drop(self, picture_id: int, surface: Surface) -> None:
        """Discount a picture counted with this surface."""
        for key in surface.keys.tolist():
            shown = self._shown[key]
            self._credit(shown, -1.0)
            del shown[picture_id]
            self._credit(shown, 1.0)
            if not shown:
                del self._shown[key]
        del self._worth[picture_id]

    def _credit(self, shown: dict[int, float], sign: float) -> None:
        """The best view of a patch is worth its lead over the second best."""
        if not shown:
            return
        best = max(shown, key=lambda i: (shown[i], -i))
        second = max((q for i, q in shown.items() if i != best), default=0.0)
        self._worth[best] += sign * (shown[best] - second)
