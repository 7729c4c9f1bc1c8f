"""The map is corrected over real DDS: a pose graph, a jump of map -> odom, and what is refused in between."""

from __future__ import annotations

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path
from rclpy.parameter import Parameter
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from memory_agent_msgs.msg import MemoryEvent, ObservationArray
from memory_agent_ros.geometry.se3 import inverse, planar
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.conversions import pose_from_matrix, time_message
from memory_agent_ros.nodes.memory_node import MemoryNode
from memory_agent_ros.nodes.node_base import bring_up
from memory_agent_ros.nodes.observation_frames import observation_array
from memory_agent_ros.nodes.tf import TransformUnavailableError, send_transforms
from memory_agent_ros.perception.ground_truth import NO_NOISE, GroundTruthDetector
from memory_agent_ros.perception.pipeline import PerceptionPipeline

SECOND = 1_000_000_000
OPTICAL = "camera_color_optical_frame"


class Robot:
    """A robot that looks at a chair and drives; its localisation may be off, and may be corrected."""

    def __init__(self, graph, room, **parameters):
        settings = {"text_embedder": "none", "map_correction.map_settle_s": 1.0, **parameters}
        overrides = [Parameter(name, value=value) for name, value in settings.items()]
        self.graph, self.room = graph, room
        self.events = graph.listen(MemoryEvent, "memory/events", qos.reliable(100))
        self.node = graph.add(MemoryNode(parameter_overrides=overrides))
        assert bring_up(self.node)
        helper = graph.helper
        self.pipeline = PerceptionPipeline(GroundTruthDetector({7: "chair"}, NO_NOISE))
        self.publisher = helper.create_publisher(ObservationArray, "observations", qos.reliable(10))
        self.done = graph.listen(Header, "memory/frame_done", qos.reliable(50))
        self.tf = helper.create_publisher(TFMessage, "/tf", qos.tf())
        self.tf_static = helper.create_publisher(TFMessage, "/tf_static", qos.tf_static())
        self.slam = helper.create_publisher(Path, "pose_graph", qos.latched())
        graph.until(lambda: all(p.get_subscription_count() for p in (self.publisher, self.tf, self.tf_static)))
        graph.until(lambda: helper.count_publishers("memory/frame_done"))
        if settings.get("map_correction.source") != "jumps":
            graph.until(self.slam.get_subscription_count)
        send_transforms(self.tf_static, [("base_link", OPTICAL, 0, room.T_base_camera)])
        self.stamp_ns = 100 * SECOND
        self.T_map_odom = np.eye(4)
        self.told = {}

    def look(self, T_odom_base):
        """One frame, told in the map as it is now."""
        self.stamp_ns += SECOND // 5
        T_map_base = self.T_map_odom @ T_odom_base
        links = [("map", "odom", self.stamp_ns, self.T_map_odom), ("odom", "base_link", self.stamp_ns, T_odom_base)]
        send_transforms(self.tf, links)
        if not self.knows("base_link", self.stamp_ns):
            self.graph.until(lambda: self.knows("base_link", self.stamp_ns))
        frame = self.room.frame(self.stamp_ns, T_map_base)
        before = len(self.done)
        self.publisher.publish(observation_array(frame, self.pipeline.process(frame).observations))
        self.graph.until(lambda: len(self.done) > before)
        self.told[self.stamp_ns] = T_map_base

    def knows(self, frame, stamp_ns):
        try:
            self.node._buffer.lookup("map", frame, stamp_ns)
        except TransformUnavailableError:
            return False
        return True

    def drive(self, y0, y1, count=6):
        """Past a chair that stands beside the way wherever the robot is."""
        for y in np.linspace(y0, y1, count):
            self.look(planar(0.0, float(y), 0.0))

    def publish_graph(self, poses, frame_id="map"):
        """``poses``: stamp -> pose of the base."""
        path = Path()
        path.header.frame_id, path.header.stamp = frame_id, time_message(self.stamp_ns)
        for stamp_ns, T in poses.items():
            pose = PoseStamped(pose=pose_from_matrix(T))
            pose.header.frame_id, pose.header.stamp = frame_id, time_message(stamp_ns)
            path.poses.append(pose)
        self.slam.publish(path)

    def reanchored(self):
        return [e for e in self.events if e.kind == "reanchored"]


@pytest.fixture()
def robot(graph, room):
    return lambda **parameters: Robot(graph, room, **parameters)


def test_a_pose_graph_moves_the_map_and_says_so(graph, robot):
    r = robot()
    diagnostics = graph.diagnostics("memory_node")
    for _ in range(4):
        r.look(np.eye(4))
    before = r.node.memory.objects()[0].box.center
    C = planar(0.5, -0.3, 0.2)
    r.publish_graph({s: C @ T for s, T in r.told.items()})
    graph.until(r.reanchored)
    after = r.node.memory.objects()[0].box.center
    assert np.linalg.norm(after - (C @ np.append(before, 1))[:3]) < 0.03
    assert r.node.memory.map_revision == 1 and r.node.memory.verify() == []
    graph.until(lambda: diagnostics().get("map revision") == "1")
    assert "pose graph: map revision 1" in diagnostics()["last map correction"]
    r.publish_graph({s: C @ T for s, T in r.told.items()})
    for _ in range(20):
        graph.executor.spin_once(timeout_sec=0.02)
    assert r.node.memory.map_revision == 1


