"""Differential-drive base with a mast: two slides, a yaw hinge, velocity actuators, limited speed and acceleration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import R_BODY_OPTICAL, planar

CAMERA_NAME = "color_optical"
ROBOT_GROUP = 3
BASE_RADIUS = 0.20
BASE_HEIGHT = 1.30


@dataclass(frozen=True)
class RobotConfig:
    """Limits and mounting.

    Attributes:
        max_linear_mps, max_angular_rps: speed limits, metres and radians per second.
        max_linear_mps2, max_angular_rps2: acceleration limits.
        camera_height_m, camera_forward_m: optical centre in the base frame, metres.
        camera_pitch_rad: how far the camera looks down, radians.
    """

    max_linear_mps: float = 0.7
    max_angular_rps: float = 1.5
    max_linear_mps2: float = 1.0
    max_angular_rps2: float = 4.0
    camera_height_m: float = 1.2
    camera_forward_m: float = 0.05
    camera_pitch_rad: float = 0.30

    @property
    def T_base_camera(self) -> NDArray[np.float64]:  # noqa: N802
        """(4, 4) pose of the optical frame (z forward, x right, y down) in ``base_link``."""
        c, s = np.cos(self.camera_pitch_rad), np.sin(self.camera_pitch_rad)
        T = np.eye(4)
        T[:3, :3] = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]) @ R_BODY_OPTICAL
        T[:3, 3] = [self.camera_forward_m, 0.0, self.camera_height_m]
        return T


def add_robot(spec: Any, config: RobotConfig, fovy_deg: float) -> None:
    """Put the base with its camera into a ``mujoco.MjSpec`` at the origin of the map."""
    import mujoco

    body = spec.worldbody.add_body(name="base")
    for name, kind, axis in (
        ("base_x", mujoco.mjtJoint.mjJNT_SLIDE, [1, 0, 0]),
        ("base_y", mujoco.mjtJoint.mjJNT_SLIDE, [0, 1, 0]),
        ("base_yaw", mujoco.mjtJoint.mjJNT_HINGE, [0, 0, 1]),
    ):
        body.add_joint(name=name, type=kind, axis=axis)
        gain = 40.0 if kind == mujoco.mjtJoint.mjJNT_HINGE else 400.0
        actuator = spec.add_actuator(name=f"{name}_speed", target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
        actuator.set_to_velocity(kv=gain)
        actuator.forcerange = [-gain, gain]
        actuator.forcelimited = True
    cylinder = mujoco.mjtGeom.mjGEOM_CYLINDER
    half = (BASE_HEIGHT - 0.04) / 2
    body.add_geom(
        name="base_collision",
        type=cylinder,
        size=[BASE_RADIUS, half, 0],
        pos=[0, 0, 0.04 + half],
        group=4,
        mass=20.0,
        friction=[0.2, 0.005, 0.0001],
        contype=1,
        conaffinity=1,
    )
    for radius, low, high, rgba in (
        (BASE_RADIUS, 0.03, 0.14, [0.15, 0.16, 0.18, 1]),
        (0.18, 0.14, 0.22, [0.85, 0.85, 0.87, 1]),
        (0.025, 0.22, 1.12, [0.4, 0.4, 0.42, 1]),
        (0.05, 1.12, 1.26, [0.1, 0.1, 0.1, 1]),
    ):
        body.add_geom(
            type=cylinder,
            size=[radius, (high - low) / 2, 0],
            pos=[0, 0, (high + low) / 2],
            group=ROBOT_GROUP,
            rgba=rgba,
            mass=0,
            contype=0,
            conaffinity=0,
        )
    T = config.T_base_camera
    quaternion = np.zeros(4)
    # MuJoCo's camera looks along -z with y up: the optical frame turned half a turn about x.
    mujoco.mju_mat2Quat(quaternion, (T[:3, :3] @ np.diag([1.0, -1.0, -1.0])).ravel())
    body.add_camera(name=CAMERA_NAME, pos=T[:3, 3], quat=quaternion, fovy=fovy_deg)


@dataclass
class Drive:
    """Turns velocity commands into actuator targets under the limits; holds the speeds of the last step."""

    config: RobotConfig
    linear_mps: float = 0.0
    angular_rps: float = 0.0

    def target(self, linear_mps: float, angular_rps: float, yaw: float, dt: float) -> NDArray[np.float64]:
        """(3,) targets of the x, y and yaw actuators after ``dt`` seconds towards the command."""
        c = self.config
        wanted_v = float(np.clip(linear_mps, -c.max_linear_mps, c.max_linear_mps))
        wanted_w = float(np.clip(angular_rps, -c.max_angular_rps, c.max_angular_rps))
        self.linear_mps += float(np.clip(wanted_v - self.linear_mps, -c.max_linear_mps2 * dt, c.max_linear_mps2 * dt))
        self.angular_rps += float(
            np.clip(wanted_w - self.angular_rps, -c.max_angular_rps2 * dt, c.max_angular_rps2 * dt)
        )
        return np.array([self.linear_mps * np.cos(yaw), self.linear_mps * np.sin(yaw), self.angular_rps])


def base_pose(qpos: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, 4) pose of ``base_link`` in the map from the joint positions x, y, yaw."""
    return planar(float(qpos[0]), float(qpos[1]), float(qpos[2]))
