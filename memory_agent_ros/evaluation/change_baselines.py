"""Two plain rules of what is gone, on the map of a memory without negative evidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.pinhole import project_map
from memory_agent_ros.geometry.voxels import voxel_keys
from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.observation import Observation

#: What was tried on ``val``, equally many settings each; and what was best there.
AGE_OUT_GRID_S = (20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0, 120.0, 130.0, 140.0, 150.0, 160.0,
                  180.0, 200.0, 240.0)  # fmt: skip
AGE_OUT_S = 90.0
_MARGINS_M, _RANGES_M, _SHARES = (0.1, 0.2), (2.0, 3.0, 5.0), (0.5, 0.7, 0.9)
CLEARING_GRID = tuple((m, r, s) for m in _MARGINS_M for r in _RANGES_M for s in _SHARES)
CLEARING = (0.1, 5.0, 0.9)

_VOXEL_M = 0.05


def aged_out(objects: Sequence[MapObject], now_ns: int, after_s: float) -> set[int]:
    """Ids of the objects not seen for longer than ``after_s``."""
    return {o.id for o in objects if now_ns - o.last_seen_ns > after_s * 1e9}


class VoxelClearing:
    """DynaMem's rule (arXiv 2411.04999, section III-A): voxels that a depth image sees through are removed.

    A voxel of 5 cm is removed if it projects into the image and lies nearer than both a range limit and the measured
    depth less a margin. It comes back when an observation of the object's label fills it. An object is gone once the
    larger part of its voxels is removed. All settings of :data:`CLEARING_GRID` run side by side.

    Attributes:
        removed: (margins * ranges, N) voxels that are empty now.
    """

    def __init__(self, objects: Sequence[MapObject]) -> None:
        self._ids = [o.id for o in objects]
        clouds = [_voxels(o.points_map) for o in objects]
        self._owner = np.repeat(np.arange(len(clouds)), [len(c) for c in clouds])
        self._points = np.concatenate(clouds) if clouds else np.zeros((0, 3), dtype=np.float32)
        self._keys = voxel_keys(self._points, _VOXEL_M)
        self._labels = np.array([normal_label(objects[i].label) for i in self._owner.tolist()], dtype=object)
        self.removed = np.zeros((len(_MARGINS_M) * len(_RANGES_M), len(self._points)), dtype=bool)

    def update(self, frame: Frame, observations: Sequence[Observation]) -> None:
        """Take in one image."""
        camera = frame.depth_camera or frame.camera
        uv, z = project_map(camera.K, frame.T_map_camera, self._points)
        with np.errstate(invalid="ignore"):
            pixel = np.rint(uv)
            inside = (z > 0.05) & (pixel >= 0).all(axis=1) & (pixel < [camera.width, camera.height]).all(axis=1)
        at = np.where(inside[:, None], pixel, 0).astype(np.intp)
        depth = frame.depth_m[at[:, 1], at[:, 0]]
        for row, (margin, limit) in enumerate((m, r) for m in _MARGINS_M for r in _RANGES_M):
            self.removed[row] |= inside & (depth > 0) & (z < np.minimum(limit, depth - margin))
        for obs in observations:
            own = self._labels == normal_label(obs.label)
            self.removed[:, own & np.isin(self._keys, voxel_keys(obs.points_map, _VOXEL_M))] = False

    def gone(self, setting: tuple[float, float, float]) -> set[int]:
        """Ids of the objects of which a share of the voxels is removed, for (margin, range, share)."""
        margin, limit, share = setting
        removed = self.removed[_MARGINS_M.index(margin) * len(_RANGES_M) + _RANGES_M.index(limit)]
        total = np.bincount(self._owner, minlength=len(self._ids))
        lost = np.bincount(self._owner[removed], minlength=len(self._ids))
        return {i for i, n, k in zip(self._ids, total.tolist(), lost.tolist(), strict=True) if k >= share * max(n, 1)}


def _voxels(points: NDArray[np.float32]) -> NDArray[np.float32]:
    _, first = np.unique(voxel_keys(points, _VOXEL_M), return_index=True)
    return points[first]
