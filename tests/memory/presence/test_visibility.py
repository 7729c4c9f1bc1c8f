"""A depth image as the memory looks things up in it."""

from __future__ import annotations

import numpy as np

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.presence.visibility import DepthView
from memory_agent_ros.records.camera import Camera


def test_a_pose_that_says_nothing_takes_the_nearest_reading_of_the_whole_image() -> None:
    depth = np.full((6, 8), 3.0, dtype=np.float32)
    depth[0, 0] = 1.5
    camera = Camera(8, 6, np.array([[8.0, 0.0, 4.0], [0.0, 8.0, 3.0], [0.0, 0.0, 1.0]]))
    view = DepthView.of(depth, camera, np.eye(4), MemoryConfig(), np.eye(6) * 1e30)
    assert (view.nearest_m == 1.5).all()
    assert not (DepthView.of(depth, camera, np.eye(4), MemoryConfig()).nearest_m == 1.5).all()
