"""The Rerun recording, read back with Rerun's own tool."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from memory_agent_ros.records.anchor import AnchorPose
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Door, Room
from memory_agent_ros.viz.rerun_scene import RerunLayers, RerunScene, write_rerun
from memory_agent_ros.viz.scene import FloorMap


def _entities(path: Path) -> set[str]:
    command = [sys.executable, "-m", "rerun", "rrd", "print", str(path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(re.findall(r"/(?:world|events)[\w/]*", printed.stdout + printed.stderr))


def test_everything_is_logged(
    objects: list[MapObject], events: list[MemoryEvent], keyframe: Keyframe, floor: FloorMap, tmp_path: Path
) -> None:
    path = write_rerun(tmp_path / "map.rrd", objects, [keyframe], events)
    entities = _entities(path)
    assert {"/world/camera", "/world/camera/image", "/events", "/world/moves/3"} <= entities
    assert {f"/world/objects/{o.id}" for o in objects} <= entities


def test_live_parts_are_logged(floor: FloorMap, tmp_path: Path) -> None:
    with RerunScene(tmp_path / "live.rrd") as scene:
        scene.log_path([10**9, 2 * 10**9, 3 * 10**9], np.array([[0.0, 0], [1, 0], [1, 1]]))
        scene.log_frontiers(3 * 10**9, np.array([[2.0, 2.0]]))
        scene.log_floor(3 * 10**9, floor)
    assert {"/world/path", "/world/frontiers", "/world/floor"} <= _entities(tmp_path / "live.rrd")


def test_layers_have_their_own_paths(
    objects: list[MapObject], events: list[MemoryEvent], keyframe: Keyframe, tmp_path: Path
) -> None:
    outline = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 3.0], [0.0, 3.0]])
    door = Door(np.array([4.0, 1.0]), 0.9, (1, 2))
    rooms = [
        Room(1, "kitchen", 0.9, outline, 12.0, np.array([2.0, 1.5]), (door,)),
        Room(2, "hall", 0.9, outline + np.array([4.0, 0.0]), 12.0, np.array([6.0, 1.5])),
    ]
    relations = [
        Relation(RelationKind.ON, 2, 1, None, 0.0, 0.9),
        Relation(RelationKind.IN, 2, None, 1, 0.0, 0.9),
        Relation(RelationKind.NEXT_TO, 3, 99, None, 0.1, 0.9),
    ]
    anchors = [AnchorPose(n * 10**9, np.eye(4)) for n in range(1, 4)]
    layers = RerunLayers(rooms, relations, anchors, 50 * 10**9)
    entities = _entities(write_rerun(tmp_path / "map.rrd", objects, [keyframe], events, layers=layers))
    assert {"/world/rooms/1", "/world/rooms/1/name", "/world/rooms/1/doors", "/world/rooms/2"} <= entities
    assert {"/world/anchors", "/world/relations/on", "/world/trails/3", "/world/trails/3/places"} <= entities
    assert not {"/world/rooms/2/doors", "/world/relations/in", "/world/relations/next_to", "/world/trails/1"} & entities


def test_anchors_and_trails_grow_with_time(objects: list[MapObject], events: list[MemoryEvent], tmp_path: Path) -> None:
    grown: list[int] = []
    anchors = [AnchorPose(n * 10**9, np.eye(4)) for n in range(120, 0, -1)]
    with RerunScene(tmp_path / "map.rrd") as scene, pytest.MonkeyPatch.context() as patch:
        patch.setattr("memory_agent_ros.viz.rerun_layers.log_anchors", lambda _, at: grown.append(len(at)))
        scene.log_anchors(anchors)
        scene.log_anchors([])
    assert grown == sorted(set(grown)) and grown[-1] == 120 and 10 < len(grown) <= 61
