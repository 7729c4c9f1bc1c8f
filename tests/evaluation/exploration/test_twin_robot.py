from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memory_agent_ros.memory.spatial_memory import SpatialMemory

pytest.importorskip("memory_agent_sim")
from memory_agent_sim.twin.world import TwinWorld

from memory_agent_ros.evaluation.exploration.twin_robot import LOOKS, TwinRobot


def test_a_real_memory_remembers_what_the_twin_shows(tmp_path: Path) -> None:
    world = TwinWorld("train", 4, "habitual", 3)
    robot = TwinRobot(world)
    target = int(np.argsort(world.tables.path_m[robot.node])[len(world.tables.nodes_xy) // 3])
    length = float(world.tables.path_m[robot.node, target])
    with SpatialMemory.open(tmp_path / "map") as memory:
        frames = 0
        for steps in (robot.look(), robot.drive(target)):
            for frame, observations in steps:
                memory.observe(frame, observations)
                frames += 1
        known = memory.objects()
    assert frames > 2 * LOOKS and robot.node == target and robot.metres == pytest.approx(length, abs=1e-3)
    boxes = world.tables.boxes
    near = [np.linalg.norm(boxes.center[boxes.present] - o.box.center, axis=1).min() < 0.3 for o in known]
    assert len(known) >= 5 and np.mean(near) > 0.8
    labels = [
        world.tables.labels[
            np.flatnonzero(boxes.present)[np.argmin(np.linalg.norm(boxes.center[boxes.present] - o.box.center, axis=1))]
        ]
        == o.label
        for o in known
    ]
    assert np.mean(labels) > 0.7
