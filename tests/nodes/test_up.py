"""The whole simulation as processes: frames become objects; the memory node survives kill -9 with its map."""

from __future__ import annotations

import dataclasses
import time

import pytest

from memory_agent_ros import bringup
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.nodes.supervisor import Supervisor

pytestmark = pytest.mark.slow
pytest.importorskip("memory_agent_sim")


def until(supervisor, condition, timeout_s=60.0):
    deadline = time.monotonic() + timeout_s
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s; states {supervisor.states()}"
        time.sleep(0.1)
    return result


def last_stamp_ns(path):
    with SpatialMemory.open(path, read_only=True) as memory:
        return memory.last_stamp_ns


def test_killed_memory_node_leaves_a_map_and_goes_on_with_it(tmp_path):
    path = tmp_path / "apartment.map"
    values = {"rooms": "3", "real_time_factor": "0", "map_path": str(path), "fastdds_profile": "shared_memory"}
    light = {"memory_node": {"text_embedder": "none"}, "reasoner_node": {"model": "none"}}
    nodes = [
        dataclasses.replace(n, parameters={**n.parameters, **light.get(n.name, {})})
        for n in bringup.simulation_nodes(values)
    ]
    with Supervisor(nodes, bringup.environment(values), tmp_path / "log") as up:
        up.wait_active(90)
        before = until(up, lambda: path.exists() and (s := last_stamp_ns(path)) and s > 5_000_000_000 and s)
        up.kill("memory_node")
        with SpatialMemory.open(path) as memory:
            assert memory.verify() == [] and memory.last_stamp_ns >= before
            known = {thing.id for thing in memory.objects()}
        assert known
        up.restart("memory_node")
        up.wait_active(60)
        until(up, lambda: last_stamp_ns(path) > before + 5_000_000_000)
        codes = up.stop()
    assert set(codes.values()) <= {0, -9}, codes
    with SpatialMemory.open(path, read_only=True) as memory:
        assert memory.verify() == []
        assert known & {thing.id for thing in memory.objects()}
