"""A ROS graph inside the test process, and a camera that looks at one chair."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL, Matrix, planar
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.conversions import camera_info_message, time_message, transform_stamped
from memory_agent_ros.nodes.image_conversion import color_message, depth_message, instances_message
from memory_agent_ros.nodes.memory_node import MemoryNode
from memory_agent_ros.nodes.node_base import AgentNode, bring_up, shut_down
from memory_agent_ros.nodes.tf import send_transforms
from memory_agent_ros.perception.ground_truth import NO_NOISE, GroundTruthDetector
from memory_agent_ros.perception.pipeline import PerceptionPipeline
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame

OPTICAL = "camera_color_optical_frame"
SECOND = 1_000_000_000


class Graph:
    """Nodes on one executor, spun only while a test waits for something."""

    def __init__(self) -> None:
        self.executor = SingleThreadedExecutor()
        self.helper = Node("test_helper")
        self.executor.add_node(self.helper)
        self._nodes: list[AgentNode[Any]] = []

    def add(self, node: AgentNode[Any]) -> Any:
        self.executor.add_node(node)
        self._nodes.append(node)
        return node

    def until(self, condition: Callable[[], Any], timeout_s: float = 10.0) -> Any:
        """Spin until ``condition`` is true and return it; fail after ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while not (result := condition()):
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {condition}"
            self.executor.spin_once(timeout_sec=0.02)
        return result

    def listen(self, message_type: type, topic: str, profile: Any) -> list[Any]:
        """Everything that arrives on a topic from now on."""
        heard: list[Any] = []
        self.helper.create_subscription(message_type, topic, heard.append, profile)
        return heard

    def call(self, service_type: type, name: str, request: Any, timeout_s: float = 10.0) -> Any:
        client = self.helper.create_client(service_type, name)
        self.until(client.service_is_ready, timeout_s)
        future = client.call_async(request)
        self.until(future.done, timeout_s)
        self.helper.destroy_client(client)
        return future.result()

    def in_thread(self, work: Callable[[], Any], errors: type[Exception]) -> Any:
        """Run ``work`` in a thread of its own while the graph spins; its result, or which of ``errors`` it raised."""
        outcome: list[Any] = []

        def run() -> None:
            try:
                outcome.append(work())
            except errors as error:
                outcome.append(error)

        threading.Thread(target=run, daemon=True).start()
        self.until(lambda: outcome)
        return outcome[0]

    def diagnostics(self, node_name: str) -> Callable[[], dict[str, str]]:
        """A function that gives the newest diagnostics of a node as a dict, ``message`` included."""
        heard: dict[str, str] = {}

        def on_array(array: DiagnosticArray) -> None:
            for status in array.status:
                if status.name.endswith(node_name):
                    heard.clear()
                    heard.update({item.key: item.value for item in status.values}, message=status.message)

        self.helper.create_subscription(DiagnosticArray, "/diagnostics", on_array, qos.reliable())
        return lambda: heard

    def close(self) -> None:
        for node in self._nodes:
            shut_down(node)
            self.executor.remove_node(node)
            node.destroy_node()
        self.helper.destroy_node()
        self.executor.shutdown()


