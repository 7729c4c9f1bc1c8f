"""The Rerun recording, read back with Rerun's own tool."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.viz.rerun_scene import RerunScene, write_rerun
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
