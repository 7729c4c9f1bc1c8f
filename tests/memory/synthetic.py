"""A small world of boxes with exact ray-cast depth: what the memory's tests look at."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.boxes import corners, upright_box
from memory_agent_ros.geometry.pinhole import project_map
from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL, planar, transform_points
from memory_agent_ros.geometry.voxels import voxel_thin
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

CAMERA = Camera(160, 120, np.array([[108.0, 0.0, 79.5], [0.0, 108.0, 59.5], [0.0, 0.0, 1.0]]))
SECOND = 1_000_000_000


@dataclass(frozen=True)
class Thing:
    """One box: label "" is background. ``color`` picks its appearance vector and its paint."""

    label: str
    center: tuple[float, float, float]
    size: tuple[float, float, float]
    color: int = 0
    yaw: float = 0.0


@dataclass
class World:
    """Boxes by name, a camera and a clock."""

    things: dict[str, Thing] = field(default_factory=dict)
    camera: Camera = CAMERA
    stamp_ns: int = SECOND
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    depth_noise_m: float = 0.0

    def add(
        self,
        name: str,
        label: str,
        center: tuple[float, float, float],
        size: tuple[float, float, float],
        color: int = 0,
    ) -> None:
        self.things[name] = Thing(label, center, size, color)

    def move(self, name: str, center: tuple[float, float, float]) -> None:
        self.things[name] = replace(self.things[name], center=center)

    def frame(self, T_map_camera: NDArray[np.float64]) -> tuple[Frame, dict[str, NDArray[np.bool_]]]:
        """Exact depth and colour, and the mask of each named thing."""
        depth, index = raycast(list(self.things.values()), self.camera, T_map_camera)
        if self.depth_noise_m:
            depth = depth + self.rng.normal(0, self.depth_noise_m, depth.shape) * (depth / 2) ** 2
        paint = np.array([[40, 40, 40]] + [_paint(t.color) for t in self.things.values()], dtype=np.uint8)
        frame = Frame(self.stamp_ns, paint[index + 1], depth.astype(np.float32), self.camera, T_map_camera)
        self.stamp_ns += SECOND // 5
        return frame, {name: index == k for k, name in enumerate(self.things)}

    def look(
        self,
        T_map_camera: NDArray[np.float64],
        *,
        miss: float = 0.0,
        confuse: float = 0.0,
        skip: tuple[str, ...] = (),
        minimum_pixels: int = 12,
    ) -> tuple[Frame, list[Observation]]:
        """One frame and what a detector with the given error rates says about it."""
        frame, masks = self.frame(T_map_camera)
        found = []
        for name, mask in masks.items():
            thing = self.things[name]
            if not thing.label or name in skip or mask.sum() < minimum_pixels or self.rng.random() < miss:
                continue
            label = "thing" if self.rng.random() < confuse else thing.label
            found.append(observation(frame, mask, label, appearance(thing.color, self.rng)))
        return frame, found


def observation(
    frame: Frame, mask: NDArray[np.bool_], label: str, embedding: NDArray[np.float32] | None = None, score: float = 0.9
) -> Observation:
    """Lift an exact mask of a frame."""
    v, u = np.nonzero(mask)
    z = frame.depth_m[v, u].astype(np.float64)
    K = frame.camera.K
    local = np.stack([(u - K[0, 2]) / K[0, 0] * z, (v - K[1, 2]) / K[1, 1] * z, z], axis=1)
    points = voxel_thin(transform_points(frame.T_map_camera, local).astype(np.float32), 0.02)
    box = OrientedBox(*upright_box(points))
    h, w = mask.shape
    return Observation(
        stamp_ns=frame.stamp_ns,
        label=label,
        score=score,
        label_scores={label: score},
        points_map=points,
        centroid_map=points.mean(axis=0).astype(np.float64),
        covariance=np.eye(3) * 1e-4,
        box=box,
        box_xyxy=np.array([u.min(), v.min(), u.max() + 1, v.max() + 1], dtype=np.float32),
        pixels=len(u),
        truncated=bool(u.min() == 0 or v.min() == 0 or u.max() == w - 1 or v.max() == h - 1),
        embedding=embedding,
        range_m=float(np.median(z)),
    )


def appearance(color: int, rng: np.random.Generator, noise: float = 0.03) -> NDArray[np.float32]:
    """Unit vector of a colour, with noise; different colours are nearly orthogonal."""
    vector = np.random.default_rng(1000 + color).normal(size=32)
    vector = vector / np.linalg.norm(vector) + rng.normal(0, noise, 32)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def camera_pose(x: float, y: float, yaw: float, z: float = 1.2, pitch_down: float = 0.26) -> NDArray[np.float64]:
    """Pose of the optical frame of a camera that looks along ``yaw``, tilted down."""
    T = planar(x, y, yaw, z)
    c, s = np.cos(pitch_down), np.sin(pitch_down)
    T[:3, :3] = T[:3, :3] @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ R_BODY_OPTICAL
    return T


def look_at(eye: tuple[float, float, float], target: tuple[float, float, float]) -> NDArray[np.float64]:
    """Pose of the optical frame at ``eye`` that looks at ``target``."""
    d = np.subtract(target, eye)
    return camera_pose(
        eye[0], eye[1], float(np.arctan2(d[1], d[0])), eye[2], float(np.arctan2(-d[2], np.hypot(d[0], d[1])))
    )


def raycast(
    things: list[Thing], camera: Camera, T_map_camera: NDArray[np.float64], room_m: float = 8.0
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """(H, W) planar depth and thing index (-1: the floor or the walls of a room of +-``room_m``), slab method.

    The last views are kept, since most tests look at the same kitchen from the same places: the arrays are read-only.
    """
    size, K, T = (camera.width, camera.height), tuple(camera.K.ravel()), tuple(T_map_camera.ravel())
    return _raycast(tuple(things), size, K, T, room_m)


@lru_cache(maxsize=128)
def _raycast(
    things: tuple[Thing, ...], size: tuple[int, int], K: tuple[float, ...], T: tuple[float, ...], room_m: float
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    camera, T_map_camera = Camera(*size, np.reshape(K, (3, 3))), np.reshape(T, (4, 4))
    origin, shape = T_map_camera[:3, 3], (camera.height, camera.width)
    directions = _rays(camera) @ T_map_camera[:3, :3].T + 1e-12
    directions = directions.T.reshape(3, *shape).copy()  # one plane an axis: numpy is slow along an axis of three
    depth, index = np.full(shape, np.inf), np.full(shape, -1)
    for d, o, low, high in zip(directions, origin, (-room_m, -room_m, 0.0), (room_m, room_m, 2.6), strict=True):
        np.minimum(depth, (np.where(d > 0, high, low) - o) / d, out=depth)
    for k, thing in enumerate(things):
        window = _window(thing, camera, T_map_camera)
        c, s = np.cos(thing.yaw), np.sin(thing.yaw)
        R = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
        inside = directions[:, *window]
        turned = inside if thing.yaw == 0 else (R @ inside.reshape(3, -1)).reshape(inside.shape)
        near, far = np.full(inside.shape[1:], -np.inf), np.full(inside.shape[1:], np.inf)
        for d, o, half in zip(turned + 1e-12, R @ (origin - np.array(thing.center)), thing.size, strict=True):
            one, other = (-half / 2 - o) / d, (half / 2 - o) / d
            np.maximum(near, np.minimum(one, other), out=near)
            np.minimum(far, np.maximum(one, other), out=far)
        hit = (near < far) & (near > 0.05) & (near < depth[window])
        depth[window][hit], index[window][hit] = near[hit], k
    depth.flags.writeable = index.flags.writeable = False
    return depth, index


def _rays(camera: Camera) -> NDArray[np.float64]:
    """(H * W, 3) direction of each pixel's ray in the camera, row by row."""
    v, u = np.mgrid[0 : camera.height, 0 : camera.width]
    K = camera.K
    rays = [(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones(u.shape)]
    return np.stack(rays, axis=2).reshape(-1, 3)


def _window(thing: Thing, camera: Camera, T_map_camera: NDArray[np.float64]) -> tuple[slice, slice]:
    """Rows and columns that a thing can cover; the whole image if it reaches behind the camera."""
    uv, z = project_map(camera.K, T_map_camera, corners(np.array(thing.center), np.array(thing.size), thing.yaw))
    if z.min() < 0.05:
        return slice(None), slice(None)
    low, high = np.floor(uv.min(axis=0)).clip(0).astype(int), np.ceil(uv.max(axis=0)).clip(0).astype(int) + 1
    return slice(low[1], high[1]), slice(low[0], high[0])


def _paint(color: int) -> tuple[int, int, int]:
    return (50 + 67 * color % 200, 80 + 101 * color % 170, 60 + 37 * color % 190)


def kitchen(camera: Camera = CAMERA) -> World:
    """A table with a mug, a bowl and a box on it, a cupboard, and a second table with nothing on it."""
    world = World(camera=camera)
    world.add("table", "table", (2.5, 0.0, 0.375), (0.8, 1.6, 0.75), 1)
    world.add("mug", "mug", (2.4, 0.5, 0.80), (0.1, 0.1, 0.10), 2)
    world.add("bowl", "bowl", (2.4, -0.4, 0.80), (0.2, 0.2, 0.10), 3)
    world.add("box", "box", (2.6, 0.1, 0.85), (0.15, 0.2, 0.2), 4)
    world.add("cupboard", "cupboard", (0.0, 3.0, 0.9), (1.0, 0.5, 1.8), 5)
    world.add("desk", "desk", (-2.5, 0.0, 0.375), (0.8, 1.4, 0.75), 6)
    return world


def arc(
    target: tuple[float, float, float], radius_m: float = 2.2, count: int = 8, start: float = 2.6, end: float = 3.7
) -> list[NDArray[np.float64]]:
    """Camera poses on an arc around a target, looking at it."""
    poses = []
    for angle in np.linspace(start, end, count):
        eye = (target[0] + radius_m * np.cos(angle), target[1] + radius_m * np.sin(angle), 1.3)
        poses.append(look_at(eye, target))
    return poses
