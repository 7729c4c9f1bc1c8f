"""A room of labelled boxes that fills a real memory through its public face."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.boxes import contains, upright_box
from memory_agent_ros.geometry.pinhole import project_map, unproject_depth
from memory_agent_ros.geometry.se3 import transform_points
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation
from tests.exploration.box_world import WALL_M, BoxWorld, camera

SECOND = 1_000_000_000


@dataclass
class Room:
    """Things are (label, x, y, z of the bottom, edge lengths); the robot looks at all of them from four places."""

    things: dict[str, tuple[str, NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=dict)
    stamp_ns: int = SECOND

    def put(self, name: str, label: str, x: float, y: float, z: float, *size: float) -> None:
        """Place a thing; its name tells it from others of its label."""
        self.things[name] = (label, np.array([x, y, z + size[2] / 2]), np.array(size))

    def world(self, xy: tuple[float, float], yaw: float) -> BoxWorld:
        walls = [[-4.0, 4.0, 4.0, 4.1], [-4.0, -4.1, 4.0, -4.0], [4.0, -4.0, 4.1, 4.0], [-4.1, -4.0, -4.0, 4.0]]
        boxes = [[*wall, WALL_M, 0.0] for wall in walls]
        for _, center, size in self.things.values():
            low, high = center - size / 2, center + size / 2
            boxes.append([low[0], low[1], high[0], high[1], high[2], low[2]])
        return BoxWorld(np.array(boxes), np.array(xy), yaw, camera(320, 240))

    def look(self, memory: SpatialMemory, rounds: int = 3) -> None:
        """Look from four sides, half a second apart, ``rounds`` times."""
        for _ in range(rounds):
            for angle in (0.3, 1.9, 3.4, 5.0):
                world = self.world((float(-2.5 * np.cos(angle)), float(-2.5 * np.sin(angle))), angle)
                self._see(memory, world)
                self.stamp_ns += SECOND // 2

    def _see(self, memory: SpatialMemory, world: BoxWorld) -> None:
        depth, T = world.depth(), world.T_map_camera
        cloud = transform_points(T, unproject_depth(world.camera.K, depth)).reshape(-1, 3)
        gray = np.full((world.camera.height, world.camera.width, 3), 127, np.uint8)
        frame = Frame(self.stamp_ns, gray, depth, world.camera, T)
        found = [self._observation(frame, cloud, *thing) for thing in self.things.values()]
        memory.observe(frame, [o for o in found if o is not None])

    def _observation(
        self,
        frame: Frame,
        cloud: NDArray[np.float32],
        label: str,
        center: NDArray[np.float64],
        size: NDArray[np.float64],
    ) -> Observation | None:
        points = cloud[contains(center, size, 0.0, cloud, margin_m=0.005)]
        if len(points) < 40:
            return None
        pixels, _ = project_map(frame.camera.K, frame.T_map_camera, points)
        box = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)]).astype(np.float32)
        edge = bool((box[:2] < 2).any() or box[2] > frame.camera.width - 3 or box[3] > frame.camera.height - 3)
        mean = points.mean(axis=0, dtype=np.float64)
        distance = float(np.linalg.norm(mean - frame.T_map_camera[:3, 3]))
        return Observation(
            frame.stamp_ns, label, 0.9, {label: 0.9}, points[:: max(1, len(points) // 400)], mean, np.eye(3) * 1e-4,
            OrientedBox(*upright_box(points)), box, len(points), edge, None, distance,
        )  # fmt: skip


def furnished() -> Room:
    """A table with a mug and a book on it, another mug on a shelf, a chair."""
    room = Room()
    room.put("table", "table", 0.0, 0.0, 0.0, 1.2, 0.8, 0.7)
    room.put("mug", "mug", 0.3, 0.1, 0.7, 0.12, 0.12, 0.14)
    room.put("book", "book", -0.3, -0.1, 0.7, 0.24, 0.2, 0.08)
    room.put("shelf", "shelf", 0.0, 1.7, 0.0, 1.0, 0.4, 0.8)
    room.put("other mug", "mug", 0.2, 1.7, 0.8, 0.12, 0.12, 0.14)
    room.put("chair", "chair", -1.2, -0.9, 0.0, 0.5, 0.5, 0.8)
    return room
