"""A map file with a kitchen in it, made by the real memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from tests.memory.synthetic import CAMERA, arc, kitchen


@pytest.fixture(scope="session")
def kitchen_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Table with mug, bowl and box; the mug is taken away in the end."""
    path = tmp_path_factory.mktemp("maps") / "kitchen.map"
    world = kitchen(CAMERA.scaled(320, 240))
    with SpatialMemory.open(path) as memory:
        for pose in arc((2.5, 0.0, 0.7)):
            memory.observe(*world.look(pose))
        del world.things["mug"]
        for pose in arc((2.5, 0.0, 0.7)):
            memory.observe(*world.look(pose))
    return path
