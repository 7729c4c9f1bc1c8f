"""merge: two map files become one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from memory_agent_ros.cli import main
from memory_agent_ros.geometry.se3 import inverse, planar
from memory_agent_ros.memory.sessions.session import in_frame
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from tests.memory.synthetic import CAMERA, SECOND, World, arc, kitchen

T = planar(1.5, -2.0, 0.7, 0.2)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with a.map, the same place in b.map (its own frame, an hour later), and another place in c.map."""
    folder = tmp_path_factory.mktemp("merge")
    world = kitchen(CAMERA.scaled(320, 240))
    poses = [*arc((2.5, 0.0, 0.7), count=6), *arc((-2.5, 0.0, 0.7), count=5, start=-0.5, end=0.5)]
    with SpatialMemory.open(folder / "a.map") as memory:
        for pose in poses:
            memory.observe(*world.look(pose))
    world.stamp_ns += 3600 * SECOND
    with SpatialMemory.open(folder / "b.map") as memory:
        for pose in poses:
            memory.observe(*in_frame(*world.look(pose), inverse(T), "odom"))
    elsewhere = World(stamp_ns=world.stamp_ns + 3600 * SECOND)
    elsewhere.add("sofa", "sofa", (2.5, 0.0, 0.4), (0.8, 1.6, 0.8), color=7)
    elsewhere.add("plant", "plant", (2.2, 1.4, 0.4), (0.3, 0.3, 0.8), color=8)
    with SpatialMemory.open(folder / "c.map") as memory:
        for pose in poses[:6]:
            memory.observe(*elsewhere.look(pose))
    return folder


@pytest.fixture
def folder(maps: Path, tmp_path: Path) -> Path:
    for name in "abc":
        shutil.copy(maps / f"{name}.map", tmp_path / f"{name}.map")
    return tmp_path


def ids(path: Path) -> dict[str, int]:
    with SpatialMemory.open(path, read_only=True) as memory:
        return {o.label: o.id for o in memory.objects()}


def test_finds_the_place_and_keeps_the_ids(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, other = ids(folder / "a.map"), (folder / "b.map").read_bytes()
    assert main(["merge", str(folder / "a.map"), str(folder / "b.map"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    found = told["transform"]
    assert found["found"] and found["pairs"] >= 4 and told["problems"] == []
    np.testing.assert_allclose([found["x_m"], found["y_m"], found["z_m"]], T[:3, 3], atol=0.03)
    assert found["yaw_deg"] == pytest.approx(np.rad2deg(0.7), abs=0.7)
    assert told["events"] == {"merged": len(before)}
    assert ids(folder / "a.map") == before
    assert (folder / "b.map").read_bytes() == other


def test_out_leaves_the_first_map_as_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "a.map").read_bytes()
    command = ["merge", str(folder / "a.map"), str(folder / "b.map"), "--out", str(folder / "d.map")]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "found from" in out and "merged" in out and "objects present" in out
    assert (folder / "a.map").read_bytes() == before
    assert ids(folder / "d.map") == ids(folder / "a.map")
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err


def test_another_place_is_refused_and_nothing_changed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = ids(folder / "a.map")
    assert main(["merge", str(folder / "a.map"), str(folder / "c.map")]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "nothing was changed" in err and "--transform" in err
    assert main(["merge", str(folder / "a.map"), str(folder / "c.map"), "--out", str(folder / "d.map")]) == 2
    assert not (folder / "d.map").exists()
    assert ids(folder / "a.map") == before


def test_a_given_transform_is_taken(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = ids(folder / "a.map")
    assert main(["merge", str(folder / "a.map"), str(folder / "c.map"), "--transform", "20,0,0,90", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["transform"]["yaw_deg"] == 90.0 and not told["transform"]["found"]
    after = ids(folder / "a.map")
    assert {k: v for k, v in after.items() if k in before} == before and {"sofa", "plant"} <= set(after)


@pytest.mark.parametrize("text", ["1,2,3", "a,b,c,d", "1,2,3,nan"])
def test_a_bad_transform_says_what_it_takes(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    assert main(["merge", str(folder / "a.map"), str(folder / "b.map"), "--transform", text]) == 2
    assert "X,Y,Z,YAW" in capsys.readouterr().err


def test_a_map_that_is_missing_or_the_same(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["merge", str(folder / "a.map"), str(folder / "no.map")]) == 2
    assert main(["merge", str(folder / "no.map"), str(folder / "a.map")]) == 2
    assert not (folder / "no.map").exists()
    assert main(["merge", str(folder / "a.map"), str(folder / "a.map")]) == 2
    assert "same map" in capsys.readouterr().err
