import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memory_agent_ros.geometry import pinhole, se3
from memory_agent_ros.records.camera import Camera

K_STRATEGY = st.builds(
    lambda fx, fy, cx, cy, skew: np.array([[fx, skew, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]]),
    st.floats(100, 900),
    st.floats(100, 900),
    st.floats(0, 640),
    st.floats(0, 480),
    st.floats(-5, 5),
)


@given(
    K_STRATEGY,
    arrays(np.int64, 20, elements=st.integers(0, 639)),
    arrays(np.int64, 20, elements=st.integers(0, 479)),
    arrays(np.float64, 20, elements=st.floats(0.2, 9)),
)
def test_projection_undoes_back_projection(K, u, v, z):
    pixels, depth = pinhole.project(K, pinhole.unproject_pixels(K, u, v, z))
    np.testing.assert_allclose(pixels, np.stack([u, v], axis=1), atol=2e-2)
    np.testing.assert_allclose(depth, z, rtol=1e-6)


@given(K_STRATEGY, st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3), st.floats(0.5, 5))
def test_projection_of_map_points_agrees_with_the_homogeneous_form(K, x, y, yaw, forward):
    T = se3.planar(x, y, yaw, 1.2)
    T[:3, :3] = T[:3, :3] @ se3.R_BODY_OPTICAL
    point = se3.transform_points(T, np.array([[0.2, -0.1, forward]]))
    pixels, z = pinhole.project_map(K, T, point)
    expected = K @ np.array([0.2, -0.1, forward])
    np.testing.assert_allclose(pixels[0], expected[:2] / expected[2], atol=1e-6)
    np.testing.assert_allclose(z, forward)


def test_points_behind_the_camera_have_no_pixel():
    pixels, z = pinhole.project(np.diag([500.0, 500.0, 1.0]), np.array([[0.0, 0.0, -1.0], [0.0, 0.0, 0.0]]))
    assert np.isnan(pixels).all()
    np.testing.assert_array_equal(z, [-1.0, 0.0])


def test_readings_that_are_not_there_are_not_valid():
    depth = np.array([[0.0, np.nan, np.inf, -np.inf, 0.05, 0.1, 5.0, 10.0, 65.535]], dtype=np.float32)
    expected = [False, False, False, False, False, True, True, True, False]
    np.testing.assert_array_equal(pinhole.valid_depth(depth)[0], expected)


def test_unprojected_image_keeps_its_grid():
    K = np.array([[4.0, 0, 2.0], [0, 4.0, 1.0], [0, 0, 1.0]])
    depth = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
    points = pinhole.unproject_depth(K, depth, stride=2)
    assert points.shape == (2, 2, 3)
    np.testing.assert_allclose(points[1, 1], [(2 - 2) / 4 * 11, (2 - 1) / 4 * 11, 11])


@given(st.integers(1, 4))
def test_scaled_camera_sees_pixel_centres_where_they_go(factor):
    camera = Camera(640, 480, np.array([[500.0, 0, 319.5], [0, 510.0, 239.5], [0, 0, 1.0]]))
    small = camera.scaled(640 // factor, 480 // factor)
    point = np.array([[0.4, -0.3, 2.0]])
    (large_uv,), _ = pinhole.project(camera.K, point)
    (small_uv,), _ = pinhole.project(small.K, point)
    scale = np.array([small.width / camera.width, small.height / camera.height])
    np.testing.assert_allclose((large_uv + 0.5) * scale - 0.5, small_uv)
