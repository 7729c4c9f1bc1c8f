"""What the explorer knows of the floor and of itself: grid, coverage, pose, and the obstacles right ahead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.coverage import Coverage
from memory_agent_ros.exploration.depth_scan import DepthScan, DepthScanner
from memory_agent_ros.exploration.floor_plan import FloorPlan
from memory_agent_ros.exploration.occupancy import OccupancyGrid
from memory_agent_ros.geometry.se3 import Matrix, yaw_of
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError

#: Distance between two places of the trail, metres.
_TRAIL_M = 0.1


class Mapper:
    """Takes depth images in.

    Attributes:
        grid: the floor plan.
        coverage: what was looked at.
        stamp_ns: of the last image.
        xy: (2,) the base, metres, map frame; ``yaw`` its heading, radians.
        scan: the last image as a scan, None before the first.
        obstacles_base: (N, 2) obstacle points of the last image in the base frame, metres.
        hfov: horizontal field of view of the last image, radians.
        trail: stamps and poses (x, y, yaw) of the base, one each 0.1 m.
    """

    def __init__(self, config: ExplorerConfig) -> None:
        self._config = config
        self.grid = OccupancyGrid(config)
        self.coverage = Coverage(self.grid, config)
        self._scanner = DepthScanner(config)
        self.stamp_ns = 0
        self.xy: NDArray[np.float64] = np.zeros(2)
        self.yaw = 0.0
        self.scan: DepthScan | None = None
        self.obstacles_base: NDArray[np.float64] = np.zeros((0, 2))
        self.hfov = 1.0
        self.trail: list[tuple[int, float, float, float]] = []

    def add(
        self,
        stamp_ns: int,
        T_map_base: Matrix,
        depth_m: NDArray[np.float32],
        depth_camera: Camera,
        T_map_camera: Matrix,
    ) -> None:
        """Add one depth image; see :meth:`memory_agent_ros.exploration.explorer.Explorer.update`."""
        self._check(stamp_ns, T_map_base, depth_m, depth_camera, T_map_camera)
        self.stamp_ns, self.xy, self.yaw = stamp_ns, T_map_base[:2, 3].copy(), yaw_of(T_map_base)
        if not self.trail or np.hypot(*(self.xy - self.trail[-1][1:3])) > _TRAIL_M:
            self.trail.append((stamp_ns, float(self.xy[0]), float(self.xy[1]), self.yaw))
        self.hfov = 2 * float(np.arctan(depth_camera.width / 2 / depth_camera.K[0, 0]))
        self.scan = scan = self._scanner.scan(depth_m, depth_camera, T_map_camera, float(T_map_base[2, 3]))
        self.grid.add_footprint(self.xy, self._config.robot_radius_m)
        self.coverage.integrate(scan, *self.grid.integrate(scan))
        self.obstacles_base = self._in_base(scan)

    def adopt(self, plan: FloorPlan, free_max: int, occupied_min: int) -> None:
        """Take occupancy from a plan in place of depth; see :meth:`OccupancyGrid.adopt`."""
        self.grid.adopt(plan, free_max, occupied_min)
        if self.scan is not None:  # where the robot stands is free, whatever the plan knows
            self.grid.add_footprint(self.xy, self._config.robot_radius_m)

    def _check(
        self,
        stamp_ns: int,
        T_map_base: Matrix,
        depth_m: NDArray[np.float32],
        depth_camera: Camera,
        T_map_camera: Matrix,
    ) -> None:
        if not (np.isfinite(T_map_base).all() and np.isfinite(T_map_camera).all()):
            raise BadInputError("pose_not_finite", "the pose holds NaN or infinity; check localisation and TF")
        if depth_m.shape != (depth_camera.height, depth_camera.width):
            raise BadInputError(
                "depth_size", f"depth is {depth_m.shape}, its camera says {depth_camera.height}x{depth_camera.width}"
            )
        if stamp_ns < self.stamp_ns:
            raise BadInputError("stamp_order", "stamp runs back; make a new Explorer after a reset of the clock")

    def _in_base(self, scan: DepthScan) -> NDArray[np.float64]:
        low = scan.obstacle_z < self._config.obstacle_max_height_m
        offset = scan.obstacle_xy[low].astype(np.float64) - self.xy
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        return np.stack([c * offset[:, 0] + s * offset[:, 1], -s * offset[:, 0] + c * offset[:, 1]], axis=1)

    def here_since_ns(self, radius_m: float = 0.5) -> int:
        """Stamp since which the base has been within ``radius_m`` of where it is now."""
        if not self.trail:
            return 0
        trail = np.array(self.trail)
        away = np.flatnonzero(np.linalg.norm(trail[:, 1:3] - self.xy, axis=1) > radius_m)
        return self.trail[int(away[-1])][0] + 1 if len(away) else self.trail[0][0]

    @property
    def floor_known_m2(self) -> float:
        """Free floor known beyond the robot's own footprint, square metres."""
        if self.grid.raster.shape == (0, 0):
            return 0.0
        free = float(self.grid.free.sum()) * self.grid.resolution_m**2
        return max(0.0, free - np.pi * self._config.robot_radius_m**2)
