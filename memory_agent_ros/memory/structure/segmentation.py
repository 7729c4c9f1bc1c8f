"""From walls and free space to rooms and the passages between them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.segmentation import watershed

from memory_agent_ros.memory.structure.config import StructureConfig
from memory_agent_ros.memory.structure.free_space import FreeSpace

#: No room is narrower than twice this, metres.
_HALF_WIDTH_M = 0.35
#: Gaps in walls up to this are seams between looks, not passages; unseen patches up to this are filled, square metres.
_SEAM_M, _PATCH_M2 = 0.15, 1.5
#: A passage narrower than this is none, metres.
_SLIT_M = 0.5


@dataclass(frozen=True, eq=False)
class Passage:
    """Where two regions meet: their labels, the (row, column) of the middle, and its width in metres."""

    a: int
    b: int
    cell: tuple[int, int]
    width_m: float


@dataclass(frozen=True, eq=False)
class Segmentation:
    """Rooms as cells.

    Attributes:
        labels: (H, W) int32 room of each cell, from 1; 0 is no room.
        clearance_m: (H, W) distance to the nearest wall, metres.
        passages: where rooms meet.
    """

    labels: NDArray[np.int32]
    clearance_m: NDArray[np.float64]
    passages: tuple[Passage, ...]


def segment(space: FreeSpace, config: StructureConfig) -> Segmentation:
    """Cut free space at its necks.

    Only walls cut: furniture lies inside a room. Watershed over the distance to the nearest wall gives too many
    regions; two stay apart only if the passage between them is narrow as a door and clearly narrower than both
    (persistence of the distance transform's maxima; Bormann et al., ICRA 2016, for the family of methods).
    """
    if space.passes.size == 0:
        return Segmentation(np.zeros((0, 0), dtype=np.int32), np.zeros((0, 0)), ())
    wall = _closed(space.walls(), space.cell_m)
    inside = _inside(space.passes, wall, space.cell_m, config.room_m2)
    clearance = ndimage.distance_transform_edt(~wall) * space.cell_m if wall.any() else np.full(wall.shape, np.inf)
    clearance = np.where(inside, np.minimum(clearance, 10.0), 0.0)
    gap = max(2, round(_HALF_WIDTH_M / space.cell_m))
    peaks = peak_local_max(
        clearance, min_distance=gap, threshold_abs=_HALF_WIDTH_M, labels=inside.astype(np.int32), exclude_border=False
    )
    markers = np.zeros(inside.shape, dtype=np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    regions = np.asarray(watershed(-clearance, markers, mask=inside), dtype=np.int32)
    labels = _merged(regions, clearance, space.visits > 0, space.cell_m, config)
    return Segmentation(labels, clearance, tuple(_passages(labels, clearance, space.cell_m)))


def _closed(wall: NDArray[np.bool_], cell_m: float) -> NDArray[np.bool_]:
    size = 2 * max(1, round(_SEAM_M / cell_m / 2)) + 1
    closed = cv2.morphologyEx(wall.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((size, size), np.uint8))
    return np.asarray(closed, dtype=bool)


def _inside(passes: NDArray[np.uint16], wall: NDArray[np.bool_], cell_m: float, room_m2: float) -> NDArray[np.bool_]:
    """Cells that were looked over; small patches nobody could look over are filled, what is no room is left out."""
    free = (passes > 0) & ~wall
    holes, _ = ndimage.label(~free & ~wall)
    patch = np.bincount(holes.reshape(-1)) * cell_m**2 <= _PATCH_M2
    patch[0] = False
    free |= patch[holes]
    parts, _ = ndimage.label(free)
    large = np.bincount(parts.reshape(-1)) * cell_m**2 >= room_m2
    large[0] = False
    return np.asarray(large[parts])


def _borders(
    labels: NDArray[np.int32], clearance: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[np.float64]]:
    """Pairs of neighbouring cells of different regions: (N, 2) row, column of one, (N, 2) labels, (N,) clearance."""
    cells, pairs, values = [], [], []
    for axis in (0, 1):
        first = [slice(None)] * 2
        second = [slice(None)] * 2
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        a, b = labels[tuple(first)], labels[tuple(second)]
        row, column = np.nonzero((a != b) & (a > 0) & (b > 0))
        cells.append(np.stack([row, column], axis=1))
        pairs.append(np.sort(np.stack([a[row, column], b[row, column]], axis=1), axis=1))
        values.append(np.minimum(clearance[tuple(first)][row, column], clearance[tuple(second)][row, column]))
    return np.concatenate(cells), np.concatenate(pairs), np.concatenate(values)


def _merged(
    regions: NDArray[np.int32],
    clearance: NDArray[np.float64],
    visited: NDArray[np.bool_],
    cell_m: float,
    config: StructureConfig,
) -> NDArray[np.int32]:
    """Regions joined where nothing narrow lies between them, widest passage first; then those too small for a room."""
    count = int(regions.max())
    owner = np.arange(count + 1)
    peak = np.asarray(ndimage.maximum(clearance, regions, np.arange(count + 1)), dtype=np.float64)
    area = np.bincount(regions.reshape(-1), minlength=count + 1) * cell_m**2
    entered = np.bincount(regions[visited], minlength=count + 1) > 0
    _, pairs, values = _borders(regions, clearance)
    saddle: dict[tuple[int, int], float] = {}
    for (a, b), value in zip(pairs.tolist(), values.tolist(), strict=True):
        saddle[a, b] = max(saddle.get((a, b), 0.0), value)

    def separates(a: int, b: int, width: float) -> bool:
        return 2 * width <= config.door_m and width <= config.neck_share * min(peak[a], peak[b])

    def join(a: int, b: int) -> None:
        owner[owner == b] = a
        peak[a], area[a], entered[a] = max(peak[a], peak[b]), area[a] + area[b], entered[a] or entered[b]
        for key in [k for k in saddle if b in k]:
            width = saddle.pop(key)
            other = key[0] if key[1] == b else key[1]
            if other != a:
                pair = (min(a, other), max(a, other))
                saddle[pair] = max(saddle.get(pair, 0.0), width)

    while open_ := [(w, k) for k, w in saddle.items() if not separates(*k, w)]:
        join(*max(open_)[1])

    def around(region: int) -> list[tuple[float, tuple[int, int]]]:
        return [(w, k) for k, w in saddle.items() if region in k]

    def spills(region: int) -> bool:  # seen through a gap that nobody fits through: a corner behind furniture
        widest = max(around(region), default=(np.inf, (0, 0)))[0]
        return not entered[region] and bool(2 * widest < _SLIT_M)

    while small := [(area[i], i) for i in set(owner.tolist()) - {0} if area[i] < config.room_m2 or spills(i)]:
        _, least = min(small)
        if around(least):
            pair = max(around(least))[1]
            join(pair[0] if pair[1] == least else pair[1], least)
        else:
            owner[owner == least] = 0
    kept = sorted(set(owner.tolist()) - {0})
    number = np.zeros(count + 1, dtype=np.int32)
    number[kept] = np.arange(1, len(kept) + 1)
    return np.asarray(number[owner][regions], dtype=np.int32)


def _passages(labels: NDArray[np.int32], clearance: NDArray[np.float64], cell_m: float) -> list[Passage]:
    """One passage for each connected stretch of border between two rooms."""
    cells, pairs, values = _borders(labels, clearance)
    found = []
    for a, b in np.unique(pairs, axis=0).tolist():
        rows = np.flatnonzero((pairs == (a, b)).all(axis=1))
        canvas = np.zeros(labels.shape, dtype=np.uint8)
        canvas[tuple(cells[rows].T)] = 1
        stretches, count = ndimage.label(cv2.dilate(canvas, np.ones((3, 3), np.uint8)))
        at = stretches[tuple(cells[rows].T)]
        for stretch in range(1, count + 1):
            mine = rows[at == stretch]
            widest = mine[values[mine] >= 0.9 * values[mine].max()]
            middle = cells[widest].mean(axis=0)
            row, column = cells[widest[np.argmin(np.linalg.norm(cells[widest] - middle, axis=1))]].tolist()
            found.append(Passage(a, b, (row, column), float(2 * values[mine].max() + cell_m)))
    return found
