"""Real processes: brought up, killed, restarted, stopped; what dies or refuses is named."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from memory_agent_ros import bringup
from memory_agent_ros.nodes import supervisor
from memory_agent_ros.nodes.supervisor import NodeDiedError, NodesNotReadyError, Supervisor
from memory_agent_ros.records.errors import MissingExtraError


def specs(*names, parameters=None, **values):
    nodes = bringup.only(bringup.robot_nodes({"params_file": "simulation", "use_sim_time": "false", **values}), names)
    changed = {name: {**n.parameters, **(parameters or {}).get(name, {})} for n in nodes if (name := n.name)}
    return [dataclasses.replace(n, parameters=changed[n.name]) for n in nodes]


@pytest.mark.parametrize("namespace", ["", "robot1"])
def test_nodes_come_up_and_stop_cleanly(tmp_path, namespace):
    with Supervisor(specs("explorer_node", namespace=namespace), log_directory=tmp_path) as up:
        up.wait_active(60)
        assert up.states() == {"explorer_node": "active", "lifecycle_manager": "running"}
        codes = up.stop()
    assert codes == {"explorer_node": 0, "lifecycle_manager": 0}
    assert "explorer_node: active" in (tmp_path / "lifecycle_manager.log").read_text()


def test_killed_node_is_noticed_and_a_restarted_one_becomes_active(tmp_path):
    with Supervisor(specs("explorer_node"), log_directory=tmp_path) as up:
        up.wait_active(60)
        first = up.pid("explorer_node")
        assert up.kill("explorer_node", signal.SIGKILL) == -signal.SIGKILL
        with pytest.raises(NodeDiedError, match="explorer_node ended with signal SIGKILL"):
            up.check()
        up.restart("explorer_node")
        assert up.pid("explorer_node") != first
        assert up.states()["explorer_node"] != "active"
        up.wait_active(60)


def test_respawn_starts_a_dead_node_again(tmp_path):
    with Supervisor(specs("explorer_node", respawn="true"), log_directory=tmp_path) as up:
        up.wait_active(60)
        first = up.pid("explorer_node")
        up.kill("explorer_node")
        up.wait_active(60)
        assert up.pid("explorer_node") != first


def test_refused_configuration_is_reported_with_the_nodes_own_words(tmp_path):
    broken = {"explorer_node": {"camera_rotation_deg": 45}, "lifecycle_manager": {"attempts": 2, "retry_s": 0.0}}
    with Supervisor(specs("explorer_node", parameters=broken), log_directory=tmp_path) as up:
        with pytest.raises(NodesNotReadyError, match="camera_rotation_deg must be 0, 90, 180 or 270"):
            up.wait_active(60)
        assert up.states()["explorer_node"] == "failed"


def test_unusable_parameter_ends_the_node_with_its_reason(tmp_path):
    broken = {"explorer_node": {"max_update_hz": 1000.0}}
    with (
        Supervisor(specs("explorer_node", parameters=broken), log_directory=tmp_path) as up,
        pytest.raises(NodeDiedError, match="max_update_hz"),
    ):
        up.wait_active(60)


def test_missing_program_stops_what_was_started(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    nodes = [*specs("explorer_node"), *[n for n in bringup.robot_nodes({"rviz": "true"}) if n.name == "rviz2"]]
    up = Supervisor(nodes, log_directory=tmp_path)
    with pytest.raises(MissingExtraError, match="rviz2 is not on the PATH"):
        up.start()
    assert all(state.startswith("exited") for state in up.states().values())


_RUN = """
import sys
from pathlib import Path
from memory_agent_ros import bringup
from memory_agent_ros.nodes import supervisor
nodes = bringup.only(bringup.robot_nodes({"params_file": "simulation", "use_sim_time": "false"}), ["explorer_node"])
sys.exit(supervisor.run(nodes, log_directory=Path(sys.argv[1]), report=lambda line: print(line, flush=True)))
"""


@pytest.fixture()
def running(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", _RUN, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    yield process
    process.send_signal(signal.SIGINT)  # so that a failed test leaves no nodes behind
    process.stdout.read()
    process.wait(10)
    process.stdout.close()


def child_of(pid, word):
    """Process id of the child with ``word`` on its command line."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(entry.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and word in entry.joinpath("cmdline").read_text():
                return int(entry.name)
        except OSError:
            continue  # it ended while we looked
    raise AssertionError(f"no child of {pid} runs {word}")


def read_until(process, text):
    lines = []
    for line in process.stdout:
        lines.append(line.strip())
        if text in line:
            return lines
    raise AssertionError(f"{text!r} did not come in {lines}")


def test_run_says_each_state_and_ends_with_zero_on_ctrl_c(running):
    read_until(running, "explorer_node: active")
    running.send_signal(signal.SIGINT)
    read_until(running, "stopped")
    assert running.wait(10) == 0


def test_run_ends_with_one_and_the_reason_when_a_node_dies(running):
    read_until(running, "explorer_node: active")
    os.kill(child_of(running.pid, "nodes.explorer_node"), signal.SIGKILL)
    read_until(running, "explorer_node ended with signal SIGKILL")
    assert running.wait(10) == 1


def test_stop_without_start_does_nothing():
    assert supervisor.Supervisor([]).stop() == {}
