"""A short episode in the simulator, end to end and without ROS."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from memory_agent_ros.evaluation import bench
from memory_agent_ros.evaluation.episode import EpisodeConfig
from memory_agent_ros.evaluation.phase import Tick
from memory_agent_ros.evaluation.whole_episode import run_episode
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError

pytest.importorskip("mujoco")
pytest.importorskip("memory_agent_sim.simulation")

SMALL = {"width": 160, "height": 120, "rooms": 3, "sensor": "raycast"}


def test_an_episode_explores_remembers_and_keeps_its_map(tmp_path: Path) -> None:
    ticks: list[Tick] = []
    config = EpisodeConfig(explore_s=12.0, patrol_s=4.0, edits=2, **SMALL)
    path = tmp_path / "episode.map"
    result = run_episode("train", 3, config=config, map_path=path, hook=ticks.append)
    explored, patrolled = result.phases
    assert explored.stop_reason == "time_limit" and explored.frames == pytest.approx(61, abs=2)
    assert patrolled.phase == "patrol" and len(ticks) == explored.frames + patrolled.frames
    stamps = [t.frame.stamp_ns for t in ticks]
    assert stamps == sorted(set(stamps))
    assert sum(result.objects.values()) >= 3 and result.events["added"] >= 3
    assert 0.0 < sum(result.coverage.values()) / len(result.coverage) < 1.0
    assert sum(result.edits.values()) <= 2
    assert json.loads(json.dumps(result.to_dict()))["map"] == str(path)
    with SpatialMemory.open(path, read_only=True) as memory:
        assert memory.verify() == []
        assert len(memory.objects()) >= sum(result.objects.values())


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(BadInputError, match="there is no policy 'teleport'"):
        run_episode("train", 0, policy="teleport")


def test_the_map_benchmark_writes_every_figure(tmp_path: Path) -> None:
    scene = EpisodeConfig(explore_s=25.0, patrol_s=15.0, edits=3, **SMALL)
    result = bench.run("map", "train", "-5:-4", json_path=tmp_path / "map.json", scene=scene)
    wanted = {
        "coverage", "object_recall", "object_precision", "duplicate_ratio", "center_error_m", "change_f1",
        "update_ms", "lift_ms",
    }  # fmt: skip
    assert wanted <= set(result["figures"])
    assert set(result["arms"]) == {"no_negative_evidence"}
    for name in wanted:
        assert set(result["figures"][name]) == {"value", "ci95", "unit", "goal", "met"}
    values = {name: result["figures"][name]["value"] for name in wanted}
    assert 0.1 < values["coverage"] <= 1.0
    assert values["object_recall"] > 0.5 and values["object_precision"] > 0.5
    assert values["center_error_m"] < 0.2 and values["update_ms"] > 0
