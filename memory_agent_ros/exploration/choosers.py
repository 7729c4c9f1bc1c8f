"""What chooses the next goal: nearest frontier, patrol over known places."""

from __future__ import annotations

from typing import Protocol

from memory_agent_ros.exploration.codes import StopReason
from memory_agent_ros.exploration.goals import Goal, GoalChooser


class Chooser(Protocol):
    """Chooses where to go, or says why the run is over."""

    def next(self, stamp_ns: int) -> Goal | StopReason:
        """The next goal at a stamp, once the floor plan and the paths are up to date."""
        ...


class FrontierChooser:
    """The nearest frontier, then what was not looked at, until nothing is left."""

    def __init__(self, goals: GoalChooser) -> None:
        self._goals = goals

    def next(self, stamp_ns: int) -> Goal | StopReason:
        """See :class:`Chooser`."""
        return self._goals.nearest_frontier() or self._goals.coverage_gap() or StopReason.NO_FRONTIERS_LEFT


class PatrolChooser:
    """A tour over viewpoints that together show everything known, then what was left out."""

    def __init__(self, goals: GoalChooser) -> None:
        self._goals = goals
        self._planned = False

    def next(self, stamp_ns: int) -> Goal | StopReason:
        """See :class:`Chooser`."""
        if not self._planned:
            self._goals.plan_tour()
            self._planned = True
        return self._goals.next_viewpoint() or self._goals.coverage_gap() or StopReason.PATROL_DONE
