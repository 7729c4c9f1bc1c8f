import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memory_agent_ros.geometry import boxes

POINTS = st.integers(1, 40).flatmap(lambda n: arrays(np.float64, (n, 3), elements=st.floats(-5, 5, width=32)))
SIZE = arrays(np.float64, 3, elements=st.floats(0.05, 3))
CENTER = arrays(np.float64, 3, elements=st.floats(-5, 5))
YAW = st.floats(-np.pi, np.pi)


@settings(max_examples=200)
@given(POINTS)
def test_upright_box_holds_all_its_points(points):
    center, size, yaw = boxes.upright_box(points)
    assert boxes.contains(center, size, yaw, points, margin_m=1e-4).all()
    assert (size >= 0).all()


@given(POINTS)
def test_upright_box_has_hardly_a_larger_footprint_than_the_axis_aligned_one(points):
    _, upright, _ = boxes.upright_box(points)
    _, aligned, _ = boxes.axis_aligned_box(points)
    assert upright[:2].prod() <= aligned[:2].prod() * 1.15 + 1e-6


@given(YAW, st.floats(0.3, 1.5), st.floats(0.3, 1.5), st.integers(0, 99))
def test_upright_box_of_two_faces_lies_along_them(yaw, width, depth, seed):
    """What one view sees of a piece of furniture is an L."""
    rng = np.random.default_rng(seed)
    face = np.stack([rng.uniform(0, width, 300), np.zeros(300), rng.uniform(0, 1, 300)], axis=1)
    side = np.stack([np.zeros(300), rng.uniform(0, depth, 300), rng.uniform(0, 1, 300)], axis=1)
    ends = np.array([[width, 0, 0], [0, depth, 0], [0, 0, 0]])
    local = np.concatenate([face, side, ends])
    c, s = np.cos(yaw), np.sin(yaw)
    turned = local @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    _, size, found = boxes.upright_box(turned)
    if width * depth <= 1.15 * _smallest(local):
        assert abs((found - yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4) < 0.02
        np.testing.assert_allclose(np.sort(size[:2]), np.sort([width, depth]), atol=0.03)


def _smallest(points):
    """Area of the smallest box around the footprint, by trying angles."""
    areas = []
    for angle in np.linspace(0, np.pi / 2, 900):
        c, s = np.cos(angle), np.sin(angle)
        turned = points[:, :2] @ np.array([[c, s], [-s, c]])
        areas.append(np.ptp(turned, axis=0).prod())
    return min(areas)


@given(CENTER, SIZE, YAW)
def test_upright_box_of_corners_is_the_box(center, size, yaw):
    corners = boxes.corners(center, size, yaw)
    found_center, found_size, found_yaw = boxes.upright_box(corners)
    np.testing.assert_allclose(found_center, center, atol=1e-4)
    assert np.prod(found_size) == pytest.approx(np.prod(size), rel=1e-3)
    turn = (found_yaw - yaw + np.pi / 4) % (np.pi / 2) - np.pi / 4
    assert abs(turn) < 1e-3
    assert -np.pi / 4 - 1e-6 <= found_yaw <= np.pi / 4 + 1e-6


@given(CENTER, SIZE, YAW)
def test_corners_are_the_edge_of_the_box(center, size, yaw):
    corners = boxes.corners(center, size, yaw)
    assert boxes.contains(center, size, yaw, corners, margin_m=1e-9).all()
    assert not boxes.contains(center, size * 0.99, yaw, corners).any()


def test_degenerate_footprints_fall_back():
    line = np.stack([np.linspace(0, 1, 10), np.zeros(10), np.linspace(0, 2, 10)], axis=1)
    center, size, yaw = boxes.upright_box(line)
    np.testing.assert_allclose(center, [0.5, 0, 1])
    np.testing.assert_allclose(size, [1, 0, 2])
    assert yaw == 0.0


def test_trim_drops_the_tails():
    points = np.concatenate([np.random.default_rng(0).uniform(-1, 1, (1000, 3)), [[50, 50, 50]]])
    _, size, _ = boxes.axis_aligned_box(points, trim=0.01)
    assert (size < 2.1).all()
    assert (boxes.axis_aligned_box(points)[1] > 40).all()


@given(CENTER, SIZE, CENTER, SIZE)
def test_iou_is_symmetric_and_bounded(center_a, size_a, center_b, size_b):
    a = (np.array([center_a - size_a / 2]), np.array([center_a + size_a / 2]))
    b = (np.array([center_b - size_b / 2]), np.array([center_b + size_b / 2]))
    ab, ba = boxes.axis_aligned_iou(*a, *b), boxes.axis_aligned_iou(*b, *a)
    np.testing.assert_allclose(ab, ba.T)
    assert 0 <= ab[0, 0] <= 1 + 1e-9
    assert boxes.axis_aligned_iou(*a, *a)[0, 0] == pytest.approx(1.0, rel=1e-6)


def test_iou_of_half_overlapping_cubes():
    low, high = np.zeros((1, 3)), np.ones((1, 3))
    shift = np.array([[0.5, 0.0, 0.0], [2.0, 0.0, 0.0]])
    np.testing.assert_allclose(boxes.axis_aligned_iou(low, high, low + shift, high + shift), [[1 / 3, 0.0]])
