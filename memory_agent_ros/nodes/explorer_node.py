"""``explorer_node``: the ``explore`` action. Depth, camera_info and TF in; velocity, floor plan and reason codes out.

The floor plan grows whenever depth arrives, or is taken from a ``nav_msgs/OccupancyGrid`` (``map_source: topic``); the
base is driven only while a goal is under way. Driving is done by ``cmd_vel``, or by Nav2's ``navigate_to_pose`` with
the parameter ``use_nav2``. Goals that a policy chooses for (discover, search, verify) read pictures of the memory from
the memory node's query service.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from nav_msgs.msg import OccupancyGrid

from memory_agent_msgs.action import Explore
from memory_agent_ros.exploration.codes import Command, StopReason
from memory_agent_ros.exploration.experience import domain_of, own_score, tips_of
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.exploration.floor_plan import FloorPlan
from memory_agent_ros.exploration.policies.by_name import policy_by_name
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.base_driver import BaseDriver
from memory_agent_ros.nodes.depth_intake import DepthIntake, DepthIntakeConfig, DepthView
from memory_agent_ros.nodes.explore_action import Asked, asked_for, error_code, feedback_message, result_message
from memory_agent_ros.nodes.explorer_config import ExplorerNodeConfig
from memory_agent_ros.nodes.explorer_messages import floor_plan_from_message
from memory_agent_ros.nodes.explorer_view import ExplorerView
from memory_agent_ros.nodes.goal_server import GoalServer
from memory_agent_ros.nodes.memory_picture import MemoryPicture
from memory_agent_ros.nodes.nav2_driver import Nav2Driver, navigate_to_pose_type
from memory_agent_ros.nodes.node_base import AgentNode, run_node
from memory_agent_ros.nodes.tips_exchange import RemoteTips
from memory_agent_ros.perception.factory import lazy_text_embedder
from memory_agent_ros.records.errors import BadInputError, MemoryAgentError

#: Ends that say something about the choices, and not about the robot.
_LEARNED_FROM = (
    StopReason.GOAL_FOUND,
    StopReason.GAVE_UP,
    StopReason.GOAL_UNREACHABLE,
    StopReason.POLICY_STOPPED,
    StopReason.NOTHING_LEFT,
    StopReason.BUDGET,
    StopReason.TIME_LIMIT,
)


class ExplorerNode(AgentNode[ExplorerNodeConfig]):
    """See the module's docstring."""

    node_name = "explorer_node"
    config_class = ExplorerNodeConfig

    def setup(self) -> None:
        """Advertise; make the explorer."""
        config = self.config
        config.check()
        self._view = ExplorerView(self, config.map_frame)
        nav2 = None
        if config.use_nav2:
            nav2 = Nav2Driver(self, navigate_to_pose_type(), retry_pause_s=config.nav2_retry_pause_s)
        self._base = BaseDriver(
            self, nav2, stamped=config.stamped_cmd_vel, base_frame=config.base_frame, map_frame=config.map_frame
        )
        self._picture = MemoryPicture(self, config.memory_period_s)
        self._tips = RemoteTips(self, self._on_tips_problem) if config.use_tips else None
        self._texts = lazy_text_embedder(config.text_embedder)
        self._plan: FloorPlan | None = None
        self._asked: Asked | None = None
        self._goal_xy: Any = None
        self._make_explorer()
        self._server = GoalServer(self, Explore, "explore", self._on_goal, self._on_cancel)

    def start(self) -> None:
        """Subscribe; begin to explore if so configured."""
        config = self.config
        self._last_shown_ns = self._stamp_ns = 0
        self._last_frame_clock_ns = self.get_clock().now().nanoseconds
        self._begun_ns = self._wall_ns()
        self._lacking_since_ns: int | None = None
        intake = DepthIntakeConfig(
            config.map_frame,
            config.base_frame,
            config.camera_rotation_deg,
            config.reliable_images,
            config.max_update_hz,
            config.transform_timeout_s,
        )
        self._depth = DepthIntake(self, intake, self._use, self._start_anew)
        if config.map_source == "topic":
            profile = qos.latched() if config.map_latched else qos.reliable(1)
            self.subscribe(OccupancyGrid, "map", self._on_plan, profile, silence_s=math.inf)
        self.waiting.add("pose", lambda: self._depth.pose_problem)
        self.waiting.add("lacking", self._lacking_sentence)
        self.every(0.05, self._watch, clock=self.steady_clock)
        if config.explore_on_activate != "none":
            self._begin(asked_for(Explore.Goal(mode=config.explore_on_activate, time_limit_s=config.time_limit_s)))

    def stop(self) -> None:
        """Stand still and give up the goal."""
        self._end(StopReason.CANCELLED, Explore.Result.NOT_ACTIVE, "the explorer node was deactivated")
        self._depth.close()

    def teardown(self) -> None:
        """Withdraw the action."""
        server = getattr(self, "_server", None)
        if server is None:
            return
        server.destroy()
        self._picture.close()
        if self._tips is not None:
            self._tips.close()
        self._base.destroy()
        del self._server

    def status(self) -> dict[str, object]:
        """Progress, for diagnostics."""
        if not hasattr(self, "_server"):
            return {}
        explorer, world = self.explorer, self._picture.world
        return {
            "exploring": "no" if self._asked is None else str(self._asked.mode),
            "coverage": explorer.coverage,
            "travelled_m": explorer.travelled_m,
            "goals_reached": explorer.goals_reached,
            "goals_abandoned": explorer.goals_abandoned,
            "decisions": len(explorer.decisions),
            "remembered objects": 0 if world is None else len(world.things),
        }

    # Goals.

    def _on_goal(self, goal: Explore.Goal) -> None:
        if self.state != "active":
            self._conclude(Explore.Result.NOT_ACTIVE, "the explorer node is not active; activate it", StopReason.NONE)
            return
        try:
            self._begin(asked_for(goal))
        except MemoryAgentError as error:
            self._conclude(Explore.Result.BAD_REQUEST, str(error), StopReason.NONE)

    def _begin(self, asked: Asked) -> None:
        policy = None
        if asked.mode.by_policy:
            self.explorer.labels.vectors([asked.text or "thing"])  # loads models now, while the base stands
            policy = policy_by_name(asked.policy or self.config.policy, self.explorer.labels)
            if self._tips is not None:
                self._tips.fetch(domain_of(asked.mode))
        self.explorer.start(
            asked.mode,
            asked.time_limit_s,
            asked.coverage_goal,
            goal=asked.text,
            policy=policy,
            budget_m=asked.budget_m,
            max_decisions=asked.max_decisions,
            tips=self._tips,
        )
        self._view.begin_run()
        self._asked, self._begun_ns, self._lacking_since_ns = asked, self._wall_ns(), None
        self.get_logger().info(f"exploring: {asked.mode} {asked.text}, at most {asked.time_limit_s:.0f} s")

    def _on_cancel(self) -> None:
        self.explorer.cancel()
        self._end(StopReason.CANCELLED, Explore.Result.CANCELLED, "cancelled by the client")

    def _end(self, reason: StopReason, code: int, message: str) -> None:
        """Stop the base and conclude the goal, if there is one."""
        self._base.stop()
        if self._asked is not None:
            self._asked, self._goal_xy = None, None
            self.get_logger().info(message)
            self._write_tips(reason)
            self._view.tell(self.explorer)
            self._show()
        self._conclude(code, message, reason)

    def _conclude(self, code: int, message: str, reason: StopReason) -> None:
        result = result_message(self.explorer, code, message, reason)
        self._server.conclude(result, success=code == Explore.Result.NONE)

    def _write_tips(self, reason: StopReason) -> None:
        """Keep what was learned, if the run ended by what was chosen in it."""
        run = self.explorer.run
        if self._tips is None or reason not in _LEARNED_FROM or not run.experience:
            return
        name = f"{run.request.mode} at {run.start_ns}"
        self._tips.add(tips_of(run, own_score(run), episode=name, world="", stamp_ns=self._stamp_ns))

    def _on_tips_problem(self, sentence: str) -> None:
        self.counts["tips"] += 1
        self.get_logger().warning(sentence, throttle_duration_sec=5.0)

    # Input.

    def _make_explorer(self) -> None:
        self.explorer = Explorer(self.config.explorer, self._picture.world, self._texts)
        self.explorer.driven_by_others = self._base.uses_nav2
        self._adopt()

    def _start_anew(self) -> None:
        self._make_explorer()
        if self._asked is not None:
            self._begin(self._asked)

    def _on_plan(self, message: OccupancyGrid) -> None:
        try:
            self._plan = floor_plan_from_message(message, self.config.map_frame)
        except BadInputError as error:
            self.counts[error.reason] += 1
            self.get_logger().warning(f"floor plan refused: {error}", throttle_duration_sec=5.0)
            return
        self._adopt()

    def _adopt(self) -> None:
        if self._plan is not None:
            self.explorer.adopt(self._plan, self.config.map_free_max, self.config.map_occupied_min)

    def _lacking(self) -> tuple[StopReason, str] | None:
        """What a run cannot go on without just now: reason code and sentence."""
        if self.config.map_source == "topic" and self._plan is None:
            return StopReason.NO_MAP, "topic map: no floor plan that can be used has arrived"
        if self._asked is not None and self._asked.mode.by_policy:
            old = self._picture.age_s(self._wall_ns()) > self.config.input_timeout_s
            if self._picture.world is None or old:
                return StopReason.NO_MEMORY, self._picture.problem() or "the memory has not answered yet"
        if self._base.gone:
            return StopReason.DRIVER_GONE, "action navigate_to_pose: no server; start Nav2"
        return None

    def _lacking_sentence(self) -> str | None:
        lacking = self._lacking()
        return None if lacking is None else lacking[1]

    def _watch(self) -> None:
        """Twenty times a second: images that wait for their pose, what is lacking, and the picture for RViz."""
        self._depth.poll()
        wall_ns = self._wall_ns()
        silent_s = (self.get_clock().now().nanoseconds - self._last_frame_clock_ns) * 1e-9
        if self._asked is not None:
            if not self._base.standing and silent_s > self.config.command_hold_s:
                self.counts["stopped_for_silence"] += 1
                self._base.drive(0.0, 0.0)
            if self._asked.mode.by_policy:
                self._picture.refresh(wall_ns)
            self._give_up_waiting(wall_ns)
        if wall_ns - self._last_shown_ns > self.config.publish_period_s * 1e9 and self._stamp_ns:
            self._show()

    def _give_up_waiting(self, wall_ns: int) -> None:
        """End the run if images, or what else it needs, stay away for too long."""
        limit_s = self.config.input_timeout_s
        if wall_ns - max(self._depth.used_ns, self._begun_ns) > limit_s * 1e9:
            problem = self._depth.pose_problem
            reason = StopReason.NO_POSE if problem else StopReason.NO_MAP
            what = problem or "no depth image with camera_info arrived; see the waiting report in the log"
            self._stop_run(reason, what)
            return
        lacking = self._lacking()
        if lacking is None:
            self._lacking_since_ns = None
            return
        if self._lacking_since_ns is None:
            self._lacking_since_ns = wall_ns
        if lacking[0] is StopReason.DRIVER_GONE:
            limit_s = self.config.nav2_timeout_s
        if wall_ns - self._lacking_since_ns > limit_s * 1e9:
            self._stop_run(*lacking)

    def _stop_run(self, reason: StopReason, message: str) -> None:
        assert self._asked is not None
        code = error_code(reason, self._asked.mode)
        self.explorer.stop(reason)
        self._end(reason, code, message)

    def _use(self, view: DepthView) -> None:
        """One depth image with its poses; then the next command."""
        self.explorer.update(view.stamp_ns, view.T_map_base, view.depth_m, view.camera, view.T_map_camera)
        self._stamp_ns = view.stamp_ns
        self._last_frame_clock_ns = self.get_clock().now().nanoseconds
        if self._asked is None:
            return
        if self._lacking() is not None:
            self._base.stop()
            self._act(self.explorer.wait(), view)
            return
        if self._picture.world is not None:
            self.explorer.memory = self._picture.world
        self._base.hear(self.explorer)
        command = self.explorer.step()
        self._view.tell(self.explorer)
        self._act(command, view)

    # Output.

    def _act(self, command: Command, view: DepthView) -> None:
        if command.done:
            reason = command.stop_reason
            mode = self.explorer.run.request.mode
            self._end(reason, error_code(reason, mode), f"exploration ended: {reason}")
            return
        self._goal_xy = command.goal_xy
        self._base.act(command, view.T_map_base[:2, 3], view.stamp_ns)
        frame = self.config.map_frame
        self._server.feedback(feedback_message(self.explorer, command, self._view.decision, frame, view.stamp_ns))

    def _show(self) -> None:
        self._last_shown_ns = self._wall_ns()
        self._view.show(self.explorer, self._goal_xy, self._stamp_ns)

    def _wall_ns(self) -> int:
        return int(self.steady_clock.now().nanoseconds)


def main() -> None:
    """Entry point of ``explorer_node``."""
    sys.exit(run_node(ExplorerNode))


if __name__ == "__main__":
    main()
