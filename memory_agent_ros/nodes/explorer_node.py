"""``explorer_node``: the ``explore`` action. Depth, camera_info and TF in; velocity, floor plan and reason codes out.

The floor plan grows whenever depth arrives, the base is driven only while a goal is under way. Driving is done by
``cmd_vel``, or by Nav2's ``navigate_to_pose`` with the parameter ``use_nav2``.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from geometry_msgs.msg import Twist, TwistStamped
from nav_msgs.msg import OccupancyGrid as OccupancyGridMessage
from nav_msgs.msg import Path
from sensor_msgs.msg import CameraInfo, Image
from visualization_msgs.msg import MarkerArray

from memory_agent_msgs.action import Explore
from memory_agent_ros.exploration.codes import Command, Reason, StopReason
from memory_agent_ros.exploration.config import ExplorerConfig
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.nodes import explorer_messages, qos
from memory_agent_ros.nodes.camera_intake import turn_camera, turn_image, turned_frame
from memory_agent_ros.nodes.conversions import camera_from_info, nanoseconds
from memory_agent_ros.nodes.goal_server import GoalServer
from memory_agent_ros.nodes.nav2_driver import Nav2Driver, navigate_to_pose_type
from memory_agent_ros.nodes.node_base import AgentNode, run_node
from memory_agent_ros.nodes.parameters import parameter
from memory_agent_ros.nodes.tf import TransformUnavailableError, make_transform_buffer
from memory_agent_ros.perception.image_decoding import decode_depth
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError

_ERROR_CODES = {
    StopReason.CANCELLED: Explore.Result.CANCELLED,
    StopReason.TIME_LIMIT: Explore.Result.TIME_LIMIT,
    StopReason.STUCK: Explore.Result.STUCK,
    StopReason.NO_POSE: Explore.Result.NO_POSE,
}
#: What the explorer does by turning on the spot or backing off, which is never left to Nav2.
_OWN_MOTION = (Reason.LOOK_AROUND, Reason.RECOVERY, Reason.STOPPED, Reason.WAITING)


@dataclass(frozen=True)
class ExplorerNodeConfig:
    """Parameters of ``explorer_node``."""

    map_frame: str = parameter("map", "World frame.")
    base_frame: str = parameter("base_link", "Base frame, x forward, on the floor.")
    explore_on_activate: str = parameter(
        "none", "Exploration that starts by itself.", choices=("none", "frontier", "patrol")
    )
    time_limit_s: float = parameter(
        600.0, "Time limit of the exploration that starts by itself, seconds.", minimum=1.0, maximum=86400.0
    )
    camera_rotation_deg: int = parameter(
        0, "Clockwise turn that makes the image upright: 0, 90, 180 or 270.", minimum=0, maximum=270
    )
    reliable_images: bool = parameter(False, "Ask for reliable images (needs a reliable publisher); else best effort.")
    max_update_hz: float = parameter(10.0, "Depth images used per second at most.", minimum=0.5, maximum=60.0)
    transform_timeout_s: float = parameter(
        0.5, "Wall seconds to wait for the pose at the stamp of an image.", minimum=0.0, maximum=10.0
    )
    input_timeout_s: float = parameter(
        15.0, "Wall seconds without any usable image after which a goal is aborted.", minimum=0.5, maximum=600.0
    )
    command_hold_s: float = parameter(
        0.6, "Seconds after the last image at which the base is stopped.", minimum=0.05, maximum=10.0
    )
    publish_period_s: float = parameter(0.5, "Wall seconds between two floor plans.", minimum=0.05, maximum=60.0)
    stamped_cmd_vel: bool = parameter(False, "Publish TwistStamped instead of Twist.")
    use_nav2: bool = parameter(False, "Let Nav2's navigate_to_pose drive to the goals.")
    explorer: ExplorerConfig = field(default_factory=ExplorerConfig)


class ExplorerNode(AgentNode[ExplorerNodeConfig]):
    """See the module's docstring."""

    node_name = "explorer_node"
    config_class = ExplorerNodeConfig

    def setup(self) -> None:
        """Advertise; make the explorer."""
        if self.config.camera_rotation_deg % 90:
            raise BadInputError("camera_rotation", "camera_rotation_deg must be 0, 90, 180 or 270")
        self.explorer = Explorer(self.config.explorer)
        twist = TwistStamped if self.config.stamped_cmd_vel else Twist
        self._command_publisher = self.advertise(twist, "cmd_vel", qos.reliable(1))
        self._map = self.advertise(OccupancyGridMessage, "explorer/map", qos.latched())
        self._frontiers = self.advertise(MarkerArray, "explorer/frontiers", qos.latched())
        self._path = self.advertise(Path, "explorer/path", qos.latched())
        self._nav2 = Nav2Driver(self, navigate_to_pose_type()) if self.config.use_nav2 else None
        self._server = GoalServer(self, Explore, "explore", self._on_goal, self._on_cancel)
        self._exploring = False
        self._goal_xy: Any = None

    def start(self) -> None:
        """Subscribe; begin to explore if so configured."""
        self._info: CameraInfo | None = None
        self._pending: deque[tuple[Image, int]] = deque()
        self._pose_problem: str | None = None
        self._last_stamp_ns = 0
        self._last_used_ns = self._last_shown_ns = 0
        self._last_frame_clock_ns = self.get_clock().now().nanoseconds
        self._last_input_ns = self._begun_ns = self._wall_ns()
        self._standing = True
        self._transforms = make_transform_buffer(self, counts=self.counts)
        images = qos.sensor(reliable=self.config.reliable_images)
        self.subscribe(CameraInfo, "camera/color/camera_info", self._on_info, images)
        self.subscribe(Image, "camera/depth/image_raw", self._on_depth, images)
        self.waiting.add("pose", lambda: self._pose_problem)
        if self._nav2 is not None:
            nav2 = self._nav2
            self.waiting.add("nav2", lambda: None if nav2.available else "action navigate_to_pose: no server")
        self.every(0.05, self._watch, clock=self.steady_clock)
        if self.config.explore_on_activate != "none":
            self._begin(self.config.explore_on_activate, self.config.time_limit_s, 1.0)

    def stop(self) -> None:
        """Stand still and give up the goal."""
        self._end(StopReason.CANCELLED, Explore.Result.NOT_ACTIVE, "the explorer node was deactivated")
        self._transforms.close()

    def teardown(self) -> None:
        """Withdraw the action."""
        server = getattr(self, "_server", None)
        if server is None:
            return
        server.destroy()
        if self._nav2 is not None:
            self._nav2.destroy()
        del self._server

    def status(self) -> dict[str, object]:
        """Progress, for diagnostics."""
        if not hasattr(self, "explorer"):
            return {}
        return {
            "exploring": self._exploring,
            "coverage": self.explorer.coverage,
            "travelled_m": self.explorer.travelled_m,
            "goals_reached": self.explorer.goals_reached,
            "goals_abandoned": self.explorer.goals_abandoned,
        }

    # Goals.

    def _on_goal(self, goal: Explore.Goal) -> None:
        if self.state != "active":
            self._conclude(Explore.Result.NOT_ACTIVE, "the explorer node is not active; activate it", StopReason.NONE)
            return
        try:
            self._begin(goal.mode, goal.time_limit_s, goal.coverage_goal)
        except BadInputError as error:
            self._conclude(Explore.Result.STUCK, str(error), StopReason.NONE)

    def _begin(self, mode: str, time_limit_s: float, coverage_goal: float) -> None:
        self.explorer.start(mode, time_limit_s, coverage_goal)
        self._exploring, self._begun_ns = True, self._wall_ns()
        self._request = (mode, time_limit_s, coverage_goal)
        self._last_input_ns = self._begun_ns
        self.get_logger().info(f"exploring: {mode}, at most {time_limit_s:.0f} s")

    def _on_cancel(self) -> None:
        self.explorer.cancel()
        self._end(StopReason.CANCELLED, Explore.Result.CANCELLED, "cancelled by the client")

    def _end(self, reason: StopReason, code: int, message: str) -> None:
        """Stop the base and conclude the goal, if there is one."""
        if self._nav2 is not None:
            self._nav2.stop()
        self._drive(0.0, 0.0)
        if self._exploring:
            self._exploring, self._goal_xy = False, None
            self.get_logger().info(f"exploration ended: {reason or message}")
            self._show()
        self._conclude(code, message, reason)

    def _conclude(self, code: int, message: str, reason: StopReason) -> None:
        result = Explore.Result(
            error_code=code,
            message=message,
            stop_reason=str(reason),
            travelled_m=float(self.explorer.travelled_m),
            coverage=float(self.explorer.coverage),
            goals_reached=int(self.explorer.goals_reached),
            goals_abandoned=int(self.explorer.goals_abandoned),
        )
        self._server.conclude(result, success=code == Explore.Result.NONE)

    # Input.

    def _on_info(self, message: CameraInfo) -> None:
        self._info = message

    def _on_depth(self, message: Image) -> None:
        now_ns = self._wall_ns()
        if not self._pending and now_ns - self._last_used_ns < 0.9e9 / self.config.max_update_hz:
            return
        if len(self._pending) > 1:  # the oldest keeps waiting for its pose, so that late transforms starve nobody
            self._pending.pop()
            self.counts["depth_superseded"] += 1
        self._pending.append((message, now_ns))
        self._try_pending()

    def _watch(self) -> None:
        """Twenty times a second: images that wait for their pose, silence, and the picture for RViz."""
        self._try_pending()
        wall_ns = self._wall_ns()
        silent_s = (self.get_clock().now().nanoseconds - self._last_frame_clock_ns) * 1e-9
        if self._exploring and not self._standing and silent_s > self.config.command_hold_s:
            self.counts["stopped_for_silence"] += 1
            self._drive(0.0, 0.0)
        if self._exploring and wall_ns - self._last_input_ns > self.config.input_timeout_s * 1e9:
            code = Explore.Result.NO_POSE if self._pose_problem else Explore.Result.NO_MAP
            what = self._pose_problem or "no depth image with camera_info arrived; see the waiting report in the log"
            self.explorer.cancel()
            self._end(StopReason.NO_POSE if self._pose_problem else StopReason.NONE, code, what)
        if wall_ns - self._last_shown_ns > self.config.publish_period_s * 1e9 and self._last_stamp_ns:
            self._show()

    def _try_pending(self) -> None:
        """Use the oldest waiting image once its pose is known; give it up after ``transform_timeout_s``."""
        if not self._pending or self._info is None:
            return
        message, arrived_ns = self._pending[0]
        try:
            self._update(message, self._info)
            self._pose_problem = None
        except TransformUnavailableError as error:
            if error.may_come and self._wall_ns() - arrived_ns < self.config.transform_timeout_s * 1e9:
                return
            self._pose_problem = str(error)
            self.counts[error.reason] += 1
        except BadInputError as error:
            self._refuse(error)
        self._pending.popleft()

    def _refuse(self, error: BadInputError) -> None:
        self.counts[error.reason] += 1
        self.get_logger().warning(f"depth image refused: {error}", throttle_duration_sec=5.0)
        if error.reason == "stamp_order":
            self.get_logger().warning("time ran back: the floor plan starts anew")
            self._transforms.clear()
            self.explorer = Explorer(self.config.explorer)
            if self._exploring:
                self._begin(*self._request)

    def _update(self, message: Image, info: CameraInfo) -> None:
        stamp_ns = nanoseconds(message.header.stamp)
        frame = message.header.frame_id.lstrip("/")
        T_map_camera = self._transforms.lookup(self.config.map_frame, frame, stamp_ns)
        T_map_base = self._transforms.lookup(self.config.map_frame, self.config.base_frame, stamp_ns)
        depth_m = decode_depth(
            message.data,
            message.height,
            message.width,
            message.encoding,
            step=message.step,
            big_endian=bool(message.is_bigendian),
        )
        turns = self.config.camera_rotation_deg // 90
        camera = turn_camera(depth_camera(info, message.width, message.height), turns)
        T_map_upright = T_map_camera @ turned_frame(turns)
        self.explorer.update(stamp_ns, T_map_base, turn_image(depth_m, turns), camera, T_map_upright)
        self._last_stamp_ns = stamp_ns
        self._last_used_ns = self._last_input_ns = self._wall_ns()
        self._last_frame_clock_ns = self.get_clock().now().nanoseconds
        if self._exploring:
            self._act(self.explorer.step(), T_map_base[:2, 3])

    # Output.

    def _act(self, command: Command, base_xy: Any) -> None:
        if command.done:
            reason = command.stop_reason
            self._end(reason, _ERROR_CODES.get(reason, Explore.Result.NONE), f"exploration ended: {reason}")
            return
        self._goal_xy = command.goal_xy
        if self._nav2 is None or command.goal_xy is None or command.reason in _OWN_MOTION:
            if self._nav2 is not None:
                self._nav2.stop()
            self._drive(command.linear_mps, command.angular_rps)
        else:
            now_ns = self._wall_ns()
            outcome = self._nav2.outcome(now_ns)
            if outcome is not None and outcome.why is not None:
                self.counts[f"nav2_{outcome.why}"] += 1
            self._nav2.drive_to(
                command.goal_xy, np.asarray(base_xy), self.config.map_frame, self._last_stamp_ns, now_ns
            )
        feedback = Explore.Feedback(
            reason=str(command.reason),
            travelled_m=float(self.explorer.travelled_m),
            coverage=float(self.explorer.coverage),
            frontiers=len(self.explorer.frontiers),
        )
        if command.goal_xy is not None:
            feedback.goal = explorer_messages.goal_pose(command.goal_xy, self.config.map_frame, self._last_stamp_ns)
        self._server.feedback(feedback)

    def _drive(self, linear_mps: float, angular_rps: float) -> None:
        """Publish a velocity; standing still is said once."""
        standing = linear_mps == 0 and angular_rps == 0
        if standing and self._standing and not self._exploring:
            return
        self._standing = standing
        twist = Twist()
        twist.linear.x, twist.angular.z = float(linear_mps), float(angular_rps)
        if not self.config.stamped_cmd_vel:
            self._command_publisher.publish(twist)
            return
        stamped = TwistStamped(twist=twist)
        stamped.header.stamp, stamped.header.frame_id = self.get_clock().now().to_msg(), self.config.base_frame
        self._command_publisher.publish(stamped)

    def _show(self) -> None:
        self._last_shown_ns = self._wall_ns()
        frame, stamp_ns, grid = self.config.map_frame, self._last_stamp_ns, self.explorer.grid
        self._map.publish(explorer_messages.grid_message(grid, frame, stamp_ns))
        self._path.publish(explorer_messages.path_message(self.explorer.path, frame, stamp_ns))
        self._frontiers.publish(
            explorer_messages.frontier_markers(self.explorer.frontiers, grid, self._goal_xy, frame, stamp_ns)
        )

    def _wall_ns(self) -> int:
        return int(self.steady_clock.now().nanoseconds)


def depth_camera(info: CameraInfo, width: int, height: int) -> Camera:
    """Intrinsics of a depth image aligned to the camera of ``info``, at its own size.

    Raises:
        BadInputError: ``camera_invalid``, or ``depth_size`` if the aspect ratio differs (the depth is not aligned).
    """
    camera = camera_from_info(info, rectified=False)
    if (width, height) == (camera.width, camera.height):
        return camera
    if not math.isclose(width / height, camera.width / camera.height, rel_tol=0.02):
        raise BadInputError(
            "depth_size",
            f"depth is {width}x{height}, camera_info says {camera.width}x{camera.height}; "
            "publish depth aligned to colour",
        )
    return camera.scaled(width, height)


def main() -> None:
    """Entry point of ``explorer_node``."""
    sys.exit(run_node(ExplorerNode))


if __name__ == "__main__":
    main()
