"""What is really there, for scoring: boxes, rooms, presence, visibility. Never an input of the robot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.pinhole import project_map
from memory_agent_ros.geometry.se3 import Matrix, transform_points, yaw_of
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.frame import Frame


@dataclass(frozen=True, eq=False)
class TruthObject:
    """One labelled instance as it really stands.

    Attributes:
        id: instance id as in ``Frame.instances``.
        label: category.
        box: upright box around its mesh in the map frame (where it last stood if not present).
        movable: False for furniture.
        room: name of the room it stands in.
        present: False once removed.
        instance_key: name of the instance, unique over all splits; :mod:`memory_agent_sim.attributes` knows its looks.
        state: how it lies, one of :data:`~memory_agent_ros.records.looks.STATES`; None if it does not tell.
    """

    id: int
    label: str
    box: OrientedBox
    movable: bool
    room: str
    present: bool
    instance_key: str
    state: str | None = None


@dataclass(frozen=True)
class Visibility:
    """How well a frame shows an object: its pixels, and the share of its camera-facing surface that is unoccluded."""

    pixels: int
    unoccluded: float


def box_of(vertices: NDArray[np.float64], T_map_body: Matrix) -> OrientedBox:
    """Upright box, turned as the body is, around (N, 3) vertices given in the body's frame."""
    yaw = yaw_of(T_map_body)
    c, s = np.cos(yaw), np.sin(yaw)
    R = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    local = transform_points(T_map_body, vertices) @ R
    low, high = local.min(axis=0), local.max(axis=0)
    return OrientedBox(center=R @ ((low + high) / 2), size=high - low, yaw=yaw)


def unoccluded_share(
    points_map: NDArray[np.float64], normals_map: NDArray[np.float64], frame: Frame, instance: int
) -> float:
    """Share of camera-facing surface samples that are inside the image and not behind something else.

    Args:
        points_map: (N, 3) samples of the object's surface, map frame.
        normals_map: (N, 3) outward normals there.
        frame: rendered frame; a sample counts as seen if the pixel it falls on shows the object itself, or background
            that is no nearer than 2 cm in front of the sample.
        instance: id of the object.
    """
    toward = frame.T_map_camera[:3, 3] - points_map
    facing = (toward * normals_map).sum(axis=1) > 0
    if not facing.any():
        return 0.0
    pixels, z = project_map(frame.camera.K, frame.T_map_camera, points_map[facing])
    with np.errstate(invalid="ignore"):
        u, v = np.round(pixels[:, 0]), np.round(pixels[:, 1])
        inside = (u >= 0) & (u < frame.camera.width) & (v >= 0) & (v < frame.camera.height) & (z > 0)
    columns, rows = u[inside].astype(int), v[inside].astype(int)
    depth = frame.depth_m[rows, columns]
    seen = ~(depth < z[inside] - 0.02)
    if frame.instances is not None:
        seen = np.where(frame.instances[rows, columns] == instance, True, seen & (frame.instances[rows, columns] == 0))
    return float(seen.sum() / facing.sum())
