"""The parts of running the demo, and (slow) the whole of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from memory_agent_ros.nodes.demo.config import DemoConfig
from memory_agent_ros.perception.recordings.bag_source import BagSource
from memory_agent_ros.perception.recordings.open_recording import open_recording

rclpy = pytest.importorskip("rclpy")
from memory_agent_ros.nodes.demo import run  # noqa: E402
from memory_agent_ros.nodes.demo.recorder import BagRecorder  # noqa: E402


def test_an_earlier_run_is_cleared_but_nothing_else(tmp_path: Path) -> None:
    for name in ("report.html", "map.map", "map.map-wal", "demo.mp4", "keep.txt"):
        (tmp_path / name).write_text("old")
    paths = run.prepare_folder(DemoConfig(out=tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["keep.txt"]
    assert paths["film"].name == "demo.gif"
    assert "film" not in run.prepare_folder(DemoConfig(out=tmp_path, film="none"))


def test_domain_of_its_own_unless_the_user_chose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)
    monkeypatch.delenv("ROS_AUTOMATIC_DISCOVERY_RANGE", raising=False)
    monkeypatch.delenv("FASTDDS_DEFAULT_PROFILES_FILE", raising=False)
    added = run.demo_environment(DemoConfig())
    assert 1 <= int(added["ROS_DOMAIN_ID"]) <= 100 and added["ROS_AUTOMATIC_DISCOVERY_RANGE"] == "LOCALHOST"
    assert Path(added["FASTDDS_DEFAULT_PROFILES_FILE"]).is_file()
    monkeypatch.setenv("ROS_DOMAIN_ID", "7")
    monkeypatch.setenv("FASTDDS_DEFAULT_PROFILES_FILE", "/mine.xml")
    added = run.demo_environment(DemoConfig())
    assert "ROS_DOMAIN_ID" not in added and "FASTDDS_DEFAULT_PROFILES_FILE" not in added


def test_the_nodes_are_those_of_up_with_the_robot_standing_still(tmp_path: Path) -> None:
    config = DemoConfig(out=tmp_path, seed=5)
    nodes = {n.name: n for n in run.simulation_nodes(config, run.prepare_folder(config))}
    assert {"sim_node", "perception_node", "memory_node", "explorer_node", "reasoner_node"} <= set(nodes)
    assert nodes["sim_node"].parameters["seed"] == 5 and nodes["sim_node"].parameters["lossless"] is True
    assert nodes["explorer_node"].parameters["explore_on_activate"] == "none"
    assert nodes["memory_node"].parameters["map_path"] == str((tmp_path / "map.map").resolve())


def test_narrator_keeps_to_stderr_and_to_one_line_in_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = run.Narrator(quiet=False)
    narrator.say("hello")
    for _ in range(5):
        narrator.renew("driving")
    out, err = capsys.readouterr()
    assert out == "" and err.count("hello") == 1 and err.count("driving") == 1
    run.Narrator(quiet=True).say("nothing")
    assert capsys.readouterr().err == ""


def test_recorded_messages_are_read_back(tmp_path: Path) -> None:
    from builtin_interfaces.msg import Time
    from std_msgs.msg import String

    from memory_agent_msgs.msg import MemoryEvent

    with BagRecorder(tmp_path / "bag") as recorder:
        event = MemoryEvent(id=3, kind="moved", label="mug")
        event.header.stamp = Time(sec=4, nanosec=5)
        recorder.write("/memory/events", event, 4_000_000_005)
        recorder.write("/sim/truth", String(data="{}"), 5_000_000_000)
    assert recorder.messages == 2
    source = BagSource(tmp_path / "bag")
    assert source.damage is None
    assert source.topics == {"/memory/events": "memory_agent_msgs/msg/MemoryEvent", "/sim/truth": "std_msgs/msg/String"}
    assert [(t, s, m.data) for t, s, m in source.messages(["/sim/truth"])] == [("/sim/truth", 5_000_000_000, "{}")]


def test_an_older_bag_is_replaced(tmp_path: Path) -> None:
    for _ in range(2):
        with BagRecorder(tmp_path / "bag"):
            pass
    assert sorted(p.suffix for p in (tmp_path / "bag").iterdir()) == [".mcap", ".yaml"]


@pytest.mark.slow
def test_the_whole_demo_over_dds(tmp_path: Path) -> None:
    pytest.importorskip("memory_agent_sim.simulation")
    environment = {k: v for k, v in os.environ.items() if k != "ROS_DOMAIN_ID"}
    command = [sys.executable, "-m", "memory_agent_ros.cli", "demo", "--out", str(tmp_path / "demo"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert told["asked"] >= 6 and told["right"] >= told["asked"] - 2
    assert told["changed"] == 3 and told["noticed"] >= 2
    assert told["rounds"]["explore"]["coverage"] > 0.8
    for path in told["paths"].values():
        assert Path(path).exists()
    frames = list(open_recording(Path(told["paths"]["bag"])))
    assert len(frames) > 60 and np.isfinite(frames[0].T_map_camera).all()
