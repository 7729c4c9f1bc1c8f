"""One goal from the start to the look around at its end: driving, looking, getting away where the base is stuck."""

from __future__ import annotations

import enum
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.codes import CHOSEN, Abandoned, AbandonReason, Command, Mode, Reason, StopReason
from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.driver import Driver
from memory_agent_ros.exploration.goals import Goal, GoalChooser
from memory_agent_ros.exploration.look_around import LookAround
from memory_agent_ros.exploration.mapper import Mapper
from memory_agent_ros.exploration.path_planner import PathPlanner
from memory_agent_ros.exploration.recovery import Recovery, StuckDetector
from memory_agent_ros.exploration.run_state import RunState


class _Task(enum.Enum):
    NONE = enum.auto()
    LOOK = enum.auto()
    DRIVE = enum.auto()
    RECOVER = enum.auto()


class Errand:
    """Does goals, one at a time.

    Args:
        replan: brings paths and frontiers up to date.

    Attributes:
        goal: where the robot is going, None if nowhere.
        driven_by_others: somebody else drives to the goals and notices when the base is stuck on the way.
        run: goals reached and put aside are counted there.
    """

    def __init__(
        self,
        mapper: Mapper,
        planner: PathPlanner,
        goals: GoalChooser,
        config: ExplorerConfig,
        run: RunState,
        replan: Callable[[], None],
    ) -> None:
        self._mapper, self._planner, self._goals, self._config = mapper, planner, goals, config
        self._replan = replan
        self._driver = Driver(mapper, planner, config)
        self._stuck = StuckDetector(config)
        self.driven_by_others = False
        self.begin_run(run)

    def begin_run(self, run: RunState) -> None:
        """Forget the past."""
        self.run = run
        self.goal: Goal | None = None
        self._look: LookAround | None = None
        self._recovery: Recovery | None = None
        self._task, self._tries, self._planned_ns = _Task.NONE, 0, 0
        self._failures = 0
        self._driver.clear()
        self._stuck.reset()

    @property
    def path(self) -> NDArray[np.float64]:
        """(N, 2) path being driven, map frame."""
        return self._driver.path

    def moved(self) -> None:
        """There is a new pose."""
        self._stuck.update(self._mapper.stamp_ns, self._mapper.xy, self._mapper.yaw)
        if self.driven_by_others and self._task is _Task.DRIVE:
            self._stuck.pause()

    def wait(self) -> Command:
        """Stand for now; standing does not count as being stuck."""
        self._stuck.pause()
        return Command(goal_xy=self.goal.xy if self.goal else None, reason=Reason.WAITING)

    def begin(self, goal: Goal) -> None:
        """Go to a goal; paths must be up to date."""
        self.goal, self._tries, self._planned_ns = goal, 0, self._mapper.stamp_ns
        self._set_path()

    def drop(self) -> None:
        """Stand still."""
        self.goal, self._task = None, _Task.NONE
        self._driver.clear()

    def reached(self) -> None:
        """Somebody else drives and says that this is the goal."""
        if self._task is _Task.DRIVE and self.goal is not None:
            self._arrive(self.goal)

    def failed(self, why: AbandonReason, detail: str = "") -> bool:
        """Somebody else drives and did not get there: True once the goal is put aside, False if it is tried again."""
        if self._task is not _Task.DRIVE:
            return False
        self._tries += 1
        if self._tries <= self._config.goal_retries:
            return False
        self._abandon(why, detail)
        self._failures += 1
        return True

    def advance(self) -> Command | StopReason | None:
        """A command, or why the run is over, or None when the next thing is to be asked for."""
        for _ in range(6):
            done = self._advance()
            if done is not None or self._task is _Task.NONE:
                return done
        return Command(goal_xy=self.goal.xy if self.goal else None, reason=Reason.WAITING)

    def _advance(self) -> Command | StopReason | None:
        if self._failures >= self._config.max_failed_goals:
            return StopReason.GOAL_UNREACHABLE
        if self._task is not _Task.RECOVER and self._stuck.stuck:
            return self._begin_recovery()
        if self._task is _Task.RECOVER:
            return self._recover()
        if self._task is _Task.LOOK:
            return self._turn()
        return self._drive() if self._task is _Task.DRIVE else None

    # -- driving ------------------------------------------------------------------------------------------------

    def _set_path(self) -> None:
        """Drive to the goal, or try once more, or put it aside."""
        assert self.goal is not None
        if self._driver.plan(self.goal.xy):
            self._task = _Task.DRIVE
            return
        self._tries += 1
        if self._tries > self._config.goal_retries:
            self._abandon(AbandonReason.NO_PATH if not len(self.path) else AbandonReason.BLOCKED)

    def _abandon(self, why: AbandonReason, detail: str = "") -> None:
        if self.goal is not None:
            self.run.abandoned.append(Abandoned(self.goal.xy, self.goal.reason, why, self._tries, detail))
            self._goals.shun(self.goal.xy)
        self.drop()

    def _drive(self) -> Command | None:
        goal, mapper = self.goal, self._mapper
        assert goal is not None
        if np.linalg.norm(goal.xy - mapper.xy) < self._config.goal_tolerance_m:
            self._arrive(goal)
            return None
        if mapper.stamp_ns - self._planned_ns >= self._config.replan_period_s * 1e9:
            self._planned_ns = mapper.stamp_ns
            self._replan()
            if not self._goals.still_frontier(goal):
                self._look_from_here()
                return None
            self._set_path()
            if self._task is not _Task.DRIVE:
                return None
        return Command(*self._driver.command(), goal.xy, goal.reason)

    def _arrive(self, goal: Goal) -> None:
        if goal.reason not in CHOSEN:
            self._goals.shun(goal.xy)
        self._look_from_here()

    def _look_from_here(self) -> None:
        self.run.goals_reached += 1
        self._failures = 0
        self._stuck.reset()
        self._driver.clear()
        # Small things are recognised from near only: floor that was seen from afar is no reason not to look there.
        self.look(everything=self.run.request.mode in (Mode.SEARCH, Mode.DISCOVER))

    # -- looking ------------------------------------------------------------------------------------------------

    def look(self, everything: bool) -> None:
        """Look around here; ``everything``: into every direction, whatever was seen."""
        scan = self._mapper.scan
        assert scan is not None
        self._look = LookAround(
            self._mapper.grid,
            self._mapper.coverage,
            self._config,
            scan.origin_xy,
            self._mapper.hfov,
            min(scan.blind_range, 1.5),
            with_unknown=self.run.request.mode is not Mode.PATROL,
            everything=everything,
            face_xy=self.goal.look_at_xy if self.goal else None,
        )
        self._task = _Task.LOOK

    def _turn(self) -> Command | None:
        assert self._look is not None and self._mapper.scan is not None
        direction = self._look.step(self._mapper.scan.yaw)
        if direction is None:
            self._look.finish()
            self.run.looks_xy.append((float(self._mapper.xy[0]), float(self._mapper.xy[1])))
            self._look, self.goal, self._task = None, None, _Task.NONE
            return None
        goal_xy = self.goal.xy if self.goal else None
        return Command(0.0, direction * self._config.max_angular_rps, goal_xy, Reason.LOOK_AROUND)

    # -- recovering ---------------------------------------------------------------------------------------------

    def _begin_recovery(self) -> StopReason | None:
        if self._stuck.recoveries >= self._config.max_recoveries:
            return StopReason.STUCK
        self._tries += 1
        if self._tries > self._config.goal_retries:
            self._abandon(AbandonReason.STUCK)
        self._look = None
        mapper, past = self._mapper, self._stuck.recoveries
        self._recovery = Recovery(self._config, mapper.grid, mapper.xy, mapper.yaw, mapper.stamp_ns, past)
        self._stuck.begin_recovery()
        self._task = _Task.RECOVER
        return None

    def _recover(self) -> Command | None:
        assert self._recovery is not None
        motion = self._recovery.step(self._mapper.stamp_ns)
        if motion is None:
            self._recovery = None
            self._planned_ns = self._mapper.stamp_ns
            self._replan()
            self._task = _Task.NONE
            if self.goal is not None:
                self._set_path()
            return None
        goal_xy = self.goal.xy if self.goal else None
        return Command(*motion, goal_xy, Reason.RECOVERY)
