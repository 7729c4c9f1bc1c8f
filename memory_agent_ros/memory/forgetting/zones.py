"""Places on the floor from which nothing is kept: inside or not, and pictures blanked where they show them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.pinhole import valid_depth
from memory_agent_ros.records.frame import Frame

#: Pixels are asked for their place on a grid so wide; cells beside a blanked one are blanked too.
_COLUMNS, _ROWS = 80, 60
#: Pixels around a refused detection that are blanked with it, at a width of 640.
_MARGIN_PX = 8.0
_GREY = 128


@dataclass(frozen=True, eq=False)
class Zone:
    """An upright prism.

    Attributes:
        polygon: (N, 2) outline x, y in the map frame, metres.
        low_m, high_m: from which to which height.
    """

    polygon: NDArray[np.float64]
    low_m: float = -np.inf
    high_m: float = np.inf

    def holds(self, points: NDArray[np.floating]) -> NDArray[np.bool_]:
        """(N,) which of (N, 3) map points lie in it; NaN do not."""
        x, y, z = np.asarray(points, dtype=np.float64).reshape(-1, 3).T
        return in_polygon(self.polygon, x, y) & (z >= self.low_m) & (z <= self.high_m)


def in_polygon(polygon: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(N,) which points lie inside an (M, 2) outline: a ray to the right crosses it an odd number of times."""
    inside = np.zeros(len(x), dtype=bool)
    for (ax, ay), (bx, by) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
        if ay != by:
            crosses = (ay > y) != (by > y)
            inside ^= crosses & (x < ax + (y - ay) * (bx - ax) / (by - ay))
    return inside


def screened(frame: Frame, zones: Sequence[Zone], boxes_xyxy: Sequence[NDArray[np.floating]]) -> Frame:
    """The frame without colour and depth where it shows a zone, or inside (4,) pixel boxes.

    Where a zone is in view, pixels without depth go too: they may show it.
    """
    shown = _zone_cells(frame, zones) if zones else np.zeros((_ROWS, _COLUMNS), dtype=bool)
    if not shown.any() and not len(boxes_xyxy):
        return frame
    rgb, depth = frame.rgb.copy(), frame.depth_m.copy()
    for image, empty in ((rgb, _GREY), (depth, 0.0)):
        height, width = image.shape[:2]
        image[_enlarged(shown, width, height)] = empty
        scale = np.tile([width / frame.camera.width, height / frame.camera.height], 2)
        margin = _MARGIN_PX * frame.camera.width / 640.0
        for box in boxes_xyxy:
            x0, y0, x1, y1 = (np.asarray(box, dtype=np.float64) + np.array([-margin, -margin, margin, margin])) * scale
            image[max(int(y0), 0) : max(int(np.ceil(y1)), 0), max(int(x0), 0) : max(int(np.ceil(x1)), 0)] = empty
    return dataclasses.replace(frame, rgb=rgb, depth_m=depth)


def _zone_cells(frame: Frame, zones: Sequence[Zone]) -> NDArray[np.bool_]:
    """(ROWS, COLUMNS) which cells of the image may show a zone."""
    camera = frame.depth_camera or frame.camera
    rows = ((np.arange(_ROWS) + 0.5) * camera.height / _ROWS).astype(np.intp)
    columns = ((np.arange(_COLUMNS) + 0.5) * camera.width / _COLUMNS).astype(np.intp)
    depth = frame.depth_m[np.ix_(rows, columns)]
    read = valid_depth(depth, 0.02, 100.0)
    z = np.where(read, depth, np.nan)
    u, v = np.meshgrid(columns, rows)
    local = np.stack([(u - camera.K[0, 2]) / camera.K[0, 0] * z, (v - camera.K[1, 2]) / camera.K[1, 1] * z, z], axis=-1)
    points = local.reshape(-1, 3) @ frame.T_map_camera[:3, :3].T + frame.T_map_camera[:3, 3]
    shown = np.logical_or.reduce([zone.holds(points) for zone in zones]).reshape(_ROWS, _COLUMNS)
    here = any(zone.holds(frame.T_map_camera[None, :3, 3])[0] for zone in zones)
    return np.asarray(shown | ~read if here or shown.any() else shown, dtype=bool)


def _enlarged(cells: NDArray[np.bool_], width: int, height: int) -> NDArray[np.bool_]:
    """(height, width) pixels of the cells and of those beside them."""
    wider = cv2.dilate(cells.astype(np.uint8), np.ones((3, 3), np.uint8))
    return np.asarray(cv2.resize(wider, (width, height), interpolation=cv2.INTER_NEAREST) > 0)
