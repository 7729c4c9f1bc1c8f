"""map rooms, map relations, map name-room: what hangs together in a stored map."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memory_agent_ros.cli import main
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from tests.memory.structure.flat import fill


@pytest.fixture(scope="module")
def flat_map(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("maps") / "flat.map"
    with SpatialMemory.open(path) as memory:
        fill(memory)
    return path


def test_rooms_with_areas_doors_and_things(flat_map: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", "rooms", "--map", str(flat_map), "--json"]) == 0
    rooms = {r["name"]: r for r in json.loads(capsys.readouterr().out)["rooms"]}
    assert set(rooms) == {"kitchen", "bedroom"} and 13 < rooms["kitchen"]["area_m2"] < 17
    assert len(rooms["kitchen"]["objects"]) == 5 and len(rooms["kitchen"]["doors"]) == 1
    assert main(["map", "rooms", "--map", str(flat_map)]) == 0
    out = capsys.readouterr().out
    assert "kitchen" in out and "doors to bedroom" in out and "1 counter" in out


def test_relations_of_an_object_and_a_kind(flat_map: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", "relations", "--map", str(flat_map), "--json", "--kind", "on"]) == 0
    relations = json.loads(capsys.readouterr().out)["relations"]
    assert len(relations) == 3 and {r["kind"] for r in relations} == {"on"}
    one = str(relations[0]["subject"])
    assert main(["map", "relations", "--map", str(flat_map), "--object", one]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert all(f"#{one} " in line for line in lines) and any(" in " in line for line in lines)
    assert main(["map", "relations", "--map", str(flat_map), "--kind", "above"]) == 2
    assert "a relation is one of" in capsys.readouterr().err


def test_a_room_is_named_and_asked_by_that_name(flat_map: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with SpatialMemory.open(flat_map, read_only=True) as memory:
        bedroom = next(r for r in memory.rooms() if r.name == "bedroom")
    arguments = ["map", "name-room", "--map", str(flat_map), "--room", str(bedroom.id)]
    assert main([*arguments, "--name", "Anna's room"]) == 0
    assert main(["ask", "--map", str(flat_map), "--embedder", "none", "which mugs are in Anna's room?"]) == 0
    assert "1 mug is in Anna's room" in capsys.readouterr().out
    assert main([*arguments, "--name", ""]) == 0
    assert "bedroom" in capsys.readouterr().out
    assert main(["map", "name-room", "--map", str(flat_map), "--name", "attic"]) == 2
    assert main(["map", "name-room", "--map", str(flat_map) + ".none", "--room", "1"]) == 2
    assert not Path(str(flat_map) + ".none").exists()


def test_a_picture_that_cannot_be_written_is_told(
    flat_map: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("a file")
    for target in (tmp_path / "taken" / "map.png", tmp_path / ("x" * 300) / "map.png"):
        assert main(["show", "--map", str(flat_map), "--png", str(target)]) == 2
        assert "memory-agent show: " in capsys.readouterr().err
