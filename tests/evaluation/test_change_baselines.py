"""The two plain rules of what is gone."""

import numpy as np

from memory_agent_ros.evaluation.change_baselines import CLEARING_GRID, VoxelClearing, aged_out
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.observation import Observation

CAMERA = Camera(40, 30, np.array([[30.0, 0.0, 19.5], [0.0, 30.0, 14.5], [0.0, 0.0, 1.0]]))
CLOUD = np.stack(np.meshgrid(*[np.linspace(-0.1, 0.1, 6)] * 2, [1.5], indexing="ij"), axis=-1).reshape(-1, 3)


def mapped(last_seen_ns: int = 0) -> MapObject:
    return MapObject(
        1, "mug", {"mug": 1.0}, ObjectState.PRESENT, 0.9, True, np.zeros(3), np.eye(3),
        OrientedBox(np.array([0, 0, 1.5]), np.full(3, 0.2)), CLOUD.astype(np.float32), None, 5, 0, last_seen_ns, 0,
        "map", 0,
    )  # fmt: skip


def frame(depth: float) -> Frame:
    return Frame(1, np.zeros((30, 40, 3), np.uint8), np.full((30, 40), depth, np.float32), CAMERA, np.eye(4))


def test_age_alone_decides() -> None:
    assert aged_out([mapped(int(50e9))], int(100e9), 40.0) == {1}
    assert aged_out([mapped(int(50e9))], int(100e9), 60.0) == set()


def test_seen_through_is_cleared_and_hidden_is_not() -> None:
    for setting in CLEARING_GRID:
        clearing = VoxelClearing([mapped()])
        clearing.update(frame(1.0), [])
        clearing.update(frame(1.55), [])
        assert clearing.gone(setting) == set()
        clearing.update(frame(3.0), [])
        assert clearing.gone(setting) == {1}


def test_cleared_voxels_come_back_with_a_detection() -> None:
    clearing = VoxelClearing([mapped()])
    clearing.update(frame(3.0), [])
    seen = Observation(
        1, "mug", 0.9, {}, CLOUD.astype(np.float32), CLOUD.mean(axis=0), np.eye(3) * 1e-4,
        OrientedBox(CLOUD.mean(axis=0), np.full(3, 0.2)), np.zeros(4, np.float32), 100, False, None, 1.5,
    )  # fmt: skip
    clearing.update(frame(1.5), [seen])
    assert clearing.gone((0.1, 3.0, 0.5)) == set()
