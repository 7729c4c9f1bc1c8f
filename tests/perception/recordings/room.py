"""A synthetic room, recorded: floor and table as planes, seen by a camera that looks around."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL

K = np.array([[140.0, 0.0, 79.5], [0.0, 140.0, 59.5], [0.0, 0.0, 1.0]])
SIZE = (120, 160)
#: Height and half edges of a table at the origin.
TABLE_Z, TABLE_HALF = 0.7, np.array([0.5, 0.4])


def camera_pose(step: int, steps: int = 12) -> NDArray[np.float64]:
    """Pose of the optical frame in the z-up room, looking at the table from a circle, 30 degrees down."""
    angle = 0.4 + 1.6 * step / steps
    yaw, pitch = angle + np.pi, np.radians(30.0)
    c, s = np.cos(yaw), np.sin(yaw)
    cp, sp = np.cos(pitch), np.sin(pitch)
    T = np.eye(4)
    T[:3, :3] = (
        np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]]) @ R_BODY_OPTICAL
    )
    T[:3, 3] = [2.0 * np.cos(angle), 2.0 * np.sin(angle), 1.4]
    return T


def render(T: NDArray[np.float64]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Colour (table red, floor grey) and planar depth in metres of the room from a pose, by ray casting."""
    v, u = np.mgrid[0 : SIZE[0], 0 : SIZE[1]]
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(SIZE)], axis=-1) @ T[:3, :3].T
    eye = T[:3, 3]
    with np.errstate(divide="ignore"):
        to_floor = np.where(rays[..., 2] < -1e-6, -eye[2] / rays[..., 2], np.inf)
        to_table = np.where(rays[..., 2] < -1e-6, (TABLE_Z - eye[2]) / rays[..., 2], np.inf)
    hit = eye[:2] + rays[..., :2] * to_table[..., None]
    on_table = (np.abs(hit) <= TABLE_HALF).all(axis=-1)
    depth = np.where(on_table, to_table, to_floor)
    depth[depth > 6.0] = 0.0
    rgb = np.full((*SIZE, 3), 120, np.uint8)
    rgb[on_table] = (200, 30, 30)
    return rgb, depth.astype(np.float32)


def tilted_world() -> NDArray[np.float64]:
    """An arbitrary rigid motion: the recording's world is not upright."""
    rotation, _ = cv2.Rodrigues(np.array([1.9, 0.3, -0.4]))
    T = np.eye(4)
    T[:3, :3] = rotation
    T[:3, 3] = [0.3, -1.0, 2.0]
    return T
