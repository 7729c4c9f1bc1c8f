"""Wheel odometry's drift on a walk, and what a pose graph makes of it after a loop closure."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import inverse, planar

#: Shape of the error before it is scaled: bias of the length and of the turn, noise per root metre and root radian.
_LENGTH_BIAS, _TURN_BIAS = 0.02, 0.01
_LENGTH_NOISE, _SIDE_NOISE, _TURN_NOISE, _VEER_NOISE = 0.02, 0.01, 0.02, 0.01


@dataclass(frozen=True, eq=False)
class OdometryDrift:
    """Poses as wheel odometry gives them: the error grows with the way driven and turned, and is never pulled back.

    Increments of the true motion get a random bias and noise proportional to motion, and are chained. The errors of
    position and heading are then scaled so that they reach ``position_m`` and ``rotation_deg`` at their largest.

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
        length_bias, turn_bias = rng.normal(0, _LENGTH_BIAS), rng.normal(0, _TURN_BIAS)
        chained = [self.T_map_base[0]]
        for A, B in zip(self.T_map_base[:-1], self.T_map_base[1:], strict=True):
            step = inverse(A) @ B
            way = float(np.linalg.norm(step[:2, 3]))
            turn = float(np.arctan2(step[1, 0], step[0, 0]))
            ahead = step[0, 3] * (1 + length_bias) + rng.normal(0, _LENGTH_NOISE) * np.sqrt(way)
            side = step[1, 3] + rng.normal(0, _SIDE_NOISE) * np.sqrt(way)
            veer = rng.normal(0, _TURN_NOISE) * np.sqrt(abs(turn)) + rng.normal(0, _VEER_NOISE) * np.sqrt(way)
            chained.append(chained[-1] @ planar(ahead, side, turn * (1 + turn_bias) + veer))
        return self._scaled(np.stack(chained))

    def _scaled(self, odometry: NDArray[np.float64]) -> NDArray[np.float64]:
        off = odometry[:, :3, 3] - self.T_map_base[:, :3, 3]
        turned = np.unwrap(_yaws(odometry) - _yaws(self.T_map_base))
        off *= self.position_m / max(float(np.linalg.norm(off, axis=1).max()), 1e-9)
        turned *= np.deg2rad(self.rotation_deg) / max(float(np.abs(turned).max()), 1e-9)
        out = []
        for T, offset, angle in zip(self.T_map_base, off, turned, strict=True):
            told = planar(0.0, 0.0, float(angle)) @ T
            told[:3, 3] = T[:3, 3] + offset
            out.append(told)
        return np.stack(out)


def _yaws(T: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.unwrap(np.arctan2(T[:, 1, 0], T[:, 0, 0]))
