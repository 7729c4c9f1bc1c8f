"""Brings the lifecycle nodes up, keeps them up, and takes them down in order.

Started by the launch files and by ``memory-agent up`` alike. All nodes are configured as they appear (loading models
takes time, so side by side); then they are activated in the order of ``node_names``. A node that appears again after it
died goes through the same, the others go on. A node that refuses a transition ``attempts`` times is reported as
``failed`` and no longer waited for.
"""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.clock import Clock, ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from memory_agent_ros.nodes import parameters, qos
from memory_agent_ros.nodes.parameters import parameter

_STATES = {
    State.PRIMARY_STATE_UNCONFIGURED: "unconfigured",
    State.PRIMARY_STATE_INACTIVE: "inactive",
    State.PRIMARY_STATE_ACTIVE: "active",
    State.PRIMARY_STATE_FINALIZED: "finalized",
}
#: Transitions that take a node down, by the state it is in.
_DOWN = {
    "active": Transition.TRANSITION_DEACTIVATE,
    "inactive": Transition.TRANSITION_CLEANUP,
}


@dataclass(frozen=True)
class LifecycleManagerConfig:
    """Parameters of the lifecycle manager."""

    node_names: tuple[str, ...] = parameter(("",), "full names of the nodes, in order of activation", read_only=True)
    period_s: float = parameter(0.1, "seconds between two looks", minimum=0.01, maximum=10.0, read_only=True)
    response_timeout_s: float = parameter(
        1.5, "seconds after which a node that does not tell its state is called silent", minimum=0.1, maximum=600.0
    )
    transition_timeout_s: float = parameter(
        120.0, "seconds a transition may take, loading of models included", minimum=0.1, maximum=3600.0
    )
    attempts: int = parameter(3, "how often a refused transition is tried", minimum=1, maximum=100)
    retry_s: float = parameter(1.0, "seconds between two attempts", minimum=0.0, maximum=600.0)
    status_file: str = parameter("", "JSON file kept up to date with states and numbers of activations; empty for none")
    take_down_on_exit: bool = parameter(False, "deactivate and clean up the nodes before exiting")
    exit_timeout_s: float = parameter(2.0, "seconds that taking down may last", minimum=0.0, maximum=60.0)


class ManagedNode:
    """What the manager knows of one node: its state, and the request it is waiting for."""

    def __init__(self, node: Node, name: str) -> None:
        self.name = name
        self.state = "absent"
        self.failures = 0
        self.activations = 0
        self.retry_at = 0.0
        self._state_client = node.create_client(GetState, f"{name}/get_state")
        self._change_client = node.create_client(ChangeState, f"{name}/change_state")
        self._pending: Future | None = None
        self._pending_change = False
        self._transition_id = 0
        self._deadline = 0.0

    @property
    def busy(self) -> bool:
        """Whether a transition is under way."""
        return self._pending is not None and self._pending_change

    def ask_state(self, now: float, timeout_s: float) -> None:
        """Request the state unless a request is under way."""
        if self._pending is not None:
            return
        if not self._state_client.service_is_ready():
            self.state = "absent"
            self.failures = 0  # whoever comes back under this name is a new process
            return
        self._pending, self._pending_change = self._state_client.call_async(GetState.Request()), False
        self._deadline = now + timeout_s

    def change(self, transition_id: int, now: float, timeout_s: float) -> None:
        """Request a transition; a state request under way is dropped, since its answer would be out of date."""
        self.drop()
        request = ChangeState.Request(transition=Transition(id=transition_id))
        self._pending, self._pending_change = self._change_client.call_async(request), True
        self._transition_id = transition_id
        self._deadline = now + timeout_s

    def drop(self) -> None:
        """Forget the request under way."""
        if self._pending is not None:
            client = self._change_client if self._pending_change else self._state_client
            client.remove_pending_request(self._pending)
            self._pending = None

    def poll(self, now: float) -> bool | None:
        """Take in an answer. None: nothing new; True: done; False: a transition was refused or timed out."""
        if self._pending is None:
            return None
        if not self._pending.done():
            if now < self._deadline:
                return None
            was_change = self._pending_change
            self.drop()
            self.state = "silent"
            return False if was_change else None
        answer = self._pending.result()
        was_change, self._pending = self._pending_change, None
        if was_change:
            done = bool(answer is not None and answer.success)
            self.activations += done and self._transition_id == Transition.TRANSITION_ACTIVATE
            return done
        if answer is not None:
            self.state = _STATES.get(answer.current_state.id, "transitioning")
        return True


