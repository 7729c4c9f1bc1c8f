"""Where the camera was at every frame, by the localisation of its time and with the corrections since."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from memory_agent_ros.geometry.se3 import Matrix
from memory_agent_ros.memory.anchors.corrections import interpolate_rigid
from memory_agent_ros.records.anchor import AnchorPose

#: The way driven is counted in micrometres; a turn counts as so many metres for each radian, for it lets odometry
#: drift too.
_UNIT_M, _TURN_M = 1e-6, 0.3

Matrices = NDArray[np.float64]


class PoseHistory:
    """Stamps, poses in the map as it is now, and the way driven, of the frames since the node started."""

    def __init__(self) -> None:
        self._stamps: list[int] = []
        self._poses: list[Matrix] = []
        self._ways: list[int] = []

    def add(self, stamp_ns: int, T_map_camera: Matrix) -> None:
        """Append a frame; stamps must rise, others are left out."""
        if self._stamps and stamp_ns <= self._stamps[-1]:
            return
        way = 0
        if self._stamps:
            last = self._poses[-1]
            moved = float(np.linalg.norm(T_map_camera[:3, 3] - last[:3, 3]))
            turned = float(Rotation.from_matrix(last[:3, :3].T @ T_map_camera[:3, :3]).magnitude())
            way = self._ways[-1] + int((moved + _TURN_M * turned) / _UNIT_M)
        self._stamps.append(stamp_ns)
        self._poses.append(T_map_camera)
        self._ways.append(way)

    def with_anchors(self, anchors: Mapping[int, AnchorPose]) -> PoseHistory:
        """This history and the anchors laid before it began."""
        out = PoseHistory()
        first = self._stamps[0] if self._stamps else 1 << 62
        earlier = sorted((a for a in anchors.values() if a.stamp_ns < first), key=lambda a: a.stamp_ns)
        out._stamps = [a.stamp_ns for a in earlier] + self._stamps
        out._poses = [a.T_map_camera for a in earlier] + self._poses
        out._ways = [-1] * len(earlier) + self._ways
        return out

    def at(self, stamps_ns: NDArray[np.int64]) -> Matrices:
        """(N, 4, 4) poses at (N,) stamps, between the frames around each, held beyond the ends."""
        known, poses = np.array(self._stamps, dtype=np.int64), np.stack(self._poses)
        after = np.clip(np.searchsorted(known, stamps_ns), 0, len(known) - 1)
        places = np.stack([np.interp(stamps_ns, known, poses[:, k, 3]) for k in range(3)], axis=1)
        base = poses[after]
        motion = interpolate_rigid(known, poses @ np.linalg.inv(poses[0]), stamps_ns, np.zeros((len(stamps_ns), 3)))
        out = base.copy()
        out[:, :3, :3] = motion[:, :3, :3] @ poses[0][:3, :3]
        out[:, :3, 3] = places
        return out

    def moved(self, stamps_ns: NDArray[np.int64], C: Matrices) -> dict[int, Matrix]:
        """Stamp -> pose after corrections (K, 4, 4) that are known at (K,) stamps."""
        return dict(zip(self._stamps, self._corrected(stamps_ns, C, self._stamps), strict=True))

    def moved_by_way(self, ways: NDArray[np.int64], C: Matrices) -> dict[int, Matrix]:
        """Stamp -> pose after corrections (K, 4, 4) that are known at (K,) ways driven."""
        return dict(zip(self._stamps, self._corrected(ways, C, self._ways), strict=True))

    def correct(self, stamps_ns: NDArray[np.int64], C: Matrices) -> None:
        """Take over what :meth:`moved` gives."""
        if self._stamps:
            self._poses = list(self._corrected(stamps_ns, C, self._stamps))

    def correct_by_way(self, ways: NDArray[np.int64], C: Matrices) -> None:
        """Take over what :meth:`moved_by_way` gives."""
        self._poses = list(self._corrected(ways, C, self._ways))

    def ends(self, since_ns: int) -> NDArray[np.int64] | None:
        """(2,) way driven at a stamp, and now; None before the first frame."""
        if not self._stamps:
            return None
        first = min(int(np.searchsorted(self._stamps, since_ns)), len(self._ways) - 1)
        return np.array([self._ways[first], max(self._ways[-1], self._ways[first] + 1)], dtype=np.int64)

    def _corrected(self, known: NDArray[np.int64], C: Matrices, at: list[int]) -> Matrices:
        poses = np.stack(self._poses)
        return interpolate_rigid(known, C, np.array(at, dtype=np.int64), poses[:, :3, 3]) @ poses
