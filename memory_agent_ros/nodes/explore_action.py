"""The ``explore`` action in terms of the explorer: what is asked for, what is told, which code a run ends with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memory_agent_msgs.action import Explore
from memory_agent_msgs.msg import ExplorationDecision
from memory_agent_ros.exploration.codes import Command, Mode, StopReason
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.nodes import explorer_messages
from memory_agent_ros.nodes.decision_messages import abandoned_message
from memory_agent_ros.records.errors import BadInputError

#: Choices of a goal that limits none.
_MANY_DECISIONS = 100_000
_CODES = {
    StopReason.CANCELLED: Explore.Result.CANCELLED,
    StopReason.TIME_LIMIT: Explore.Result.TIME_LIMIT,
    StopReason.STUCK: Explore.Result.STUCK,
    StopReason.NO_POSE: Explore.Result.NO_POSE,
    StopReason.NO_MAP: Explore.Result.NO_MAP,
    StopReason.NO_MEMORY: Explore.Result.NO_MEMORY,
    StopReason.ENCLOSED: Explore.Result.ENCLOSED,
    StopReason.GOAL_UNREACHABLE: Explore.Result.UNREACHABLE,
    StopReason.DRIVER_GONE: Explore.Result.DRIVER_GONE,
    StopReason.GAVE_UP: Explore.Result.NOT_FOUND,
}
#: Ends that are a failure of a search only.
_WITHOUT_FINDING = (StopReason.BUDGET, StopReason.NOTHING_LEFT)


@dataclass(frozen=True)
class Asked:
    """A goal of the action, checked.

    Attributes:
        mode: kind of run.
        text: what to search for.
        policy: name of the policy, empty for the node's own.
        time_limit_s, coverage_goal, budget_m, max_decisions: limits; see :class:`Explorer`.
    """

    mode: Mode
    text: str = ""
    policy: str = ""
    time_limit_s: float = 600.0
    coverage_goal: float = 1.0
    budget_m: float = np.inf
    max_decisions: int = _MANY_DECISIONS


def asked_for(goal: Explore.Goal) -> Asked:
    """Goal of the action -> what is asked for; ``goal_kind`` goes before ``mode``.

    Raises:
        BadInputError: ``explore_request``.
    """
    name = goal.goal_kind or goal.mode
    if name not in list(Mode):
        raise BadInputError("explore_request", f"goal_kind must be one of {[str(m) for m in Mode]}, got {name!r}")
    if not goal.budget_m >= 0.0:
        raise BadInputError("explore_request", f"budget_m must be 0 (no limit) or metres, got {goal.budget_m}")
    return Asked(
        Mode(name),
        goal.goal_text,
        goal.policy,
        float(goal.time_limit_s),
        float(goal.coverage_goal),
        float(goal.budget_m) or np.inf,
        int(goal.max_decisions) or _MANY_DECISIONS,
    )


def error_code(reason: StopReason, mode: Mode) -> int:
    """Code of the result for the reason a run ended with."""
    if reason in _WITHOUT_FINDING and mode is Mode.SEARCH:
        return int(Explore.Result.NOT_FOUND)
    return int(_CODES.get(reason, Explore.Result.NONE))


def result_message(explorer: Explorer, code: int, message: str, reason: StopReason) -> Explore.Result:
    """What a run gave."""
    found = reason is StopReason.GOAL_FOUND
    last = explorer.decisions[-1] if explorer.decisions else None
    declared = last.candidates[last.chosen].object_id if found and last is not None else None
    return Explore.Result(
        error_code=code,
        message=message,
        stop_reason=str(reason),
        travelled_m=float(explorer.travelled_m),
        coverage=float(explorer.coverage),
        goals_reached=int(explorer.goals_reached),
        goals_abandoned=int(explorer.goals_abandoned),
        decisions=len(explorer.decisions),
        found=found,
        object_id=int(declared or 0),
        abandoned=[abandoned_message(goal) for goal in explorer.abandoned],
    )


def feedback_message(
    explorer: Explorer, command: Command, decision: ExplorationDecision | None, frame_id: str, stamp_ns: int
) -> Explore.Feedback:
    """What goes on now; ``decision`` is the current choice."""
    feedback = Explore.Feedback(
        reason=str(command.reason),
        travelled_m=float(explorer.travelled_m),
        coverage=float(explorer.coverage),
        frontiers=len(explorer.frontiers),
        goals_abandoned=int(explorer.goals_abandoned),
    )
    if command.goal_xy is not None:
        feedback.goal = explorer_messages.goal_pose(command.goal_xy, frame_id, stamp_ns)
    if decision is not None:
        feedback.decision = decision
    return feedback
