"""Apartments as boxes for the ``sessions`` benchmark: a map of yesterday, changes, and a session at an unknown pose.

Layouts, changes and the detector are those of the simulator; pictures are ray-cast boxes, so that hundreds of
apartments can be walked through in minutes. Everything reaches the memory through ``observe``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.sessions.box_camera import Solids, cast
from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL, planar
from memory_agent_ros.perception.ground_truth import DetectionNoise, GroundTruthDetector
from memory_agent_ros.perception.pipeline import PerceptionPipeline
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

if TYPE_CHECKING:
    from memory_agent_sim.layout import Layout, PlacedObject

#: Ids of furniture start here; movable things count from 1.
FURNITURE = 1000
CAMERA = Camera(160, 120, np.array([[80.0, 0.0, 79.5], [0.0, 80.0, 59.5], [0.0, 0.0, 1.0]]))
_CAMERA_M, _PITCH, _CLEARANCE_M, _HEADINGS = 1.2, 0.3, 0.3, 5
_EMBEDDING = 64
SECOND = 1_000_000_000


_DETECTOR = DetectionNoise(miss=0.15, confusion=0.1, split=0.02, false_positives=0.05)


@dataclass(frozen=True)
class SessionNoise:
    """Errors of a session.

    Attributes:
        detector: errors of the detector.
        position_m, rotation_deg: standard deviation of the camera's pose on each axis, anew for each image.
        depth: standard deviation of a depth reading is this times the square of the depth, 1/m.
        view, light: variance of an appearance vector (of length one) from image to image, and from session to session.
    """

    detector: DetectionNoise = _DETECTOR
    position_m: float = 0.02
    rotation_deg: float = 0.5
    depth: float = 0.002
    view: float = 0.1
    light: float = 0.1


@dataclass(eq=False)
class Apartment:
    """What stands where, now.

    Attributes:
        layout: rooms, doors and furniture.
        standing: id -> place of the movable things that are there.
        changed: ids of what was moved, removed or added since the apartment was made.
    """

    layout: Layout
    standing: dict[int, PlacedObject]
    split: str
    seed: int
    changed: set[int] = field(default_factory=set)

    @staticmethod
    def draw(split: str, seed: int) -> Apartment:
        """Apartment of a split and seed."""
        from memory_agent_sim.layout import draw_layout

        layout = draw_layout(split, seed)
        return Apartment(layout, dict(enumerate(layout.objects, start=1)), split, seed)

    @property
    def labels(self) -> dict[int, str]:
        """Instance id -> category, of all things that are there or may come."""
        movable = [o.instance for o in self.layout.objects] + list(self.layout.spares)
        found = {i: m.category for i, m in enumerate(movable, start=1)}
        return found | {FURNITURE + i: f.instance.category for i, f in enumerate(self.layout.furniture)}

    @property
    def keys(self) -> dict[int, str]:
        """Instance id -> name of the instance."""
        movable = [o.instance for o in self.layout.objects] + list(self.layout.spares)
        found = {i: m.key for i, m in enumerate(movable, start=1)}
        return found | {FURNITURE + i: f.instance.key for i, f in enumerate(self.layout.furniture)}

    def change(self, share: float, rng: np.random.Generator) -> None:
        """Move, remove and add ``share`` of the movable things, in turn, in place."""
        from memory_agent_sim.edits import EditSampler
        from memory_agent_sim.layout import ObjectPlacer, surfaces_of

        layout = self.layout
        placer = ObjectPlacer(layout.plan, layout.furniture, list(self.standing.values()))
        instances = [o.instance for o in layout.objects] + list(layout.spares)
        waiting = {i: m for i, m in enumerate(instances, start=1) if i not in self.standing}
        surfaces = surfaces_of(layout.plan, layout.furniture)
        sampler = EditSampler(placer, surfaces, self.standing, waiting, None)
        count = round(share * len(self.standing))
        self.changed |= {e.object_id for e in sampler.sample(rng, count, ("move", "remove", "add"))}

    def solids(self) -> Solids:
        """Walls, furniture and things as boxes."""
        from memory_agent_sim.furniture import furniture_shape
        from memory_agent_sim.instances import instance_size
        from memory_agent_sim.scene import room_walls

        center, half, yaw, ids = [], [], [], []
        for index in range(len(self.layout.plan.rooms)):
            for x0, y0, z0, x1, y1, z1 in room_walls(self.layout.plan, index)[0]:
                center.append([(x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2])
                half.append([(x1 - x0) / 2, (y1 - y0) / 2, (z1 - z0) / 2])
                yaw.append(0.0)
                ids.append(0)
        for i, piece in enumerate(self.layout.furniture):
            T = planar(piece.x, piece.y, piece.yaw)
            for x0, y0, z0, x1, y1, z1 in furniture_shape(piece.instance).boxes:
                center.append((T @ [(x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2, 1.0])[:3].tolist())
                half.append([(x1 - x0) / 2, (y1 - y0) / 2, (z1 - z0) / 2])
                yaw.append(piece.yaw)
                ids.append(FURNITURE + i)
        for i, place in self.standing.items():
            size = np.array(instance_size(place.instance))
            center.append([place.x, place.y, place.z + size[2] / 2])
            half.append((size / 2).tolist())
            yaw.append(place.yaw)
            ids.append(i)
        return Solids(np.array(center), np.array(half), np.array(yaw), np.array(ids))

    def rooms_from(self, rng: np.random.Generator, count: int) -> list[int]:
        """Indices of ``count`` rooms joined by doors, from a random one on."""
        doors = [d.rooms for d in self.layout.plan.doors]
        chosen = [int(rng.integers(len(self.layout.plan.rooms)))]
        while len(chosen) < min(count, len(self.layout.plan.rooms)):
            around = sorted({b for pair in doors for a, b in (pair, pair[::-1]) if a in chosen} - set(chosen))
            chosen.append(around[int(rng.integers(len(around)))])
        return chosen

    def tour(self, rooms: list[int], rng: np.random.Generator, area_m2: float = 5.5) -> NDArray[np.float64]:
        """Camera poses (N, 4, 4): each room from a viewpoint per ``area_m2``, turning once around at each."""
        grid = self.layout.grid(0.1)
        standing = grid.centers(_CLEARANCE_M)
        rows, columns = np.nonzero(standing)
        points = (np.stack([columns, rows], axis=1) + 0.5) * grid.resolution_m + grid.origin
        poses = []
        for index in rooms:
            room = self.layout.plan.rooms[index]
            inside = points[((points >= room.minimum) & (points <= room.maximum)).all(axis=1)]
            count = max(2, round(float(np.prod(room.maximum - room.minimum)) / area_m2))
            for x, y in _spread(inside, count, rng):
                first = rng.uniform(-np.pi, np.pi)
                poses += [_camera_pose(x, y, first + k * 2 * np.pi / _HEADINGS) for k in range(_HEADINGS)]
        return np.array(poses).reshape(-1, 4, 4)


def _spread(points: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Farthest-point samples, the first drawn at random."""
    if len(points) == 0:
        return points
    chosen = [points[int(rng.integers(len(points)))]]
    distance = np.linalg.norm(points - chosen[0], axis=1)
    while len(chosen) < count:
        chosen.append(points[int(np.argmax(distance))])
        distance = np.minimum(distance, np.linalg.norm(points - chosen[-1], axis=1))
    return np.array(chosen)


