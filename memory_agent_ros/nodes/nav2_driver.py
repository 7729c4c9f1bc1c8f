"""Drives to the explorer's goals with Nav2's ``navigate_to_pose`` where ``nav2_msgs`` is installed."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future

from memory_agent_ros.geometry.se3 import planar
from memory_agent_ros.nodes.conversions import pose_from_matrix, time_message
from memory_agent_ros.records.errors import MissingExtraError

#: Two goals nearer than this are the same goal, metres.
_SAME_GOAL_M = 0.05


def navigate_to_pose_type() -> Any:
    """The action class ``nav2_msgs.action.NavigateToPose``.

    Raises:
        MissingExtraError: nav2_msgs is not installed.
    """
    if importlib.util.find_spec("nav2_msgs") is None:
        raise MissingExtraError("use_nav2 needs nav2_msgs; install ros-$ROS_DISTRO-nav2-msgs or set use_nav2 to false")
    return importlib.import_module("nav2_msgs.action").NavigateToPose


class Nav2Driver:
    """Keeps Nav2 driving to the current goal; the explorer judges arrival and progress itself, from the poses.

    Args:
        node: owner of the action client.
        action_type: ``nav2_msgs.action.NavigateToPose``.
        name: name of Nav2's action.
    """

    def __init__(self, node: Node, action_type: Any, name: str = "navigate_to_pose") -> None:
        self.refused = 0
        self._node = node
        self._action_type = action_type
        self._client = ActionClient(node, action_type, name)
        self._goal_xy: NDArray[np.float64] | None = None
        self._handle: Any = None

    @property
    def available(self) -> bool:
        """Whether Nav2's action server is there."""
        return bool(self._client.server_is_ready())

    def drive_to(
        self, goal_xy: NDArray[np.float64], from_xy: NDArray[np.float64], frame_id: str, stamp_ns: int
    ) -> None:
        """Send the goal unless Nav2 is on its way to it; facing away from ``from_xy``. Positions (2,) metres."""
        if self._goal_xy is not None and np.linalg.norm(goal_xy - self._goal_xy) < _SAME_GOAL_M:
            return
        self._goal_xy, self._handle = goal_xy.copy(), None
        ahead = goal_xy - from_xy
        pose = PoseStamped()
        pose.header.frame_id, pose.header.stamp = frame_id, time_message(stamp_ns)
        yaw = float(np.arctan2(ahead[1], ahead[0]))
        pose.pose = pose_from_matrix(planar(float(goal_xy[0]), float(goal_xy[1]), yaw))
        goal = self._action_type.Goal(pose=pose)
        self._client.send_goal_async(goal).add_done_callback(self._on_response)

    def stop(self) -> None:
        """Cancel what Nav2 is doing for us."""
        if self._handle is not None:
            self._handle.cancel_goal_async()
        self._goal_xy, self._handle = None, None

    def destroy(self) -> None:
        """Withdraw the client."""
        self._client.destroy()

    def _on_response(self, future: Future) -> None:
        handle = future.result()
        if handle is None or not handle.accepted:
            self.refused += 1
            self._node.get_logger().warning("Nav2 rejected a goal; the explorer will try another")
            self._goal_xy = None
        elif self._goal_xy is None:
            handle.cancel_goal_async()  # stopped before the answer came
        else:
            self._handle = handle
