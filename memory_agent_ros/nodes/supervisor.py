"""Starts the nodes of :mod:`memory_agent_ros.bringup` as processes, without ``launch``, and stops them cleanly.

Every node runs in its own process group with its own log file, so Ctrl-C reaches only the supervisor, which first lets
the lifecycle manager take the nodes down, then interrupts them, and kills only what does not listen. This module starts
processes; it does not import rclpy.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from memory_agent_ros.bringup import MANAGER, NodeSpec
from memory_agent_ros.records.errors import MemoryAgentError


class NodeDiedError(MemoryAgentError):
    """A node ended by itself; the message holds its exit code and the end of its log."""


class NodesNotReadyError(MemoryAgentError):
    """The nodes did not become active in time, or one refused; the message names them."""


@dataclasses.dataclass
class _Running:
    spec: NodeSpec
    process: subprocess.Popen[bytes]
    log: Path
    restarts: int = 0
    activations_before: int = -1


class Supervisor:
    """The processes of one robot or simulation; a context manager that starts them and stops them.

    Args:
        nodes: what to start, the lifecycle manager among them (see ``robot_nodes`` and ``simulation_nodes``).
        environment: variables added to those of this process for every node.
        log_directory: one ``NAME.log`` per node is written there; a temporary folder if None.
        stop_timeout_s: time for stopping everything before what is left is killed.
    """

    def __init__(
        self,
        nodes: Sequence[NodeSpec],
        environment: Mapping[str, str] | None = None,
        log_directory: Path | None = None,
        stop_timeout_s: float = 4.5,
    ) -> None:
        self.log_directory = log_directory
        self._nodes = list(nodes)
        self._environment = dict(environment or {})
        self._stop_timeout_s = stop_timeout_s
        self._running: dict[str, _Running] = {}
        self._status_file: Path | None = None

    def __enter__(self) -> Supervisor:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start every node. If one cannot be started, those already started are stopped again."""
        if self.log_directory is None:
            self.log_directory = Path(tempfile.mkdtemp(prefix="memory_agent_log_"))
        self.log_directory.mkdir(parents=True, exist_ok=True)
        self._status_file = self.log_directory / "states.json"
        self._status_file.unlink(missing_ok=True)
        try:
            for spec in self._nodes:
                self._running[spec.name] = self._spawn(self._with_status(spec))
        except (OSError, MemoryAgentError):
            self.stop()
            raise

    def states(self) -> dict[str, str]:
        """State of each node by its short name: a lifecycle state, ``running``, ``starting``, or ``exited CODE``."""
        told = self._told()
        states, activations = told.get("states", {}), told.get("activations", {})
        found: dict[str, str] = {}
        for name, running in self._running.items():
            code = running.process.poll()
            if code is not None:
                found[name] = f"exited {code}"
            elif not running.spec.lifecycle:
                found[name] = "running"
            else:
                full_name = running.spec.full_name
                told_of_this_process = activations.get(full_name, 0) > running.activations_before
                state = states.get(full_name, "starting")
                found[name] = state if told_of_this_process or state == "failed" else "starting"
        return found

    def wait_active(self, timeout_s: float = 60.0) -> None:
        """Block until every lifecycle node is active.

        Raises:
            NodeDiedError: a node ended meanwhile.
            NodesNotReadyError: a node refused to be configured or activated, or time ran out.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self.check()
            states = {name: state for name, state in self.states().items() if state != "running"}
            if all(state == "active" for state in states.values()):
                return
            failed = [name for name, state in states.items() if state == "failed"]
            if failed:
                raise NodesNotReadyError(f"{failed[0]} could not be started:\n{self.log_tail(failed[0])}")
            if time.monotonic() > deadline:
                late = ", ".join(f"{name} ({state})" for name, state in states.items() if state != "active")
                raise NodesNotReadyError(f"not active after {timeout_s:.0f} s: {late}; logs in {self.log_directory}")
            time.sleep(0.05)

    def check(self) -> None:
        """Start again what died and may be respawned.

        Raises:
            NodeDiedError: a node that is not respawned ended by itself.
        """
        for name, running in self._running.items():
            code = running.process.poll()
            if code is None:
                continue
            if not running.spec.respawn:
                raise NodeDiedError(f"{name} ended with {_exit_text(code)}:\n{self.log_tail(name)}")
            self.restart(name)

    def restart(self, name: str) -> None:
        """Start a node again after it ended; the lifecycle manager brings it back to active."""
        running = self._running[name]
        _finish(running.process, signal.SIGKILL, 1.0)
        before = self._told().get("activations", {}).get(running.spec.full_name, -1)
        self._running[name] = dataclasses.replace(
            self._spawn(running.spec), restarts=running.restarts + 1, activations_before=before
        )
        if name == MANAGER:
            for other in self._running.values():
                other.activations_before = -1

    def kill(self, name: str, number: int = signal.SIGKILL, timeout_s: float = 5.0) -> int:
        """Send a signal to a node's process group and wait until the node has ended; returns its exit code."""
        return _finish(self._running[name].process, number, timeout_s)

    def pid(self, name: str) -> int:
        """Process id of a node."""
        return self._running[name].process.pid

    def log_tail(self, name: str, lines: int = 15) -> str:
        """The last lines a node wrote."""
        text = self._running[name].log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def stop(self) -> dict[str, int]:
        """Stop all nodes, the lifecycle manager first so that the others close in order; returns exit codes by name."""
        begin = time.monotonic()
        alive = [r for r in self._running.values() if r.process.poll() is None]
        managers = [r for r in alive if r.spec.name == MANAGER]
        others = [r for r in alive if r.spec.name != MANAGER]
        for group, share in ((managers, 0.5), (others, 0.85)):
            for running in group:
                _send(running.process, signal.SIGINT)
            _wait([r.process for r in group], begin + share * self._stop_timeout_s)
        for number, share in ((signal.SIGTERM, 0.95), (signal.SIGKILL, 1.1)):
            left = [r.process for r in alive if r.process.poll() is None]
            for process in left:
                _send(process, number)
            _wait(left, begin + share * self._stop_timeout_s)
        return {name: int(r.process.poll() or 0) for name, r in self._running.items()}

    def _spawn(self, spec: NodeSpec) -> _Running:
        assert self.log_directory is not None
        log = self.log_directory / f"{spec.name}.log"
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **self._environment, **spec.environment}
        with log.open("ab") as output:
            process = subprocess.Popen(
                spec.command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        return _Running(spec, process, log)

    def _with_status(self, spec: NodeSpec) -> NodeSpec:
        if spec.name != MANAGER:
            return spec
        told = {"status_file": str(self._status_file), "take_down_on_exit": True}
        return dataclasses.replace(spec, parameters={**spec.parameters, **told})

    def _told(self) -> dict[str, Any]:
        """What the lifecycle manager last wrote: ``states`` and ``activations`` by full node name."""
        if self._status_file is None or not self._status_file.exists():
            return {}
        told: dict[str, Any] = json.loads(self._status_file.read_text(encoding="utf-8"))
        return told


def run(
    nodes: Sequence[NodeSpec],
    environment: Mapping[str, str] | None = None,
    log_directory: Path | None = None,
    report: Callable[[str], None] = print,
) -> int:
    """Start the nodes and stay until SIGINT or SIGTERM; ``memory-agent up``.

    Args:
        nodes: what to start, as for :class:`Supervisor`.
        environment: variables added to those of this process for every node.
        log_directory: one ``NAME.log`` per node is written there; a temporary folder if None.
        report: takes one line per change of state of a node.

    Returns:
        0 after a signal, 1 if a node died or could not be started (the reason is reported).
    """
    stopping = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stopping.set()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    supervisor = Supervisor(nodes, environment, log_directory)
    try:
        with supervisor:
            report(f"started {len(nodes)} nodes, logs in {supervisor.log_directory}; stop with Ctrl-C")
            code = _watch(supervisor, stopping, report)
            report("stopping")
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    report("stopped")
    return code


def _watch(supervisor: Supervisor, stopping: threading.Event, report: Callable[[str], None]) -> int:
    shown: dict[str, str] = {}
    while not stopping.wait(0.2):
        states = supervisor.states()
        for name, state in states.items():
            if state not in (shown.get(name), "transitioning"):
                report(f"{name}: {state}")
                shown[name] = state
        failed = [name for name, state in states.items() if state == "failed"]
        if failed:
            report(f"{failed[0]} could not be started:\n{supervisor.log_tail(failed[0])}")
            return 1
        try:
            supervisor.check()
        except NodeDiedError as error:
            report(str(error))
            return 1
    return 0


def _send(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is None:
        os.killpg(process.pid, number)


def _wait(processes: Sequence[subprocess.Popen[bytes]], deadline: float) -> None:
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0.01))
        except subprocess.TimeoutExpired:
            continue


def _finish(process: subprocess.Popen[bytes], number: int, timeout_s: float) -> int:
    _send(process, number)
    return process.wait(timeout_s)


def _exit_text(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
