"""Where walls stand and where one can look through: a grid grown from the depth thumbnails of past looks."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.presence.looks import HEIGHT, WIDTH, LookRecord
from memory_agent_ros.memory.structure.config import StructureConfig
from memory_agent_ros.records import limits

#: Rows of a thumbnail that are used: every fourth says enough of a scene 80 pixels wide.
_ROWS = np.arange(1, HEIGHT, 4)
#: Directions around the camera in which the reach of a look is kept.
_SECTORS = 240
_CHUNK = 64
#: Cells by which the grid grows beyond what it must hold, so that it does not grow at every look.
_SLACK = 40
#: Things lower than this above the floor block no view and no way, metres.
_LOW_M = 0.3
#: Levels in which the floor is looked for: their height in metres, and how many.
_LEVEL_M, _LEVELS = 0.05, 400
#: A hit frees nothing this close to it, metres.
_SKIN_M = 0.1


class FreeSpace:
    """Counts of looks per cell of the floor plan; row = y, column = x.

    Attributes:
        cell_m: edge of a cell.
        origin: (2,) x, y of the corner of cell (0, 0), metres.
        hits: (H, W) uint16 looks that ended in the cell, more than 0.3 m above the floor.
        tall: (H, W) uint16 looks that ended there as high as walls reach.
        passes: (H, W) uint16 looks that went over the cell at any height.
        visits: (H, W) uint16 looks whose camera was there.
        looks: how many looks have gone in.
        floor_m: height of the floor.
    """

    def __init__(self, config: StructureConfig) -> None:
        self._config = config
        self.cell_m = config.cell_m
        self.origin = np.zeros(2)  # a multiple of cell_m, so that cells of later grids fall on those of earlier ones
        self.hits, self.tall, self.passes, self.visits = (np.zeros((0, 0), dtype=np.uint16) for _ in range(4))
        self.looks = 0
        self._first: NDArray[np.float64] | None = None
        self._heights = np.zeros((2, _LEVELS))
        self.floor_m = 0.0

    def add(self, looks: Sequence[LookRecord]) -> None:
        """Take in thumbnails."""
        for start in range(0, len(looks), _CHUNK):
            chunk = looks[start : start + _CHUNK]
            origins, points, valid = _points(self._within(chunk))
            if not len(origins):
                continue
            self._heights += level_counts(points[valid][:, 2])
            self.floor_m = floor_height(self._heights)
            self._add(origins, points, valid)
            self.looks += len(chunk)

    def _within(self, looks: Sequence[LookRecord]) -> list[LookRecord]:
        """Those not too far from the first one: a pose gone astray, or damaged, must not take all working memory."""
        places = np.array([r.T_map_camera[:2, 3] for r in looks])
        on_earth = np.abs(places).max(axis=1) <= limits.COORDINATE_M
        if self._first is None and on_earth.any():
            self._first = places[on_earth][0]
        first = np.zeros(2) if self._first is None else self._first
        near = on_earth & (np.abs(places - first).max(axis=1) <= limits.PLAN_CELLS * self.cell_m)
        return [look for look, is_near in zip(looks, near.tolist(), strict=True) if is_near]

    def cells(self, xy: NDArray[np.floating]) -> NDArray[np.intp]:
        """(..., 2) x, y in metres -> (..., 2) row, column; may lie outside the grid."""
        return np.floor((np.asarray(xy, dtype=np.float64) - self.origin) / self.cell_m).astype(np.intp)[..., ::-1]

    def points(self, cells: NDArray[np.integer]) -> NDArray[np.float64]:
        """(..., 2) row, column -> (..., 2) x, y of the cells' middles, metres."""
        return (np.asarray(cells)[..., ::-1] + 0.5) * self.cell_m + self.origin

    def walls(self) -> NDArray[np.bool_]:
        """(H, W) bool: what cuts rooms.

        Solid is where looks end and none goes over. Of that, walls reach high; where hardly anything solid was seen so
        high (a camera that looks down), all of it counts.
        """
        solid = (self.hits >= 2) & (self.hits >= self._config.block_share * (self.hits.astype(float) + self.passes))
        high = np.asarray(cv2.dilate((self.tall > 0).astype(np.uint8), np.ones((3, 3), np.uint8)), dtype=bool)
        return solid & high if (solid & high).sum() >= 0.3 * solid.sum() else solid

    def _add(self, origins: NDArray[np.float32], points: NDArray[np.float32], valid: NDArray[np.bool_]) -> None:
        """Origins (L, 3), points (L, N, 3) and which of them hold, (L, N)."""
        away = points[..., :2] - origins[:, None, :2]
        distance = np.hypot(away[..., 0], away[..., 1])
        near = valid & (distance <= self._config.range_m)
        self._cover(origins, points[near, 0], points[near, 1])
        np.add.at(self.visits, tuple(self.cells(origins[:, :2]).T), np.uint16(1))
        rims = _rims(origins, away, distance, valid, self._config.range_m)
        height = points[..., 2] - self.floor_m
        standing, shape = near & (height > _LOW_M), self.hits.shape
        for k, rim in enumerate(rims):
            ended = self.cells(points[k, standing[k], :2])
            tall = height[k, standing[k]] >= self._config.wall_from_m
            for counts, cells in ((self.hits, ended), (self.tall, ended[tall])):
                mask = np.zeros(shape, dtype=np.uint8)
                mask[cells[:, 0], cells[:, 1]] = 1
                counts += mask
            self._pass(rim)

    def _pass(self, rim: NDArray[np.float64]) -> None:
        """Count one look over the polygon (N, 2) that it could see over."""
        if len(rim) < 3:
            return
        corners = np.rint(((rim - self.origin) / self.cell_m - 0.5) * 16).astype(np.int32)
        low = np.clip(corners.min(axis=0) // 16 - 1, 0, None)
        high = corners.max(axis=0) // 16 + 2
        window = self.passes[low[1] : high[1], low[0] : high[0]]
        if not window.size:
            return
        mask = np.zeros(window.shape, dtype=np.uint8)
        cv2.fillPoly(mask, [corners - low * 16], 1, shift=4)
        window += mask

    def _cover(self, origins: NDArray[np.float32], x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        """Grow the grid so that it holds all cameras and points."""
        xs, ys = np.append(x, origins[:, 0]), np.append(y, origins[:, 1])
        low = np.floor(([xs.min(), ys.min()] - self.origin) / self.cell_m).astype(int) - 2
        high = np.ceil(([xs.max(), ys.max()] - self.origin) / self.cell_m).astype(int) + 2
        height, width = self.passes.shape
        if self.passes.size == 0:
            self.origin, high, low = self.origin + low * self.cell_m, high - low, np.zeros(2, int)
        before = np.where(low < 0, -low + _SLACK, 0) if self.passes.size else np.zeros(2, int)
        after = np.where(high > [width, height], high - [width, height] + _SLACK, 0)
        if not before.any() and not after.any():
            return
        self.origin = self.origin - before * self.cell_m
        padding = ((before[1], after[1]), (before[0], after[0]))
        grids = (self.hits, self.tall, self.passes, self.visits)
        self.hits, self.tall, self.passes, self.visits = (np.pad(a, padding) for a in grids)


def level_counts(z: NDArray[np.floating]) -> NDArray[np.float64]:
    """(N,) heights -> (2, levels) number of points and sum of heights of each level of 5 cm, from -10 m to 10 m."""
    level = np.clip(np.rint(z / _LEVEL_M).astype(np.intp) + _LEVELS // 2, 0, _LEVELS - 1)
    return np.stack([np.bincount(level, minlength=_LEVELS), np.bincount(level, weights=z, minlength=_LEVELS)])


def floor_height(levels: NDArray[np.float64]) -> float:
    """Height of the lowest large level surface, metres: the lowest level with a fiftieth of all points."""
    counts, sums = levels
    if not counts.any():
        return 0.0
    lowest = int(np.flatnonzero(counts >= 0.02 * counts.sum())[0])
    around = slice(max(lowest - 1, 0), lowest + 2)
    return float(sums[around].sum() / counts[around].sum())


def _points(
    looks: Sequence[LookRecord],
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Cameras (L, 3), what their pixels show (L, N, 3) in the map frame, and which pixels have a reading (L, N)."""
    if not looks:
        return np.zeros((0, 3), np.float32), np.zeros((0, 0, 3), np.float32), np.zeros((0, 0), dtype=bool)
    T = np.stack([r.T_map_camera for r in looks]).astype(np.float32)
    K = np.stack([r.K for r in looks]).astype(np.float32)
    z = np.stack([r.depth_mm[_ROWS] for r in looks]).reshape(len(looks), -1) * np.float32(1e-3)
    v, u = (g.reshape(-1).astype(np.float32) for g in np.meshgrid(_ROWS, np.arange(WIDTH), indexing="ij"))
    x = (u - K[:, 0, 2, None]) / K[:, 0, 0, None] * z
    y = (v - K[:, 1, 2, None]) / K[:, 1, 1, None] * z
    points = np.stack([x, y, z], axis=2) @ T[:, :3, :3].transpose(0, 2, 1) + T[:, None, :3, 3]
    return T[:, :3, 3], points, z > 0


def _rims(
    origins: NDArray[np.float32],
    away: NDArray[np.float32],
    distance: NDArray[np.float32],
    valid: NDArray[np.bool_],
    range_m: float,
) -> list[NDArray[np.float64]]:
    """Per look the (M, 2) outline of what it could see over: the farthest hit of each direction.

    Of three neighbouring directions the shortest counts, so that no outline cuts the corner of what hides the rest.
    """
    sector = ((np.arctan2(away[..., 1], away[..., 0]) / (2 * np.pi) + 0.5) * _SECTORS).astype(np.intp) % _SECTORS
    flat = (sector + _SECTORS * np.arange(len(origins))[:, None])[valid]
    farthest: NDArray[np.float64] = np.zeros(len(origins) * _SECTORS)
    np.maximum.at(farthest, flat, np.minimum(distance[valid], range_m))
    farthest = farthest.reshape(-1, _SECTORS)
    reach = np.minimum(np.minimum(np.roll(farthest, 1, axis=1), np.roll(farthest, -1, axis=1)), farthest) - _SKIN_M
    angle = ((np.arange(_SECTORS) + 0.5) / _SECTORS - 0.5) * 2 * np.pi
    spokes = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rims: list[NDArray[np.float64]] = []
    for origin, lengths in zip(origins[:, :2], reach, strict=True):
        open_ = lengths > 0
        outline = np.where(open_[:, None], origin + lengths[:, None].clip(0) * spokes, origin)
        keep = open_ | np.roll(open_, 1) | np.roll(open_, -1)
        rims.append(np.asarray(outline[keep], dtype=np.float64))
    return rims
