"""Lifecycle base of every node of this package.

Write a node as::

    @dataclass(frozen=True)
    class ThingConfig:
        rate_hz: float = parameter(5.0, "Work rate, Hz.", minimum=0.1, maximum=30.0)

    class ThingNode(AgentNode[ThingConfig]):
        node_name = "thing_node"
        config_class = ThingConfig

        def setup(self) -> None:     # configure: open files, load models, advertise, offer services
            self.events = self.advertise(MemoryEvent, "memory/events", qos.reliable(100))
        def start(self) -> None:     # activate: subscribe, timers
            self.subscribe(Odometry, "odom", self._on_odom, qos.reliable())
        def stop(self) -> None: ...  # deactivate: flush (subscriptions and timers made in start are destroyed for you)
        def teardown(self) -> None: ...  # cleanup, shutdown, error: close what setup opened; must bear half-done set-up
        def status(self) -> dict[str, object]: ...  # values for /diagnostics

    def main() -> None:
        sys.exit(run_node(ThingNode))

``self.config`` is read anew at each configure. A :class:`MemoryAgentError` raised in a hook is logged with its message
and fails the transition, so the node can be configured again; any other error is logged with its traceback and goes
through error processing. ``self.counts[reason] += 1`` counts refusals and drops; they are shown in diagnostics.
``self.waiting.add(key, check)`` adds a condition of the node's own to the once-a-second report, ``subscribe`` those
of its topic. A lifecycle manager brings nodes up; alone (``ros2 run``), ``auto_activate:=true`` does.
"""

from __future__ import annotations

import gc
import signal
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, ClassVar, Generic, TypeVar

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterDescriptor, SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.service import Service
from rclpy.signals import SignalHandlerOptions
from rclpy.subscription import Subscription
from rclpy.timer import Timer

from memory_agent_ros.nodes import parameters, qos
from memory_agent_ros.nodes.diagnostics import OK, WARN, WaitingList, diagnostic_array
from memory_agent_ros.nodes.message_limits import check_limits
from memory_agent_ros.nodes.topic_watch import TopicWatch
from memory_agent_ros.records.errors import BadInputError, MemoryAgentError
from memory_agent_ros.ros_environment import prepare_process

ConfigT = TypeVar("ConfigT")
RCLError = rclpy_implementation.RCLError


