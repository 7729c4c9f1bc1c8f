"""Turning on the spot until everything that can be seen from here was seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.coverage import Coverage
from memory_agent_ros.exploration.occupancy import OccupancyGrid
from memory_agent_ros.exploration.view_field import ViewField

_SECTOR_COUNT = 72
_MARGIN_RAD = np.deg2rad(6.0)


def wrap(angle: float) -> float:
    """Angle in [-pi, pi)."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)


class LookAround:
    """One look from one place.

    Args:
        xy: (2,) the camera, metres, map frame.
        hfov: horizontal field of view, radians.
        blind_m: nearer floor is not in view, metres.
        with_unknown: look for unknown space too.
        everything: look into every direction, whatever was seen.
        face_xy: (2,) a point to look at in any case, or None.
    """

    def __init__(
        self,
        grid: OccupancyGrid,
        coverage: Coverage,
        config: ExplorerConfig,
        xy: NDArray[np.float64],
        hfov: float,
        blind_m: float,
        with_unknown: bool = True,
        everything: bool = False,
        face_xy: NDArray[np.float64] | None = None,
    ) -> None:
        self._config = config
        self._coverage = coverage
        self._xy = xy
        self._half = hfov / 2 - _MARGIN_RAD
        self._blind = blind_m
        self._everything = everything
        self._field = ViewField(grid, coverage, config, with_unknown)
        self._visible = self._field.visible(xy[None], config.surface_range_m)[0]
        self._swept = np.zeros(_SECTOR_COUNT, dtype=bool)
        self._direction = 0.0
        self._turned = 0.0
        self._last_yaw: float | None = None
        self._face: float | None = None if face_xy is None else float(np.arctan2(*(face_xy - xy)[::-1]))

    def step(self, yaw: float) -> float | None:
        """Bearing of the camera (radians) -> direction to turn, +1 left or -1 right, or None when done."""
        if self._field.stale and self._face is None:
            return None
        if self._last_yaw is not None:
            self._turned += abs(wrap(yaw - self._last_yaw))
        self._last_yaw = yaw
        centers = (np.arange(_SECTOR_COUNT) + 0.5) * (2 * np.pi / _SECTOR_COUNT)
        self._swept |= np.abs(_wrap(centers - yaw)) < self._half
        if self._turned > 2 * np.pi + 0.3:
            return None
        offsets = self._wanted(yaw) if not self._field.stale else np.zeros(0)
        if self._face is not None:
            off = wrap(self._face - yaw)
            self._face = None if abs(off) < self._half / 2 else self._face
            offsets = np.append(offsets, off) if self._face is not None else offsets
        if not len(offsets):
            return None
        if self._direction == 0.0:
            left, right = np.mod(offsets, 2 * np.pi).max(), np.mod(-offsets, 2 * np.pi).max()
            self._direction = 1.0 if left <= right else -1.0
        if not ((offsets * self._direction) > 0).any():
            self._direction = -self._direction
        return self._direction

    def _wanted(self, yaw: float) -> NDArray[np.float64]:
        """Bearings relative to ``yaw`` in which something is left to be seen; empty when not worth it."""
        if self._everything:
            centers = (np.nonzero(~self._swept)[0] + 0.5) * (2 * np.pi / _SECTOR_COUNT)
            return _wrap(centers - yaw)
        self._field.refresh()
        cells, weight = self._needs()
        if not len(cells):
            return np.zeros(0)
        offset = self._field.centers(cells) - self._xy
        bearing = np.arctan2(offset[:, 1], offset[:, 0])
        sector = (np.mod(bearing, 2 * np.pi) / (2 * np.pi / _SECTOR_COUNT)).astype(np.int64) % _SECTOR_COUNT
        per_sector = np.bincount(sector, weights=weight, minlength=_SECTOR_COUNT)
        per_sector[self._swept] = 0.0
        if per_sector.sum() < self._config.look_min_m2:
            return np.zeros(0)
        wanted = np.nonzero(per_sector > 0.02)[0]
        return _wrap((wanted + 0.5) * (2 * np.pi / _SECTOR_COUNT) - yaw)

    def _needs(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        cells, weight = self._field.needs(self._xy, self._visible)
        distance = np.linalg.norm(self._field.centers(cells) - self._xy, axis=1)
        far = distance > self._blind
        return cells[far], weight[far]

    def finish(self) -> None:
        """Give up on what was in view from here and still was not seen."""
        if self._field.stale:
            return
        self._field.refresh()
        cells, _ = self._needs()
        offset = self._field.centers(cells) - self._xy
        bearing = np.mod(np.arctan2(offset[:, 1], offset[:, 0]), 2 * np.pi)
        sector = (bearing / (2 * np.pi / _SECTOR_COUNT)).astype(np.int64) % _SECTOR_COUNT
        near = np.linalg.norm(offset, axis=1) < self._config.surface_range_m - 0.4
        self._coverage.give_up(self._field.fine_mask(cells[self._swept[sector] & near]))


def _wrap(angles: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(np.mod(angles + np.pi, 2 * np.pi) - np.pi, dtype=np.float64)
