"""``sim_node``: the MuJoCo apartment as a robot on ROS 2.

Publishes ``/clock``, colour, depth, instances and camera_info of one camera with one stamp, odometry, TF and the truth;
takes ``cmd_vel`` and world edits. The odometry is true unless the ``odometry`` parameters let it drift. Then ``map ->
odom`` (REP-105) comes from one of three localisations: ``true`` undoes the drift at each frame, ``none`` leaves it in
the map, ``slam`` leaves it until the robot returns to an old place: then ``map -> odom`` jumps, and ``pose_graph``
(nav_msgs/Path, poses of the base at the keyframes) says where everything has gone. ``sim/true_pose`` is the truth, for
scoring.

Topics and QoS: docs/architecture.md; JSON of ``sim/edit`` and ``sim/truth``: :mod:`memory_agent_sim.world_messages`;
back-pressure by ``memory/frame_done`` (std_msgs/Header with the stamp of a frame the memory has worked off):
:mod:`memory_agent_sim.pacing`.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped, Twist
from nav_msgs.msg import Odometry, Path
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header, String
from tf2_msgs.msg import TFMessage

from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL, Matrix, inverse
from memory_agent_ros.nodes import qos, tf
from memory_agent_ros.nodes.conversions import camera_info_message, nanoseconds, pose_from_matrix, time_message
from memory_agent_ros.nodes.image_conversion import color_message, depth_message, instances_message
from memory_agent_ros.nodes.node_base import AgentNode, run_node
from memory_agent_ros.nodes.parameters import parameter
from memory_agent_ros.records.errors import BadInputError
from memory_agent_sim import world_messages
from memory_agent_sim.odometry import LoopClosingSlam, OdometryConfig, SlamConfig
from memory_agent_sim.pacing import Pacing, PacingConfig
from memory_agent_sim.simulation import Simulation, SimulationConfig


@dataclass(frozen=True)
class SimNodeConfig:
    """Parameters of ``sim_node``."""

    split: str = parameter("train", "Split of the apartment.", choices=("train", "val", "test"))
    seed: int = parameter(0, "Seed of the apartment within its split, any integer.")
    rooms: int = parameter(0, "Rooms, 3 to 6; 0 leaves it to the seed.", minimum=0, maximum=6)
    width: int = parameter(640, "Image width, pixels.", minimum=32, maximum=1280)
    height: int = parameter(480, "Image height, pixels.", minimum=24, maximum=960)
    rate_hz: float = parameter(5.0, "Camera frames per second of simulated time.", minimum=0.5, maximum=60.0)
    depth_noise: str = parameter("none", "Depth noise model.", choices=("none", "kinect"))
    sensor: str = parameter("render", "OpenGL rendering, or ray casting without it.", choices=("render", "raycast"))
    publish_instances: bool = parameter(True, "Publish instance ids, which the ground-truth detector reads.")
    reliable_images: bool = parameter(False, "Offer images as reliable, so that a subscriber may ask for every one.")
    command_timeout_s: float = parameter(
        0.5, "Simulated seconds after which the base stops without a new command.", minimum=0.05, maximum=10.0
    )
    real_time_factor: float = parameter(
        1.0, "Simulated seconds per second at most; 0 = as fast as it goes.", minimum=0.0, maximum=100.0
    )
    lossless: bool = parameter(True, "Wait for memory/frame_done before more frames than the window are under way.")
    window: int = parameter(2, "Frames that may be under way in lossless mode.", minimum=1, maximum=20)
    frame_timeout_s: float = parameter(
        2.0, "Wall seconds after which a frame under way is given up.", minimum=0.1, maximum=60.0
    )
    command_wait_s: float = parameter(
        0.1, "Wall seconds to wait in lossless mode for the command that answers a frame.", minimum=0.0, maximum=5.0
    )
    odometry: OdometryConfig = field(default_factory=OdometryConfig)
    localization: str = parameter(
        "true",
        "What map -> odom does: the truth, drift, or drift until a loop closes.",
        choices=("true", "none", "slam"),
    )
    slam: SlamConfig = field(default_factory=SlamConfig)
    map_frame: str = parameter("map", "World frame.")
    odom_frame: str = parameter("odom", "Odometry frame.")
    base_frame: str = parameter("base_link", "Base frame.")
    camera_frame: str = parameter("camera_link", "Body frame of the camera.")
    optical_frame: str = parameter("camera_color_optical_frame", "Optical frame of the images.")


class SimNode(AgentNode[SimNodeConfig]):
    """See the module's docstring."""

    node_name = "sim_node"
    config_class = SimNodeConfig

    def setup(self) -> None:
        """Build the apartment and advertise."""
        config = self.config
        self.simulation = Simulation(
            config.split,
            config.seed,
            SimulationConfig(
                width=config.width,
                height=config.height,
                rate_hz=config.rate_hz,
                rooms=config.rooms or None,
                depth_noise=config.depth_noise,
                sensor=config.sensor,
                odometry=config.odometry,
            ),
        )
        self._slam = LoopClosingSlam(config.slam)
        self._command = (0.0, 0.0)
        self._command_stamp_ns = 0
        self._edits: list[dict[str, Any]] = []
        self._errors: list[dict[str, str]] = []
        self._advertise()

    def _advertise(self) -> None:
        images = qos.sensor(5, reliable=self.config.reliable_images)
        self._clock_publisher = self.advertise(Clock, "/clock", qos.reliable(10))
        self._color = self.advertise(Image, "camera/color/image_raw", images)
        self._depth = self.advertise(Image, "camera/depth/image_raw", images)
        self._info = self.advertise(CameraInfo, "camera/color/camera_info", images)
        self._instances = self.advertise(Image, "camera/instances", images)
        self._labels = self.advertise(String, "camera/instance_labels", qos.latched())
        self._odometry = self.advertise(Odometry, "odom", qos.reliable(10))
        self._true_pose = self.advertise(PoseStamped, "sim/true_pose", qos.reliable(10))
        self._pose_graph = self.advertise(Path, "pose_graph", qos.latched())
        self._tf = self.advertise(TFMessage, "/tf", qos.tf())
        self._tf_static = self.advertise(TFMessage, "/tf_static", qos.latched(1))
        self._truth = self.advertise(String, "sim/truth", qos.latched())

    def start(self) -> None:
        """Publish the first frame and let time run."""
        config = self.config
        self._pacing = Pacing(
            PacingConfig(
                real_time_factor=config.real_time_factor,
                lossless=config.lossless,
                window=config.window,
                frame_timeout_s=config.frame_timeout_s,
                command_timeout_s=config.command_wait_s,
            )
        )
        self.subscribe(Twist, "cmd_vel", self._on_command, qos.reliable(1), required=False)
        self.subscribe(String, "sim/edit", self._on_edit, qos.reliable(10), required=False)
        self._done = self.subscribe(Header, "memory/frame_done", self._on_frame_done, qos.reliable(10), required=False)
        self._publish_static()
        self._publish_truth()
        self._publish_frame()
        self.every(0.01, self._tick, clock=self.steady_clock)

    def stop(self) -> None:
        """The base stands still."""
        self._command = (0.0, 0.0)

    def teardown(self) -> None:
        """Free the renderer."""
        simulation = getattr(self, "simulation", None)
        if simulation is not None:
            simulation.close()
            del self.simulation

    def status(self) -> dict[str, object]:
        """Simulated time and back-pressure, for diagnostics."""
        if not hasattr(self, "simulation") or not hasattr(self, "_pacing"):
            return {}
        return {
            "simulated_s": self.simulation.stamp_ns * 1e-9,
            "frames_under_way": self._pacing.frames_under_way,
            "frames_given_up": self._pacing.frames_given_up,
            "collided": self.simulation.collided,
            "loops_closed": self._slam.closures,
        }

    def _tick(self) -> None:
        given_up = self._pacing.frames_given_up
        listens = self.count_publishers(self._done.topic_name) > 0
        if self._pacing.may_step(self.simulation.stamp_ns, time.monotonic(), listens):
            self._step()
        if self._pacing.frames_given_up > given_up:
            self.counts["frames_given_up"] += self._pacing.frames_given_up - given_up
            self.get_logger().warning(
                f"no memory/frame_done within {self.config.frame_timeout_s} s; going on without it",
                throttle_duration_sec=5.0,
            )

    def _step(self) -> None:
        age_s = (self.simulation.stamp_ns - self._command_stamp_ns) * 1e-9
        linear, angular = self._command if age_s <= self.config.command_timeout_s else (0.0, 0.0)
        self.simulation.step(linear, angular)
        self._publish_frame()

    def _on_command(self, message: Twist) -> None:
        linear, angular = float(message.linear.x), float(message.angular.z)
        if not (np.isfinite(linear) and np.isfinite(angular)):
            self.counts["command_not_finite"] += 1
            return
        self._command = (linear, angular)
        self._command_stamp_ns = self.simulation.stamp_ns
        self._pacing.command_received()
        self._tick()

    def _on_frame_done(self, message: Header) -> None:
        self._pacing.frame_done(nanoseconds(message.stamp))
        self._tick()

    def _on_edit(self, message: String) -> None:
        try:
            request, edits = world_messages.parse_edit_request(message.data, self.simulation)
            before = world_messages.centers(self.simulation)
            self.simulation.apply_edits(edits)
            self._edits += world_messages.applied(request, edits, before, self.simulation)
            self.get_logger().info(f"applied {len(edits)} world edits")
        except BadInputError as error:
            self.counts[error.reason] += 1
            self._errors.append({"request": message.data[:200], "message": str(error)})
            self.get_logger().error(str(error))
        self._publish_truth()

    def _publish_frame(self) -> None:
        frame = self.simulation.frame()
        stamp = time_message(frame.stamp_ns)
        self._clock_publisher.publish(Clock(clock=stamp))
        T_odom_base = self.simulation.T_odom_base
        tf.send_transforms(
            self._tf,
            [
                (self.config.map_frame, self.config.odom_frame, frame.stamp_ns, self._localize(frame.stamp_ns)),
                (self.config.odom_frame, self.config.base_frame, frame.stamp_ns, T_odom_base),
            ],
        )
        self._true_pose.publish(self._stamped_pose(frame.stamp_ns, self.simulation.T_map_base))
        odometry = Odometry(child_frame_id=self.config.base_frame)
        odometry.header.stamp, odometry.header.frame_id = stamp, self.config.odom_frame
        odometry.pose.pose = pose_from_matrix(T_odom_base)
        odometry.twist.twist.linear.x, odometry.twist.twist.angular.z = self._command
        self._odometry.publish(odometry)
        optical = self.config.optical_frame
        self._info.publish(camera_info_message(frame.camera, optical, stamp))
        if self.config.publish_instances and frame.instances is not None:
            self._instances.publish(instances_message(frame.instances, optical, stamp))
        self._depth.publish(depth_message(frame.depth_m, optical, stamp))
        self._color.publish(color_message(frame.rgb, optical, stamp))
        self._pacing.frame_sent(frame.stamp_ns, time.monotonic())

    def _localize(self, stamp_ns: int) -> Matrix:
        """(4, 4) ``T_map_odom``; a loop that closes is told before the frame that it changes."""
        T_map_base, T_odom_base = self.simulation.T_map_base, self.simulation.T_odom_base
        if self.config.localization == "true":
            return T_map_base @ inverse(T_odom_base)
        if self.config.localization == "none":
            return np.eye(4)
        if self._slam.update(stamp_ns, T_odom_base, T_map_base):
            nodes = zip(self._slam.stamps_ns, self._slam.poses, strict=True)
            path = Path(poses=[self._stamped_pose(stamp, T) for stamp, T in nodes])
            path.header.frame_id, path.header.stamp = self.config.map_frame, time_message(stamp_ns)
            self._pose_graph.publish(path)
            self.get_logger().info(f"loop {self._slam.closures} closed, {len(path.poses)} keyframes corrected")
        return self._slam.T_map_odom

    def _stamped_pose(self, stamp_ns: int, T_map_base: Matrix) -> PoseStamped:
        pose = PoseStamped(pose=pose_from_matrix(T_map_base))
        pose.header.frame_id, pose.header.stamp = self.config.map_frame, time_message(stamp_ns)
        return pose

    def _publish_static(self) -> None:
        config = self.config
        T_link_optical = np.eye(4)
        T_link_optical[:3, :3] = R_BODY_OPTICAL
        T_base_link = self.simulation.T_base_camera @ inverse(T_link_optical)
        stamp_ns = self.simulation.stamp_ns
        tf.send_transforms(
            self._tf_static,
            [
                (config.base_frame, config.camera_frame, stamp_ns, T_base_link),
                (config.camera_frame, config.optical_frame, stamp_ns, T_link_optical),
            ],
        )

    def _publish_truth(self) -> None:
        labels = {str(number): label for number, label in self.simulation.labels.items()}
        self._labels.publish(String(data=json.dumps(labels)))
        document = world_messages.truth_document(
            self.simulation, self.config.split, self.config.seed, self._edits, self._errors
        )
        self._truth.publish(String(data=json.dumps(document)))


def main() -> None:
    """Entry point of ``sim_node``."""
    sys.exit(run_node(SimNode))


if __name__ == "__main__":
    main()
