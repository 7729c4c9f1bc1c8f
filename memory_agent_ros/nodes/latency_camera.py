"""The camera process of the latency benchmark: a box world, made before, published at a fixed rate.

Started as ``python -m memory_agent_ros.nodes.latency_camera '{"rate_hz": ..., "duration_s": ..., "objects": ...,
"seed": ..., "output": FILE}'``; writes ``{"sent": {stamp: t}, "done": {stamp: t}, "events": {stamp: t}}`` with times of
one steady clock in seconds.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header, String
from tf2_msgs.msg import TFMessage

from memory_agent_msgs.msg import MemoryEvent
from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL, Matrix, planar
from memory_agent_ros.nodes import qos, tf
from memory_agent_ros.nodes.conversions import camera_info_message, nanoseconds, time_message
from memory_agent_ros.nodes.image_conversion import color_message, depth_message, instances_message
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import MemoryAgentError

FRAME = "camera_color_optical_frame"
CAMERA = Camera(640, 480, np.array([[525.0, 0.0, 319.5], [0.0, 525.0, 239.5], [0.0, 0.0, 1.0]]))
#: Pictures, played round and round; each object is there in this share of them, so that the memory has news to tell.
VIEWS = 24
PRESENT_SHARE = 0.6
WARM_UP_FRAMES = 10
_LABELS = ("chair", "cup", "book", "box", "lamp", "plant", "vase", "bottle", "bowl", "clock")


@dataclass(frozen=True, eq=False)
class View:
    """One pre-made picture.

    Attributes:
        rgb: (480, 640, 3) uint8.
        depth_m: (480, 640) float32.
        instances: (480, 640) int32, 0 = room.
        T_map_camera: (4, 4) optical frame in the map.
    """

    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    instances: NDArray[np.int32]
    T_map_camera: Matrix


def make_views(objects: int, seed: int, count: int = VIEWS) -> tuple[list[View], dict[int, str]]:
    """Boxes that come and go on the floor of a room, from a swaying camera; pictures and labels by instance id."""
    rng = np.random.default_rng(seed)
    columns = int(np.ceil(np.sqrt(objects)))
    grid = np.stack(np.meshgrid(np.arange(columns), np.arange(columns)), axis=-1).reshape(-1, 2)[:objects]
    half = rng.uniform(0.1, 0.2, (objects, 3))
    center = np.zeros((objects, 3))
    center[:, 0] = 2.2 + 0.9 * grid[:, 0]
    center[:, 1] = 0.9 * (grid[:, 1] - (columns - 1) / 2) + rng.uniform(-0.1, 0.1, objects)
    center[:, 2] = half[:, 2]
    low = np.concatenate([[[-2.0, -4.0, 0.0]], center - half])
    high = np.concatenate([[[6.5, 4.0, 2.6]], center + half])
    colors = rng.integers(40, 255, (objects + 1, 3)).astype(np.uint8)
    phase = np.arange(objects) * count // max(objects, 1)
    views = []
    for k in range(count):
        present = np.concatenate([[True], (k + phase) % count < PRESENT_SHARE * count])
        views.append(_render(_pose(0.3 * np.cos(2 * np.pi * k / count)), low, high, colors, np.flatnonzero(present)))
    return views, {i + 1: _LABELS[i % len(_LABELS)] for i in range(objects)}


def _pose(y: float) -> Matrix:
    T = planar(0.0, y, 0.0, z=1.2)
    tilt = np.deg2rad(15.0)
    c, s = np.cos(tilt), np.sin(tilt)
    pitch = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
    T[:3, :3] = T[:3, :3] @ pitch @ R_BODY_OPTICAL
    return T


def _render(
    T: Matrix,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    colors: NDArray[np.uint8],
    present: NDArray[np.int64],
) -> View:
    """Slab test of every pixel's ray against the boxes; the room (box 0) is hit from inside."""
    v, u = np.mgrid[0 : CAMERA.height, 0 : CAMERA.width]
    x, y = (u - CAMERA.K[0, 2]) / CAMERA.K[0, 0], (v - CAMERA.K[1, 2]) / CAMERA.K[1, 1]
    rays = np.stack([x, y, np.ones(u.shape)], axis=-1)
    direction = rays @ T[:3, :3].T
    direction = np.where(np.abs(direction) < 1e-9, 1e-9, direction)
    depth = np.full(u.shape, np.inf)
    instances = np.zeros(u.shape, dtype=np.int32)
    for i in present:
        a, b = (low[i] - T[:3, 3]) / direction, (high[i] - T[:3, 3]) / direction
        near, far = np.minimum(a, b).max(axis=-1), np.maximum(a, b).min(axis=-1)
        hit = far if i == 0 else np.where((near <= far) & (near > 0), near, np.inf)
        closer = hit < depth
        depth[closer], instances[closer] = hit[closer], i
    return View(colors[instances], depth.astype(np.float32), instances, T)