def _camera_pose(x: float, y: float, yaw: float) -> NDArray[np.float64]:
    T = planar(x, y, yaw, _CAMERA_M)
    c, s = np.cos(_PITCH), np.sin(_PITCH)
    T[:3, :3] = T[:3, :3] @ np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]) @ R_BODY_OPTICAL
    return T


class Appearances:
    """Appearance vectors of one session: what is common to all, the category's, the instance's, the light's, noise."""

    def __init__(self, apartment: Apartment, noise: SessionNoise, seed: int) -> None:
        self._noise = noise
        self._rng = np.random.default_rng([seed % 2**32, 5])
        common = _direction("")
        labels, keys = apartment.labels, apartment.keys
        rest = 1.0 - noise.view - noise.light
        self._mean = {
            i: np.sqrt(0.35 * rest) * common
            + np.sqrt(0.3 * rest) * _direction(labels[i])
            + np.sqrt(0.35 * rest) * _direction(keys[i])
            + np.sqrt(noise.light) * self._draw()
            for i in labels
        }

    def vector(self, instance: int) -> NDArray[np.float32]:
        """(64,) float32 unit vector of a crop; of the background for an unknown instance."""
        vector = self._mean.get(instance, _direction("")) + np.sqrt(self._noise.view) * self._draw()
        return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)

    def _draw(self) -> NDArray[np.float64]:
        return np.asarray(self._rng.standard_normal(_EMBEDDING) / np.sqrt(_EMBEDDING))


