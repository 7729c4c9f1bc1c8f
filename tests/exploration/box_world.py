"""A small world of upright boxes, seen by ray casting in numpy: enough to drive the explorer without a simulator."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL, planar
from memory_agent_ros.records.camera import Camera

WALL_M = 2.4


def camera(width: int = 80, height: int = 60, vfov_deg: float = 60.0) -> Camera:
    """A pinhole camera with the given vertical field of view."""
    f = height / 2 / np.tan(np.deg2rad(vfov_deg) / 2)
    return Camera(width, height, np.array([[f, 0, (width - 1) / 2], [0, f, (height - 1) / 2], [0, 0, 1.0]]))


@dataclass
class BoxWorld:
    """Boxes (x0, y0, x1, y1, top, bottom) on a floor at z = 0 and a robot that slides to a stop at them."""

    boxes: NDArray[np.float64]
    xy: NDArray[np.float64]
    yaw: float = 0.0
    camera: Camera = field(default_factory=camera)
    pitch_rad: float = np.deg2rad(17.0)
    camera_height_m: float = 1.2
    radius_m: float = 0.2
    stamp_ns: int = 0
    collisions: int = 0

    @property
    def T_map_base(self) -> NDArray[np.float64]:  # noqa: N802
        return planar(float(self.xy[0]), float(self.xy[1]), self.yaw)

    @property
    def T_map_camera(self) -> NDArray[np.float64]:  # noqa: N802
        c, s = np.cos(self.pitch_rad), np.sin(self.pitch_rad)
        T = np.eye(4)
        T[:3, :3] = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ R_BODY_OPTICAL
        T[2, 3] = self.camera_height_m
        return self.T_map_base @ T

    def depth(self) -> NDArray[np.float32]:
        """(H, W) planar depth of what the camera sees; 0 where no ray hits."""
        v, u = np.mgrid[0 : self.camera.height, 0 : self.camera.width]
        K, T = self.camera.K, self.T_map_camera
        rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(u.shape)], axis=-1).reshape(-1, 3)
        rays = rays @ T[:3, :3].T
        origin = T[:3, 3]
        with np.errstate(divide="ignore", invalid="ignore"):
            nearest = np.where(rays[:, 2] < 0, -origin[2] / rays[:, 2], np.inf)
            for x0, y0, x1, y1, top, bottom in self.boxes:
                low = (np.array([x0, y0, bottom]) - origin) / rays
                high = (np.array([x1, y1, top]) - origin) / rays
                enter, leave = np.minimum(low, high).max(axis=1), np.maximum(low, high).min(axis=1)
                nearest = np.where((enter > 0) & (enter < leave) & (enter < nearest), enter, nearest)
        depth = np.where(np.isfinite(nearest), nearest, 0.0).astype(np.float32)
        return depth.reshape(self.camera.height, self.camera.width)

    def blocked(self, xy: NDArray[np.float64]) -> bool:
        """Whether the robot's disk at ``xy`` touches a box lower than the robot."""
        low, high = self.boxes[:, :2], self.boxes[:, 2:4]
        gap = np.linalg.norm(np.clip(xy, low, high) - xy, axis=1)
        return bool(((gap < self.radius_m) & (self.boxes[:, 5] < 1.4)).any())

    def move(self, linear: float, angular: float, dt: float = 0.2) -> None:
        """Drive for ``dt`` seconds."""
        self.yaw = float((self.yaw + angular * dt + np.pi) % (2 * np.pi) - np.pi)
        step = self.xy + linear * dt * np.array([np.cos(self.yaw), np.sin(self.yaw)])
        if self.blocked(step):
            self.collisions += 1
        else:
            self.xy = step
        self.stamp_ns += int(dt * 1e9)

    def free_floor(self, resolution_m: float = 0.1, margin_m: float = 0.0) -> NDArray[np.float64]:
        """(N, 2) points of the floor outside all boxes grown by the margin, within the outer walls."""
        low, high = self.boxes[:, :2].min(axis=0), self.boxes[:, 2:4].max(axis=0)
        xs, ys = (np.arange(low[i] + resolution_m / 2, high[i], resolution_m) for i in (0, 1))
        points = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
        inside = (
            (points[:, None] > self.boxes[:, :2] - margin_m) & (points[:, None] < self.boxes[:, 2:4] + margin_m)
        ).all(axis=2)
        return points[~(inside & (self.boxes[:, 5] < 1.4)).any(axis=1)]


def _wall(x0: float, y0: float, x1: float, y1: float) -> list[float]:
    return [x0, y0, x1, y1, WALL_M, 0.0]


def three_rooms() -> BoxWorld:
    """Three rooms of 4 x 4 m in a row with 1 m doors, tables and a low crate."""
    t = 0.1
    boxes = [_wall(0, -t, 12, 0), _wall(0, 4, 12, 4 + t), _wall(-t, -t, 0, 4 + t), _wall(12, -t, 12 + t, 4 + t)]
    for x, door in ((4.0, 0.6), (8.0, 2.4)):
        boxes += [_wall(x - t / 2, 0, x + t / 2, door), _wall(x - t / 2, door + 1, x + t / 2, 4)]
        boxes.append([x - t / 2, door, x + t / 2, door + 1, WALL_M, 2.0])
    tables = [(1.2, 2.4, 2.4, 3.1), (5.6, 1.6, 6.6, 2.4), (10.2, 0.4, 11.4, 1.1)]
    boxes += [[*table, 0.75, 0.0] for table in tables]
    boxes.append([10.8, 3.2, 11.3, 3.7, 0.3, 0.0])
    return BoxWorld(np.array(boxes), np.array([1.5, 1.2]))
