"""The ``answer_question`` action: questions wait for each other, each can be cancelled, none blocks the executor.

As with :class:`~memory_agent_ros.nodes.goal_server.GoalServer` a goal is taken when it is accepted and handed to rclpy
only to be concluded; here several may be under way, worked on by a thread of the node.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.node import Node

from memory_agent_msgs.action import AnswerQuestion
from memory_agent_ros.nodes.goal_server import ending
from memory_agent_ros.nodes.message_limits import check_limits
from memory_agent_ros.records.errors import BadInputError


class Asker(Protocol):
    """Whoever waits for an answer."""

    request: AnswerQuestion.Goal
    cancelled: threading.Event

    def feedback(self, **fields: Any) -> None:
        """Say how far it is."""
        ...

    def conclude(self, result: AnswerQuestion.Result) -> None:
        """Give the answer, or say why there is none; only the first time counts."""
        ...


class TopicAsker:
    """Asked on a topic: no feedback, the answer goes out on another topic."""

    def __init__(self, request: AnswerQuestion.Goal, say: Callable[[AnswerQuestion.Result], None]) -> None:
        self.request = request
        self.cancelled = threading.Event()
        self._say = say

    def feedback(self, **fields: Any) -> None:
        """Nobody listens."""

    def conclude(self, result: AnswerQuestion.Result) -> None:
        """Say it."""
        if not self.cancelled.is_set():
            self.cancelled.set()
            self._say(result)


class Ticket:
    """A question under way, asked through the action.

    Attributes:
        request: the goal.
        cancelled: set when nobody waits for the answer any more; whoever works on it should stop soon.
    """

    def __init__(self, handle: ServerGoalHandle, done: Callable[[Ticket], None]) -> None:
        self.request: AnswerQuestion.Goal = handle.request
        self.cancelled = threading.Event()
        self.handle = handle
        self._done = done
        self._lock = threading.Lock()
        self._concluded = False

    def feedback(self, **fields: Any) -> None:
        """Tell the client how far it is; nothing happens after the end."""
        with self._lock:
            if not self._concluded:
                self.handle.publish_feedback(AnswerQuestion.Feedback(**fields))

    def conclude(self, result: AnswerQuestion.Result) -> None:
        """End the goal: cancelled if a client asked for that, succeeded without an error code, else aborted."""
        with self._lock:
            if self._concluded:
                return
            self._concluded = True
        self.cancelled.set()
        self._done(self)
        self.handle.execute(ending(result, success=result.error_code == AnswerQuestion.Result.NONE))


class QuestionServer:
    """The action.

    Args:
        node: its executor concludes the goals.
        name: relative name of the action.
        on_question: called with each accepted question; must not block.
        limit: a question that comes while so many are under way is rejected.
    """

    def __init__(self, node: Node, name: str, on_question: Callable[[Ticket], None], limit: int) -> None:
        self._node = node
        self._on_question = on_question
        self._limit = limit
        self._open: dict[int, Ticket] = {}
        self._server = ActionServer(
            node,
            AnswerQuestion,
            name,
            execute_callback=ending(AnswerQuestion.Result(), success=False),
            goal_callback=self._accept,
            handle_accepted_callback=self._begin,
            cancel_callback=self._cancel,
        )

    @property
    def under_way(self) -> int:
        """Questions asked through the action that have no result yet."""
        return len(self._open)

    def conclude_all(self, result: AnswerQuestion.Result) -> None:
        """End every question under way in the same way."""
        for ticket in list(self._open.values()):
            ticket.conclude(result)

    def destroy(self) -> None:
        """Withdraw the action; questions under way get no result any more."""
        for ticket in self._open.values():
            ticket.cancelled.set()
        self._open.clear()
        self._server.destroy()

    def _accept(self, goal: AnswerQuestion.Goal) -> GoalResponse:
        try:
            check_limits(goal)
        except BadInputError as error:
            self._node.get_logger().warning(f"question rejected: {error}")
            return GoalResponse.REJECT
        if self.under_way >= self._limit:
            self._node.get_logger().warning(f"question rejected: {self._limit} are under way")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _begin(self, handle: ServerGoalHandle) -> None:
        ticket = Ticket(handle, self._close)
        self._open[id(handle)] = ticket
        self._on_question(ticket)

    def _close(self, ticket: Ticket) -> None:
        self._open.pop(id(ticket.handle), None)

    def _cancel(self, handle: ServerGoalHandle) -> CancelResponse:
        for ticket in list(self._open.values()):
            if ticket.handle.goal_id == handle.goal_id:
                ticket.conclude(
                    AnswerQuestion.Result(
                        error_code=AnswerQuestion.Result.CANCELLED, message="cancelled by the client", state="unknown"
                    )
                )
                return CancelResponse.ACCEPT
        return CancelResponse.REJECT
