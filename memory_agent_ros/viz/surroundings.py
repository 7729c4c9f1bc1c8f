"""Gathers a thin coloured point cloud of everything seen, as the background of a top-down picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.pinhole import unproject_depth, valid_depth
from memory_agent_ros.geometry.se3 import transform_points
from memory_agent_ros.geometry.voxels import voxel_keys
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.viz.scene import ScenePoints


class Surroundings:
    """One point per voxel, the first seen.

    Args:
        voxel_m: edge of a voxel, metres.
        maximum_z_m: points higher than this are left out (ceilings hide what is below).
        stride: every n-th pixel of the depth image.
        every: every n-th frame.
    """

    def __init__(self, voxel_m: float = 0.03, maximum_z_m: float = 1.6, stride: int = 4, every: int = 4) -> None:
        self.voxel_m = voxel_m
        self.maximum_z_m = maximum_z_m
        self.stride = stride
        self.every = every
        self._frames = 0
        self._keys: NDArray[np.int64] = np.zeros(0, np.int64)
        self._points: list[NDArray[np.float32]] = []
        self._rgb: list[NDArray[np.uint8]] = []

    def add(self, frame: Frame) -> None:
        """Take a frame's points."""
        self._frames += 1
        if (self._frames - 1) % self.every:
            return
        camera = frame.depth_camera or frame.camera
        good = valid_depth(frame.depth_m[:: self.stride, :: self.stride], 0.3, 6.0)
        points = transform_points(frame.T_map_camera, unproject_depth(camera.K, frame.depth_m, self.stride)[good])
        rows, columns = (np.nonzero(good)[i] * self.stride for i in (0, 1))
        u = columns * frame.camera.width // camera.width
        rgb = frame.rgb[rows * frame.camera.height // camera.height, u]
        low = points[:, 2] < self.maximum_z_m
        points, rgb = points[low].astype(np.float32), rgb[low]
        keys, first = np.unique(voxel_keys(points, self.voxel_m), return_index=True)
        new = ~np.isin(keys, self._keys)
        self._keys = np.union1d(self._keys, keys)
        self._points.append(points[first[new]])
        self._rgb.append(rgb[first[new]])

    def points(self) -> ScenePoints:
        """Everything gathered so far."""
        if not self._points:
            return ScenePoints(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8))
        return ScenePoints(np.concatenate(self._points), np.concatenate(self._rgb))
