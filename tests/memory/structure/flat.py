"""A flat of two rooms with a door between them, furniture and things, and walks through it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.presence.looks import LookRecord, look_of
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.structure.config import StructureConfig
from memory_agent_ros.memory.structure.free_space import FreeSpace
from memory_agent_ros.memory.structure.room_book import RoomBook
from memory_agent_ros.memory.structure.rooms import RoomPlan, plan_rooms
from memory_agent_ros.memory.structure.segmentation import segment
from tests.memory.synthetic import CAMERA, World, arc, camera_pose

#: Lower and upper corner of the floors; the door is in the wall between them, at (0, 0.5).
LEFT, RIGHT = ((-4.05, -2.0), (-0.05, 2.0)), ((0.05, -2.0), (4.05, 2.0))
DOOR = (0.0, 0.5)


def flat(door: float = 0.9) -> World:
    """Two rooms of 4 m x 4 m: a kitchen on the left, a bedroom on the right."""
    world = World(camera=CAMERA.scaled(80, 60))
    walls = (
        (-4.15, -2.1, -4.05, 2.1), (4.05, -2.1, 4.15, 2.1), (-4.15, -2.1, 4.15, -2.0), (-4.15, 2.0, 4.15, 2.1),
        (-0.05, -2.0, 0.05, DOOR[1] - door / 2), (-0.05, DOOR[1] + door / 2, 0.05, 2.0),
    )  # fmt: skip
    for n, (x0, y0, x1, y1) in enumerate(walls):
        world.add(f"wall {n}", "", ((x0 + x1) / 2, (y0 + y1) / 2, 1.25), (x1 - x0, y1 - y0, 2.5))
    world.add("counter", "counter", (-3.7, 0.0, 0.45), (0.6, 1.8, 0.9), 1)
    world.add("fridge", "refrigerator", (-3.7, -1.6, 0.9), (0.65, 0.65, 1.8), 2)
    world.add("mug", "mug", (-3.65, 0.3, 0.96), (0.12, 0.12, 0.12), 3)
    world.add("table", "table", (-1.6, -1.2, 0.37), (1.2, 0.8, 0.74), 4)
    world.add("bowl", "bowl", (-1.5, -1.2, 0.79), (0.2, 0.2, 0.1), 5)
    world.add("bed", "bed", (3.0, -1.0, 0.25), (2.0, 1.5, 0.5), 6)
    world.add("nightstand", "nightstand", (3.75, 0.2, 0.25), (0.45, 0.45, 0.5), 7)
    world.add("other mug", "mug", (3.7, 0.2, 0.56), (0.12, 0.12, 0.12), 8)
    world.add("wardrobe", "wardrobe", (1.2, 1.7, 0.95), (1.2, 0.55, 1.9), 9)
    return world


def turn(x: float, y: float, count: int = 18) -> list[NDArray[np.float64]]:
    """Camera poses once around."""
    return [camera_pose(x, y, float(a)) for a in np.arange(count) * 2 * np.pi / count]


#: Where the robot turns around once, room by room.
IN_LEFT = [*turn(-2.2, 0.6), *turn(-2.0, -0.3)]
IN_RIGHT = [*turn(1.0, 0.6), *turn(1.6, 0.5)]


def looks(world: World, poses: list[NDArray[np.float64]], first: int = 1) -> list[LookRecord]:
    """Thumbnails from each pose."""
    return [look_of(world.frame(pose)[0], first + n) for n, pose in enumerate(poses)]


def plan(records: list[LookRecord], book: RoomBook | None = None, config: StructureConfig | None = None) -> RoomPlan:
    """Rooms of thumbnails."""
    config = config or StructureConfig()
    space = FreeSpace(config)
    space.add(records)
    return plan_rooms(space, segment(space, config), book or RoomBook())


def fill(memory: SpatialMemory) -> World:
    """The flat, walked through; things near enough are looked at more closely."""
    world = flat()
    world.camera = CAMERA
    close = [*arc((-3.6, 0.3, 0.9), 1.6, 5, -0.5, 0.6), *arc((-1.5, -1.2, 0.8), 1.5, 5, 1.2, 2.2)]
    for pose in [*IN_LEFT, *close, *IN_RIGHT, *arc((3.7, 0.2, 0.5), 1.6, 5, 2.6, 3.6)]:
        memory.observe(*world.look(pose))
    return world
