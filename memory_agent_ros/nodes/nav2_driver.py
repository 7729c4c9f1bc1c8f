"""Drives to the explorer's goals with Nav2's ``navigate_to_pose`` where ``nav2_msgs`` is installed."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any

import numpy as np
from action_msgs.msg import GoalStatus
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future

from memory_agent_ros.exploration.codes import AbandonReason
from memory_agent_ros.geometry.se3 import planar
from memory_agent_ros.nodes.conversions import pose_from_matrix, time_message
from memory_agent_ros.records.errors import MissingExtraError

#: Two goals nearer than this are the same goal, metres.
_SAME_GOAL_M = 0.05
#: What Nav2's error codes say (from Jazzy on; the hundreds are the servers: controller, planner, navigator).
_CODES: dict[int, tuple[AbandonReason, str]] = {
    100: (AbandonReason.DRIVER_FAILED, "the controller failed"),
    101: (AbandonReason.DRIVER_FAILED, "no such controller"),
    102: (AbandonReason.DRIVER_FAILED, "the controller has no transform"),
    103: (AbandonReason.BLOCKED, "the path became invalid"),
    104: (AbandonReason.BLOCKED, "the controller lost patience"),
    105: (AbandonReason.STUCK, "no progress"),
    106: (AbandonReason.BLOCKED, "no valid control"),
    107: (AbandonReason.BLOCKED, "the controller timed out"),
    200: (AbandonReason.DRIVER_FAILED, "the planner failed"),
    201: (AbandonReason.DRIVER_FAILED, "no such planner"),
    202: (AbandonReason.DRIVER_FAILED, "the planner has no transform"),
    203: (AbandonReason.BLOCKED, "the robot is outside Nav2's map"),
    204: (AbandonReason.NO_PATH, "the goal is outside Nav2's map"),
    205: (AbandonReason.BLOCKED, "the robot's place is occupied"),
    206: (AbandonReason.NO_PATH, "the goal is occupied"),
    207: (AbandonReason.NO_PATH, "the planner timed out"),
    208: (AbandonReason.NO_PATH, "no valid path"),
    9000: (AbandonReason.DRIVER_FAILED, "unknown error"),
    9001: (AbandonReason.DRIVER_FAILED, "the behaviour tree cannot be loaded"),
    9002: (AbandonReason.DRIVER_FAILED, "the navigator has no transform"),
    9003: (AbandonReason.DRIVER_FAILED, "the navigator timed out"),
}


def navigate_to_pose_type() -> Any:
    """The action class ``nav2_msgs.action.NavigateToPose``.

    Raises:
        MissingExtraError: nav2_msgs is not installed.
    """
    if importlib.util.find_spec("nav2_msgs") is None:
        raise MissingExtraError("use_nav2 needs nav2_msgs; install ros-$ROS_DISTRO-nav2-msgs or set use_nav2 to false")
    return importlib.import_module("nav2_msgs.action").NavigateToPose


@dataclass(frozen=True, eq=False)
class DriveOutcome:
    """How Nav2's way to a goal ended.

    Attributes:
        goal_xy: (2,) metres, map frame.
        why: why it failed; None when the goal was reached.
        detail: in words, with Nav2's code and message.
    """

    goal_xy: NDArray[np.float64]
    why: AbandonReason | None = None
    detail: str = ""


class Nav2Driver:
    """Has Nav2 drive to one goal at a time, and says how it ended.

    A goal whose outcome is not known when the next one is sent, or after :meth:`stop`, is never reported.

    Args:
        node: owner of the action client.
        action_type: ``nav2_msgs.action.NavigateToPose``.
        name: name of Nav2's action.
        answer_timeout_s: accepting or rejecting a goal may take so long, wall seconds.
        retry_pause_s: after a failure nothing is sent for so long, wall seconds.
    """

    def __init__(
        self,
        node: Node,
        action_type: Any,
        name: str = "navigate_to_pose",
        answer_timeout_s: float = 5.0,
        retry_pause_s: float = 1.0,
    ) -> None:
        self._node = node
        self._action_type = action_type
        self._client = ActionClient(node, action_type, name)
        self._answer_timeout_ns, self._pause_ns = int(answer_timeout_s * 1e9), int(retry_pause_s * 1e9)
        self._goal_xy: NDArray[np.float64] | None = None
        self._number = 0
        self._handle: Any = None
        self._sent_ns = 0
        self._not_before_ns = 0
        self._outcome: DriveOutcome | None = None

    @property
    def available(self) -> bool:
        """Whether Nav2's action server is there."""
        return bool(self._client.server_is_ready())

    @property
    def driving(self) -> bool:
        """Whether Nav2 has a goal of ours."""
        return self._goal_xy is not None

    def drive_to(
        self,
        goal_xy: NDArray[np.float64],
        from_xy: NDArray[np.float64],
        frame_id: str,
        stamp_ns: int,
        now_ns: int,
    ) -> bool:
        """Send the goal unless Nav2 is on its way to it; facing away from ``from_xy``.

        Args:
            goal_xy: (2,) metres.
            from_xy: (2,) metres.
            frame_id: of both.
            stamp_ns: for the goal's header.
            now_ns: a steady clock.

        Returns:
            Whether Nav2 has this goal now; False without a server and in the pause after a failure.
        """
        if self._goal_xy is not None and np.linalg.norm(goal_xy - self._goal_xy) < _SAME_GOAL_M:
            return True
        if not self.available or now_ns < self._not_before_ns:
            return False
        self._number += 1
        self._goal_xy, self._handle, self._outcome, self._sent_ns = goal_xy.copy(), None, None, now_ns
        ahead = goal_xy - from_xy
        pose = PoseStamped()
        pose.header.frame_id, pose.header.stamp = frame_id, time_message(stamp_ns)
        yaw = float(np.arctan2(ahead[1], ahead[0]))
        pose.pose = pose_from_matrix(planar(float(goal_xy[0]), float(goal_xy[1]), yaw))
        number = self._number
        future = self._client.send_goal_async(self._action_type.Goal(pose=pose))
        future.add_done_callback(lambda done: self._on_response(done, number))
        return True

    def outcome(self, now_ns: int) -> DriveOutcome | None:
        """How the last goal ended, told once; None while it is under way.

        When the server goes away the goal is forgotten, not failed: :meth:`drive_to` sends it again once it is back.

        Args:
            now_ns: the same clock as for :meth:`drive_to`.
        """
        if self._goal_xy is not None:
            if not self.available:
                self._node.get_logger().warning("Nav2's action server went away", throttle_duration_sec=1.0)
                self._forget()
            elif self._handle is None and now_ns - self._sent_ns > self._answer_timeout_ns:
                self._end(AbandonReason.DRIVER_FAILED, "Nav2 neither accepted nor rejected the goal")
        outcome, self._outcome = self._outcome, None
        if outcome is not None and outcome.why is not None:
            self._not_before_ns = now_ns + self._pause_ns
        return outcome

    def stop(self) -> None:
        """Cancel what Nav2 is doing for us."""
        if self._handle is not None:
            self._handle.cancel_goal_async()
        self._outcome = None
        self._forget()

    def destroy(self) -> None:
        """Withdraw the client."""
        self._client.destroy()

    def _on_response(self, future: Future, number: int) -> None:
        handle = future.result()
        if handle is None or not handle.accepted:
            if number == self._number:
                self._end(AbandonReason.REJECTED, "Nav2 rejected the goal")
        elif number != self._number:
            handle.cancel_goal_async()  # stopped, or the goal changed, before the answer came
        else:
            self._handle = handle
            handle.get_result_async().add_done_callback(lambda done: self._on_result(done, number))

    def _on_result(self, future: Future, number: int) -> None:
        answer = future.result()
        if number != self._number or answer is None:
            return
        if answer.status == GoalStatus.STATUS_SUCCEEDED:
            self._end(None, "")
        elif answer.status == GoalStatus.STATUS_CANCELED:
            self._end(AbandonReason.DRIVER_FAILED, "somebody else cancelled the goal")
        else:
            self._end(*_failure(answer.result))

    def _end(self, why: AbandonReason | None, detail: str) -> None:
        assert self._goal_xy is not None
        if why is not None:
            self._node.get_logger().warning(f"Nav2 did not reach the goal: {detail}", throttle_duration_sec=1.0)
        self._outcome = DriveOutcome(self._goal_xy, why, detail)
        self._forget()

    def _forget(self) -> None:
        self._number += 1
        self._goal_xy, self._handle = None, None


def _failure(result: Any) -> tuple[AbandonReason, str]:
    """Result of an aborted goal -> reason code and words; Nav2 of Humble gives no code."""
    code, said = int(getattr(result, "error_code", 0)), str(getattr(result, "error_msg", ""))
    why, meaning = _CODES.get(code, (AbandonReason.DRIVER_FAILED, "aborted"))
    return why, f"{meaning} (Nav2's error code {code})" + (f": {said}" if said else "")
