"""Errors put on a walk when it is replayed: of the pose, and of the detector. The same for every arm."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from memory_agent_ros.geometry.boxes import axis_aligned_box, upright_box
from memory_agent_ros.memory.association.frame_alignment import moved
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.observation import Observation

FAMILIES = ("gaussian", "drift", "heavy_tail")


class PoseError(Protocol):
    """What turns true poses into those the memory is told."""

    @property
    def covariance(self) -> NDArray[np.float64]:
        """(6, 6) covariance that the localiser reports."""
        ...

    def draw(self, T_map_camera: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 4, 4) true poses -> (N, 4, 4) poses with errors."""
        ...


@dataclass(frozen=True)
class PoseNoise:
    """Error of the camera's pose.

    Attributes:
        position_m: root mean square length of the position error.
        rotation_deg: root mean square angle of the rotation error, about a random axis.
        family: ``gaussian``: drawn anew for each image. ``drift``: a random walk pulled back to zero, correlated over
            about 20 images. ``heavy_tail``: Student's t with 2.5 degrees of freedom, scaled to the same median.
        seed: of the draws.
    """

    position_m: float = 0.0
    rotation_deg: float = 0.0
    family: str = "gaussian"
    seed: int = 0

    def draw(self, T_map_camera: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 4, 4) true poses -> (N, 4, 4) poses with errors."""
        rng = np.random.default_rng([self.seed % 2**32, FAMILIES.index(self.family)])
        unit = self._standard(rng, len(T_map_camera)) / np.sqrt(3.0)
        out = np.array(T_map_camera, dtype=np.float64)
        turn = Rotation.from_rotvec(unit[:, 3:] * np.deg2rad(self.rotation_deg))
        out[:, :3, :3] = turn.as_matrix() @ out[:, :3, :3]
        out[:, :3, 3] += unit[:, :3] * self.position_m
        return out

    @property
    def covariance(self) -> NDArray[np.float64]:
        """(6, 6) covariance a localiser would report."""
        position, angle = self.position_m**2 / 3, np.deg2rad(self.rotation_deg) ** 2 / 3
        return np.diag([*[position + 1e-9] * 3, *[angle + 1e-9] * 3])

    def _standard(self, rng: np.random.Generator, count: int) -> NDArray[np.float64]:
        """(N, 6) draws with unit variance (heavy tails: the median magnitude of a normal)."""
        normal = rng.standard_normal((count, 6))
        if self.family == "heavy_tail":
            return np.asarray(rng.standard_t(2.5, (count, 6)) * 0.6745 / 0.7649)
        if self.family == "drift":
            keep = np.exp(-1.0 / 20.0)
            for n in range(1, count):
                normal[n] = keep * normal[n - 1] + np.sqrt(1.0 - keep**2) * normal[n]
        return normal


def moved_observation(obs: Observation, T: NDArray[np.float64]) -> Observation:
    """An observation as it would have been with the camera's pose multiplied from the left by (4, 4) ``T``.

    Its box is fitted anew.
    """
    out = moved(obs, T)
    points = out.points_map
    center, size, yaw = upright_box(points) if len(points) >= 8 else axis_aligned_box(points)
    return dataclasses.replace(out, box=OrientedBox(center, size, yaw))


def kept(count: int, miss: float, seed: Sequence[int]) -> NDArray[np.bool_]:
    """(count,) which detections are not missed, beside what the detector itself missed."""
    return np.asarray(np.random.default_rng(list(seed)).random(count) >= miss)
