"""Every display of rviz/memory.rviz against what the running nodes publish: topic, type, QoS, frame."""

from __future__ import annotations

import pytest
import yaml
from nav_msgs.msg import OccupancyGrid, Path
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import String
from visualization_msgs.msg import MarkerArray

from memory_agent_ros import bringup
from memory_agent_ros.geometry.se3 import planar
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.explorer_node import ExplorerNode
from memory_agent_ros.nodes.memory_node import MemoryNode
from memory_agent_ros.nodes.node_base import bring_up
from memory_agent_ros.nodes.reasoner_node import ReasonerNode
from memory_agent_ros.perception.ground_truth import NO_NOISE, GroundTruthDetector
from memory_agent_ros.perception.pipeline import PerceptionPipeline
from memory_agent_ros.viz.answer_markers import ANSWER_NAMESPACES
from memory_agent_ros.viz.decision_markers import DECISION_NAMESPACES
from memory_agent_ros.viz.layer_markers import EXPECTED_NAMESPACES, STRUCTURE_NAMESPACES

SECOND = 1_000_000_000
TYPES = {"Map": OccupancyGrid, "MarkerArray": MarkerArray, "Path": Path, "PointCloud2": PointCloud2, "Image": Image}
RELIABILITY = {"Reliable": ReliabilityPolicy.RELIABLE, "Best Effort": ReliabilityPolicy.BEST_EFFORT}
DURABILITY = {"Transient Local": DurabilityPolicy.TRANSIENT_LOCAL, "Volatile": DurabilityPolicy.VOLATILE}


def configuration():
    return yaml.safe_load((bringup.share_directory() / "rviz" / "memory.rviz").read_text())["Visualization Manager"]


def topic_displays():
    return [d for d in configuration()["Displays"] if "Topic" in d]


def profile_of(display):
    topic = display["Topic"]
    return QoSProfile(
        depth=topic["Depth"],
        reliability=RELIABILITY[topic["Reliability Policy"]],
        durability=DURABILITY[topic["Durability Policy"]],
    )


@pytest.fixture()
def running(graph, room, robot_camera, tmp_path):
    """All nodes with a map of one chair, fed by a camera and asked a question; call it for the next image."""
    pipeline = PerceptionPipeline(GroundTruthDetector({7: "chair"}, NO_NOISE))
    with SpatialMemory.open(tmp_path / "chair.map") as memory:
        for i in range(8):
            frame = room.frame((100 + i) * SECOND)
            memory.observe(frame, pipeline.process(frame).observations)
    settings = {"map_path": str(tmp_path / "chair.map"), "text_embedder": "none", "structure_period_s": 0.2}
    memory_node = graph.add(MemoryNode(parameter_overrides=[Parameter(n, value=v) for n, v in settings.items()]))
    explorer = {"explore_on_activate": "frontier", "publish_period_s": 0.1}
    explorer_node = graph.add(ExplorerNode(parameter_overrides=[Parameter(n, value=v) for n, v in explorer.items()]))
    reasoner_node = graph.add(ReasonerNode(parameter_overrides=[Parameter("model", value="none")]))
    assert bring_up(memory_node) and bring_up(explorer_node) and bring_up(reasoner_node)
    asks = graph.helper.create_publisher(String, "reasoner/question", qos.reliable())
    graph.until(lambda: asks.get_subscription_count() and reasoner_node.memory.available)
    asks.publish(String(data="where is the chair?"))
    camera = robot_camera()
    camera.mount()
    stamp_ns, yaw = 200 * SECOND, 0.0

    def feed():
        nonlocal stamp_ns, yaw
        stamp_ns, yaw = stamp_ns + SECOND // 5, yaw + 0.2
        camera.localise(stamp_ns, planar(0.0, 0.0, yaw))
        camera.describe()
        camera.shoot(stamp_ns)
        for _ in range(10):
            graph.executor.spin_once(timeout_sec=0.005)

    return feed


def test_every_shown_topic_is_published_with_type_qos_and_frame(graph, running):
    displays = topic_displays()
    heard = {}
    for display in displays:
        kind = TYPES[display["Class"].removeprefix("rviz_default_plugins/")]
        heard[display["Name"]] = graph.listen(kind, display["Topic"]["Value"], profile_of(display))
    graph.until(lambda: all(heard.values()) or running(), 20.0)
    for display in displays:
        name, asked = display["Topic"]["Value"], profile_of(display)
        infos = graph.helper.get_publishers_info_by_topic(name)
        kind = TYPES[display["Class"].removeprefix("rviz_default_plugins/")]
        assert {info.topic_type for info in infos} == {f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"}
        for info in infos:
            assert qos.mismatch(info.qos_profile, asked) is None, name
            if info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL:
                assert asked.durability == DurabilityPolicy.TRANSIENT_LOCAL, f"{name}: a late RViz would see nothing"
    frame = configuration()["Global Options"]["Fixed Frame"]
    for name, messages in heard.items():
        newest = messages[-1]
        headers = [m.header for m in newest.markers] if isinstance(newest, MarkerArray) else [newest.header]
        expected = "camera_color_optical_frame" if name == "Camera" else frame
        assert {header.frame_id for header in headers} == {expected}, name


def namespaces(messages):
    return {marker.ns for message in messages for marker in message.markers if marker.ns}


def test_shown_marker_namespaces_are_the_published_ones(graph, running):
    for display in topic_displays():
        if "Namespaces" not in display or display["Topic"]["Value"] in ("/memory/expected", "/explorer/candidates"):
            continue  # they need observations and a policy; their namespaces are compared below
        messages = graph.listen(MarkerArray, display["Topic"]["Value"], profile_of(display))
        published = graph.until(
            lambda heard=messages: {m.ns for each in heard for m in each.markers if m.ns} or running()
        )
        assert published <= set(display["Namespaces"]), display["Name"]


def test_all_that_a_person_looks_for_is_shown():
    shown = {display["Topic"]["Value"] for display in topic_displays() if display["Enabled"]}
    assert shown == {
        "/camera/color/image_raw",
        "/memory/points",
        "/memory/markers",
        "/memory/structure",
        "/memory/expected",
        "/explorer/candidates",
        "/explorer/frontiers",
        "/explorer/path",
        "/explorer/map",
        "/reasoner/evidence",
        "/reasoner/markers",
    }
    assert shown <= set(bringup.rviz_topics(bringup.share_directory() / "rviz" / "memory.rviz"))
    assert any(display["Class"].endswith("/TF") for display in configuration()["Displays"])


def test_every_layer_can_be_switched():
    layers = {d["Topic"]["Value"]: tuple(d["Namespaces"]) for d in topic_displays() if "Namespaces" in d}
    assert layers["/memory/structure"] == STRUCTURE_NAMESPACES
    assert layers["/memory/expected"] == EXPECTED_NAMESPACES
    assert layers["/explorer/candidates"] == DECISION_NAMESPACES
    assert layers["/reasoner/markers"] == ANSWER_NAMESPACES
