"""Wheel odometry that drifts, and a simple SLAM on top of it that closes loops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import Matrix, inverse, planar, yaw_of
from memory_agent_ros.records.errors import BadInputError


@dataclass(frozen=True)
class OdometryConfig:
    """Errors of the wheels. All zero: the odometry is true.

    Attributes:
        length_bias, turn_bias: share by which driven lengths and turns are measured too long, -0.2 to 0.2.
        noise_per_m: standard deviation of the measured way after one metre, metres, 0 to 0.5.
        yaw_noise_per_m: standard deviation of the heading after one metre driven, radians, 0 to 0.5.
        yaw_noise_per_rad: standard deviation of the heading after one radian turned, radians, 0 to 0.5.
    """

    length_bias: float = 0.0
    turn_bias: float = 0.0
    noise_per_m: float = 0.0
    yaw_noise_per_m: float = 0.0
    yaw_noise_per_rad: float = 0.0

    def __post_init__(self) -> None:
        biases, noises = (
            (self.length_bias, self.turn_bias),
            (
                self.noise_per_m,
                self.yaw_noise_per_m,
                self.yaw_noise_per_rad,
            ),
        )
        if not all(abs(b) <= 0.2 for b in biases) or not all(0 <= n <= 0.5 for n in noises):
            raise BadInputError("simulation_config", "odometry biases must be within +-0.2, its noises within 0 to 0.5")


class WheelOdometry:
    """Chains what the wheels measure of each motion; starts where the robot starts.

    Args:
        config: the errors.
        T_map_base: (4, 4) true pose at the start.
        seed: of the noise.
    """

    def __init__(self, config: OdometryConfig, T_map_base: Matrix, seed: int) -> None:
        self.config = config
        self._rng = np.random.default_rng([seed % 2**32, 23])
        self._true = T_map_base.copy()
        self.T_odom_base = T_map_base.copy()

    def moved(self, T_map_base: Matrix) -> Matrix:
        """Take in the next true pose; returns the measured (4, 4) pose of the base in ``odom``."""
        c, step = self.config, inverse(self._true) @ T_map_base
        self._true = T_map_base.copy()
        way, turn = float(np.linalg.norm(step[:2, 3])), yaw_of(step)
        noise = self._rng.normal(size=4)
        ahead = step[0, 3] * (1 + c.length_bias) + c.noise_per_m * np.sqrt(way) * noise[0]
        aside = step[1, 3] + 0.3 * c.noise_per_m * np.sqrt(way) * noise[1]
        turn *= 1 + c.turn_bias
        turn += c.yaw_noise_per_m * np.sqrt(way) * noise[2] + c.yaw_noise_per_rad * np.sqrt(abs(turn)) * noise[3]
        self.T_odom_base = self.T_odom_base @ planar(float(ahead), float(aside), float(turn))
        return self.T_odom_base


@dataclass(frozen=True)
class SlamConfig:
    """When the simulated SLAM lays keyframes and closes loops.

    Attributes:
        keyframe_m, keyframe_rad: motion between keyframes, 0.05 to 5 and 0.05 to 3.
        closure_m, closure_rad: a loop closes where the robot is this near an old keyframe and looks the same way.
        apart_m: way that must have been driven since that keyframe, and since the last closure, 0.1 to 1000.
    """

    keyframe_m: float = 0.5
    keyframe_rad: float = 0.5
    closure_m: float = 0.5
    closure_rad: float = 0.5
    apart_m: float = 10.0


class LoopClosingSlam:
    """Follows the odometry until the robot returns to an old place; then every keyframe gets its true pose.

    A stand-in for a SLAM system: what matters to those who listen is that ``map -> odom`` is smooth, then jumps, and
    that the corrected poses of all keyframes come with the jump.

    Attributes:
        T_map_odom: (4, 4) its estimate.
        stamps_ns: of the keyframes; ``closures`` how many loops were closed.
    """

    def __init__(self, config: SlamConfig) -> None:
        self.config = config
        self.T_map_odom: Matrix = np.eye(4)
        self.closures = 0
        self.stamps_ns: list[int] = []
        self._estimates: list[Matrix] = []
        self._true: list[Matrix] = []
        self._ways: list[float] = []
        self._way = 0.0
        self._closed_at = 0.0
        self._last: Matrix | None = None

    @property
    def poses(self) -> NDArray[np.float64]:
        """(N, 4, 4) poses of the base at the keyframes, in the map as it is now."""
        return np.stack(self._estimates) if self._estimates else np.zeros((0, 4, 4))

    def update(self, stamp_ns: int, T_odom_base: Matrix, T_map_base: Matrix) -> bool:
        """Take in one step with its true pose; whether a loop was closed."""
        if self._last is not None:
            self._way += float(np.linalg.norm(T_map_base[:2, 3] - self._last[:2, 3]))
        self._last = T_map_base.copy()
        closed = self._returns(T_map_base)
        if closed:
            self._estimates = [T.copy() for T in self._true]
            self.T_map_odom = T_map_base @ inverse(T_odom_base)
            self._closed_at = self._way
            self.closures += 1
        if closed or self._wants_keyframe(T_map_base):
            self.stamps_ns.append(stamp_ns)
            self._estimates.append(self.T_map_odom @ T_odom_base)
            self._true.append(T_map_base.copy())
            self._ways.append(self._way)
        return closed

    def _returns(self, T_map_base: Matrix) -> bool:
        c = self.config
        if self._way - self._closed_at < c.apart_m:
            return False
        old = [k for k, way in enumerate(self._ways) if self._way - way >= c.apart_m]
        return any(_near(self._true[k], T_map_base, c.closure_m, c.closure_rad) for k in old)

    def _wants_keyframe(self, T_map_base: Matrix) -> bool:
        last = self._true[-1] if self._true else None
        return last is None or not _near(last, T_map_base, self.config.keyframe_m, self.config.keyframe_rad)


def _near(A: Matrix, B: Matrix, metres: float, radians: float) -> bool:
    return float(np.linalg.norm(A[:2, 3] - B[:2, 3])) < metres and abs(yaw_of(inverse(A) @ B)) < radians
