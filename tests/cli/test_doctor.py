"""``memory-agent doctor`` on a small map."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memory_agent_ros.cli import main
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from tests.reasoning.room import Room


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    room = Room()
    room.put("table", "table", 0.0, 0.0, 0.0, 1.2, 0.8, 0.7)
    place = tmp_path_factory.mktemp("map") / "room.map"
    with SpatialMemory.open(place) as memory:
        room.look(memory, 1)
    return place


def test_stage_and_findings_are_printed(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["doctor", "--map", str(path), "--embedder", "none", "--question", "where is the bed?"]
    assert main([*words, "--expected", "bed @ 9,9,0.4"]) == 0
    out = capsys.readouterr().out
    assert "stage: never_seen" in out and "never looked at" in out
    assert main([*words, "--expected", "bed @ 9,9,0.4", "--expected", "table", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["stage"] == "never_seen" and [f["stage"] for f in told["findings"]] == ["never_seen", None]
    assert main([*words, "--expected", "@ 9"]) == 2
    assert "LABEL" in capsys.readouterr().err
