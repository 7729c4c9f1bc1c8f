"""A mapped kitchen to tamper with."""

from pathlib import Path

import pytest
from driving import mapped_kitchen

from memory_agent_ros.memory.spatial_memory import SpatialMemory


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A map of the kitchen in the present schema, closed."""
    path = tmp_path_factory.mktemp("ledger") / "kitchen.map"
    with SpatialMemory.open(path) as memory:
        mapped_kitchen(memory)
    return path


@pytest.fixture
def kitchen_map(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    path = tmp_path / "kitchen.map"
    path.write_bytes(made.read_bytes())
    return path