class AgentNode(LifecycleNode, Generic[ConfigT]):
    """Lifecycle node with parameters from a dataclass, a waiting report and diagnostics. See the module's docstring."""

    node_name: ClassVar[str]
    config_class: ClassVar[type]

    def __init__(self, **node_arguments: Any) -> None:
        """``node_arguments`` go to rclpy's node: ``namespace``, ``parameter_overrides``, ``cli_args`` ..."""
        super().__init__(node_arguments.pop("node_name", self.node_name), **node_arguments)
        self.counts: Counter[str] = Counter()
        self.waiting = WaitingList()
        self.steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.state = "unconfigured"
        self._watches: list[TopicWatch] = []
        self._timers_of_start: list[Timer] = []
        self._publishers_of_setup: list[Publisher] = []
        self._services_of_setup: list[Service] = []
        self._reported: dict[str, str] = {}
        self._specs = parameters.declare(self, self.config_class)
        self.declare_parameter(
            "auto_activate", False, ParameterDescriptor(description="Configure and activate at start.", read_only=True)
        )
        self.config: ConfigT = self.read_config()
        self.add_on_set_parameters_callback(self._on_set_parameters)
        self._diagnostics: Publisher = self.create_publisher(DiagnosticArray, "/diagnostics", qos.reliable(10))
        self._report_timer = self.create_timer(1.0, self.report, clock=self.steady_clock)

    # What a node overrides.

    def setup(self) -> None:
        """Configure: open what lasts until cleanup."""

    def start(self) -> None:
        """Activate: subscribe and start timers."""

    def stop(self) -> None:
        """Deactivate: flush. Subscriptions and timers of ``start`` are already destroyed."""

    def teardown(self) -> None:
        """Cleanup, shutdown or failed set-up: close what ``setup`` opened."""

    def status(self) -> dict[str, object]:
        """Key values for diagnostics."""
        return {}

    def config_changed(self) -> None:
        """A live parameter changed; ``self.config`` already holds it."""

    # What a node uses.

    def read_config(self) -> ConfigT:
        """The configuration from the parameters as they stand.

        Raises:
            ValueError: a value in the parameter file is out of its range or the values contradict each other.
        """
        config: ConfigT = parameters.read(self, self.config_class)
        return config

    def advertise(self, message_type: type, topic: str, profile: QoSProfile) -> Publisher:
        """A publisher whose history, depth and reliability can be overridden by parameters; destroyed at cleanup."""
        publisher = self.create_publisher(message_type, topic, profile, qos_overriding_options=qos.overridable())
        self._publishers_of_setup.append(publisher)
        return publisher

    def serve(self, service_type: type, name: str, callback: Callable[[Any, Any], Any]) -> Service:
        """A service that lives until cleanup; a request with a field that is too large is refused in its response."""

        def answer(request: Any, response: Any) -> Any:
            try:
                check_limits(request)
            except BadInputError as error:
                self.counts[error.reason] += 1
                response.success, response.message = False, str(error)
                return response
            return callback(request, response)

        service = self.create_service(service_type, name, answer)
        self._services_of_setup.append(service)
        return service

    def subscribe(
        self,
        message_type: type,
        topic: str,
        callback: Callable[[Any], None],
        profile: QoSProfile,
        *,
        required: bool = True,
        silence_s: float = 2.0,
        on_refusal: Callable[[Any], None] = lambda message: None,
    ) -> Subscription:
        """A watched subscription that lives until deactivation.

        While ``required``, the node reports a topic without publisher, with an incompatible publisher, or silent for
        ``silence_s`` (``math.inf`` for topics that speak once). A message with a field that is too large is counted,
        and given to ``on_refusal`` instead of ``callback``.
        """
        watch = TopicWatch(self, profile, silence_s, self.steady_clock)

        def deliver(message: Any) -> None:
            watch.received()
            try:
                check_limits(message)
            except BadInputError as error:
                self.counts[error.reason] += 1
                self.get_logger().warning(f"refused on {topic}: {error}", throttle_duration_sec=1.0)
                on_refusal(message)
                return
            callback(message)

        events = SubscriptionEventCallbacks(
            incompatible_qos=lambda event: self.counts.update(incompatible_qos=1),
            message_lost=lambda event: self.counts.update({f"lost {topic}": event.total_count_change}),
        )
        subscription = self.create_subscription(
            message_type, topic, deliver, profile, event_callbacks=events, qos_overriding_options=qos.overridable()
        )
        watch.subscription = subscription
        self._watches.append(watch)
        if required:
            self.waiting.add(subscription.topic_name, watch.problem)
        return subscription

    def every(self, period_s: float, callback: Callable[[], None], clock: Clock | None = None) -> Timer:
        """A timer (of the node's clock unless given another) that lives until deactivation."""
        timer = self.create_timer(period_s, callback, clock=clock)
        self._timers_of_start.append(timer)
        return timer

    def report(self) -> None:
        """Say what is waited for and publish diagnostics; runs once a second of wall time."""
        unmet = self.waiting.unmet() if self.state == "active" else {}
        if unmet:
            self.get_logger().warning("waiting for: " + "; ".join(unmet.values()))
        elif self._reported and self.state == "active":
            self.get_logger().info("nothing to wait for any more, working")
        self._reported = unmet
        values: dict[str, object] = {"state": self.state, **self.status()}
        for watch in self._watches:
            values[f"rate {watch.subscription.topic_name}"] = watch.rate_hz()
        values.update({f"count {reason}": number for reason, number in sorted(self.counts.items())})
        values.update({f"waiting {key}": sentence for key, sentence in unmet.items()})
        message = "waiting for: " + "; ".join(unmet.values()) if unmet else self.state
        stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(
            diagnostic_array(stamp, self.get_fully_qualified_name(), WARN if unmet else OK, message, values)
        )

    # Transitions.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """``setup`` with a fresh configuration."""
        result = self._run(self._configure, "inactive")
        if result != TransitionCallbackReturn.SUCCESS:
            self._release()
        return result

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """``start``."""
        result = self._run(self.start, "active")
        if result != TransitionCallbackReturn.SUCCESS:
            self._unsubscribe()
        return result

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop listening, then ``stop``."""
        return self._run(self._deactivate, "inactive")

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """``teardown``; the publishers of ``advertise`` go."""
        return self._run(self._release, "unconfigured")

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From any state: what deactivation and cleanup do."""
        if state.label == "active":
            self._run(self._deactivate, "inactive")
        return self._run(self._release, "finalized")

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """A hook broke: release everything, so that the node can be configured again."""
        self._unsubscribe()
        return self._run(self._release, "unconfigured")

    def _LifecycleNodeMixin__change_state(self, transition_id: int) -> TransitionCallbackReturn:  # noqa: N802
        """Answer a transition that the state does not allow with an error.

        rclpy of Jazzy lets the exception through the executor, which ends the process; later ones answer like this.
        """
        try:
            answer: TransitionCallbackReturn = super()._LifecycleNodeMixin__change_state(transition_id)
        except RCLError as error:
            self.get_logger().error(f"transition {transition_id} refused in state {self.state}: {error}")
            return TransitionCallbackReturn.ERROR
        return answer

    def _configure(self) -> None:
        try:
            self.config = self.read_config()
        except ValueError as error:
            raise MemoryAgentError(f"parameters refused: {error}") from error
        self.setup()

    def _deactivate(self) -> None:
        self._unsubscribe()
        self.stop()

    def _release(self) -> None:
        self._unsubscribe()
        self.teardown()
        for publisher in self._publishers_of_setup:
            self.destroy_publisher(publisher)
        for service in self._services_of_setup:
            self.destroy_service(service)
        self._publishers_of_setup, self._services_of_setup = [], []

    def _unsubscribe(self) -> None:
        for timer in self._timers_of_start:
            self.destroy_timer(timer)
        for watch in self._watches:
            self.destroy_subscription(watch.subscription)
        self._timers_of_start, self._watches = [], []
        self.waiting.clear()

    def _run(self, hook: Callable[[], None], next_state: str) -> TransitionCallbackReturn:
        try:
            hook()
        except MemoryAgentError as error:
            self.get_logger().error(str(error))
            return TransitionCallbackReturn.FAILURE
        except Exception:
            # rclpy turns it into error processing without a word, so the words are said here.
            self.get_logger().error(traceback.format_exc())
            raise
        self.state = next_state
        return TransitionCallbackReturn.SUCCESS

    def _on_set_parameters(self, changed: Sequence[Parameter]) -> SetParametersResult:
        ours = {p.name: p.value for p in changed if p.name in self._specs}
        if not ours:
            return SetParametersResult(successful=True)
        frozen = [name for name in ours if not self._specs[name].live]
        if frozen and self.state != "unconfigured":
            reason = f"{', '.join(frozen)}: takes effect at configure; clean the node up first"
            return SetParametersResult(successful=False, reason=reason)
        try:
            self.config = parameters.read(self, self.config_class, ours)
        except (ValueError, MemoryAgentError) as error:
            return SetParametersResult(successful=False, reason=str(error))
        if self.state != "unconfigured":
            self.config_changed()
        return SetParametersResult(successful=True)


