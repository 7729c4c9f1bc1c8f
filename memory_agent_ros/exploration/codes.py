"""Every reason code of the explorer, and the command it gives to the base."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class Mode(enum.StrEnum):
    """What an exploration run is for.

    ``frontier`` and ``patrol`` need no policy; ``discover`` (as many objects per metre as possible), ``search`` (go to
    a thing and stop there) and ``verify`` (look again at what is stale) do.
    """

    FRONTIER = "frontier"
    PATROL = "patrol"
    DISCOVER = "discover"
    SEARCH = "search"
    VERIFY = "verify"

    @property
    def by_policy(self) -> bool:
        """Whether a policy chooses where to go."""
        return self in (Mode.DISCOVER, Mode.SEARCH, Mode.VERIFY)


class Reason(enum.StrEnum):
    """Why the explorer does what it does now."""

    IDLE = "idle"
    WAITING = "waiting"
    NEAREST_FRONTIER = "nearest_frontier"
    COVERAGE_GAP = "coverage_gap"
    PATROL_VIEWPOINT = "patrol_viewpoint"
    CHOSEN_FRONTIER = "chosen_frontier"
    CHOSEN_VIEWPOINT = "chosen_viewpoint"
    CHOSEN_ROOM = "chosen_room"
    LOOK_AROUND = "look_around"
    RECOVERY = "recovery"
    STOPPED = "stopped"


#: What a policy chose.
CHOSEN = (Reason.CHOSEN_FRONTIER, Reason.CHOSEN_VIEWPOINT, Reason.CHOSEN_ROOM)


class StopReason(enum.StrEnum):
    """Why a run ended; empty while it goes on.

    Attributes:
        NO_MAP: no free floor is known: no depth, no floor in view, or no floor plan yet.
        ENCLOSED: the robot cannot leave its place, whatever is known beyond.
        GOAL_FOUND: the policy stopped with such a thing in sight.
        GAVE_UP: the policy stopped a search without one.
        GOAL_UNREACHABLE: such a thing is known, and every way to it was tried and put aside; without a thing to find:
            there were places to go to, and all that were tried were put aside.
        POLICY_STOPPED: the policy ended a run that has no thing to find.
        NOTHING_LEFT: nothing but stopping could be chosen.
        BUDGET: the metres or the choices allowed are used up.
        DRIVER_GONE: whoever drives the base went away.
        NO_MEMORY: the memory that a policy reads does not answer.
    """

    NONE = ""
    NO_FRONTIERS_LEFT = "no_frontiers_left"
    COVERAGE_GOAL_REACHED = "coverage_goal_reached"
    PATROL_DONE = "patrol_done"
    TIME_LIMIT = "time_limit"
    STUCK = "stuck"
    NO_POSE = "no_pose"
    CANCELLED = "cancelled"
    NO_MAP = "no_map"
    ENCLOSED = "enclosed"
    GOAL_FOUND = "goal_found"
    GAVE_UP = "gave_up"
    GOAL_UNREACHABLE = "goal_unreachable"
    POLICY_STOPPED = "policy_stopped"
    NOTHING_LEFT = "nothing_left"
    BUDGET = "budget"
    DRIVER_GONE = "driver_gone"
    NO_MEMORY = "no_memory"


class AbandonReason(enum.StrEnum):
    """Why a goal was put aside."""

    NO_PATH = "no_path"
    BLOCKED = "blocked"
    STUCK = "stuck"
    NOTHING_NEW = "nothing_new"
    REJECTED = "rejected"
    DRIVER_FAILED = "driver_failed"


@dataclass(frozen=True, eq=False)
class Command:
    """Velocity for a differential base and why it is given.

    Attributes:
        linear_mps: forward speed, metres per second (base x axis).
        angular_rps: turn rate about z, radians per second, counter-clockwise.
        goal_xy: (2,) current goal in the map frame, metres, or None.
        reason: why.
        done: True when the run ended; the command is then a stop.
        stop_reason: why it ended.
    """

    linear_mps: float = 0.0
    angular_rps: float = 0.0
    goal_xy: NDArray[np.float64] | None = None
    reason: Reason = Reason.IDLE
    done: bool = False
    stop_reason: StopReason = StopReason.NONE


@dataclass(frozen=True, eq=False)
class Abandoned:
    """A goal that was put aside.

    Attributes:
        goal_xy: (2,) metres, map frame.
        reason: why the goal had been chosen.
        why: why it was given up.
        attempts: how often it was tried.
        detail: what the driver said, or empty.
    """

    goal_xy: NDArray[np.float64]
    reason: Reason
    why: AbandonReason
    attempts: int = 1
    detail: str = ""
