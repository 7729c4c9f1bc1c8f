"""Wheel odometry's drift on a walk, and what a pose graph makes of it after a loop closure."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import inverse, planar

#: Standard deviations: bias of length and of turn, noise per root metre (ahead, aside, heading) and root radian.
_LENGTH_BIAS, _TURN_BIAS = 0.01, 0.01
_AHEAD_NOISE, _SIDE_NOISE, _VEER_NOISE, _TURN_NOISE = 0.005, 0.002, 0.01, 0.01
#: Draws of which the one whose position error comes nearest to what is wanted is taken.
_DRAWS = 300


@dataclass(frozen=True, eq=False)
class OdometryDrift:
    """Poses as wheel odometry gives them: the error grows with the way driven and turned, and is never pulled back.

    Increments of the true motion get a bias and noise proportional to motion, and are chained. The error of the heading
    is scaled to reach ``rotation_deg`` at its largest; of many draws the one is taken whose position error comes
    nearest to ``position_m``. Neighbouring poses fit each other, as those of wheels do.

    Attributes:
        T_map_base: (N, 4, 4) true poses of the base.
        position_m, rotation_deg: largest errors.
        seed: of the draws.
        covariance: (6, 6) what the localiser reports: it does not know that it drifts.
    """

    T_map_base: NDArray[np.float64]
    position_m: float = 1.0
    rotation_deg: float = 10.0
    seed: int = 0
    covariance: NDArray[np.float64] = field(default_factory=lambda: np.eye(6) * 1e-6)

    def draw(self, T_map_camera: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 4, 4) true camera poses of the walk -> poses by drifting odometry."""
        told = self._base()
        return np.stack([B @ inverse(A) @ T for A, B, T in zip(self.T_map_base, told, T_map_camera, strict=True)])

    def _base(self) -> NDArray[np.float64]:
        rng = np.random.default_rng([self.seed % 2**32, 41])
        xy, yaw = self.T_map_base[:, :2, 3], _yaws(self.T_map_base)
        move, turn = np.diff(xy, axis=0), np.diff(yaw)
        way, spin = np.sqrt(np.linalg.norm(move, axis=1)), np.sqrt(np.abs(turn))
        best: tuple[float, NDArray[np.float64], NDArray[np.float64]] | None = None
        for _ in range(_DRAWS):
            noise = rng.normal(size=(4, len(move)))
            veer = rng.normal(0, _TURN_BIAS) * turn + _VEER_NOISE * way * noise[0] + _TURN_NOISE * spin * noise[1]
            error = np.concatenate([[0.0], np.cumsum(veer)])
            error *= np.deg2rad(self.rotation_deg) / max(float(np.abs(error).max()), 1e-9)
            c, s = np.cos(error[:-1]), np.sin(error[:-1])
            turned = np.stack([c * move[:, 0] - s * move[:, 1], s * move[:, 0] + c * move[:, 1]], axis=1)
            turned *= 1 + rng.normal(0, _LENGTH_BIAS)
            turned += (_AHEAD_NOISE * way * noise[2])[:, None] * _unit(turned)
            turned += (_SIDE_NOISE * way * noise[3])[:, None] * _unit(turned)[:, ::-1] * [-1, 1]
            told = xy[0] + np.concatenate([np.zeros((1, 2)), np.cumsum(turned, axis=0)])
            miss = abs(float(np.linalg.norm(told - xy, axis=1).max()) - self.position_m)
            if best is None or miss < best[0]:
                best = miss, told, error
        assert best is not None
        out = np.stack([planar(0.0, 0.0, float(e)) @ T for e, T in zip(best[2], self.T_map_base, strict=True)])
        out[:, :3, 3] = np.column_stack([best[1], self.T_map_base[:, 2, 3]])
        return out


def _yaws(T: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.unwrap(np.arctan2(T[:, 1, 0], T[:, 0, 0]))


def _unit(steps: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(steps / np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1e-9))