class Room:
    """A wall 3 m ahead and a chair (instance 7) 2 m ahead of a camera 1.2 m above the floor."""

    def __init__(self, width: int = 160, height: int = 120) -> None:
        focal = width * 0.9
        K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
        self.camera = Camera(width, height, K)
        self.rgb = np.full((height, width, 3), 128, dtype=np.uint8)
        self.depth_m = np.full((height, width), 3.0, dtype=np.float32)
        self.instances = np.zeros((height, width), dtype=np.int32)
        chair = (slice(height // 3, 2 * height // 3), slice(width // 3, 2 * width // 3))
        self.rgb[chair] = (200, 30, 30)
        self.depth_m[chair] = 2.0
        self.instances[chair] = 7
        self.T_base_camera = np.eye(4)
        self.T_base_camera[:3, :3] = R_BODY_OPTICAL
        self.T_base_camera[2, 3] = 1.2

    def frame(self, stamp_ns: int, T_map_base: Matrix | None = None) -> Frame:
        T = (np.eye(4) if T_map_base is None else T_map_base) @ self.T_base_camera
        return Frame(stamp_ns, self.rgb, self.depth_m, self.camera, T, instances=self.instances)


class RobotCamera:
    """Publishes a :class:`Room` as a camera driver and a robot would, relative to ``namespace``."""

    def __init__(self, graph: Graph, room: Room, namespace: str = "", *, reliable: bool = False) -> None:
        self.room = room
        node, self._node = graph.helper, graph.helper
        prefix = f"{namespace}/camera" if namespace else "camera"
        profile = qos.sensor(20, reliable=reliable)
        self._color = node.create_publisher(Image, f"{prefix}/color/image_raw", profile)
        self._depth = node.create_publisher(Image, f"{prefix}/depth/image_raw", profile)
        self._info = node.create_publisher(CameraInfo, f"{prefix}/color/camera_info", profile)
        self._instances = node.create_publisher(Image, f"{prefix}/instances", profile)
        self._labels = node.create_publisher(String, f"{prefix}/instance_labels", qos.latched())
        self._tf = node.create_publisher(TFMessage, "/tf", qos.tf())
        self._tf_static = node.create_publisher(TFMessage, "/tf_static", qos.tf_static())
        self._labels.publish(String(data=json.dumps({"7": "chair"})))

    @property
    def heard(self) -> bool:
        """Whether someone listens to every stream of images."""
        return all(
            p.get_subscription_count() for p in (self._color, self._depth, self._info, self._instances, self._tf)
        )

    def mount(self) -> None:
        """The static link base_link <- camera."""
        send_transforms(self._tf_static, [("base_link", OPTICAL, 0, self.room.T_base_camera)])

    def localise(self, stamp_ns: int, T_map_base: Matrix | None = None) -> None:
        """The moving links map <- odom <- base_link."""
        T = np.eye(4) if T_map_base is None else T_map_base
        send_transforms(self._tf, [("map", "odom", stamp_ns, np.eye(4)), ("odom", "base_link", stamp_ns, T)])

    def broken_pose(self, stamp_ns: int) -> None:
        """A link odom <- base_link with a NaN in it."""
        send_transforms(self._tf, [("map", "odom", stamp_ns, np.eye(4))])
        link = transform_stamped("odom", "base_link", time_message(stamp_ns), planar(0.0, 0.0, 0.0))
        link.transform.translation.x = float("nan")
        self._tf.publish(TFMessage(transforms=[link]))

    def shoot(self, stamp_ns: int, *, depth_m: Any = None, depth_frame: str = OPTICAL, instances: Any = None) -> None:
        """One colour image with depth and instances."""
        room, stamp = self.room, time_message(stamp_ns)
        self._color.publish(color_message(room.rgb, OPTICAL, stamp))
        self._depth.publish(depth_message(room.depth_m if depth_m is None else depth_m, depth_frame, stamp))
        self._instances.publish(instances_message(room.instances if instances is None else instances, OPTICAL, stamp))

    def describe(self) -> None:
        """camera_info."""
        self._info.publish(camera_info_message(self.room.camera, OPTICAL, time_message(0)))


@pytest.fixture()
def graph() -> Iterator[Graph]:
    rclpy.init()
    graph = Graph()
    yield graph
    graph.close()
    rclpy.shutdown()


@pytest.fixture()
def room() -> Room:
    return Room()


@pytest.fixture()
def robot_camera(graph: Graph, room: Room) -> Callable[..., RobotCamera]:
    def make(namespace: str = "", **options: Any) -> RobotCamera:
        return RobotCamera(graph, room, namespace, **options)

    return make


@pytest.fixture()
def map_path(tmp_path, room):
    """A map with one chair 2 m ahead."""
    pipeline = PerceptionPipeline(GroundTruthDetector({7: "chair"}, NO_NOISE))
    with SpatialMemory.open(tmp_path / "chair.map") as memory:
        for i in range(8):
            frame = room.frame((100 + i) * SECOND)
            memory.observe(frame, pipeline.process(frame).observations)
    return tmp_path / "chair.map"


@pytest.fixture()
def memory_node(graph, map_path):
    settings = {"map_path": str(map_path), "text_embedder": "none"}
    node = graph.add(MemoryNode(parameter_overrides=[Parameter(name, value=v) for name, v in settings.items()]))
    assert bring_up(node)
    return node
