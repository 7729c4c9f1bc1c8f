"""ingest: from recorded images to a map that answers."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from memory_agent_ros.cli import main
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.perception import factory
from memory_agent_ros.records.detection import Detection
from memory_agent_ros.records.frame import Frame
from tests.perception.recordings.bags import BagForm, write_bag
from tests.perception.recordings.room import K, camera_pose, render


class RedThings:
    """Detects what is red, the way an adapter for a user's own network would plug in."""

    def detect(self, frame: Frame) -> list[Detection]:
        mask = (frame.rgb[..., 0] > 150) & (frame.rgb[..., 1] < 100)
        if mask.sum() < 50:
            return []
        v, u = np.nonzero(mask)
        box = np.array([u.min(), v.min(), u.max() + 1, v.max() + 1], np.float32)
        return [Detection("table", 0.9, box, mask)]


@pytest.fixture
def red_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(factory, "make_detector", lambda name, **_: RedThings())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "kitchen"
    folder.mkdir()
    np.savetxt(folder / "camera-intrinsics.txt", K)
    for step in range(12):
        rgb, depth = render(camera_pose(step))
        stem = folder / f"frame-{step:06d}"
        cv2.imwrite(f"{stem}.color.png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        cv2.imwrite(f"{stem}.depth.png", np.round(depth * 1000).astype(np.uint16))
        np.savetxt(f"{stem}.pose.txt", camera_pose(step))
    return folder


@pytest.mark.usefixtures("red_detector")
def test_folder_to_map_to_answer(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "maps" / "k.map"
    (folder / "frame-000004.depth.png").write_bytes(b"")
    command = [
        "ingest",
        str(folder),
        "--map",
        str(path),
        "--embedder",
        "none",
        "--png",
        str(tmp_path / "k.png"),
        "--json",
    ]
    assert main(command) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["frames"] == 11 and told["objects"] == {"table": 1} and told["refused_pictures"] == {"depth_file": 1}
    assert err == ""  # no bar where there is no terminal
    assert (tmp_path / "k.png").stat().st_size > 5000
    assert main(["ask", "--map", str(path), "--embedder", "none", "--json", "where is the table?"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["evidence"][0]["position_m"][:2] == pytest.approx([0, 0], abs=0.1)


@pytest.mark.usefixtures("red_detector")
def test_relocalise_never_touches_a_map_it_is_not_found_in(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A single table looks alike everywhere: what was seen stays apart."""
    path = tmp_path / "k.map"
    for step in range(6, 12):
        for file in folder.glob(f"frame-{step:06d}.*"):
            file.rename(file.with_name("later-" + file.name))
    assert main(["--quiet", "ingest", str(folder), "--map", str(path), "--embedder", "none"]) == 0
    with SpatialMemory.open(path, read_only=True) as memory:
        before = [(o.id, o.observations, o.last_seen_ns) for o in memory.objects()], memory.last_stamp_ns
    for file in folder.glob("frame-*"):
        file.unlink()
    for file in folder.glob("later-*"):
        file.rename(file.with_name(file.name.removeprefix("later-")))
    capsys.readouterr()
    command = ["ingest", str(folder), "--map", str(path), "--embedder", "none", "--relocalise", "--json"]
    assert main(command) == 1
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert not told["localised"] and told["kept_apart"] == str(tmp_path / "k.apart.map")
    assert "left as it was" in err and "--transform" in err
    with SpatialMemory.open(path, read_only=True) as memory:
        assert ([(o.id, o.observations, o.last_seen_ns) for o in memory.objects()], memory.last_stamp_ns) == before
    with SpatialMemory.open(told["kept_apart"], read_only=True) as apart:
        assert [o.label for o in apart.objects()] == ["table"]


@pytest.mark.usefixtures("red_detector")
def test_a_truncated_bag_keeps_what_was_read_and_returns_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = write_bag(tmp_path / "bag", BagForm(steps=30))
    file = next(bag.glob("*.mcap"))
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * 0.7)])
    path = tmp_path / "k.map"
    assert main(["--quiet", "ingest", str(bag), "--map", str(path), "--embedder", "none", "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert 5 < told["frames"] < 25 and "breaks off after" in told["broken_off"]
    assert told["objects"] == {"table": 1} and path.exists()


def test_what_is_no_recording_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", str(tmp_path), "--map", str(tmp_path / "k.map")]) == 2
    assert "is not a recording" in capsys.readouterr().err
    assert not (tmp_path / "k.map").exists()


def test_an_unknown_detector_lists_those_there_are(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", str(folder), "--map", str(folder / "k.map"), "--detector", "crystal_ball"]) == 2
    assert "ssd+segmenter" in capsys.readouterr().err


@pytest.mark.slow
def test_real_kitchen_with_the_real_detector(
    rgbd_data_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "k.map"
    assert main(["--quiet", "ingest", str(rgbd_data_dir), "--map", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["objects"].get("chair", 0) >= 2 and told["objects"].get("table") == 1
    assert main(["ask", "--map", str(path), "--embedder", "none", "--json", "where is the table?"]) == 0
    position = json.loads(capsys.readouterr().out)["value"][0]["position_m"]
    assert position[:2] == pytest.approx([0.15, 1.65], abs=0.35)
