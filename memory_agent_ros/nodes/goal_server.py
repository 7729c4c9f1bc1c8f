"""An action server for one goal at a time whose work is done by other callbacks of the node.

rclpy runs an execute callback to its end on the executor, which would keep a single-threaded node from hearing its
camera. Here the goal is taken when it is accepted, worked on by the node's own callbacks or a thread, and handed to
rclpy only to be concluded; until then clients see it as accepted. Feedback and cancelling work throughout.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

from memory_agent_ros.nodes.message_limits import check_limits
from memory_agent_ros.records.errors import BadInputError


class GoalServer:
    """One action; a goal that comes while another is worked on is rejected.

    Args:
        node: its executor concludes the goals.
        action_type: the action's class.
        name: relative name of the action.
        on_goal: called with the goal when it is accepted; must not block.
        on_cancel: called when a client cancels; the goal must then be concluded soon.
    """

    def __init__(
        self,
        node: Node,
        action_type: Any,
        name: str,
        on_goal: Callable[[Any], None],
        on_cancel: Callable[[], None],
    ) -> None:
        self._node = node
        self._on_goal = on_goal
        self._on_cancel = on_cancel
        self._lock = threading.Lock()
        self._handle: ServerGoalHandle | None = None
        self._server = ActionServer(
            node,
            action_type,
            name,
            execute_callback=ending(action_type.Result(), success=False),
            goal_callback=self._accept,
            handle_accepted_callback=self._begin,
            cancel_callback=self._cancel,
        )

    @property
    def current(self) -> Any:
        """The goal under way, or None; a token for :meth:`conclude`."""
        return self._handle

    @property
    def busy(self) -> bool:
        """Whether a goal is worked on."""
        return self._handle is not None

    def feedback(self, message: Any) -> None:
        """Publish feedback for the goal under way; nothing happens without one."""
        handle = self._handle
        if handle is not None:
            handle.publish_feedback(message)

    def conclude(self, result: Any, success: bool, only: Any = None) -> None:
        """End the goal under way with a result; cancelled if a client asked for that, else succeeded or aborted.

        Args:
            result: the action's result message.
            success: whether the goal succeeded.
            only: a token of :attr:`current`; nothing happens if that goal is no longer the one under way.
        """
        with self._lock:
            handle = self._handle
            if handle is None or (only is not None and handle is not only):
                return
            self._handle = None
        handle.execute(ending(result, success))

    def destroy(self) -> None:
        """Withdraw the action."""
        self._handle = None
        self._server.destroy()

    def _accept(self, goal: Any) -> GoalResponse:
        try:
            check_limits(goal)
        except BadInputError as error:
            self._node.get_logger().warning(f"goal rejected: {error}")
            return GoalResponse.REJECT
        if self.busy:
            self._node.get_logger().warning("goal rejected: one is under way; cancel it first")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _begin(self, handle: ServerGoalHandle) -> None:
        self._handle = handle
        self._on_goal(handle.request)

    def _cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        if handle is not self._handle:
            return CancelResponse.REJECT
        self._on_cancel()
        return CancelResponse.ACCEPT


def ending(result: Any, success: bool) -> Callable[[ServerGoalHandle], Any]:
    """What concludes a goal with a result: cancelled if a client asked for that, else succeeded or aborted."""

    def end(goal: ServerGoalHandle) -> Any:
        if goal.is_cancel_requested:
            goal.canceled()
        elif success:
            goal.succeed()
        else:
            goal.abort()
        return result

    return end
