"""Rigid transforms as 4x4 matrices; ``T_a_b`` maps points of frame b into frame a."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation, Slerp

Matrix = NDArray[np.float64]


def from_position_quaternion(position_m: ArrayLike, orientation_xyzw: ArrayLike) -> Matrix:
    """(3,) metres and (4,) x, y, z, w quaternion -> (4, 4) transform."""
    T = np.eye(4)
    T[:3, :3] = Rotation.from_quat(np.array(orientation_xyzw, dtype=np.float64)).as_matrix()
    T[:3, 3] = np.asarray(position_m, dtype=np.float64)
    return T


def to_position_quaternion(T: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(4, 4) transform -> (3,) metres and (4,) x, y, z, w unit quaternion."""
    rotation = Rotation.from_matrix(T[:3, :3].copy())  # a copy: scipy before 1.12 refuses read-only arrays
    return T[:3, 3].copy(), rotation.as_quat()


def inverse(T: Matrix) -> Matrix:
    """Inverse of a rigid transform, (4, 4) -> (4, 4)."""
    out = np.eye(4)
    out[:3, :3] = T[:3, :3].T
    out[:3, 3] = -T[:3, :3].T @ T[:3, 3]
    return out


def transform_points(T: Matrix, points: NDArray[np.floating]) -> NDArray[np.floating]:
    """Apply ``T`` to (..., 3) points; keeps their dtype."""
    R, t = T[:3, :3].astype(points.dtype), T[:3, 3].astype(points.dtype)
    return points @ R.T + t


def planar(x: float, y: float, yaw: float, z: float = 0.0) -> Matrix:
    """Pose of a base on the floor: metres and radians about world z -> (4, 4)."""
    c, s = np.cos(yaw), np.sin(yaw)
    T = np.eye(4)
    T[:2, :2] = [[c, -s], [s, c]]
    T[:3, 3] = [x, y, z]
    return T


def yaw_of(T: Matrix) -> float:
    """Rotation of the x axis about world z, radians."""
    return float(np.arctan2(T[1, 0], T[0, 0]))


def quaternion_from_yaw(yaw: float) -> NDArray[np.float64]:
    """Radians about world z -> (4,) x, y, z, w quaternion."""
    return np.array([0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2)])


def interpolate(T0: Matrix, T1: Matrix, fraction: float) -> Matrix:
    """Pose at ``fraction`` in [0, 1] between two poses: linear in position, slerp in rotation."""
    rotations = Rotation.from_matrix(np.stack([T0[:3, :3], T1[:3, :3]]))
    T = np.eye(4)
    T[:3, :3] = Slerp([0.0, 1.0], rotations)([fraction]).as_matrix()[0]
    T[:3, 3] = (1 - fraction) * T0[:3, 3] + fraction * T1[:3, 3]
    return T


#: Rotation of an optical frame (z forward, x right, y down) in its body frame (x forward, y left, z up), REP-103.
R_BODY_OPTICAL: NDArray[np.float64] = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