class LatencyCamera(Node):
    """Publishes the views and notes when the memory answers. Times: ``time.monotonic``, seconds."""

    def __init__(self, views: list[View], labels: dict[int, str]) -> None:
        super().__init__("latency_camera")
        self.sent: dict[int, float] = {}
        self.done: dict[int, float] = {}
        self.events: dict[int, float] = {}
        self._views = views
        self._messages = [self._prepare(view) for view in views]
        self._color = self.create_publisher(Image, "camera/color/image_raw", qos.sensor())
        self._depth = self.create_publisher(Image, "camera/depth/image_raw", qos.sensor())
        self._info = self.create_publisher(CameraInfo, "camera/color/camera_info", qos.sensor())
        self._instances = self.create_publisher(Image, "camera/instances", qos.sensor())
        self._tf = self.create_publisher(TFMessage, "/tf", qos.tf())
        self._labels = self.create_publisher(String, "camera/instance_labels", qos.latched())
        self._labels.publish(String(data=json.dumps({str(i): label for i, label in labels.items()})))
        self.create_subscription(Header, "memory/frame_done", self._on_done, qos.reliable(100))
        self.create_subscription(MemoryEvent, "memory/events", self._on_event, qos.reliable(1000))

    @property
    def connected(self) -> bool:
        """Whether perception takes the images and the memory reports frames."""
        images = all(p.get_subscription_count() > 0 for p in (self._color, self._depth, self._info, self._instances))
        return images and self.count_publishers("memory/frame_done") > 0

    def publish(self, number: int) -> int:
        """Publish picture ``number`` (round and round) with a stamp of now; returns the stamp in nanoseconds."""
        index = number % len(self._views)
        stamp_ns = int(self.get_clock().now().nanoseconds)
        self.sent[stamp_ns] = time.monotonic()
        tf.send_transforms(self._tf, [("map", FRAME, stamp_ns, self._views[index].T_map_camera)])
        stamp = time_message(stamp_ns)
        publishers = (self._info, self._instances, self._depth, self._color)
        for publisher, message in zip(publishers, self._messages[index], strict=True):
            message.header.stamp = stamp
            publisher.publish(message)
        return stamp_ns

    def _prepare(self, view: View) -> tuple[Any, ...]:
        return (
            camera_info_message(CAMERA, FRAME, Time()),
            instances_message(view.instances, FRAME, Time()),
            depth_message(view.depth_m, FRAME, Time()),
            color_message(view.rgb, FRAME, Time()),
        )

    def _on_done(self, message: Header) -> None:
        self.done.setdefault(nanoseconds(message.stamp), time.monotonic())

    def _on_event(self, message: MemoryEvent) -> None:
        self.events.setdefault(nanoseconds(message.header.stamp), time.monotonic())


def play(camera: LatencyCamera, rate_hz: float, duration_s: float) -> None:
    """Wait for the nodes, warm up until frames come through, then publish at the rate; the warm-up is forgotten.

    Raises:
        MemoryAgentError: nobody listens, or no frame comes through.
    """
    _until(lambda: camera.connected, 30.0, "perception_node and memory_node do not listen")
    for number in range(WARM_UP_FRAMES):
        stamp_ns = camera.publish(number)
        _until(lambda s=stamp_ns: s in camera.done or time.monotonic() - camera.sent[s] > 2.0, 5.0, "")
    if not camera.done:
        raise MemoryAgentError("no frame came through perception and memory during warm-up; see their logs")
    for times in (camera.sent, camera.done, camera.events):
        times.clear()
    begin = time.monotonic()
    for number in range(max(int(duration_s * rate_hz), 2)):
        time.sleep(max(begin + number / rate_hz - time.monotonic(), 0.0))
        camera.publish(number)
    last = next(reversed(camera.sent))
    deadline = time.monotonic() + 3.0
    while last not in camera.done and time.monotonic() < deadline:
        time.sleep(0.01)


def _until(condition: Any, timeout_s: float, complaint: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise MemoryAgentError(complaint)
        time.sleep(0.002)


def main() -> None:
    """Entry point of the camera process."""
    request = json.loads(sys.argv[1])
    views, labels = make_views(int(request["objects"]), int(request["seed"]))
    rclpy.init()
    camera = LatencyCamera(views, labels)
    executor = SingleThreadedExecutor()
    executor.add_node(camera)

    def spin() -> None:
        try:
            executor.spin()
        except ExternalShutdownException:
            return

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        play(camera, float(request["rate_hz"]), float(request["duration_s"]))
    finally:
        executor.shutdown()
        thread.join()
        camera.destroy_node()
        rclpy.try_shutdown()
    measured = {"sent": camera.sent, "done": camera.done, "events": camera.events}
    Path(request["output"]).write_text(json.dumps(measured), encoding="utf-8")


if __name__ == "__main__":
    main()