def test_after_a_pose_graph_frames_wait_until_map_to_odom_has_followed(graph, robot):
    r = robot()
    for _ in range(4):
        r.look(np.eye(4))
    C = planar(0.5, 0.0, 0.0)
    r.publish_graph({s: C @ T for s, T in r.told.items()})
    graph.until(r.reanchored)
    remembered = r.node.counts["frames"]
    r.look(np.eye(4))
    assert r.node.counts["map_inconsistent"] == 1 and r.node.counts["frames"] == remembered
    r.T_map_odom = C
    r.look(np.eye(4))
    assert r.node.counts["frames"] == remembered + 1 and r.node.memory.map_revision == 1
    assert len(r.node.memory.objects()) == 1


def test_frames_between_a_jump_and_its_pose_graph_are_refused_and_counted(graph, robot):
    r = robot(**{"map_correction.source": "pose_graph"})
    for _ in range(4):
        r.look(np.eye(4))
    C = planar(0.6, 0.2, 0.1)
    r.T_map_odom = C
    r.look(np.eye(4))
    r.look(np.eye(4))
    assert r.node.counts["map_inconsistent"] == r.node.counts["frames_inconsistent"] == 2
    told = list(r.told.items())[:4]
    r.publish_graph({s: C @ T for s, T in told})
    graph.until(r.reanchored)
    r.look(np.eye(4))
    assert r.node.counts["frames"] == 5 and r.node.memory.map_revision == 1
    assert len(r.node.memory.objects()) == 1


def test_a_jump_alone_is_spread_over_the_way_since_the_last_correction(graph, robot):
    r = robot()
    r.drive(0.0, 2.0, 9)
    anchors = r.node.memory.anchor_poses()
    assert len(anchors) >= 8
    C = planar(0.0, 0.4, 0.0)
    r.T_map_odom = C
    r.look(planar(0.0, 2.0, 0.0))
    graph.until(r.reanchored)
    moved = [
        r.node.memory.anchor_poses()[i].T_map_camera[1, 3] - a.T_map_camera[1, 3] for i, a in sorted(anchors.items())
    ]
    assert moved[0] == pytest.approx(0.0, abs=0.02) and moved[-1] == pytest.approx(0.4, abs=0.02)
    assert np.all(np.diff(moved) > 0.02)
    assert r.node.counts["map_jumps"] == 1 and r.node.counts["frames"] == 10
    r.drive(2.0, 3.0, 5)
    first = {i: a.T_map_camera for i, a in r.node.memory.anchor_poses().items() if i in anchors}
    r.T_map_odom = planar(0.3, 0.0, 0.0) @ C
    r.look(planar(0.0, 3.0, 0.0))
    graph.until(lambda: len(r.reanchored()) == 2)
    now = r.node.memory.anchor_poses()
    assert all(np.allclose(now[i].T_map_camera, T) for i, T in first.items())


def test_small_corrections_are_left_to_the_memory(robot):
    r = robot()
    r.drive(0.0, 1.0, 5)
    r.T_map_odom = planar(0.05, 0.0, 0.01)
    r.drive(1.0, 1.5, 3)
    assert r.node.memory.map_revision == 0 and r.node.counts["frames"] == 8


def test_a_pose_graph_is_not_listened_to_where_jumps_are_the_source(robot):
    r = robot(**{"map_correction.source": "jumps"})
    for _ in range(3):
        r.look(np.eye(4))
    r.publish_graph({s: planar(1.0, 0, 0) @ T for s, T in r.told.items()})
    r.look(np.eye(4))
    assert r.node.memory.map_revision == 0


def test_bad_pose_graphs_are_refused_and_counted(graph, robot):
    r = robot()
    for _ in range(3):
        r.look(np.eye(4))
    r.publish_graph({s: planar(1.0, 0, 0) @ T for s, T in r.told.items()}, frame_id="elsewhere")
    graph.until(lambda: r.node.counts["pose_graph_frame"] == 1)
    r.publish_graph(dict(reversed([(s, planar(1.0, 0, 0) @ T) for s, T in r.told.items()])))
    graph.until(lambda: r.node.counts["pose_graph_order"] == 1)
    assert r.node.memory.map_revision == 0


def test_the_pose_graph_may_hold_camera_poses(graph, robot, room):
    r = robot(**{"map_correction.pose_graph_frame": OPTICAL})
    for _ in range(3):
        r.look(np.eye(4))
    C = planar(0.0, 0.7, 0.0)
    anchors = r.node.memory.anchor_poses()
    r.publish_graph({s: C @ T @ room.T_base_camera for s, T in r.told.items()})
    graph.until(r.reanchored)
    for i, a in r.node.memory.anchor_poses().items():
        assert np.allclose(a.T_map_camera @ inverse(anchors[i].T_map_camera), C, atol=1e-6)
