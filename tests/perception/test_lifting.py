import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memory_agent_ros.perception.lifting import LiftingConfig, lift
from memory_agent_ros.perception.position_covariance import PositionNoise
from memory_agent_ros.records.detection import Detection
from memory_agent_ros.records.errors import BadInputError

RED = (200, 30, 30)
CUBE = ((1.5, -0.2, 0.6), (1.9, 0.2, 1.0), RED)


def box_of(mask):
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float32)


def detection(frame, instance=1, with_mask=True, **changes):
    mask = frame.instances == instance
    return dataclasses.replace(Detection("box", 0.9, box_of(mask), mask if with_mask else None), **changes)


def test_points_lie_on_the_block(scene):
    frame = scene([CUBE])
    seen = lift(frame, detection(frame))
    points = seen.points_map
    assert points.dtype == np.float32
    assert 8 <= len(points) <= 512
    low, high = np.array(CUBE[0]) - 0.01, np.array(CUBE[1]) + 0.01
    assert ((points >= low) & (points <= high)).all()
    np.testing.assert_allclose(seen.centroid_map, points.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(seen.box.center, [1.7, 0.0, 0.8], atol=0.03)
    np.testing.assert_allclose(np.sort(seen.box.size), [0.4, 0.4, 0.4], atol=0.06)
    assert not seen.truncated
    assert seen.range_m == pytest.approx(1.5, abs=0.25)
    assert seen.label_scores == {"box": 0.9}


def test_result_does_not_depend_on_the_camera_pose(scene, pose_at):
    for x, y, yaw in [(0.3, 0.5, -0.3), (0.2, -0.6, 0.4)]:
        frame = scene([CUBE], pose=pose_at(x, y, yaw, 1.5, 0.5))
        np.testing.assert_allclose(lift(frame, detection(frame)).box.center, [1.7, 0, 0.8], atol=0.04)


def test_mask_bleeding_and_holes_do_not_move_the_box(scene):
    frame = scene([CUBE])
    exact = (frame.instances == 1).astype(np.uint8)

    @settings(max_examples=25, deadline=None)
    @given(growth=st.integers(0, 2), holes=st.floats(0, 0.5), seed=st.integers(0, 1000))
    def holds(growth, holes, seed):
        mask = cv2.dilate(exact, np.ones((3, 3), np.uint8), iterations=growth) > 0
        depth = frame.depth_m.copy()
        depth[np.random.default_rng(seed).random(depth.shape) < holes] = np.nan
        seen = lift(dataclasses.replace(frame, depth_m=depth), Detection("box", 0.9, box_of(mask), mask))
        np.testing.assert_allclose(seen.box.center, [1.7, 0, 0.8], atol=0.04)

    holds()


def test_stray_readings_are_dropped(scene):
    frame = scene([CUBE])
    depth = frame.depth_m.copy()
    rows, columns = np.nonzero(frame.instances == 1)
    picked = np.random.default_rng(0).choice(len(rows), 15, replace=False)
    depth[rows[picked], columns[picked]] += np.linspace(0.05, 0.2, 15).astype(np.float32)
    seen = lift(dataclasses.replace(frame, depth_m=depth), detection(frame))
    assert seen.points_map[:, 0].max() < 1.95


def test_bare_box_takes_the_foreground(scene):
    frame = scene([CUBE])
    seen = lift(frame, detection(frame, with_mask=False))
    np.testing.assert_allclose(seen.box.center, [1.7, 0, 0.8], atol=0.08)


def test_thin_masks_survive_erosion(scene):
    frame = scene([((1.5, -0.02, 0.5), (1.54, 0.02, 1.1), RED)])
    seen = lift(frame, detection(frame), LiftingConfig(minimum_pixels=20))
    np.testing.assert_allclose(seen.box.center[:2], [1.52, 0.0], atol=0.03)
    assert seen.box.size[2] > 0.5


def test_coarser_depth_with_its_own_camera(scene):
    frame = scene([CUBE])
    small = frame.camera.scaled(160, 120)
    coarse = dataclasses.replace(frame, depth_m=frame.depth_m[::2, ::2].copy(), depth_camera=small)
    seen = lift(coarse, detection(frame))
    np.testing.assert_allclose(seen.box.center, [1.7, 0, 0.8], atol=0.07)  # a row of pixels is 0.1 m there
    np.testing.assert_array_equal(seen.box_xyxy, lift(frame, detection(frame)).box_xyxy)


def test_cut_by_the_image_border_is_truncated_and_less_certain(scene):
    whole = scene([CUBE])
    cut = scene([((1.5, 0.6, 0.6), (1.9, 1.0, 1.0), RED)])
    seen_whole, seen_cut = lift(whole, detection(whole)), lift(cut, detection(cut))
    assert seen_cut.truncated
    assert np.trace(seen_cut.covariance) > 2 * np.trace(seen_whole.covariance)


def test_covariance_is_symmetric_positive_and_grows_with_range_and_pose(scene, pose_at):
    near = scene([CUBE])
    far = scene([CUBE], pose=pose_at(-2.0, 0.0, 0.0, pitch=0.1))
    unsure = dataclasses.replace(near, pose_covariance=np.diag([0.01, 0.01, 0.01, 0, 0, 0.01]))
    noise = LiftingConfig(noise=PositionNoise(partial_view=0.0))
    results = [lift(f, detection(f), noise).covariance for f in (near, far, unsure)]
    for covariance in results:
        np.testing.assert_allclose(covariance, covariance.T)
        assert (np.linalg.eigvalsh(covariance) > 0).all()
    assert np.trace(results[1]) > 2 * np.trace(results[0])
    # Yaw of 0.1 rad turns an object 1.7 m ahead sideways by 0.17 m.
    assert results[2][1, 1] - results[0][1, 1] == pytest.approx(0.01 + 0.01 * 1.65**2, rel=0.15)


def test_covariance_covers_the_error_of_noisy_depth(scene):
    frame = scene([CUBE])
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(20):
        bias = 0.005 * rng.normal()
        noisy = frame.depth_m + (bias + 0.004 * rng.normal(size=frame.depth_m.shape)).astype(np.float32)
        seen = lift(dataclasses.replace(frame, depth_m=noisy), detection(frame))
        difference = seen.box.center - [1.7, 0, 0.8]
        errors.append(difference @ np.linalg.solve(seen.covariance, difference))
    assert np.mean(errors) < 9.0


def refused(frame, found, config=None):
    with pytest.raises(BadInputError) as error:
        lift(frame, found, config)
    return error.value.reason


def test_what_cannot_be_lifted_is_refused_with_its_reason(scene):
    frame = scene([CUBE])
    good = detection(frame)
    nothing = np.full_like(frame.depth_m, np.nan)
    assert refused(frame, dataclasses.replace(good, mask=np.zeros_like(good.mask))) == "empty_mask"
    assert refused(frame, dataclasses.replace(good, mask=good.mask[:-1])) == "mask_size"
    assert refused(frame, dataclasses.replace(good, score=float("nan"))) == "score_invalid"
    assert refused(frame, dataclasses.replace(good, score=1.5)) == "score_invalid"
    outside = np.array([900, 10, 950, 60], np.float32)
    assert refused(frame, dataclasses.replace(good, mask=None, box_xyxy=outside)) == "box_invalid"
    not_finite = np.array([1, 2, np.nan, 4], np.float32)
    assert refused(frame, dataclasses.replace(good, box_xyxy=not_finite)) == "box_invalid"
    assert refused(dataclasses.replace(frame, depth_m=nothing), good) == "no_valid_depth"
    assert refused(frame, good, LiftingConfig(maximum_depth_m=1.0)) == "no_valid_depth"
    few = nothing.copy()
    rows, columns = np.nonzero(good.mask)
    few[rows[500:505], columns[500:505]] = 1.5
    assert refused(dataclasses.replace(frame, depth_m=few), good) == "too_few_points"


def test_a_wrong_box_beside_a_mask_does_not_matter(scene):
    frame = scene([CUBE])
    good = detection(frame)
    elsewhere = dataclasses.replace(good, box_xyxy=np.array([0, 0, 5, 5], np.float32))
    np.testing.assert_array_equal(lift(frame, elsewhere).box_xyxy, good.box_xyxy)


def test_the_wall_between_leaves_is_no_part_of_a_plant(scene):
    """Two slats 2 cm apart, 20 cm before a wall, in a mask that a sloppy detector closed over the gaps."""
    slats = [((1.5, y, 0.6), (1.52, y + 0.012, 1.1), RED) for y in (-0.022, 0.01)]
    wall = ((1.7, -3.0, 0.0), (1.8, 3.0, 2.5), (180, 180, 180))
    frame = scene([*slats, wall])
    exact = np.isin(frame.instances, np.arange(1, len(slats) + 1))
    mask = cv2.morphologyEx(exact.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((25, 25), np.uint8)) > 0
    assert (frame.instances[mask] == len(slats) + 1).mean() > 0.25  # much of the mask is wall
    points = lift(frame, Detection("plant", 0.9, box_of(mask), mask)).points_map
    assert points[:, 0].max() < 1.56
