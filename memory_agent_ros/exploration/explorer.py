"""The explorer: maps, chooses where to go, drives there, looks around. Knows no ROS."""

from __future__ import annotations

import enum

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.codes import Abandoned, AbandonReason, Command, Mode, Reason, StopReason
from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.coverage import Coverage
from memory_agent_ros.exploration.depth_scan import DepthScan, DepthScanner
from memory_agent_ros.exploration.follower import Follower, ahead_gap
from memory_agent_ros.exploration.frontier import Frontier
from memory_agent_ros.exploration.goals import Goal, GoalChooser
from memory_agent_ros.exploration.look_around import LookAround
from memory_agent_ros.exploration.occupancy import OccupancyGrid
from memory_agent_ros.exploration.path_planner import PathPlanner
from memory_agent_ros.exploration.recovery import Recovery, StuckDetector
from memory_agent_ros.geometry.se3 import Matrix, yaw_of
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError

#: Depth expected behind a frontier, metres, when the share that was seen is estimated.
_BEYOND_M = 1.0


class _Task(enum.Enum):
    CHOOSE = enum.auto()
    LOOK = enum.auto()
    DRIVE = enum.auto()
    RECOVER = enum.auto()
    DONE = enum.auto()


class Explorer:
    """Frontier exploration with coverage of what stands in the rooms, and patrol over known places.

    Call :meth:`start`, then for each depth image :meth:`update` and :meth:`step`.

    Attributes:
        grid: the floor plan.
        path: (N, 2) path being driven, map frame.
        travelled_m: length driven since the start of the run.
        goals_reached: goals at which the robot arrived, or that were seen from afar.
        abandoned: goals put aside, with the reason.
    """

    def __init__(self, config: ExplorerConfig | None = None) -> None:
        self.config = config or ExplorerConfig()
        self.grid = OccupancyGrid(self.config)
        self.coverage_map = Coverage(self.grid, self.config)
        self._scanner = DepthScanner(self.config)
        self._planner = PathPlanner(self.grid, self.config)
        self._chooser = GoalChooser(self.grid, self.coverage_map, self._planner, self.config)
        self._follower = Follower(self.config)
        self._stuck = StuckDetector(self.config)
        self._recovery: Recovery | None = None
        self._task = _Task.DONE
        self._mode = Mode.FRONTIER
        self._stop_reason = StopReason.NONE
        self._time_limit_ns = 0
        self._coverage_goal = 1.0
        self._start_ns: int | None = None
        self._stamp_ns = 0
        self._replanned_ns = 0
        self._xy: NDArray[np.float64] = np.zeros(2)
        self._yaw = 0.0
        self._scan: DepthScan | None = None
        self._obstacles_base: NDArray[np.float64] = np.zeros((0, 2))
        self._hfov = 1.0
        self._look: LookAround | None = None
        self._goal: Goal | None = None
        self._tries = 0
        self._tour_planned = False
        self._first_look = True
        self._coverage = 0.0
        self.path: NDArray[np.float64] = np.zeros((0, 2))
        self.travelled_m = 0.0
        self.goals_reached = 0
        self.abandoned: list[Abandoned] = []

    @property
    def frontiers(self) -> list[Frontier]:
        """Frontiers found when the goal was last checked."""
        return self._chooser.frontiers

    @property
    def coverage(self) -> float:
        """Share of the reachable floor seen in this run; what lies behind frontiers is estimated, in [0, 1]."""
        return self._coverage

    @property
    def goals_abandoned(self) -> int:
        """How many goals were put aside in this run."""
        return len(self.abandoned)

    def start(self, mode: str = Mode.FRONTIER, time_limit_s: float = 600.0, coverage_goal: float = 1.0) -> None:
        """Begin a run; the clock starts with the next :meth:`update`. What is known of the floor is kept.

        Args:
            mode: ``frontier`` (explore until nothing is left) or ``patrol`` (look at all known space again).
            time_limit_s: of the stamps given to :meth:`update`.
            coverage_goal: stop once this share was seen; 1 or more means "until nothing is left".

        Raises:
            BadInputError: ``explore_request`` for an unknown mode or numbers that make no sense.
        """
        if mode not in list(Mode):
            raise BadInputError("explore_request", f"mode must be one of {[str(m) for m in Mode]}, got {mode!r}")
        if not time_limit_s > 0 or not 0 < coverage_goal <= 1:
            raise BadInputError("explore_request", "time_limit_s must be positive and coverage_goal in (0, 1]")
        self._mode = Mode(mode)
        self._time_limit_ns = int(min(time_limit_s, 1e9) * 1e9)
        self._coverage_goal = coverage_goal
        self._start_ns = None
        self._stop_reason = StopReason.NONE
        self._task, self._goal, self._look, self._recovery = _Task.CHOOSE, None, None, None
        self.path = np.zeros((0, 2))
        self.travelled_m, self.goals_reached, self._coverage, self._tries = 0.0, 0, 0.0, 0
        self.abandoned = []
        self._chooser.forgive()
        self._stuck.reset()
        self.coverage_map.start_pass()
        self._tour_planned = False
        self._first_look = True

    def cancel(self) -> None:
        """End the run at the next :meth:`step`."""
        self._finish(StopReason.CANCELLED)

    def update(
        self,
        stamp_ns: int,
        T_map_base: Matrix,
        depth_m: NDArray[np.float32],
        depth_camera: Camera,
        T_map_camera: Matrix,
    ) -> None:
        """Add one depth image.

        Args:
            stamp_ns: its stamp.
            T_map_base: (4, 4) pose of the base (x forward) at the stamp, its z is the floor's height.
            depth_m: (H, W) planar depth, metres; 0, NaN, inf = no reading.
            depth_camera: its intrinsics.
            T_map_camera: (4, 4) pose of the optical frame.

        Raises:
            BadInputError: ``pose_not_finite``, ``depth_size`` or ``stamp_order``; nothing is added then.
        """
        if not (np.isfinite(T_map_base).all() and np.isfinite(T_map_camera).all()):
            raise BadInputError("pose_not_finite", "the pose holds NaN or infinity; check localisation and TF")
        if depth_m.shape != (depth_camera.height, depth_camera.width):
            raise BadInputError(
                "depth_size", f"depth is {depth_m.shape}, its camera says {depth_camera.height}x{depth_camera.width}"
            )
        if stamp_ns < self._stamp_ns:
            raise BadInputError("stamp_order", "stamp runs back; make a new Explorer after a reset of the clock")
        xy, yaw = T_map_base[:2, 3].copy(), yaw_of(T_map_base)
        if self._start_ns is None:
            self._start_ns = stamp_ns
        elif self._task is not _Task.DONE:
            self.travelled_m += float(np.linalg.norm(xy - self._xy))
        self._stamp_ns, self._xy, self._yaw = stamp_ns, xy, yaw
        self._hfov = 2 * float(np.arctan(depth_camera.width / 2 / depth_camera.K[0, 0]))
        self._scan = scan = self._scanner.scan(depth_m, depth_camera, T_map_camera, float(T_map_base[2, 3]))
        self.grid.add_footprint(xy, self.config.robot_radius_m)
        self.coverage_map.integrate(scan, *self.grid.integrate(scan))
        self._obstacles_base = self._in_base(scan)
        self._stuck.update(stamp_ns, xy, yaw)

    def _in_base(self, scan: DepthScan) -> NDArray[np.float64]:
        low = scan.obstacle_z < self.config.obstacle_max_height_m
        offset = scan.obstacle_xy[low].astype(np.float64) - self._xy
        c, s = np.cos(self._yaw), np.sin(self._yaw)
        return np.stack([c * offset[:, 0] + s * offset[:, 1], -s * offset[:, 0] + c * offset[:, 1]], axis=1)

    def step(self, now_ns: int | None = None) -> Command:
        """What the base should do now.

        Args:
            now_ns: the clock; the run ends with ``no_pose`` if the last :meth:`update` is too long ago.
        """
        if self._task is _Task.DONE:
            return self._stopped()
        if now_ns is not None and now_ns - self._stamp_ns > self.config.pose_timeout_s * 1e9 and self._stamp_ns:
            return self._finish(StopReason.NO_POSE)
        if self._scan is None or self._start_ns is None:
            return Command(reason=Reason.WAITING)
        if self._stamp_ns - self._start_ns > self._time_limit_ns:
            return self._finish(StopReason.TIME_LIMIT)
        for _ in range(6):
            command = self._advance()
            if command is not None:
                return command
        return Command(goal_xy=self._goal.xy if self._goal else None, reason=Reason.WAITING)

    def _advance(self) -> Command | None:
        """One transition: a command, or None when the task changed and has to be asked again."""
        if self._task is not _Task.RECOVER and self._stuck.stuck:
            return self._begin_recovery()
        if self._task is _Task.RECOVER:
            return self._recover()
        if self._task is _Task.LOOK:
            return self._turn()
        if self._task is _Task.DRIVE:
            return self._drive()
        return self._choose()

    # -- choosing -----------------------------------------------------------------------------------------------

    def _choose(self) -> Command | None:
        if self._first_look:
            self._first_look = False
            self._begin_look(everything=self._mode is Mode.FRONTIER)
            return None
        self._replan()
        if self._coverage >= self._coverage_goal and self._coverage_goal < 1:
            return self._finish(StopReason.COVERAGE_GOAL_REACHED)
        goal = self._next_goal()
        if goal is None:
            done = StopReason.PATROL_DONE if self._mode is Mode.PATROL else StopReason.NO_FRONTIERS_LEFT
            return self._finish(done)
        self._goal, self._tries = goal, 0
        self._set_path()
        return None

    def _next_goal(self) -> Goal | None:
        if self._mode is Mode.PATROL:
            if not self._tour_planned:
                self._chooser.plan_tour()
                self._tour_planned = True
            return self._chooser.next_viewpoint() or self._chooser.coverage_gap()
        return self._chooser.nearest_frontier() or self._chooser.coverage_gap()

    def _replan(self) -> None:
        self._replanned_ns = self._stamp_ns
        self._planner.update(self._xy)
        self._chooser.find()
        beyond = sum(f.length_m for f in self.frontiers) * _BEYOND_M / self.config.resolution_m**2
        reachable = self._planner.reachable & self.grid.free
        self._coverage = self.coverage_map.share(reachable, int(beyond))

    def _set_path(self) -> None:
        """Drive to the goal, or try once more, or put it aside."""
        assert self._goal is not None
        path = self._planner.path_to(self._goal.xy)
        if path is not None:
            self.path, self._task = path, _Task.DRIVE
            return
        self._tries += 1
        if self._tries > self.config.goal_retries:
            self._abandon(AbandonReason.NO_PATH if not len(self.path) else AbandonReason.BLOCKED)

    def _abandon(self, why: AbandonReason) -> None:
        if self._goal is not None:
            self.abandoned.append(Abandoned(self._goal.xy, self._goal.reason, why))
            self._chooser.shun(self._goal.xy)
        self._goal, self.path, self._task = None, np.zeros((0, 2)), _Task.CHOOSE

    # -- driving ------------------------------------------------------------------------------------------------

    def _drive(self) -> Command | None:
        goal = self._goal
        assert goal is not None
        if np.linalg.norm(goal.xy - self._xy) < self.config.goal_tolerance_m:
            self._chooser.shun(goal.xy)
            self._arrive()
            return None
        if self._stamp_ns - self._replanned_ns >= self.config.replan_period_s * 1e9:
            self._replan()
            if not self._chooser.still_frontier(goal):
                self._arrive()
                return None
            self._set_path()
            if self._task is not _Task.DRIVE:
                return None
        gap = ahead_gap(self._obstacles_base, self.config.robot_radius_m + self.config.clearance_m / 2)
        linear, angular = self._follower.command(self.path, self._xy, self._yaw, gap)
        if linear > 0 and self._closing_in():
            linear = 0.0
        return Command(linear, angular, goal.xy, goal.reason)

    def _closing_in(self) -> bool:
        """Whether the floor plan says that driving on would touch something (also what the camera no longer sees)."""
        ahead = self._xy + 0.15 * np.array([np.cos(self._yaw), np.sin(self._yaw)])
        here, there = self._planner.clearance_at(self._xy), self._planner.clearance_at(ahead)
        return there < self.config.robot_radius_m and there < here

    def _arrive(self) -> None:
        self.goals_reached += 1
        self._stuck.reset()
        self.path = np.zeros((0, 2))
        self._begin_look(everything=False)

    # -- looking ------------------------------------------------------------------------------------------------

    def _begin_look(self, everything: bool) -> None:
        scan = self._scan
        assert scan is not None
        unknown = self._mode is Mode.FRONTIER
        self._look = LookAround(
            self.grid,
            self.coverage_map,
            self.config,
            scan.origin_xy,
            self._hfov,
            min(scan.blind_range, 1.5),
            unknown,
            everything,
        )
        self._task = _Task.LOOK

    def _turn(self) -> Command | None:
        assert self._look is not None and self._scan is not None
        direction = self._look.step(self._scan.yaw)
        if direction is None:
            self._look.finish()
            self._look, self._goal, self._task = None, None, _Task.CHOOSE
            return None
        goal_xy = self._goal.xy if self._goal else None
        return Command(0.0, direction * self.config.max_angular_rps, goal_xy, Reason.LOOK_AROUND)

    # -- recovering ---------------------------------------------------------------------------------------------

    def _begin_recovery(self) -> Command | None:
        if self._stuck.recoveries >= self.config.max_recoveries:
            return self._finish(StopReason.STUCK)
        self._tries += 1
        if self._tries > self.config.goal_retries:
            self._abandon(AbandonReason.STUCK)
        self._look = None
        self._recovery = Recovery(self.config, self.grid, self._xy, self._yaw, self._stamp_ns, self._stuck.recoveries)
        self._stuck.begin_recovery()
        self._task = _Task.RECOVER
        return None

    def _recover(self) -> Command | None:
        assert self._recovery is not None
        motion = self._recovery.step(self._stamp_ns)
        if motion is None:
            self._recovery = None
            self._replan()
            self._task = _Task.CHOOSE
            if self._goal is not None:
                self._set_path()
            return None
        goal_xy = self._goal.xy if self._goal else None
        return Command(*motion, goal_xy, Reason.RECOVERY)

    def _finish(self, reason: StopReason) -> Command:
        if self._task is not _Task.DONE:
            self._task, self._stop_reason = _Task.DONE, reason
            self._goal, self.path = None, np.zeros((0, 2))
            if self._scan is not None:
                self._replan()
        return self._stopped()

    def _stopped(self) -> Command:
        return Command(reason=Reason.STOPPED, done=True, stop_reason=self._stop_reason)