def _direction(name: str) -> NDArray[np.float64]:
    from memory_agent_sim.instances import digest

    vector = np.random.default_rng(digest(name)).standard_normal(_EMBEDDING)
    return np.asarray(vector / np.linalg.norm(vector))


@dataclass(frozen=True, eq=False)
class Shot:
    """One image with what was detected in it; ``true_ids`` (per observation) for scoring only."""

    frame: Frame
    observations: list[Observation]
    true_ids: list[int]


def shoot(
    apartment: Apartment,
    poses: NDArray[np.float64],
    T_world_map: NDArray[np.float64],
    start_ns: int,
    seed: int,
    noise: SessionNoise | None = None,
    frame_id: str = "map",
    solids: Solids | None = None,
) -> Iterator[Shot]:
    """Images from true camera ``poses`` (N, 4, 4) as a robot gets them whose world is ``T_world_map`` off the map.

    They show the apartment, or ``solids`` in its place.
    """
    noise = noise or SessionNoise()
    rng = np.random.default_rng([seed % 2**32, 3])
    looks = Appearances(apartment, noise, seed)
    pipeline = PerceptionPipeline(GroundTruthDetector(apartment.labels, noise.detector, seed))
    solids = apartment.solids() if solids is None else solids
    paint = np.random.default_rng(0).integers(40, 255, (4096, 3), dtype=np.uint8)
    for n, T_map_camera in enumerate(poses):
        depth, ids = cast(solids, CAMERA, T_map_camera, 2.5)
        depth = depth + noise.depth * depth**2 * rng.standard_normal(depth.shape)
        told = T_world_map @ _shaken(T_map_camera, noise, rng)
        frame = Frame(
            start_ns + n * SECOND // 2, paint[ids % 4096], depth.astype(np.float32), CAMERA, told, frame_id,
            instances=ids,
        )  # fmt: skip
        result = pipeline.process(frame)
        owners = {tuple(d.box_xyxy.tolist()): int(np.bincount(ids[d.mask]).argmax()) for d in result.detections}
        true_ids = [owners[tuple(o.box_xyxy.tolist())] for o in result.observations]
        seen = [
            dataclasses.replace(o, embedding=looks.vector(i))
            for o, i in zip(result.observations, true_ids, strict=True)
        ]
        yield Shot(frame, seen, true_ids)


def _shaken(T: NDArray[np.float64], noise: SessionNoise, rng: np.random.Generator) -> NDArray[np.float64]:
    from scipy.spatial.transform import Rotation

    out = T.copy()
    turn = Rotation.from_rotvec(np.deg2rad(noise.rotation_deg) * rng.standard_normal(3)).as_matrix()
    out[:3, :3] = turn @ T[:3, :3]
    out[:3, 3] += noise.position_m * rng.standard_normal(3)
    return out
