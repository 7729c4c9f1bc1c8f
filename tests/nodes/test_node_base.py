from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field

import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_msgs.msg import String

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.memory_node import MemoryNodeConfig
from memory_agent_ros.nodes.node_base import AgentNode, bring_up
from memory_agent_ros.nodes.parameters import parameter, specs
from memory_agent_ros.nodes.perception_node import PerceptionNodeConfig
from memory_agent_ros.records.errors import MemoryAgentError


@dataclass(frozen=True)
class PartConfig:
    """A core part.

    Attributes:
        gate_m, limit_m: two lengths, metres, 0.1 to 2 and [1, 5].
        share: a share that goes over
            two lines, [0, 1].
        bare: without range.
    """

    gate_m: float = 0.5
    limit_m: float = 2.0
    share: float = 0.5
    bare: int = 3

    def __post_init__(self) -> None:
        if self.gate_m > self.limit_m:
            raise MemoryAgentError("gate_m must not be above limit_m")


@dataclass(frozen=True)
class ThingConfig:
    name: str = parameter("a", "What it is called.", choices=("a", "b"))
    rate_hz: float = parameter(5.0, "Rate, Hz.", minimum=0.5, maximum=30.0, live=True)
    depth: int = parameter(3, "Depth.", minimum=1)
    words: tuple[str, ...] = parameter(("x", "y"), "Words.")
    part: PartConfig = field(default_factory=PartConfig)


class ThingNode(AgentNode[ThingConfig]):
    node_name = "thing_node"
    config_class = ThingConfig
    trouble: Exception | None = None

    def setup(self):
        self.calls.append("setup")
        if self.trouble:
            raise self.trouble
        self.speaker = self.advertise(String, "said", qos.reliable())

    def start(self):
        self.calls.append("start")
        self.heard = []
        self.subscribe(String, "words", self.heard.append, qos.latched())

    def stop(self):
        self.calls.append("stop")

    def teardown(self):
        self.calls.append("teardown")


@pytest.fixture()
def thing(graph):
    def make(**parameters):
        overrides = [Parameter(name.replace("__", "."), value=value) for name, value in parameters.items()]
        node = ThingNode(parameter_overrides=overrides)
        node.calls = []
        return graph.add(node)

    return make


def test_parameters_have_the_names_ranges_and_words_of_the_dataclass(thing):
    node = thing(part__gate_m=1.5, words=["p", "q"])
    assert node.config == ThingConfig(words=("p", "q"), part=PartConfig(gate_m=1.5))
    rate = node.describe_parameter("rate_hz")
    assert rate.description == "Rate, Hz."
    assert (rate.floating_point_range[0].from_value, rate.floating_point_range[0].to_value) == (0.5, 30.0)
    assert node.describe_parameter("depth").integer_range[0].from_value == 1
    low = [node.describe_parameter(f"part.{name}").floating_point_range[0].from_value for name in ("gate_m", "limit_m")]
    assert low == [pytest.approx(0.1), pytest.approx(1.0)]
    assert "two lines" in node.describe_parameter("part.share").description
    assert not node.describe_parameter("part.bare").integer_range


def test_every_parameter_of_our_nodes_is_described():
    for config in (PerceptionNodeConfig, MemoryNodeConfig):
        assert [spec.name for spec in specs(config) if not spec.description] == []
    numbers = [spec for spec in specs(MemoryConfig) if not isinstance(spec.default, bool | str | tuple)]
    assert [spec.name for spec in numbers if spec.minimum is None] == []
    assert [spec.name for spec in numbers if not spec.minimum <= spec.default <= spec.maximum] == []


def test_bad_values_are_refused_with_the_reason(thing):
    node = thing()

    def refused(name, value):
        result = node.set_parameters([Parameter(name, value=value)])[0]
        return "" if result.successful else result.reason

    assert refused("rate_hz", 99.0)
    assert refused("rate_hz", float("nan"))
    assert "one of a, b" in refused("name", "c")
    assert refused("part.gate_m", 2.0) == ""
    assert "must not be above" in refused("part.limit_m", 1.5)
    assert refused("depth", 0)
    assert refused("depth", 7) == ""
    assert node.config.depth == 7


def test_only_live_parameters_change_while_configured(thing):
    node = thing()
    assert bring_up(node)
    assert not node.set_parameters([Parameter("depth", value=9)])[0].successful
    assert node.set_parameters([Parameter("rate_hz", value=9.0)])[0].successful
    assert (node.config.depth, node.config.rate_hz) == (3, 9.0)


def test_transitions_call_the_hooks_in_order(thing, graph):
    node = thing()
    success = TransitionCallbackReturn.SUCCESS
    for transition in (node.trigger_configure, node.trigger_activate):
        assert transition() == success
    graph.until(lambda: graph.helper.count_subscribers("words") == 1)
    assert node.trigger_deactivate() == success
    graph.until(lambda: graph.helper.count_subscribers("words") == 0)
    assert graph.helper.count_publishers("said") == 1
    assert node.trigger_cleanup() == success
    graph.until(lambda: graph.helper.count_publishers("said") == 0)
    assert node.calls == ["setup", "start", "stop", "teardown"]
    assert bring_up(node)
    assert node.trigger_shutdown() == success
    assert node.calls[4:] == ["setup", "start", "stop", "teardown"]
    assert node.state == "finalized"


@pytest.mark.parametrize("trouble", [MemoryAgentError("the map is locked"), RuntimeError("a bug")])
def test_failed_setup_is_told_and_can_be_tried_again(thing, trouble, capfd):
    node = thing()
    node.trouble = trouble
    assert not bring_up(node)
    assert str(trouble) in capfd.readouterr().err
    assert (node.state, node.calls) == ("unconfigured", ["setup", "teardown"])
    node.trouble = None
    assert bring_up(node)


def test_report_names_topic_without_publisher_then_falls_silent(thing, graph, capfd):
    node = thing()
    assert bring_up(node)
    diagnostics = graph.diagnostics("thing_node")
    graph.until(lambda: diagnostics().get("waiting /words") == "topic /words: no publisher")
    assert "topic /words: no publisher" in diagnostics()["message"]
    publisher = graph.helper.create_publisher(String, "words", qos.latched())
    publisher.publish(String(data="hello"))
    graph.until(lambda: node.heard and diagnostics().get("message") == "active")
    assert diagnostics()["state"] == "active"
    assert capfd.readouterr().err.count("no publisher") >= 1


def test_volatile_publisher_of_a_latched_topic_is_named(thing, graph):
    node = thing()
    assert bring_up(node)
    diagnostics = graph.diagnostics("thing_node")
    graph.helper.create_publisher(String, "words", qos.reliable())
    graph.until(lambda: "volatile, we ask for transient local" in diagnostics().get("waiting /words", ""))


def run_memory_node(*arguments):
    command = [sys.executable, "-m", "memory_agent_ros.nodes.memory_node", "--ros-args", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_process_with_a_parameter_out_of_range_says_which():
    process = run_memory_node("-p", "queue_depth:=0")
    _, error = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "queue_depth" in error


def test_process_ends_cleanly_on_sigterm(graph):
    process = run_memory_node("-p", "text_embedder:=none", "-r", "__node:=lonely_memory")
    graph.until(lambda: graph.helper.count_publishers("lonely_memory/transition_event") == 1, timeout_s=30)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 0, error
    assert "Traceback" not in error
