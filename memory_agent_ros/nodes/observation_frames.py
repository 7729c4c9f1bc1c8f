"""Frames and their observations to :class:`ObservationArray` and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_msgs.msg import ObservationArray
from memory_agent_ros.nodes.conversions import (
    camera_from_info,
    camera_info_message,
    matrix_from_pose,
    nanoseconds,
    observation_from_message,
    observation_message,
    pose_from_matrix,
    time_message,
)
from memory_agent_ros.nodes.image_conversion import color_from_message, depth_from_message, depth_message, jpeg_message
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.observation_source import ObservationSource

#: Depth images of more columns are thinned: the memory needs them for occlusion and free space only.
DEPTH_COLUMNS = 160


def observation_array(frame: Frame, observations: Sequence[Observation], jpeg_quality: int = 90) -> ObservationArray:
    """Everything the memory needs of one frame: pose, camera, JPEG, thinned depth, observations."""
    stamp = time_message(frame.stamp_ns)
    message = ObservationArray(camera_frame_id=frame.camera_frame_id, camera_pose=pose_from_matrix(frame.T_map_camera))
    message.header.frame_id, message.header.stamp = frame.frame_id, stamp
    message.sensor, message.detector = frame.source.sensor, frame.source.detector
    message.embedder, message.extrinsics_unknown = frame.source.embedder, not frame.extrinsics_known
    if frame.pose_covariance is not None:
        message.pose_covariance = np.asarray(frame.pose_covariance, dtype=np.float64).ravel()
    message.camera_info = camera_info_message(frame.camera, frame.camera_frame_id, stamp)
    message.color = jpeg_message(frame.rgb, frame.camera_frame_id, stamp, jpeg_quality)
    message.depth = depth_message(thin_depth(frame), frame.camera_frame_id, stamp, millimetres=True)
    message.observations = [observation_message(observation) for observation in observations]
    return message


def frame_from_observation_array(
    message: ObservationArray, received_ns: int | None = None
) -> tuple[Frame, list[Observation]]:
    """The frame (with thinned depth and its ``depth_camera``) and the observations.

    Args:
        message: as it came.
        received_ns: when it came, by the clock that stamps images; None if nobody looked, then its age is not judged.

    Raises:
        BadInputError: as :class:`Frame`, the image decoders and ``observation_from_message``.
    """
    stamp_ns = nanoseconds(message.header.stamp)
    camera = camera_from_info(message.camera_info)
    depth_m = depth_from_message(message.depth)
    covariance = np.array(message.pose_covariance, dtype=np.float64).reshape(6, 6)
    frame = Frame(
        stamp_ns=stamp_ns,
        rgb=color_from_message(message.color),
        depth_m=depth_m,
        camera=camera,
        T_map_camera=matrix_from_pose(message.camera_pose),
        frame_id=message.header.frame_id,
        camera_frame_id=message.camera_frame_id,
        pose_covariance=covariance if covariance.any() else None,
        depth_camera=camera.scaled(depth_m.shape[1], depth_m.shape[0]),
        source=ObservationSource(message.sensor, message.detector, message.embedder),
        extrinsics_known=not message.extrinsics_unknown,
        received_ns=received_ns,
    )
    return frame, [observation_from_message(observation, stamp_ns) for observation in message.observations]


def thinned_camera(camera: Camera, columns: int = DEPTH_COLUMNS) -> Camera:
    """Camera of the depth image in the message: ``camera.scaled`` to at most ``columns`` columns."""
    width = min(columns, camera.width)
    return camera.scaled(width, max(1, round(camera.height * width / camera.width)))


def thin_depth(frame: Frame, columns: int = DEPTH_COLUMNS) -> NDArray[np.float32]:
    """(h, w) metres, the reading nearest to each pixel of :func:`thinned_camera`; 0 where depth does not reach."""
    target, source = thinned_camera(frame.camera, columns), frame.depth_camera or frame.camera
    x = (np.arange(target.width) - target.K[0, 2]) / target.K[0, 0]
    y = (np.arange(target.height) - target.K[1, 2]) / target.K[1, 1]
    u = np.rint(x * source.K[0, 0] + source.K[0, 2]).astype(np.int64)
    v = np.rint(y * source.K[1, 1] + source.K[1, 2]).astype(np.int64)
    thin = frame.depth_m[np.clip(v, 0, source.height - 1)[:, None], np.clip(u, 0, source.width - 1)[None]]
    outside = ((v < 0) | (v >= source.height))[:, None] | ((u < 0) | (u >= source.width))[None]
    return np.where(outside, np.float32(0), thin)
