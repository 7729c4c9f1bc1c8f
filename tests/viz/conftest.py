"""A small map made by hand: a table with a mug on it, a chair that moved, a bottle that is gone."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.pose import Pose
from memory_agent_ros.viz.scene import FloorMap, MapScene

SECOND = 1_000_000_000


def make_object(
    item_id: int, label: str, xyz: tuple[float, float, float], size: tuple[float, float, float], gone: bool = False
) -> MapObject:
    center = np.array(xyz)
    points = (np.random.default_rng(item_id).uniform(-0.5, 0.5, (200, 3)) * size + center).astype(np.float32)
    return MapObject(
        id=item_id,
        label=label,
        label_probs={label: 1.0},
        state=ObjectState.GONE if gone else ObjectState.PRESENT,
        presence=0.05 if gone else 0.95,
        confirmed=True,
        centroid_map=center,
        covariance=np.eye(3) * 1e-4,
        box=OrientedBox(center, np.array(size), 0.3),
        points_map=points,
        embedding=None,
        observations=12,
        first_seen_ns=item_id * SECOND,
        last_seen_ns=60 * SECOND,
        last_looked_ns=61 * SECOND,
    )


@pytest.fixture
def objects() -> list[MapObject]:
    return [
        make_object(1, "table", (1.0, 1.0, 0.4), (1.6, 0.8, 0.8)),
        make_object(2, "mug", (1.2, 1.1, 0.85), (0.1, 0.1, 0.1)),
        make_object(3, "chair", (3.0, 1.5, 0.45), (0.5, 0.5, 0.9)),
        make_object(4, "bottle", (0.7, 0.9, 0.9), (0.08, 0.08, 0.25), gone=True),
    ]


@pytest.fixture
def events(objects: list[MapObject]) -> list[MemoryEvent]:
    added = [MemoryEvent(EventKind.ADDED, o.id, o.label, o.id * SECOND, o.box.center, id=o.id) for o in objects]
    moved = MemoryEvent(
        EventKind.MOVED, 3, "chair", 40 * SECOND, objects[2].box.center, np.array([2.0, 2.5, 0.45]), id=5
    )
    gone = MemoryEvent(EventKind.GONE, 4, "bottle", 45 * SECOND, objects[3].box.center, confidence=0.9, id=6)
    return [*added, moved, gone]


@pytest.fixture
def floor() -> FloorMap:
    cells = np.zeros((80, 100), dtype=np.int8)
    cells[[0, -1], :] = 100
    cells[:, [0, -1]] = 100
    cells[:20, :20] = -1
    return FloorMap(cells, 0.05, np.array([-0.5, -0.5]))


@pytest.fixture
def scene(objects: list[MapObject], events: list[MemoryEvent], floor: FloorMap) -> MapScene:
    angle = np.linspace(0, 2 * np.pi, 50)
    path = np.stack([2 + np.cos(angle), 1.5 + np.sin(angle)], axis=1)
    return MapScene(objects, floor, None, path, events[4:5], (3.0, 1.5, 1.2), frozenset({3, 4}))


@pytest.fixture
def keyframe() -> Keyframe:
    pixels = np.zeros((240, 320, 3), np.uint8)
    pixels[:] = (90, 140, 200)
    pixels[100:160, 140:200] = (220, 60, 40)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="JPEG", quality=95)
    camera = Camera(320, 240, np.array([[260.0, 0, 159.5], [0, 260.0, 119.5], [0, 0, 1]]))
    T = np.eye(4)
    T[:3, :3] = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]
    T[2, 3] = 1.2
    return Keyframe(7, 5 * SECOND, camera, T, buffer.getvalue())


@pytest.fixture
def evidence(keyframe: Keyframe) -> Evidence:
    pose = Pose(np.array([1.0, 1.0, 0.4]), np.array([0.0, 0, 0, 1]))
    box = np.array([140, 100, 200, 160], np.float32)
    return Evidence(2, 31, keyframe.id, keyframe.stamp_ns, pose, pose, box, 0.87)