class LifecycleManager(Node):
    """See the module's docstring. Runs on the wall clock: it must work before simulated time starts."""

    def __init__(self) -> None:
        super().__init__("lifecycle_manager")
        parameters.declare(self, LifecycleManagerConfig)
        self.config = parameters.read(self, LifecycleManagerConfig)
        self.managed = [ManagedNode(self, name) for name in self.config.node_names if name]
        self._reported: dict[str, str] = {}
        self._diagnosed_at = 0.0
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", qos.reliable())
        self.create_timer(self.config.period_s, self._tick, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def states(self) -> dict[str, str]:
        """By full node name: absent, silent, unconfigured, inactive, active, finalized, transitioning or failed."""
        failed = self.config.attempts
        return {n.name: "failed" if n.failures >= failed and n.state != "active" else n.state for n in self.managed}

    def _tick(self) -> None:
        now = time.monotonic()
        for node in self.managed:
            self._take_answer(node, now)
        for node in self.managed:
            if not node.busy:
                self._bring_up(node, now)
                node.ask_state(now, self.config.response_timeout_s)
        self._report(now)

    def _take_answer(self, node: ManagedNode, now: float) -> None:
        answer = node.poll(now)
        if answer is False:
            node.failures += 1
            node.retry_at = now + self.config.retry_s
            self.get_logger().error(
                f"{node.name} refused a transition or did not answer "
                f"({node.failures} of {self.config.attempts} times); its own log says why"
            )
        elif node.state == "active":
            node.failures = 0

    def _bring_up(self, node: ManagedNode, now: float) -> None:
        if node.failures >= self.config.attempts or now < node.retry_at:
            return
        if node.state == "unconfigured":
            node.change(Transition.TRANSITION_CONFIGURE, now, self.config.transition_timeout_s)
        elif node.state == "inactive" and self._may_activate(node):
            node.change(Transition.TRANSITION_ACTIVATE, now, self.config.transition_timeout_s)
        node.state = "transitioning" if node.busy else node.state

    def _may_activate(self, node: ManagedNode) -> bool:
        """All are configured and the earlier ones active; what was active before, or failed, keeps nobody waiting."""
        index = self.managed.index(node)
        for i, other in enumerate(self.managed):
            settled = other.activations > 0 or other.failures >= self.config.attempts or other.state == "active"
            if not settled and (i < index or other.state != "inactive"):
                return False
        return True

    def _report(self, now: float) -> None:
        states = self.states
        for name, state in states.items():
            if state != self._reported.get(name, "absent") and state != "transitioning":
                self.get_logger().info(f"{name}: {state}")
        if states != self._reported and self.config.status_file:
            path = Path(self.config.status_file)
            partial = path.with_name(path.name + ".part")
            activations = {node.name: node.activations for node in self.managed}
            partial.write_text(json.dumps({"states": states, "activations": activations}), encoding="utf-8")
            os.replace(partial, path)
        if states != self._reported or now - self._diagnosed_at >= 1.0:
            self._diagnosed_at = now
            self._diagnostics.publish(self._diagnostic(states))
        self._reported = states

    def _diagnostic(self, states: dict[str, str]) -> DiagnosticArray:
        missing = [name for name, state in states.items() if state != "active"]
        failed = any(state == "failed" for state in states.values())
        status = DiagnosticStatus(name=f"{self.get_name()}: nodes", hardware_id="memory_agent_ros")
        status.level = DiagnosticStatus.ERROR if failed else DiagnosticStatus.WARN if missing else DiagnosticStatus.OK
        status.message = f"not active: {', '.join(missing)}" if missing else "all nodes are active"
        status.values = [KeyValue(key=name, value=state) for name, state in states.items()]
        array = DiagnosticArray(status=[status])
        array.header.stamp = self.get_clock().now().to_msg()
        return array

    def take_down_step(self) -> bool:
        """One step of deactivating and cleaning up, last node first; False when nothing is left to do."""
        now = time.monotonic()
        for node in reversed(self.managed):
            answer = node.poll(now)
            if answer and node.state in _DOWN:
                node.state = "inactive" if node.state == "active" else "unconfigured"
            elif answer is False:
                node.state = "silent"
            if node.busy:
                return True
            if node.state in _DOWN:
                node.change(_DOWN[node.state], now, self.config.exit_timeout_s)
                return True
        return False


def main() -> None:
    """Entry point of ``lifecycle_manager``. SIGINT and SIGTERM end it, after taking the nodes down if so configured."""
    stop: list[int] = []

    def on_signal(number: int, _frame: FrameType | None) -> None:
        stop.append(number)

    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    manager = LifecycleManager()
    executor = SingleThreadedExecutor()
    executor.add_node(manager)
    try:
        while not stop:
            executor.spin_once(timeout_sec=0.1)
        if manager.config.take_down_on_exit:
            _take_down(manager, executor)
    finally:
        executor.shutdown()
        manager.destroy_node()
        rclpy.try_shutdown()


def _take_down(manager: LifecycleManager, executor: SingleThreadedExecutor) -> None:
    """Deactivate and clean up, within ``exit_timeout_s``. The bring-up timer is off so that it does not undo it."""
    for timer in list(manager.timers):
        timer.cancel()
    for node in manager.managed:
        node.drop()
    deadline = time.monotonic() + manager.config.exit_timeout_s
    while time.monotonic() < deadline and manager.take_down_step():
        executor.spin_once(timeout_sec=0.02)


if __name__ == "__main__":
    main()
