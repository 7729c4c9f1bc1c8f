"""Depth images with their poses for the explorer: the newest is used once its transforms are known."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image

from memory_agent_ros.geometry.se3 import Matrix
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.camera_intake import turn_camera, turn_image, turned_frame
from memory_agent_ros.nodes.conversions import camera_from_info, nanoseconds
from memory_agent_ros.nodes.node_base import AgentNode
from memory_agent_ros.nodes.tf import TransformUnavailableError, make_transform_buffer
from memory_agent_ros.perception.image_decoding import decode_depth
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError


@dataclass(frozen=True, eq=False)
class DepthView:
    """One upright depth image with its poses.

    Attributes:
        stamp_ns: of the image.
        T_map_base: (4, 4) pose of the base.
        depth_m: (H, W) metres.
        camera: its intrinsics.
        T_map_camera: (4, 4) pose of the upright optical frame.
    """

    stamp_ns: int
    T_map_base: Matrix
    depth_m: NDArray[np.float32]
    camera: Camera
    T_map_camera: Matrix


@dataclass(frozen=True)
class DepthIntakeConfig:
    """What a :class:`DepthIntake` needs to know.

    Attributes:
        map_frame: frame of the poses.
        base_frame: frame of the base.
        rotation_deg: clockwise turn that makes the image upright.
        reliable: ask for reliable images.
        max_hz: images used per second at most.
        transform_timeout_s: wall seconds to wait for the pose of an image.
    """

    map_frame: str
    base_frame: str
    rotation_deg: int
    reliable: bool
    max_hz: float
    transform_timeout_s: float


class DepthIntake:
    """Subscribes to depth and camera_info; hands over what can be used.

    Args:
        node: subscribes, counts refusals, has the clock.
        config: settings.
        use: takes a view; a :class:`BadInputError` from it is counted and logged.
        on_time_jump: called when stamps run back.

    Attributes:
        pose_problem: why the last image had no pose, or None.
        used_ns: steady time of the last image used; the start before that.
    """

    def __init__(
        self,
        node: AgentNode[object],
        config: DepthIntakeConfig,
        use: Callable[[DepthView], None],
        on_time_jump: Callable[[], None],
    ) -> None:
        self._node, self._config, self._use, self._on_time_jump = node, config, use, on_time_jump
        self._info: CameraInfo | None = None
        self._pending: deque[tuple[Image, int]] = deque()
        self._last_used_ns = 0
        self.used_ns = self._now_ns()
        self.pose_problem: str | None = None
        self._transforms = make_transform_buffer(node, counts=node.counts)
        images = qos.sensor(reliable=config.reliable)
        node.subscribe(CameraInfo, "camera/color/camera_info", self._on_info, images)
        node.subscribe(Image, "camera/depth/image_raw", self._on_depth, images)

    def close(self) -> None:
        """Withdraw the transform listener."""
        self._transforms.close()

    def poll(self) -> None:
        """Use the oldest waiting image once its pose is known; give it up after the timeout. Call it often."""
        if not self._pending or self._info is None:
            return
        message, arrived_ns = self._pending[0]
        try:
            self._use(self._view(message, self._info))
            self._last_used_ns = self.used_ns = self._now_ns()
            self.pose_problem = None
        except TransformUnavailableError as error:
            if error.may_come and self._now_ns() - arrived_ns < self._config.transform_timeout_s * 1e9:
                return
            self.pose_problem = str(error)
            self._node.counts[error.reason] += 1
        except BadInputError as error:
            self._refuse(error)
        self._pending.popleft()

    def _on_info(self, message: CameraInfo) -> None:
        self._info = message

    def _on_depth(self, message: Image) -> None:
        now_ns = self._now_ns()
        if not self._pending and now_ns - self._last_used_ns < 0.9e9 / self._config.max_hz:
            return
        if len(self._pending) > 1:  # the oldest keeps waiting for its pose, so that late transforms starve nobody
            self._pending.pop()
            self._node.counts["depth_superseded"] += 1
        self._pending.append((message, now_ns))
        self.poll()

    def _refuse(self, error: BadInputError) -> None:
        self._node.counts[error.reason] += 1
        self._node.get_logger().warning(f"depth image refused: {error}", throttle_duration_sec=5.0)
        if error.reason == "stamp_order":
            self._node.get_logger().warning("time ran back: the floor plan starts anew")
            self._transforms.clear()
            self._on_time_jump()

    def _view(self, message: Image, info: CameraInfo) -> DepthView:
        config, stamp_ns = self._config, nanoseconds(message.header.stamp)
        frame = message.header.frame_id.lstrip("/")
        T_map_camera = self._transforms.lookup(config.map_frame, frame, stamp_ns)
        T_map_base = self._transforms.lookup(config.map_frame, config.base_frame, stamp_ns)
        depth_m = decode_depth(
            message.data,
            message.height,
            message.width,
            message.encoding,
            step=message.step,
            big_endian=bool(message.is_bigendian),
        )
        turns = config.rotation_deg // 90
        camera = turn_camera(depth_camera(info, message.width, message.height), turns)
        return DepthView(stamp_ns, T_map_base, turn_image(depth_m, turns), camera, T_map_camera @ turned_frame(turns))

    def _now_ns(self) -> int:
        return int(self._node.steady_clock.now().nanoseconds)


def depth_camera(info: CameraInfo, width: int, height: int) -> Camera:
    """Intrinsics of a depth image aligned to the camera of ``info``, at its own size.

    Raises:
        BadInputError: ``camera_invalid``, or ``depth_size`` if the aspect ratio differs (the depth is not aligned).
    """
    camera = camera_from_info(info, rectified=False)
    if (width, height) == (camera.width, camera.height):
        return camera
    if not math.isclose(width / height, camera.width / camera.height, rel_tol=0.02):
        raise BadInputError(
            "depth_size",
            f"depth is {width}x{height}, camera_info says {camera.width}x{camera.height}; "
            "publish depth aligned to colour",
        )
    return camera.scaled(width, height)
