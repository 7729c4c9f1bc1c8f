"""Covariance of an object's position as one view gives it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.box import OrientedBox


@dataclass(frozen=True)
class PositionNoise:
    """Noise of one view.

    Attributes:
        depth_base_m: depth noise at 0.4 m, metres, [0, 0.1].
        depth_quadratic: growth of depth noise with (z - 0.4 m) squared, 1/m, [0, 0.1]. Defaults: Kinect, Nguyen et
            al. (2012).
        pixel: error of a mask's middle, pixels, [0, 10].
        partial_view: the seen surface's mean is this share of the object's extent away from its middle, [0, 0.5].
        truncated_view: the same when the image border cuts the object, [0, 1].
    """

    depth_base_m: float = 0.0012
    depth_quadratic: float = 0.0019
    pixel: float = 1.0
    partial_view: float = 0.12
    truncated_view: float = 0.35

    def depth_sigma_m(self, z_m: float) -> float:
        """Standard deviation of depth at range ``z_m``, metres."""
        return self.depth_base_m + self.depth_quadratic * max(z_m - 0.4, 0.0) ** 2


def position_covariance(
    centroid_camera: NDArray[np.float64],
    T_map_camera: NDArray[np.float64],
    K: NDArray[np.float64],
    box: OrientedBox,
    truncated: bool,
    pose_covariance: NDArray[np.float64] | None,
    noise: PositionNoise,
) -> NDArray[np.float64]:
    """(3, 3) covariance of the position estimate in the map frame, metres squared.

    The sum of sensor noise along and across the ray (errors within one object are correlated, so they are not divided
    by the number of points), the unseen part of the object along its box axes, and the pose (first order; the pose
    covariance is about the map's axes: x, y, z, roll, pitch, yaw).
    """
    z = float(centroid_camera[2])
    ray = centroid_camera / max(z, 1e-9)
    sigma_z = noise.depth_sigma_m(z)
    lateral = np.array([z * noise.pixel / K[0, 0], z * noise.pixel / K[1, 1], 0.0])
    R = T_map_camera[:3, :3]
    sensor = R @ (np.outer(ray, ray) * sigma_z**2 + np.diag(lateral**2)) @ R.T
    share = noise.truncated_view if truncated else noise.partial_view
    c, s = np.cos(box.yaw), np.sin(box.yaw)
    axes = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    unseen = axes @ np.diag((share * box.size) ** 2) @ axes.T
    total = sensor + unseen + 1e-6 * np.eye(3)
    if pose_covariance is not None and np.isfinite(pose_covariance).all():
        x, y, w = R @ centroid_camera
        cross = np.array([[0.0, -w, y], [w, 0.0, -x], [-y, x, 0.0]])
        J = np.hstack([np.eye(3), -cross])
        total = total + J @ pose_covariance @ J.T
    symmetric: NDArray[np.float64] = (total + total.T) / 2
    return symmetric
