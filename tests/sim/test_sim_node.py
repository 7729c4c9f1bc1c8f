"""The simulation's node over real DDS: one stamp for all, TF, truth, edits, driving, back-pressure. Ray-cast sensor."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest

rclpy = pytest.importorskip("rclpy")

from geometry_msgs.msg import PoseStamped, Twist  # noqa: E402
from memory_agent_sim.node import SimNode  # noqa: E402
from nav_msgs.msg import Odometry, Path  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image  # noqa: E402
from std_msgs.msg import Header, String  # noqa: E402
from tf2_msgs.msg import TFMessage  # noqa: E402

from memory_agent_ros.geometry.transform_tree import TransformTree  # noqa: E402
from memory_agent_ros.nodes import qos  # noqa: E402
from memory_agent_ros.nodes.conversions import (  # noqa: E402
    camera_from_info,
    matrix_from_pose,
    nanoseconds,
    transform_from_message,
)
from memory_agent_ros.nodes.image_conversion import depth_from_message, instances_from_message  # noqa: E402
from memory_agent_ros.nodes.node_base import bring_up, shut_down  # noqa: E402

SETTINGS = {"sensor": "raycast", "width": 64, "height": 48, "rooms": 3, "real_time_factor": 0.0, "frame_timeout_s": 0.5}


class World:
    """The node, a helper beside it, and everything heard by topic."""

    def __init__(self, **settings):
        self.node = SimNode(parameter_overrides=[Parameter(n, value=v) for n, v in {**SETTINGS, **settings}.items()])
        self.helper = Node("sim_test_helper")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(self.helper)

    def listen(self, kind, topic, profile):
        heard = []
        self.helper.create_subscription(kind, topic, heard.append, profile)
        return heard

    def until(self, condition, timeout_s=20.0):
        deadline = time.monotonic() + timeout_s
        while not (result := condition()):
            assert time.monotonic() < deadline, f"not within {timeout_s} s"
            self.executor.spin_once(timeout_sec=0.02)
        return result

    def close(self):
        shut_down(self.node)
        self.node.destroy_node()
        self.helper.destroy_node()
        self.executor.shutdown()


@pytest.fixture()
def world():
    rclpy.init()
    worlds = []

    def make(**settings):
        worlds.append(World(**settings))
        return worlds[-1]

    yield make
    for each in worlds:
        each.close()
    rclpy.shutdown()


def test_one_stamp_for_all_and_a_pose_for_every_image(world):
    w = world(lossless=False)
    images = qos.sensor(50)
    color, depth = w.listen(Image, "camera/color/image_raw", images), w.listen(Image, "camera/depth/image_raw", images)
    infos, instances = (
        w.listen(CameraInfo, "camera/color/camera_info", images),
        w.listen(Image, "camera/instances", images),
    )
    clock, odometry = w.listen(Clock, "/clock", qos.reliable(100)), w.listen(Odometry, "odom", qos.reliable(100))
    moving, fixed = w.listen(TFMessage, "/tf", qos.tf()), w.listen(TFMessage, "/tf_static", qos.tf_static())
    labels = w.listen(String, "camera/instance_labels", qos.latched())
    assert bring_up(w.node)
    w.until(lambda: len(color) > 3 and fixed and labels)
    tree = TransformTree()
    for array, static in [*((m, True) for m in fixed), *((m, False) for m in moving)]:
        for link in array.transforms:
            T = transform_from_message(link.transform)
            tree.add(link.header.frame_id, link.child_frame_id, nanoseconds(link.header.stamp), T, static=static)
    stamp_ns = nanoseconds(color[2].header.stamp)
    T_map_camera = tree.lookup("map", color[2].header.frame_id, stamp_ns)
    stamped = {nanoseconds(m.header.stamp): m for m in odometry}
    T_map_base = matrix_from_pose(stamped[stamp_ns].pose.pose)
    assert np.allclose(T_map_camera, T_map_base @ w.node.simulation.T_base_camera, atol=1e-6)
    for heard in (depth, infos, instances):
        assert stamp_ns in {nanoseconds(m.header.stamp) for m in heard}
    assert stamp_ns in {nanoseconds(m.clock) for m in clock}
    assert pytest.approx(w.node.simulation.camera.K) == camera_from_info(infos[0]).K
    assert depth_from_message(depth[0]).shape == (48, 64)
    named = {int(i) for i in json.loads(labels[0].data)}
    assert set(np.unique(np.concatenate([instances_from_message(m) for m in instances]))) - {0} <= named


def test_drives_and_stops_when_commands_stop(world):
    w = world(lossless=False, real_time_factor=5.0)
    odometry = w.listen(Odometry, "odom", qos.reliable(100))
    driver = w.helper.create_publisher(Twist, "cmd_vel", qos.reliable(1))
    assert bring_up(w.node)
    w.until(lambda: odometry and driver.get_subscription_count())

    def heading():
        q = odometry[-1].pose.pose.orientation
        return 2 * np.arctan2(q.z, q.w)

    before = heading()
    turn = Twist()
    turn.angular.z = 0.8
    w.until(lambda: abs(heading() - before) > 0.3 or driver.publish(turn))
    w.until(lambda: len(odometry) > 10 and len({m.pose.pose.orientation.z for m in odometry[-4:]}) == 1)


def test_a_command_that_is_not_a_number_is_refused(world):
    w = world(lossless=False)
    driver = w.helper.create_publisher(Twist, "cmd_vel", qos.reliable(1))
    assert bring_up(w.node)
    w.until(driver.get_subscription_count)
    bad = Twist()
    bad.linear.x = float("nan")
    driver.publish(bad)
    w.until(lambda: w.node.counts["command_not_finite"] == 1)
    assert w.node._command == (0.0, 0.0)


def test_lossless_time_stands_until_the_memory_is_done(world):
    w = world(lossless=True, window=2, frame_timeout_s=30.0)
    stamps = w.listen(Clock, "/clock", qos.reliable(100))
    done = w.helper.create_publisher(Header, "memory/frame_done", qos.reliable(50))
    w.node.trigger_configure()
    w.until(lambda: w.helper.count_publishers("memory/frame_done") == 1)
    w.node.trigger_activate()
    w.until(lambda: len(stamps) == 2)
    for _ in range(30):
        w.executor.spin_once(timeout_sec=0.02)
    assert len(stamps) == 2 and w.node._pacing.frames_under_way == 2
    w.until(done.get_subscription_count)
    done.publish(Header(stamp=stamps[0].clock))
    w.until(lambda: len(stamps) == 3)


def test_frames_nobody_finishes_are_given_up_and_counted(world):
    w = world(lossless=True, frame_timeout_s=0.2)
    stamps = w.listen(Clock, "/clock", qos.reliable(100))
    w.helper.create_publisher(Header, "memory/frame_done", qos.reliable(50))
    assert bring_up(w.node)
    w.until(lambda: len(stamps) > 4 and w.node.counts["frames_given_up"] > 1)


def test_edits_change_the_truth_and_bad_ones_are_answered(world):
    w = world(lossless=False, real_time_factor=1.0)
    truths = w.listen(String, "sim/truth", qos.latched())
    editor = w.helper.create_publisher(String, "sim/edit", qos.reliable(10))
    assert bring_up(w.node)
    w.until(lambda: truths and editor.get_subscription_count())
    before = json.loads(truths[-1].data)
    assert before["objects"] and before["rooms"] and not before["edits"]
    gone = next(thing for thing in before["objects"] if thing["movable"] and thing["present"])
    editor.publish(String(data=json.dumps({"id": "a", "edits": [{"kind": "remove", "object_id": gone["id"]}]})))
    after = w.until(lambda: (d := json.loads(truths[-1].data))["edits"] and d)
    assert after["edits"][0]["request"] == "a" and after["edits"][0]["after_m"] is None
    assert after["edits"][0]["before_m"] == gone["center_m"]
    assert not next(thing for thing in after["objects"] if thing["id"] == gone["id"])["present"]
    editor.publish(String(data=json.dumps({"id": "b", "sample": {"count": 2, "kinds": ["move"], "seed": 3}})))
    drawn = w.until(lambda: (d := json.loads(truths[-1].data))["edits"][1:] and d)["edits"][1:]
    assert {edit["kind"] for edit in drawn} == {"move"}
    assert all(np.linalg.norm(np.subtract(e["before_m"], e["after_m"])) > 0.05 for e in drawn)
    for bad in ("no json", json.dumps({"edits": [{"kind": "remove", "object_id": 99999}]})):
        editor.publish(String(data=bad))
    w.until(lambda: len(json.loads(truths[-1].data)["errors"]) == 2)
    assert w.node.counts["edit_request"] == 2


def test_odometry_drifts_in_odom_and_map_stays_true(world):
    w = world(lossless=False, real_time_factor=5.0, **{"odometry.turn_bias": 0.2})
    odometry, truth = (
        w.listen(Odometry, "odom", qos.reliable(500)),
        w.listen(PoseStamped, "sim/true_pose", qos.reliable(500)),
    )
    moving = w.listen(TFMessage, "/tf", qos.tf())
    driver = w.helper.create_publisher(Twist, "cmd_vel", qos.reliable(1))
    assert bring_up(w.node)
    w.until(driver.get_subscription_count)
    turn = Twist()
    turn.angular.z = 1.0

    def error(n):
        stamped = {nanoseconds(m.header.stamp): m.pose for m in truth}
        told = odometry[n]
        pose = stamped.get(nanoseconds(told.header.stamp))
        return 0.0 if pose is None else np.abs(matrix_from_pose(told.pose.pose) - matrix_from_pose(pose)).max()

    w.until(lambda: driver.publish(turn) or (odometry and error(-1) > 0.1))
    stamped = {nanoseconds(m.header.stamp): matrix_from_pose(m.pose) for m in truth}
    links = {(t.child_frame_id, nanoseconds(t.header.stamp)): t for m in moving for t in m.transforms}
    stamp = max(s for (child, s) in links if child == "base_link" and s in stamped)
    T_map_odom = transform_from_message(links["odom", stamp].transform)
    T_odom_base = transform_from_message(links["base_link", stamp].transform)
    assert np.allclose(T_map_odom @ T_odom_base, stamped[stamp], atol=1e-6)
    assert not np.allclose(T_odom_base, stamped[stamp], atol=0.05)


def test_slam_publishes_the_corrected_pose_graph_when_a_loop_closes(world):
    slow = {"odometry.length_bias": 0.1, "slam.apart_m": 0.5, "slam.keyframe_m": 0.1, "slam.closure_m": 0.2}
    w = world(lossless=False, real_time_factor=10.0, localization="slam", **slow)
    graphs = w.listen(Path, "pose_graph", qos.latched())
    truth = w.listen(PoseStamped, "sim/true_pose", qos.reliable(500))
    driver = w.helper.create_publisher(Twist, "cmd_vel", qos.reliable(1))
    assert bring_up(w.node)
    w.until(driver.get_subscription_count)

    def back_and_forth():
        drive = Twist()
        drive.linear.x = 0.4 if (w.node.simulation.stamp_ns // 3_000_000_000) % 2 == 0 else -0.4
        driver.publish(drive)

    w.until(lambda: back_and_forth() or graphs)
    stamped = {nanoseconds(m.header.stamp): matrix_from_pose(m.pose) for m in truth}
    assert graphs[0].header.frame_id == "map" and len(graphs[0].poses) > 2
    for pose in graphs[0].poses:
        stamp = nanoseconds(pose.header.stamp)
        if stamp in stamped:
            assert np.allclose(matrix_from_pose(pose.pose), stamped[stamp], atol=1e-6)


def test_cleaned_up_and_configured_again_it_starts_anew(world):
    w = world(lossless=False)
    stamps = w.listen(Clock, "/clock", qos.reliable(100))
    assert bring_up(w.node)
    w.until(lambda: len(stamps) > 3)
    w.node.trigger_deactivate()
    w.node.trigger_cleanup()
    assert not hasattr(w.node, "simulation")
    stamps.clear()
    assert bring_up(w.node)
    w.until(lambda: stamps)
    assert nanoseconds(stamps[0].clock) <= 1_000_000_000
