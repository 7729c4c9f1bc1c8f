"""Nav2's action server as the explorer meets it: real messages over DDS, outcomes as the test wants them."""

from __future__ import annotations

from typing import Any

from action_msgs.msg import GoalStatus
from nav2_msgs.action import NavigateToPose
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node

SUCCEED, ABORT, KEEP, REJECT, CANCEL = "succeed", "abort", "keep", "reject", "cancel"


class FakeNav2:
    """Answers each goal as ``answers`` say, the last one for all further ones.

    ``succeed``, ``abort`` (with ``error_code`` and ``error_msg``), ``cancel`` (as if somebody else cancelled it),
    ``reject``, or ``keep``: never done.
    """

    def __init__(self, node: Node, *answers: str, error_code: int = 0, error_msg: str = "") -> None:
        self.goals: list[Any] = []
        self.kept: list[ServerGoalHandle] = []
        self.cancelled = 0
        self._answers, self._code, self._message = list(answers or (SUCCEED,)), error_code, error_msg
        self._server: ActionServer | None = ActionServer(
            node,
            NavigateToPose,
            "navigate_to_pose",
            execute_callback=self._finish,
            goal_callback=self._decide,
            handle_accepted_callback=self._begin,
            cancel_callback=self._cancel,
        )

    def vanish(self) -> None:
        """The server dies; goals under way are never answered."""
        if self._server is not None:
            self._server.destroy()
            self._server = None

    def answer(self, what: str) -> None:
        """How the goals from now on end."""
        self._answers = [what]

    @property
    def places(self) -> list[tuple[float, float]]:
        """Positions of all goals asked for."""
        return [(pose.pose.position.x, pose.pose.position.y) for pose in self.goals]

    def _decide(self, request: NavigateToPose.Goal) -> GoalResponse:
        self.goals.append(request.pose)
        self._next = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return GoalResponse.REJECT if self._next == REJECT else GoalResponse.ACCEPT

    def _begin(self, handle: ServerGoalHandle) -> None:
        self.kept.append(handle)
        if self._next != KEEP:
            handle.execute()

    def _finish(self, handle: ServerGoalHandle) -> NavigateToPose.Result:
        result = NavigateToPose.Result(error_code=self._code, error_msg=self._message)
        if handle.is_cancel_requested:
            handle.canceled()
        elif self._next == ABORT:
            handle.abort()
        elif self._next == CANCEL:
            handle._update_state(rclpy_implementation.GoalEvent.CANCEL_GOAL)
            handle.canceled()
        else:
            handle.succeed()
            result = NavigateToPose.Result()
        return result

    def _cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        self.cancelled += 1
        if handle.status == GoalStatus.STATUS_ACCEPTED:
            handle.execute()
        return CancelResponse.ACCEPT
