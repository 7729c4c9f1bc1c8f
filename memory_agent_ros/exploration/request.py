"""What a run of the explorer is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from memory_agent_ros.exploration.codes import Mode
from memory_agent_ros.exploration.situation import Policy
from memory_agent_ros.records.errors import BadInputError


@dataclass(frozen=True)
class Request:
    """One run.

    Attributes:
        mode: kind of goal.
        goal: what to search for: a category, an attribute with a category, or free text; empty for other modes.
        policy: chooses among candidates in the modes that need one.
        time_limit_s: of the stamps given to :meth:`~memory_agent_ros.exploration.explorer.Explorer.update`.
        coverage_goal: stop once this share of the floor was seen; 1 means "until nothing is left".
        budget_m: metres that may be driven.
        max_decisions: choices that may be made.
    """

    mode: Mode = Mode.FRONTIER
    goal: str = ""
    policy: Policy | None = None
    time_limit_s: float = 600.0
    coverage_goal: float = 1.0
    budget_m: float = np.inf
    max_decisions: int = 1000

    def __post_init__(self) -> None:
        def check(good: bool, what: str) -> None:
            if not good:
                raise BadInputError("explore_request", what)

        check(
            self.time_limit_s > 0 and 0 < self.coverage_goal <= 1,
            "time_limit_s must be positive and coverage_goal in (0, 1]",
        )
        check(self.budget_m > 0 and self.max_decisions > 0, "budget_m and max_decisions must be positive")
        check(not self.mode.by_policy or self.policy is not None, f"mode {self.mode} needs a policy")
        check(self.mode is not Mode.SEARCH or bool(self.goal.strip()), "mode search needs a goal: what to look for")

    @property
    def time_limit_ns(self) -> int:
        """The time limit in nanoseconds, at most some thirty years."""
        return int(min(self.time_limit_s, 1e9) * 1e9)


def make_request(
    mode: str,
    goal: str,
    policy: Policy | None,
    time_limit_s: float,
    coverage_goal: float,
    budget_m: float,
    max_decisions: int,
) -> Request:
    """A request with its mode by name.

    Raises:
        BadInputError: ``explore_request`` for an unknown mode too.
    """
    if mode not in list(Mode):
        raise BadInputError("explore_request", f"mode must be one of {[str(m) for m in Mode]}, got {mode!r}")
    return Request(Mode(mode), goal, policy, time_limit_s, coverage_goal, budget_m, max_decisions)
