"""One posed RGB-D image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.observation_source import UNNAMED, ObservationSource
from memory_agent_ros.records.rigid import rigid_fault


@dataclass(frozen=True, eq=False)
class Frame:
    """A rectified, depth-aligned RGB-D image with the camera pose at its stamp.

    Attributes:
        stamp_ns: acquisition time, integer nanoseconds.
        rgb: (H, W, 3) uint8.
        depth_m: (h, w) float32 planar z in metres; 0, NaN and infinity mean "no reading".
            ``h, w`` equal the camera's size (a coarser depth must be given with its own ``depth_camera``).
        camera: intrinsics of ``rgb`` (and of ``depth_m`` when ``depth_camera`` is None).
        T_map_camera: (4, 4) float64, pose of the optical frame (z forward, x right, y down) in ``frame_id``.
        frame_id: world frame of the pose, REP-105 ``map`` by default.
        camera_frame_id: name of the optical frame.
        pose_covariance: (6, 6) x, y, z, roll, pitch, yaw covariance of the pose, or None if unknown.
        depth_camera: intrinsics of ``depth_m`` if its size differs from ``rgb`` (same optical centre and axes).
        instances: (H, W) int32 ground-truth instance ids, simulation only, 0 = background.
        source: which sensor and which models the observations that go with it come from.
        received_ns: when it arrived, by the clock of ``stamp_ns``; None if nobody looked at the clock.
        extrinsics_known: False if the camera's place on the robot is a guess.

    Raises:
        BadInputError: with reason ``pose_not_finite``, ``pose_not_rigid``, ``pose_covariance``, ``color_shape``,
            ``depth_size``, ``depth_dtype``.
    """

    stamp_ns: int
    rgb: NDArray[np.uint8]
    depth_m: NDArray[np.float32]
    camera: Camera
    T_map_camera: NDArray[np.float64]
    frame_id: str = "map"
    camera_frame_id: str = "camera_color_optical_frame"
    pose_covariance: NDArray[np.float64] | None = None
    depth_camera: Camera | None = None
    instances: NDArray[np.int32] | None = None
    source: ObservationSource = UNNAMED
    received_ns: int | None = None
    extrinsics_known: bool = True

    def __post_init__(self) -> None:
        T = np.asarray(self.T_map_camera, dtype=np.float64)
        fault = rigid_fault(T)
        if fault is not None:
            finite = T.shape == (4, 4) and bool(np.isfinite(T).all())
            raise BadInputError("pose_not_rigid" if finite else "pose_not_finite", f"T_map_camera {fault}")
        if self.pose_covariance is not None and np.shape(self.pose_covariance) != (6, 6):
            raise BadInputError("pose_covariance", f"must be 6x6, got {np.shape(self.pose_covariance)}; leave it None")
        size = (self.camera.height, self.camera.width)
        if self.rgb.shape != (*size, 3) or self.rgb.dtype != np.uint8:
            raise BadInputError(
                "color_shape", f"rgb must be {size} x 3 uint8 as the camera says, got {self.rgb.shape} {self.rgb.dtype}"
            )
        depth_camera = self.depth_camera or self.camera
        if self.depth_m.shape != (depth_camera.height, depth_camera.width):
            raise BadInputError(
                "depth_size",
                f"depth is {self.depth_m.shape}, its camera says {(depth_camera.height, depth_camera.width)}; "
                "publish depth aligned to colour",
            )
        if not np.issubdtype(self.depth_m.dtype, np.floating):
            raise BadInputError("depth_dtype", f"depth must be float metres, got {self.depth_m.dtype}; are these mm?")
        object.__setattr__(self, "T_map_camera", T)
