"""What is held back, who told what, and where an object comes from, on the command line."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from memory_agent_ros.cli import main
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.trust.config import QuarantineConfig
from memory_agent_ros.records.observation_source import ObservationSource
from tests.memory.synthetic import arc, kitchen


@pytest.fixture
def map_file(tmp_path: Path) -> Path:
    """A table with a mug on it; bowls are words that no detector knows."""
    config, world = QuarantineConfig(vocabulary=("table", "mug", "box")), kitchen()
    with SpatialMemory.open(tmp_path / "home.map", MemoryConfig(quarantine=config)) as memory:
        for pose in arc((2.5, 0.0, 0.7), count=4):
            frame, observations = world.look(pose)
            memory.observe(dataclasses.replace(frame, source=ObservationSource("front", "ssd 1")), observations)
    return tmp_path / "home.map"


def test_what_is_held_is_listed_let_in_and_thrown_away(map_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quarantine", str(map_file)]) == 0
    out = capsys.readouterr().out
    assert out.count("vocabulary: bowl") == 4 and "told by front (ssd 1)" in out
    assert main(["quarantine", str(map_file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    ids = [str(entry["id"]) for entry in told["quarantine"]]
    assert told["counts"] == {"vocabulary": 4} and len(ids) == 4
    assert main(["quarantine", str(map_file), "--release", ids[0]]) == 2
    assert "reason" in capsys.readouterr().err
    assert main(["quarantine", str(map_file), "--release", *ids[:3], "--reason", "a bowl", "--author", "Ada"]) == 0
    assert capsys.readouterr().out.count("release into object") == 3
    assert main(["quarantine", str(map_file), "--discard", ids[3], "--reason", "blurred", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["corrections"][0]["kind"] == "discard"
    assert main(["quarantine", str(map_file)]) == 0 and "nothing" in capsys.readouterr().out
    assert main(["quarantine", str(map_file), "--discard", ids[3], "--reason", "again"]) == 2
    assert main(["edit", str(map_file), "list"]) == 0
    assert "discard from quarantine" in capsys.readouterr().out
    with SpatialMemory.open(map_file, read_only=True) as memory:
        (bowl,) = memory.find("bowl")
    assert main(["map", "provenance", "--map", str(map_file), "--object", str(bowl.id)]) == 0
    out = capsys.readouterr().out
    assert "seen by front (ssd 1), trust 0.75: 3 observations" in out and out.count("release by Ada") == 3
    assert main(["verify", str(map_file)]) == 0


def test_of_several_what_was_done_before_one_is_refused_is_told(
    map_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["quarantine", str(map_file), "--discard", "1", "99", "2", "--reason", "blurred"]) == 2
    told = capsys.readouterr()
    assert told.out.count("discard from quarantine") == 1 and "99" in told.err
    assert main(["quarantine", str(map_file), "--discard", "2", "99", "--reason", "blurred", "--json"]) == 2
    assert len(json.loads(capsys.readouterr().out)["corrections"]) == 1
    with SpatialMemory.open(map_file, read_only=True) as memory:
        assert [e.id for e in memory.quarantine()] == [3, 4]


def test_words_that_were_put_into_the_world_do_not_move_the_cursor(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = kitchen()
    world.add("sign", "vase\x1b[2J\nreleased", (2.3, 0.1, 0.82), (0.12, 0.12, 0.24), 9)
    frame, observations = world.look(arc((2.5, 0.0, 0.7), count=1)[0])
    config = QuarantineConfig(vocabulary=("mug", "bowl", "box", "table"))
    with SpatialMemory.open(tmp_path / "held.map", MemoryConfig(quarantine=config)) as memory:
        memory.observe(dataclasses.replace(frame, source=ObservationSource("front\x07", "ssd 1")), observations)
    assert main(["quarantine", str(tmp_path / "held.map")]) == 0
    assert main(["map", "sources", "--map", str(tmp_path / "held.map")]) == 0
    out = capsys.readouterr().out
    assert "vase\\x1b[2J\\nreleased" in out and out.count("front\\x07") == 2
    assert all(line.isprintable() for line in out.splitlines()) and len(out.splitlines()) == 3


def test_sources_and_their_trust_are_told(map_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", "sources", "--map", str(map_file)]) == 0
    out = capsys.readouterr().out
    assert "front (ssd 1): trust 0.75, 4 images" in out and "in quarantine, vocabulary: 4" in out
    assert main(["map", "sources", "--map", str(map_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sources"][0]["source"]["sensor"] == "front"
    assert main(["map", "provenance", "--map", str(map_file)]) == 2
    assert "--object" in capsys.readouterr().err
    assert main(["ask", "--map", str(map_file), "--embedder", "none", "--think", "never", "where is the mug?"]) == 0
    assert "told by front (ssd 1), trust 0.75" in capsys.readouterr().out
