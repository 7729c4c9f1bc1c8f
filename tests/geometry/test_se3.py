import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memory_agent_ros.geometry import se3

COORDINATE = st.floats(-50, 50)
POSITION = arrays(np.float64, 3, elements=COORDINATE)
QUATERNION = arrays(np.float64, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 0.1)
ANGLE = st.floats(-np.pi + 1e-6, np.pi - 1e-6)


@given(POSITION, QUATERNION)
def test_inverse_undoes(position, quaternion):
    T = se3.from_position_quaternion(position, quaternion)
    np.testing.assert_allclose(T @ se3.inverse(T), np.eye(4), atol=1e-10)
    np.testing.assert_allclose(np.linalg.inv(T), se3.inverse(T), atol=1e-9)


@given(POSITION, QUATERNION)
def test_quaternion_round_trip(position, quaternion):
    back_position, back = se3.to_position_quaternion(se3.from_position_quaternion(position, quaternion))
    np.testing.assert_allclose(back_position, position)
    unit = quaternion / np.linalg.norm(quaternion)
    assert min(np.abs(back - unit).max(), np.abs(back + unit).max()) < 1e-9


@given(POSITION, QUATERNION, POSITION, QUATERNION, arrays(np.float64, (5, 3), elements=COORDINATE))
def test_transforms_compose(p0, q0, p1, q1, points):
    A, B = se3.from_position_quaternion(p0, q0), se3.from_position_quaternion(p1, q1)
    np.testing.assert_allclose(
        se3.transform_points(A, se3.transform_points(B, points)), se3.transform_points(A @ B, points), atol=1e-9
    )


def test_transform_keeps_dtype_and_leading_shape():
    grid = np.zeros((4, 5, 3), dtype=np.float32)
    moved = se3.transform_points(se3.planar(1.0, 2.0, 0.3, 4.0), grid)
    assert moved.dtype == np.float32
    assert moved.shape == grid.shape
    np.testing.assert_allclose(moved[2, 2], [1.0, 2.0, 4.0])


@given(COORDINATE, COORDINATE, ANGLE)
def test_planar_pose_has_its_yaw(x, y, yaw):
    T = se3.planar(x, y, yaw)
    assert se3.yaw_of(T) == pytest.approx(yaw, abs=1e-9)
    np.testing.assert_allclose(T, se3.from_position_quaternion([x, y, 0], se3.quaternion_from_yaw(yaw)), atol=1e-12)


@given(POSITION, QUATERNION, POSITION, QUATERNION, st.floats(0, 1))
def test_interpolation_starts_and_ends_right_and_stays_rigid(p0, q0, p1, q1, fraction):
    A, B = se3.from_position_quaternion(p0, q0), se3.from_position_quaternion(p1, q1)
    np.testing.assert_allclose(se3.interpolate(A, B, 0.0), A, atol=1e-7)
    np.testing.assert_allclose(se3.interpolate(A, B, 1.0), B, atol=1e-7)
    between = se3.interpolate(A, B, fraction)
    np.testing.assert_allclose(between[:3, :3] @ between[:3, :3].T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(between[:3, 3], (1 - fraction) * p0 + fraction * p1)


def test_optical_axes_follow_rep_103():
    forward, right, down = np.eye(3)[2], np.eye(3)[0], np.eye(3)[1]
    np.testing.assert_array_equal(se3.R_BODY_OPTICAL @ forward, [1, 0, 0])
    np.testing.assert_array_equal(se3.R_BODY_OPTICAL @ right, [0, -1, 0])
    np.testing.assert_array_equal(se3.R_BODY_OPTICAL @ down, [0, 0, -1])
