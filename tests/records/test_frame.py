import dataclasses

import numpy as np
import pytest

from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError, MemoryAgentError
from memory_agent_ros.records.frame import Frame

K = np.array([[50.0, 0, 15.5], [0, 50.0, 11.5], [0, 0, 1.0]])


def frame(**changes):
    values = {
        "stamp_ns": 1,
        "rgb": np.zeros((24, 32, 3), np.uint8),
        "depth_m": np.ones((24, 32), np.float32),
        "camera": Camera(32, 24, K),
        "T_map_camera": np.eye(4),
    }
    return Frame(**{**values, **changes})


def pose(row, column, value):
    T = np.eye(4)
    T[row, column] = value
    return T


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"T_map_camera": pose(0, 3, np.nan)}, "pose_not_finite"),
        ({"T_map_camera": pose(0, 0, np.inf)}, "pose_not_finite"),
        ({"T_map_camera": np.eye(3)}, "pose_not_finite"),
        ({"T_map_camera": 2 * np.eye(4)}, "pose_not_rigid"),
        ({"T_map_camera": pose(0, 0, -1.0)}, "pose_not_rigid"),
        ({"T_map_camera": pose(3, 0, 1.0)}, "pose_not_rigid"),
        ({"pose_covariance": np.eye(3)}, "pose_covariance"),
        ({"rgb": np.zeros((24, 32), np.uint8)}, "color_shape"),
        ({"rgb": np.zeros((12, 16, 3), np.uint8)}, "color_shape"),
        ({"rgb": np.zeros((24, 32, 3), np.float32)}, "color_shape"),
        ({"depth_m": np.ones((12, 16), np.float32)}, "depth_size"),
        ({"depth_m": np.ones((24, 32), np.uint16)}, "depth_dtype"),
    ],
)
def test_bad_frames_are_refused_with_their_reason(changes, reason):
    with pytest.raises(BadInputError) as refused:
        frame(**changes)
    assert refused.value.reason == reason
    assert isinstance(refused.value, MemoryAgentError)


def test_coarser_depth_needs_its_own_camera():
    camera = Camera(32, 24, K)
    ok = frame(depth_m=np.ones((12, 16), np.float32), depth_camera=camera.scaled(16, 12))
    assert ok.depth_camera.width == 16


def test_depth_without_readings_is_a_frame():
    assert np.isnan(frame(depth_m=np.full((24, 32), np.nan, np.float32)).depth_m).all()


def test_records_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame().stamp_ns = 2
