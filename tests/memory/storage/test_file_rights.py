"""What a map leaves on the disk is for its owner only."""

import os
import stat
from pathlib import Path

import pytest
from driving import at_table, watch
from synthetic import kitchen

from memory_agent_ros.memory.spatial_memory import SpatialMemory


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [0o022, 0o000])
def test_only_the_owner_may_read_a_map_its_logs_and_its_copies(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        with SpatialMemory.open(tmp_path / "home.map") as memory:
            watch(memory, kitchen(), at_table(2))
            memory.save(tmp_path / "copy.map")
            made = [p for p in tmp_path.iterdir() if not p.name.endswith(".lock")]  # a lock is empty
            assert {p.name for p in made} >= {"home.map", "home.map-wal", "copy.map"}
            assert {p.name: oct(rights(p)) for p in made if rights(p) & 0o077} == {}
    finally:
        os.umask(before)


def test_rights_that_the_owner_gave_stay(tmp_path: Path) -> None:
    path = tmp_path / "shared.map"
    SpatialMemory.open(path).close()
    path.chmod(0o640)
    SpatialMemory.open(path).close()
    assert rights(path) == 0o640