def run_node(node_class: type[AgentNode[Any]], arguments: Sequence[str] | None = None) -> int:
    """Run one node in this process until SIGINT or SIGTERM; returns the exit code.

    Executor: single-threaded (image callbacks lose frames on a multi-threaded one). With the parameter
    ``auto_activate`` the node configures and activates itself, and a failure of that ends the process with code 1.
    Parameters that cannot be used end it with code 2.
    At the end it is shut down in order: subscriptions destroyed, ``stop``, ``teardown``.
    """
    prepare_process()
    stopping = threading.Event()

    def request_stop(signal_number: int, frame: FrameType | None) -> None:
        stopping.set()

    previous = {number: signal.signal(number, request_stop) for number in (signal.SIGINT, signal.SIGTERM)}
    rclpy.init(args=list(sys.argv if arguments is None else arguments), signal_handler_options=SignalHandlerOptions.NO)
    executor = SingleThreadedExecutor()
    try:
        node = node_class()
    except (MemoryAgentError, ValueError, ParameterException) as error:
        rclpy.logging.get_logger(node_class.node_name).fatal(str(error))
        rclpy.shutdown()
        return 2
    executor.add_node(node)
    code = 0
    try:
        if node.get_parameter("auto_activate").value and not bring_up(node):
            code = 1
        while code == 0 and not stopping.is_set():
            executor.spin_once(timeout_sec=0.1)
    except ExternalShutdownException:
        pass
    finally:
        shut_down(node)
        executor.shutdown()
        node.destroy_node()
        rclpy.try_shutdown()
        for number, handler in previous.items():
            signal.signal(number, handler)
        gc.freeze()  # all is closed: spare the exit seconds of collecting the objects of large models
    return code


def bring_up(node: AgentNode[Any]) -> bool:
    """Configure and activate; False if either fails (the reason is in the log)."""
    success = TransitionCallbackReturn.SUCCESS
    return bool(node.trigger_configure() == success and node.trigger_activate() == success)


def shut_down(node: AgentNode[Any]) -> None:
    """Bring the node to ``finalized`` from wherever it is."""
    if node.state != "finalized" and rclpy.ok(context=node.context):
        node.trigger_shutdown()
