"""The perception node over real DDS: what it makes of good and of bad input."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import CompressedImage

from memory_agent_msgs.msg import ObservationArray
from memory_agent_ros import __version__
from memory_agent_ros.geometry.se3 import planar
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.camera_intake import turn_camera, turn_image, turned_frame
from memory_agent_ros.nodes.conversions import nanoseconds, time_message
from memory_agent_ros.nodes.image_conversion import jpeg_message
from memory_agent_ros.nodes.node_base import bring_up
from memory_agent_ros.nodes.observation_frames import frame_from_observation_array
from memory_agent_ros.nodes.perception_node import PerceptionNode
from memory_agent_ros.perception.factory import source_of
from memory_agent_ros.records.observation_source import ObservationSource

SECOND = 1_000_000_000
OPTICAL = "camera_color_optical_frame"


def make_node(graph, namespace="", **parameters):
    settings = {"detector": "ground_truth", "image_embedder": "color_histogram", "tf_timeout_s": 0.2, **parameters}
    overrides = [Parameter(name, value=value) for name, value in settings.items()]
    return graph.add(PerceptionNode(parameter_overrides=overrides, namespace=namespace))


@pytest.fixture()
def running(graph, robot_camera):
    """An active node, its camera (described and mounted), and what it publishes."""
    node = make_node(graph)
    assert bring_up(node)
    camera = robot_camera()
    heard = graph.listen(ObservationArray, "observations", qos.reliable(10))
    graph.until(lambda: camera.heard and node.count_publishers("observations"))
    camera.mount()
    camera.describe()
    graph.until(lambda: node._intake.ready and node._labels_came)
    return node, camera, heard


def test_observations_stand_where_the_chair_is(graph, running, room):
    node, camera, heard = running
    T_map_base = planar(1.0, 2.0, np.pi / 2)
    camera.localise(9 * SECOND, T_map_base)
    camera.localise(11 * SECOND, T_map_base)
    camera.shoot(10 * SECOND)
    graph.until(lambda: heard)
    frame, observations = frame_from_observation_array(heard[0])
    assert frame.stamp_ns == 10 * SECOND
    np.testing.assert_allclose(frame.T_map_camera, T_map_base @ room.T_base_camera, atol=1e-9)
    np.testing.assert_allclose(frame.camera.K, room.camera.K)
    assert [o.label for o in observations] == ["chair"]
    np.testing.assert_allclose(observations[0].centroid_map, [1.0, 4.0, 1.2], atol=0.05)
    assert observations[0].embedding is not None
    seen = frame.depth_m[frame.depth_m > 0]
    assert set(np.round(np.unique(seen), 2)) == {2.0, 3.0}
    assert node.counts["frames"] == 1
    version = __version__
    told = ObservationSource("/perception_node", f"ground_truth {version}", f"color_histogram {version}")
    assert frame.source == told and node.status()["source"] == str(told)


def test_a_source_tells_models_with_their_version_and_no_paths():
    long = source_of("front", "transformers:" + "x" * 500, "reidentification:/home/ada/heads/mine.safetensors")
    assert long.sensor == "front" and len(long.detector) <= 256 and long.detector.endswith(__version__)
    assert long.embedder == f"reidentification:mine.safetensors {__version__}"
    assert source_of("front", "ssd", "none").embedder == ""


def test_pose_is_taken_at_the_stamp_not_the_newest(graph, running):
    _node, camera, heard = running
    camera.localise(10 * SECOND, planar(0.0, 0.0, 0.0))
    camera.localise(12 * SECOND, planar(2.0, 0.0, 0.0))
    camera.shoot(11 * SECOND)
    graph.until(lambda: heard)
    assert heard[0].camera_pose.position.x == pytest.approx(1.0)


def test_frame_waits_for_its_pose(graph, running):
    node, camera, heard = running
    camera.localise(9 * SECOND)
    camera.shoot(10 * SECOND)
    graph.until(lambda: node._tf_problem is not None)
    assert not heard
    camera.localise(11 * SECOND)
    graph.until(lambda: heard)


def test_missing_transform_is_named(graph, running, capfd):
    node, camera, heard = running
    diagnostics = graph.diagnostics("perception_node")

    def shot():
        camera.shoot(int(graph.helper.get_clock().now().nanoseconds))
        return "no transform map <- camera_color_optical_frame" in diagnostics().get("waiting tf", "")

    graph.until(shot, timeout_s=4.0)
    assert "nobody publishes frame map" in diagnostics()["waiting tf"]
    graph.until(lambda: node.counts["tf_missing"] > 0)
    assert not heard
    assert "waiting for: " in capfd.readouterr().err


def test_nan_pose_is_refused(graph, running):
    node, camera, heard = running
    camera.broken_pose(10 * SECOND)
    camera.shoot(10 * SECOND)
    graph.until(lambda: node.counts["tf_not_finite"] == 1 and node.counts["tf_missing"] == 1)
    assert not heard
    camera.localise(20 * SECOND)
    camera.shoot(20 * SECOND)
    graph.until(lambda: heard)


def test_depth_of_another_size_is_refused(graph, running, room):
    node, camera, heard = running
    diagnostics = graph.diagnostics("perception_node")
    camera.localise(10 * SECOND)
    camera.shoot(10 * SECOND, depth_m=room.depth_m[::2, ::2])
    graph.until(lambda: node.counts["depth_size"] == 1)
    graph.until(lambda: "depth is 80x60, colour is 160x120" in diagnostics().get("last refusal", ""))
    assert diagnostics()["count depth_size"] == "1"
    assert not heard


def test_unaligned_depth_is_refused(graph, running):
    node, camera, heard = running
    camera.localise(10 * SECOND)
    camera.shoot(10 * SECOND, depth_frame="camera_depth_optical_frame")
    graph.until(lambda: node.counts["depth_not_aligned"] == 1)
    assert not heard


def test_empty_scene_is_still_reported(graph, running, room):
    _node, camera, heard = running
    camera.localise(10 * SECOND)
    camera.shoot(10 * SECOND, instances=np.zeros_like(room.instances))
    graph.until(lambda: heard)
    assert len(heard[0].observations) == 0


def test_missing_camera_info_is_reported(graph, robot_camera):
    node = make_node(graph)
    assert bring_up(node)
    camera = robot_camera()
    diagnostics = graph.diagnostics("perception_node")
    graph.until(lambda: camera.heard and node._labels_came)
    camera.mount()
    camera.localise(10 * SECOND)
    camera.shoot(10 * SECOND)
    graph.until(lambda: node.counts["camera_info_missing"] + node.counts["tf_missing"] > 0)
    graph.until(lambda: "camera/color/camera_info" in diagnostics().get("waiting camera_info", ""))


def test_bag_that_starts_again_is_followed(graph, running):
    node, camera, heard = running
    for stamp in (100 * SECOND, 101 * SECOND):
        camera.localise(stamp)
        camera.shoot(stamp)
    graph.until(lambda: len(heard) == 2)
    for stamp in (10 * SECOND, 11 * SECOND, 12 * SECOND):
        camera.localise(stamp)
        camera.shoot(stamp)
        graph.until(lambda: not node._waiting_frames)
    graph.until(lambda: node.counts["time_jump"] >= 1 and len(heard) >= 4)
    assert heard[-1].header.stamp.sec < 100


def test_time_jump_can_be_refused(graph, robot_camera):
    node = make_node(graph, on_time_jump="refuse")
    assert bring_up(node)
    camera = robot_camera()
    heard = graph.listen(ObservationArray, "observations", qos.reliable(10))
    graph.until(lambda: camera.heard and node._labels_came)
    camera.mount()
    camera.describe()
    camera.localise(100 * SECOND)
    camera.shoot(100 * SECOND)
    graph.until(lambda: heard)
    camera.shoot(10 * SECOND)
    graph.until(lambda: node.counts["stamp_runs_back"] >= 1)
    assert len(heard) == 1


def test_frames_that_pile_up_are_dropped_oldest_first_and_counted(graph, running):
    node, camera, heard = running
    node.set_parameters([Parameter("tf_timeout_s", value=30.0)])
    camera.localise(9 * SECOND)
    for i in range(8):
        camera.shoot(10 * SECOND + i * SECOND // 10)
        graph.until(lambda i=i: len(node._waiting_frames) + node.counts["dropped_busy"] == i + 1)
    assert node.counts["dropped_busy"] == 6
    camera.localise(12 * SECOND)
    graph.until(lambda: len(heard) == 2)
    assert heard[-1].header.stamp.nanosec == 700_000_000


def test_incompatible_qos_is_named(graph, robot_camera):
    node = make_node(graph, reliable_images=True)
    assert bring_up(node)
    robot_camera(reliable=False)
    diagnostics = graph.diagnostics("perception_node")
    graph.until(lambda: "incompatible QoS" in diagnostics().get("waiting /camera/color/image_raw", ""))
    assert "best effort" in diagnostics()["waiting /camera/color/image_raw"]
    assert "test_helper" in diagnostics()["waiting /camera/color/image_raw"]
    graph.until(lambda: node.counts["incompatible_qos"] >= 1)


def test_all_names_follow_the_namespace(graph, robot_camera):
    node = make_node(graph, namespace="robot1")
    assert bring_up(node)
    graph.until(lambda: graph.helper.count_subscribers("/robot1/camera/depth/image_raw"))
    spoken = graph.helper.get_publisher_names_and_types_by_node("perception_node", "/robot1")
    heard = graph.helper.get_subscriber_names_and_types_by_node("perception_node", "/robot1")
    allowed = {"/tf", "/tf_static", "/diagnostics", "/clock", "/rosout", "/parameter_events"}
    assert {name for name, _ in [*spoken, *heard] if not name.startswith("/robot1/")} <= allowed


def test_remapped_camera_and_its_transport(graph):
    arguments = ["--ros-args", "-r", "camera/color/image_raw:=/realsense/color"]
    overrides = [
        Parameter(n, value=v) for n, v in {"detector": "ground_truth", "color_transport": "compressed"}.items()
    ]
    overrides.append(Parameter("image_embedder", value="none"))
    node = graph.add(PerceptionNode(parameter_overrides=overrides, cli_args=arguments))
    assert bring_up(node)
    graph.until(lambda: graph.helper.count_subscribers("/realsense/color/compressed") == 1)


def test_compressed_images_are_read(graph, room, robot_camera):
    node = make_node(graph, color_transport="compressed", depth_transport="compressedDepth")
    assert bring_up(node)
    color = graph.helper.create_publisher(CompressedImage, "camera/color/image_raw/compressed", qos.sensor())
    depth = graph.helper.create_publisher(CompressedImage, "camera/depth/image_raw/compressedDepth", qos.sensor())
    camera = robot_camera()
    heard = graph.listen(ObservationArray, "observations", qos.reliable(10))
    graph.until(lambda: color.get_subscription_count() and depth.get_subscription_count() and node._labels_came)
    camera.mount()
    camera.describe()
    graph.until(lambda: node._intake.ready)
    camera.localise(10 * SECOND)
    stamp = time_message(10 * SECOND)
    png = cv2.imencode(".png", np.rint(room.depth_m * 1000).astype(np.uint16))[1].tobytes()
    depth_image = CompressedImage(format="16UC1; compressedDepth png", data=bytes(12) + png)
    depth_image.header.frame_id, depth_image.header.stamp = OPTICAL, stamp
    color.publish(jpeg_message(room.rgb, OPTICAL, stamp))
    depth.publish(depth_image)
    camera.shoot(10 * SECOND)
    graph.until(lambda: heard)
    assert [o.label for o in heard[0].observations] == ["chair"]


def test_camera_mounted_sideways_is_turned_upright(graph, room, robot_camera):
    """The same room through a camera rolled by a quarter: upright picture, same place of the chair."""
    upright, T_upright = room.rgb, room.T_base_camera
    room.rgb, room.depth_m, room.instances = (turn_image(i, 3) for i in (room.rgb, room.depth_m, room.instances))
    room.camera, room.T_base_camera = turn_camera(room.camera, 3), T_upright @ turned_frame(3)
    node = make_node(graph, camera_rotation_deg=90)
    assert bring_up(node)
    camera = robot_camera()
    heard = graph.listen(ObservationArray, "observations", qos.reliable(10))
    graph.until(lambda: camera.heard and node._labels_came)
    camera.mount()
    camera.describe()
    graph.until(lambda: node._intake.ready)
    camera.localise(10 * SECOND)
    camera.shoot(10 * SECOND)
    graph.until(lambda: heard)
    frame, observations = frame_from_observation_array(heard[0])
    assert frame.rgb.shape == upright.shape
    np.testing.assert_allclose(frame.T_map_camera, T_upright, atol=1e-9)
    np.testing.assert_allclose(observations[0].centroid_map, [2.0, 0.0, 1.2], atol=0.05)


def test_reliable_images_with_a_long_queue_lose_nothing(graph, room, robot_camera):
    node = make_node(graph, reliable_images=True, queue_depth=50, sync_queue=50, tf_timeout_s=30.0)
    assert bring_up(node)
    camera = robot_camera(reliable=True)
    heard = graph.listen(ObservationArray, "observations", qos.reliable(50))
    graph.until(lambda: camera.heard and node._labels_came)
    camera.mount()
    camera.describe()
    graph.until(lambda: node._intake.ready)
    stamps = [10 * SECOND + i * SECOND // 30 for i in range(15)]
    for stamp in stamps:
        camera.localise(stamp)
        camera.shoot(stamp)
    graph.until(lambda: len(heard) == len(stamps))
    assert [nanoseconds(array.header.stamp) for array in heard] == stamps


def test_unknown_detector_fails_configuration_and_can_be_corrected(graph, capfd):
    node = make_node(graph, detector="crystal_ball")
    assert not bring_up(node)
    assert node.state == "unconfigured"
    assert "no detector 'crystal_ball'" in capfd.readouterr().err
    assert node.set_parameters([Parameter("detector", value="ground_truth")])[0].successful
    assert bring_up(node)
