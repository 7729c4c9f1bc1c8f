"""The explorer: maps, asks what to do next, drives there, looks around. Knows no ROS."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.choosers import Chooser, FrontierChooser, PatrolChooser
from memory_agent_ros.exploration.codes import Abandoned, AbandonReason, Command, Mode, Reason, StopReason
from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.coverage import Coverage
from memory_agent_ros.exploration.errand import Errand
from memory_agent_ros.exploration.floor_plan import FloorPlan
from memory_agent_ros.exploration.frontier import Frontier
from memory_agent_ros.exploration.goal_match import GoalMatch
from memory_agent_ros.exploration.goals import Goal, GoalChooser
from memory_agent_ros.exploration.known_world import KnownWorld, StillWorld
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.mapper import Mapper
from memory_agent_ros.exploration.occupancy import OccupancyGrid
from memory_agent_ros.exploration.path_planner import PathPlanner
from memory_agent_ros.exploration.policy_chooser import PolicyChooser
from memory_agent_ros.exploration.request import Request, make_request
from memory_agent_ros.exploration.run_state import RunState
from memory_agent_ros.exploration.situation import Policy
from memory_agent_ros.exploration.tips import TipStore
from memory_agent_ros.exploration.world_view import WorldView
from memory_agent_ros.geometry.se3 import Matrix
from memory_agent_ros.perception.protocols import TextEmbedder
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.decision import Decision

#: Depth expected behind a frontier, metres, when the share that was seen is estimated.
_BEYOND_M = 1.0
#: Less free floor than this beside its own footprint is no map, square metres; reach that makes a place to go to.
_NO_MAP_M2, _ENCLOSED_M = 0.1, 0.5


class Explorer:
    """Explores by nearest frontier, patrols, or lets a policy choose among candidates from floor plan and memory.

    Call :meth:`start`, then for each depth image :meth:`update` and :meth:`step`.

    Args:
        config: settings.
        memory: things and rooms that candidates are made of; may be replaced at any time.
        texts: embeds goals and labels for policies; without, labels are told apart but not understood.
        names: labels that the detector uses, where known; a goal that is one of them means just that.

    Attributes:
        memory: see above.
        labels: label vectors that policies are given, kept from run to run.
        run: what was asked for and how far it has come; its choices are :attr:`decisions`.
    """

    def __init__(
        self,
        config: ExplorerConfig | None = None,
        memory: KnownWorld | None = None,
        texts: TextEmbedder | None = None,
        names: Sequence[str] = (),
    ) -> None:
        self.config = config or ExplorerConfig()
        self.memory: KnownWorld = memory or StillWorld()
        self._texts, self._names = texts, names
        self.labels = LabelVectors(texts)
        self._mapper = Mapper(self.config)
        self._planner = PathPlanner(self._mapper.grid, self.config)
        self._goals = GoalChooser(self._mapper.grid, self._mapper.coverage, self._planner, self.config)
        self._chooser: Chooser = FrontierChooser(self._goals)
        self._first_look, self._over = True, True
        self.run = RunState(Request())
        self._errand = Errand(self._mapper, self._planner, self._goals, self.config, self.run, self._replan)

    # -- what happened ------------------------------------------------------------------------------------------

    @property
    def grid(self) -> OccupancyGrid:
        """The floor plan."""
        return self._mapper.grid

    @property
    def coverage_map(self) -> Coverage:
        """What was looked at."""
        return self._mapper.coverage

    @property
    def path(self) -> NDArray[np.float64]:
        """(N, 2) path being driven, map frame."""
        return self._errand.path

    @property
    def goal(self) -> Goal | None:
        """Where the robot is going, and why."""
        return self._errand.goal

    @property
    def frontiers(self) -> list[Frontier]:
        """Frontiers found when the goal was last checked."""
        return self._goals.frontiers

    @property
    def decisions(self) -> list[Decision]:
        """Choices of the policy in this run, with everything that spoke for and against them."""
        return self.run.decisions

    @property
    def coverage(self) -> float:
        """Share of the reachable floor seen in this run; what lies behind frontiers is estimated, in [0, 1]."""
        return self.run.coverage

    @property
    def travelled_m(self) -> float:
        """Length driven since the start of the run."""
        return self.run.travelled_m

    @property
    def goals_reached(self) -> int:
        """Goals at which the robot arrived, or that were seen from afar."""
        return self.run.goals_reached

    @property
    def abandoned(self) -> list[Abandoned]:
        """Goals put aside in this run, with the reason."""
        return self.run.abandoned

    @property
    def goals_abandoned(self) -> int:
        """How many goals were put aside in this run."""
        return len(self.run.abandoned)

    # -- begin and end ------------------------------------------------------------------------------------------

    def start(
        self,
        mode: str = Mode.FRONTIER,
        time_limit_s: float = 600.0,
        coverage_goal: float = 1.0,
        *,
        goal: str = "",
        policy: Policy | None = None,
        tips: TipStore | None = None,
        budget_m: float = np.inf,
        max_decisions: int = 1000,
    ) -> None:
        """Begin a run; the clock starts with the next :meth:`update`. What is known of the floor is kept.

        Args:
            mode: ``frontier`` (explore until nothing is left), ``patrol`` (look at all known space again), or one that
                a policy does: ``discover``, ``search``, ``verify``.
            time_limit_s: of the stamps given to :meth:`update`.
            coverage_goal: stop once this share was seen; 1 means "until nothing is left".
            goal: what to search for.
            policy: chooses among candidates.
            tips: read before each choice; what to write after the run says
                :func:`~memory_agent_ros.exploration.experience.tips_of`.
            budget_m: metres that may be driven.
            max_decisions: choices the policy may make.

        Raises:
            BadInputError: ``explore_request`` for an unknown mode, numbers that make no sense, or a part that lacks.
        """
        request = make_request(mode, goal, policy, time_limit_s, coverage_goal, budget_m, max_decisions)
        self.run = RunState(request)
        self._over, self._first_look = False, True
        self._errand.begin_run(self.run)
        self._goals.forgive()
        self.coverage_map.start_pass()
        self._chooser = self._make_chooser(request, tips)

    def _make_chooser(self, request: Request, tips: TipStore | None) -> Chooser:
        if request.mode is Mode.PATROL:
            return PatrolChooser(self._goals)
        if request.policy is None or not request.mode.by_policy:
            return FrontierChooser(self._goals)
        view = WorldView(
            lambda: self.memory,
            self._mapper,
            self._planner,
            self._goals,
            self.labels,
            GoalMatch(self._texts, self._names),
            self.config,
        )
        return PolicyChooser(self.run, view, self._goals, request.policy, tips)

    def cancel(self) -> None:
        """End the run at the next :meth:`step`."""
        self.stop(StopReason.CANCELLED)

    def stop(self, reason: StopReason) -> Command:
        """End the run for a reason only the caller knows, e.g. that whoever drives the base went away."""
        if not self._over:
            self._over, self.run.stop_reason = True, reason
            self._errand.drop()
            if self._mapper.scan is not None:
                self._replan()
        return self._stopped()

    @property
    def driven_by_others(self) -> bool:
        """Whether somebody else (Nav2) drives to the goals; being stuck on the way is then theirs to notice."""
        return self._errand.driven_by_others

    @driven_by_others.setter
    def driven_by_others(self, value: bool) -> None:
        self._errand.driven_by_others = value

    def wait(self) -> Command:
        """In place of :meth:`step` while something lacks that the caller knows of: the run is kept, the base stands."""
        return self._stopped() if self._over else self._errand.wait()

    def goal_reached(self) -> None:
        """Somebody else drives and says that it arrived, be it not within the explorer's own tolerance."""
        self._errand.reached()

    def goal_failed(self, why: AbandonReason, detail: str = "") -> bool:
        """Somebody else drives and did not get to the goal: it is tried again, then put aside; True if put aside."""
        return self._errand.failed(why, detail)

    # -- one image, one command ---------------------------------------------------------------------------------

    def adopt(self, plan: FloorPlan, free_max: int = 25, occupied_min: int = 65) -> None:
        """Take the floor plan from somebody else (SLAM, a map server) in place of depth, now and from now on.

        Args:
            plan: all that is known; it may have grown, shrunk or moved since the last one.
            free_max: values from 0 to this one are free.
            occupied_min: values from this one on are occupied; what lies between is unknown.
        """
        self._mapper.adopt(plan, free_max, occupied_min)

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
        before = self._mapper.xy
        self._mapper.add(stamp_ns, T_map_base, depth_m, depth_camera, T_map_camera)
        if self.run.start_ns is None:
            self.run.start_ns = stamp_ns
        elif not self._over:
            self.run.travelled_m += float(np.linalg.norm(self._mapper.xy - before))
        self._errand.moved()

    def step(self, now_ns: int | None = None) -> Command:
        """What the base should do now.

        Args:
            now_ns: the clock; the run ends with ``no_pose`` if the last :meth:`update` is too long ago.
        """
        stamp_ns = self._mapper.stamp_ns
        if self._over:
            return self._stopped()
        if now_ns is not None and now_ns - stamp_ns > self.config.pose_timeout_s * 1e9 and stamp_ns:
            return self.stop(StopReason.NO_POSE)
        if self._mapper.scan is None or self.run.start_ns is None:
            return Command(reason=Reason.WAITING)
        if self.run.late(stamp_ns):
            return self.stop(StopReason.TIME_LIMIT)
        if self.run.travelled_m >= self.run.request.budget_m:
            return self.stop(self._last_word())
        for _ in range(3):
            done = self._errand.advance()
            if isinstance(done, StopReason):
                return self.stop(done)
            if done is not None:
                return done
            ended = self._choose()
            if ended is not None:
                return ended
        return Command(goal_xy=self.goal.xy if self.goal else None, reason=Reason.WAITING)

    # -- choosing -----------------------------------------------------------------------------------------------

    def _choose(self) -> Command | None:
        """Take up the next errand; a command if there is none, which ends the run."""
        if self._first_look:
            self._first_look = False
            self._errand.look(everything=self.run.request.mode is not Mode.PATROL)
            return None
        self._replan()
        if self.run.coverage >= self.run.request.coverage_goal and self.run.request.coverage_goal < 1:
            return self.stop(StopReason.COVERAGE_GOAL_REACHED)
        goal = self._chooser.next(self._mapper.stamp_ns)
        if isinstance(goal, StopReason):
            return self.stop(self._why_nothing(goal))
        self._errand.begin(goal)
        return None

    def _last_word(self) -> StopReason:
        """The metres are used up: a search may still declare what is in sight."""
        if self.run.request.mode is not Mode.SEARCH:
            return StopReason.BUDGET
        self._replan()
        said = self._chooser.next(self._mapper.stamp_ns)
        return said if isinstance(said, StopReason) else StopReason.BUDGET

    def _why_nothing(self, said: StopReason) -> StopReason:
        """A plainer reason, where nothing could be chosen because there is no floor to go to."""
        if said not in (StopReason.NO_FRONTIERS_LEFT, StopReason.PATROL_DONE, StopReason.NOTHING_LEFT):
            return said
        if self._mapper.floor_known_m2 < _NO_MAP_M2:
            return StopReason.NO_MAP
        if self.run.abandoned and not self.run.goals_reached:
            return StopReason.GOAL_UNREACHABLE
        rows, columns = np.nonzero(self._planner.reachable)
        far = np.linalg.norm(self.grid.raster.centers(rows, columns) - self._mapper.xy, axis=1) > _ENCLOSED_M
        return said if far.any() else StopReason.ENCLOSED

    def _replan(self) -> None:
        self._planner.update(self._mapper.xy)
        self._goals.find()
        beyond = sum(f.length_m for f in self.frontiers) * _BEYOND_M / self.config.resolution_m**2
        self.run.coverage = self.coverage_map.share(self._planner.reachable & self.grid.free, int(beyond))

    def _stopped(self) -> Command:
        return Command(reason=Reason.STOPPED, done=True, stop_reason=self.run.stop_reason)
