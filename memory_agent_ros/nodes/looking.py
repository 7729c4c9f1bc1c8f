"""Going to see: the reasoner's only way to move the robot, and only if its parameter ``acting_tools`` names it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.task import Future

from memory_agent_msgs.action import Explore

#: Wall seconds that the explorer may take to accept a goal.
_ACCEPT_S = 5.0


@dataclass(frozen=True)
class LookOutcome:
    """How a search ended.

    Attributes:
        found: the thing was declared in sight.
        drove: there was a search, whatever it found.
        problem: why there was no search, or why it ended early; empty if it ran to its end.
        travelled_m: metres driven.
    """

    found: bool
    drove: bool = False
    problem: str = ""
    travelled_m: float = 0.0


class Looker:
    """Sends the explorer to search for a thing; blocks, so call it from a thread of its own.

    Args:
        node: owner of the client; its executor carries the answers.
        action: relative name of the action.
    """

    def __init__(self, node: Node, action: str = "explore") -> None:
        self._node = node
        self._name = action
        self._client = ActionClient(node, Explore, action)

    def close(self) -> None:
        """Withdraw the client."""
        self._client.destroy()

    def look(
        self,
        text: str,
        limit_s: float,
        budget_m: float,
        cancelled: threading.Event,
        on_way: Callable[[str], None] = lambda _: None,
    ) -> LookOutcome:
        """Search for ``text`` until it is found, given up, or a limit is reached.

        Args:
            text: what to search for.
            limit_s: wall seconds; the explorer's own limit is as long in the time of its clock.
            budget_m: metres; 0 for no limit.
            cancelled: ends the search when it is set.
            on_way: told a line about each choice of the explorer.
        """
        if not self._client.server_is_ready():
            return LookOutcome(False, False, f"action {self._name}: nobody offers it")
        goal = Explore.Goal(
            goal_kind=Explore.Goal.KIND_SEARCH, goal_text=text, time_limit_s=float(limit_s), budget_m=float(budget_m)
        )
        sent = self._client.send_goal_async(goal, feedback_callback=lambda m: on_way(_told(m.feedback)))
        if not _wait(sent, _ACCEPT_S, cancelled):
            return LookOutcome(False, False, "the explorer did not take the goal in time")
        handle = sent.result()
        if handle is None or not handle.accepted:
            return LookOutcome(False, False, "the explorer rejected the goal; it has another one")
        ended = handle.get_result_async()
        if not _wait(ended, limit_s, cancelled):
            handle.cancel_goal_async()
            return LookOutcome(False, True, "cancelled" if cancelled.is_set() else f"not found within {limit_s:g} s")
        result = ended.result().result
        problem = "" if result.found else result.message or result.stop_reason or f"code {result.error_code}"
        return LookOutcome(bool(result.found), True, problem, float(result.travelled_m))


def _told(feedback: Any) -> str:
    return f"{feedback.reason}, {feedback.travelled_m:.1f} m driven"


def _wait(future: Future, limit_s: float, cancelled: threading.Event) -> bool:
    """Whether the future was done before the limit and before it was cancelled."""
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    deadline = time.monotonic() + limit_s
    while not done.wait(0.05):
        if cancelled.is_set() or time.monotonic() > deadline:
            return False
    return True
