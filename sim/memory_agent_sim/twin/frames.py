"""Pictures of boxes: depth and instance ids of the twin's camera, as the simulation gives them, in milliseconds.

With these a real perception pipeline and a real memory can be run in the twin: a thing is its box, in one colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import Matrix, planar
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame
from memory_agent_sim.floorplan import WALL_HEIGHT
from memory_agent_sim.instances import digest
from memory_agent_sim.scene import room_walls
from memory_agent_sim.sensors import FAR_M, pinhole
from memory_agent_sim.twin.things import furniture_boxes
from memory_agent_sim.twin.view import View
from memory_agent_sim.twin.world import TwinWorld

_NEAR_M = 0.05
_CORNERS = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (-0.5, 0.5) for z in (-0.5, 0.5)])


@dataclass(frozen=True, eq=False)
class _Boxes:
    """(N,) boxes: (N, 3) ``center`` and ``size``, ``yaw``, and the instance id of each, 0 for the building."""

    center: NDArray[np.float64]
    size: NDArray[np.float64]
    yaw: NDArray[np.float64]
    ids: NDArray[np.int32]


class TwinCamera:
    """The robot's camera in an apartment of the twin.

    Args:
        world: the apartment; edits show at once.
        width, height: size of the image, pixels.
        view: where the camera is mounted.

    Attributes:
        camera: intrinsics.
        labels: instance id -> label, spares included.
    """

    def __init__(self, world: TwinWorld, width: int = 320, height: int = 240, view: View | None = None) -> None:
        self._world = world
        self._T_base_camera = (view or View()).robot.T_base_camera
        self.camera: Camera = pinhole(width, height)
        self.labels: dict[int, str] = dict(enumerate(world.tables.labels, start=1))
        self._still = _building(world)
        colors = [np.random.default_rng(digest(key)).integers(30, 226, 3) for key in world.tables.keys]
        self._colors = np.array([[200, 198, 190], *colors], dtype=np.uint8)
        K = self.camera.K
        v, u = np.mgrid[0:height, 0:width]
        self._rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones_like(u, dtype=float)], axis=2)

    def frame(self, xy: NDArray[np.floating], yaw: float, stamp_ns: int) -> Frame:
        """Picture from a base at (2,) metres, ``yaw`` radians, map frame.

        Raises:
            BadInputError: ``pose_not_finite``.
        """
        if not np.isfinite([*xy, yaw]).all():
            raise BadInputError("pose_not_finite", "the pose of the base holds NaN or infinity")
        T = planar(float(xy[0]), float(xy[1]), yaw) @ self._T_base_camera
        rays = (self._rays @ T[:3, :3].T).astype(np.float32)
        depth, ids = self._shell(T, rays)
        for boxes in (self._still, self._moving()):
            self._draw(boxes, T, rays, depth, ids)
        depth[depth > FAR_M] = 0.0
        return Frame(stamp_ns, self._colors[ids], depth, self.camera, T, instances=ids)

    def _shell(self, T: Matrix, rays: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Floor and ceiling."""
        height = np.where(rays[..., 2] < 0, -T[2, 3], WALL_HEIGHT - T[2, 3])
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = (height / rays[..., 2]).astype(np.float32)
        depth[~np.isfinite(depth)] = np.inf
        return depth, np.zeros(depth.shape, dtype=np.int32)

    def _moving(self) -> _Boxes:
        tables = self._world.tables
        which = np.flatnonzero(tables.movable & tables.boxes.present)
        boxes = tables.boxes
        return _Boxes(boxes.center[which], boxes.size[which], boxes.yaw[which], (which + 1).astype(np.int32))

    def _draw(
        self,
        boxes: _Boxes,
        T: Matrix,
        rays: NDArray[np.float32],
        depth: NDArray[np.float32],
        ids: NDArray[np.int32],
    ) -> None:
        """Nearer surfaces of boxes over what is there; each box only where its corners' rectangle lies."""
        c, s = np.cos(boxes.yaw), np.sin(boxes.yaw)
        local = _CORNERS[None] * boxes.size[:, None]
        x = c[:, None] * local[..., 0] - s[:, None] * local[..., 1] + boxes.center[:, None, 0]
        y = s[:, None] * local[..., 0] + c[:, None] * local[..., 1] + boxes.center[:, None, 1]
        corners = (np.stack([x, y, local[..., 2] + boxes.center[:, None, 2]], axis=2) - T[:3, 3]) @ T[:3, :3]
        for i in np.flatnonzero(corners[..., 2].max(axis=1) > _NEAR_M):
            window = self._window(corners[i])
            if window is None:
                continue
            t = _enter(rays[window], T[:3, 3] - boxes.center[i], boxes.size[i] / 2, c[i], s[i])
            nearer = t < depth[window]
            depth[window][nearer] = t[nearer]
            ids[window][nearer] = boxes.ids[i]

    def _window(self, corners: NDArray[np.float64]) -> tuple[slice, slice] | None:
        """Rectangle of the image around a box's (8, 3) corners in the camera's frame; None if it is outside."""
        height, width = self.camera.height, self.camera.width
        if corners[:, 2].min() <= _NEAR_M:
            return slice(0, height), slice(0, width)
        K = self.camera.K
        u = K[0, 0] * corners[:, 0] / corners[:, 2] + K[0, 2]
        v = K[1, 1] * corners[:, 1] / corners[:, 2] + K[1, 2]
        left, right = max(int(np.floor(u.min())), 0), min(int(np.ceil(u.max())) + 1, width)
        top, bottom = max(int(np.floor(v.min())), 0), min(int(np.ceil(v.max())) + 1, height)
        return (slice(top, bottom), slice(left, right)) if left < right and top < bottom else None


def _enter(
    rays: NDArray[np.float32], eye: NDArray[np.float64], half: NDArray[np.float64], c: float, s: float
) -> NDArray[np.float32]:
    """(..., 3) rays from ``eye`` (seen from the box's middle) -> (...) depth at which each enters the box, else inf."""
    first, last = np.full(rays.shape[:-1], -np.inf, np.float32), np.full(rays.shape[:-1], np.inf, np.float32)
    ways = (c * rays[..., 0] + s * rays[..., 1], c * rays[..., 1] - s * rays[..., 0], rays[..., 2])
    starts = (c * eye[0] + s * eye[1], c * eye[1] - s * eye[0], eye[2])
    with np.errstate(divide="ignore", invalid="ignore"):
        for way, start, reach in zip(ways, starts, half, strict=True):
            inverse = np.float32(1.0) / way
            a, b = np.float32(-reach - start) * inverse, np.float32(reach - start) * inverse
            first = np.maximum(first, np.minimum(a, b))
            last = np.minimum(last, np.maximum(a, b))
    found: NDArray[np.float32] = np.where((first <= last) & (first > _NEAR_M), first, np.float32(np.inf))
    return found


def _building(world: TwinWorld) -> _Boxes:
    """Walls, and furniture box by box."""
    bounds = [(0, wall) for i in range(len(world.layout.plan.rooms)) for wall in room_walls(world.layout.plan, i)[0]]
    bounds += [(owner, box) for owner, boxes in furniture_boxes(world.layout) for box in boxes]
    low, high = np.array([b[:3] for _, b in bounds]), np.array([b[3:] for _, b in bounds])
    ids = np.array([owner for owner, _ in bounds], dtype=np.int32)
    return _Boxes((low + high) / 2, high - low, np.zeros(len(ids)), ids)
