"""What RViz shows, as plain records: boxes and labels of objects, frontier points. Knows no message type."""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.map_object import MapObject, ObjectState

Color = tuple[float, float, float, float]

GONE_COLOR: Color = (0.55, 0.55, 0.55, 0.35)
_TEXT_M = 0.12


@dataclass(frozen=True, eq=False)
class Marker:
    """One thing to draw in the map frame.

    Attributes:
        namespace, id: identity of the marker within its topic.
        shape: ``cube`` (``scale`` = edge lengths), ``text`` (``scale[2]`` = letter height), ``line_list`` and
            ``sphere_list`` (``points``; ``scale[0]`` = width or diameter).
        position_m: (3,) metres, map frame.
        scale_m: (3,) metres.
        color: red, green, blue, alpha in [0, 1].
        yaw: turn about z, radians.
        text: what a ``text`` marker says.
        points_m: (N, 3) points relative to ``position_m``.
        colors: (N, 4) one colour per point; none means ``color`` for all.
    """

    namespace: str
    id: int
    shape: Literal["cube", "text", "line_list", "sphere_list"]
    position_m: NDArray[np.float64]
    scale_m: NDArray[np.float64]
    color: Color
    yaw: float = 0.0
    text: str = ""
    points_m: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 3)))
    colors: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 4)))


def label_color(label: str, alpha: float = 1.0) -> Color:
    """A colour of its own for every label, the same in every process and run."""
    hue = zlib.crc32(label.encode()) % 360 / 360.0
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, 0.95)
    return red, green, blue, alpha


def object_markers(objects: Sequence[MapObject]) -> list[Marker]:
    """Box and label of every confirmed object; gone ones are grey and say so."""
    markers: list[Marker] = []
    for thing in objects:
        if not thing.confirmed:
            continue
        gone = thing.state == ObjectState.GONE
        size = np.maximum(thing.box.size, 0.01)
        top = thing.box.center + np.array([0.0, 0.0, size[2] / 2 + _TEXT_M])
        text = f"{thing.label} {thing.id}" + (" (gone)" if gone else "")
        box_color = GONE_COLOR if gone else label_color(thing.label, 0.45)
        text_color = (*GONE_COLOR[:3], 0.9) if gone else (1.0, 1.0, 1.0, 1.0)
        markers.append(Marker("boxes", thing.id, "cube", thing.box.center, size, box_color, yaw=thing.box.yaw))
        markers.append(Marker("labels", thing.id, "text", top, np.full(3, _TEXT_M), text_color, text=text))
    return markers


def point_markers(
    points_m: NDArray[np.floating], namespace: str, color: Color, diameter_m: float = 0.1
) -> list[Marker]:
    """One marker of spheres at (N, 3) map points, e.g. frontiers; none for no points."""
    if len(points_m) == 0:
        return []
    scale = np.full(3, diameter_m)
    points = np.asarray(points_m, dtype=np.float64)
    return [Marker(namespace, 0, "sphere_list", np.zeros(3), scale, color, points_m=points)]


def colored_points(objects: Sequence[MapObject]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Surface points of all present, confirmed objects -> (N, 3) metres and (N, 3) uint8 RGB by label."""
    shown = [thing for thing in objects if thing.confirmed and thing.state == ObjectState.PRESENT]
    shown = [thing for thing in shown if len(thing.points_map)]
    if not shown:
        return np.zeros((0, 3), dtype=np.float32), np.zeros((0, 3), dtype=np.uint8)
    rgb = [np.array(label_color(thing.label)[:3]) * 255 for thing in shown]
    colors = [
        np.tile(np.rint(color).astype(np.uint8), (len(thing.points_map), 1))
        for color, thing in zip(rgb, shown, strict=True)
    ]
    return np.concatenate([thing.points_map for thing in shown]).astype(np.float32), np.concatenate(colors)
