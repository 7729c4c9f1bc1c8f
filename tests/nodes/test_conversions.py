from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_agent_ros.geometry.se3 import planar
from memory_agent_ros.nodes import conversions as c
from memory_agent_ros.nodes.observation_frames import (
    frame_from_observation_array,
    observation_array,
    thin_depth,
    thinned_camera,
)
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.pose import Pose

RNG = np.random.default_rng(1)


def observation(**changes):
    fields = {
        "stamp_ns": 1_500_000_000,
        "label": "coffee table",
        "score": 0.75,
        "label_scores": {"coffee table": 0.75, "desk": 0.25},
        "points_map": RNG.normal(size=(20, 3)).astype(np.float32),
        "centroid_map": np.array([1.0, 2.0, 0.4]),
        "covariance": np.diag([1e-4, 2e-4, 3e-4]),
        "box": OrientedBox(np.array([1.0, 2.0, 0.4]), np.array([1.2, 0.6, 0.4]), 0.3),
        "box_xyxy": np.array([10, 20, 30, 40], np.float32),
        "pixels": 400,
        "truncated": True,
        "embedding": RNG.normal(size=16).astype(np.float32),
        "range_m": 2.5,
    }
    return Observation(**{**fields, **changes})


def assert_same(a, b):
    """Field by field, arrays by value (a record's fields are all a message carries)."""
    assert type(a) is type(b)
    if hasattr(a, "__dataclass_fields__"):
        for name in a.__dataclass_fields__:
            assert_same(getattr(a, name), getattr(b, name))
    elif isinstance(a, np.ndarray):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    elif isinstance(a, tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    elif isinstance(a, float):
        assert a == pytest.approx(b, rel=1e-6)
    else:
        assert a == b


@given(st.integers(0, 2**31 * 1_000_000_000 - 1))
def test_time(stamp_ns):
    assert c.nanoseconds(c.time_message(stamp_ns)) == stamp_ns


def test_observation_round_trip():
    assert_same(c.observation_from_message(c.observation_message(observation()), 1_500_000_000), observation_again())
    bare = observation(embedding=None, label_scores={}, points_map=np.zeros((0, 3), np.float32))
    assert_same(c.observation_from_message(c.observation_message(bare), bare.stamp_ns), bare)


def observation_again():
    global RNG
    RNG = np.random.default_rng(1)
    return observation()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda m: setattr(m, "points", [0.0, 1.0]), "observation_points"),
        (lambda m: setattr(m, "points", [0.0, 1.0, float("nan")]), "observation_not_finite"),
        (lambda m: setattr(m.centroid, "x", float("inf")), "observation_not_finite"),
    ],
)
def test_bad_observation_is_refused(spoil, reason):
    message = c.observation_message(observation())
    spoil(message)
    with pytest.raises(BadInputError) as refusal:
        c.observation_from_message(message, 0)
    assert refusal.value.reason == reason


def map_object():
    pose = Pose(np.array([1.0, 2.0, 3.0]), np.array([0.0, 0.0, 0.6, 0.8]), "map")
    evidence = Evidence(4, 5, 6, 7_000_000_001, pose, pose, np.array([1, 2, 3, 4], np.float32), 0.5, 2)
    return MapObject(
        id=4,
        label="chair",
        label_probs={"chair": 0.75, "stool": 0.25},
        state=ObjectState.GONE,
        presence=0.25,
        confirmed=True,
        centroid_map=np.array([1.0, 2.0, 0.5]),
        covariance=np.diag([1.0, 2.0, 3.0]),
        box=OrientedBox(np.array([1.0, 2.0, 0.5]), np.ones(3), -0.2),
        points_map=np.zeros((0, 3), np.float32),
        embedding=None,
        observations=9,
        first_seen_ns=1,
        last_seen_ns=2_000_000_000,
        last_looked_ns=3_000_000_003,
        map_revision=2,
        evidence=(evidence,),
        relevance=0.5,
    )


def test_object_and_evidence_round_trip():
    assert_same(c.object_from_message(c.object_message(map_object())), map_object())


def test_appearance_goes_with_an_object_only_where_it_is_asked_for():
    thing = dataclasses.replace(map_object(), embedding=np.array([0.6, 0.8], np.float32))
    assert_same(c.object_from_message(c.object_message(thing, with_appearance=True)), thing)
    assert_same(c.object_from_message(c.object_message(thing)), map_object())


@pytest.mark.parametrize("previous", [None, np.array([0.0, 1.0, 2.0])])
@pytest.mark.parametrize("other", [None, 3])
def test_event_round_trip(previous, other):
    event = MemoryEvent(
        EventKind.MOVED, 2, "mug", 5_000_000_005, np.ones(3), previous, other, 0.5, "seen elsewhere", 11
    )
    assert_same(c.event_from_message(c.event_message(event)), event)


def test_transform_round_trip_and_nan():
    T = planar(1.0, -2.0, 0.7, 0.3)
    link = c.transform_stamped("map", "odom", c.time_message(0), T)
    np.testing.assert_allclose(c.transform_from_message(link.transform), T, atol=1e-12)
    link.transform.rotation.w = float("nan")
    with pytest.raises(BadInputError):
        c.transform_from_message(link.transform)


def test_camera_info_round_trip():
    camera = Camera(64, 48, np.array([[60.0, 0, 31.5], [0, 61.0, 23.5], [0, 0, 1]]))
    info = c.camera_info_message(camera, "optical", c.time_message(0))
    np.testing.assert_array_equal(c.camera_from_info(info).K, camera.K)
    info.k[0] = info.p[0] = 0.0
    with pytest.raises(BadInputError):
        c.camera_from_info(info)


def ramp_frame(width=640, height=480, depth_camera=None):
    """Depth that grows by a millimetre a pixel of colour to the right."""
    camera = Camera(width, height, np.array([[600.0, 0, 310.0], [0, 600.0, 250.0], [0, 0, 1]]))
    source = depth_camera(camera) if depth_camera else None
    columns = np.arange((source or camera).width) * width / (source or camera).width
    depth = np.tile((1.0 + columns / 1000).astype(np.float32), ((source or camera).height, 1))
    rgb = np.full((height, width, 3), 90, np.uint8)
    return Frame(1_000_000_000, rgb, depth, camera, planar(1.0, 2.0, 0.5), depth_camera=source)


@pytest.mark.parametrize("depth_camera", [None, lambda camera: camera.scaled(320, 240)])
def test_thinned_depth_keeps_the_geometry(depth_camera):
    frame = ramp_frame(depth_camera=depth_camera)
    thin, camera = thin_depth(frame), thinned_camera(frame.camera)
    assert thin.shape == (camera.height, camera.width) == (120, 160)
    u = np.arange(160)
    same_ray = (u - camera.K[0, 2]) / camera.K[0, 0] * frame.camera.K[0, 0] + frame.camera.K[0, 2]
    assert np.abs(thin[60] - (1.0 + same_ray / 1000)).max() <= 0.0021


def test_depth_with_a_narrower_view_leaves_zeros():
    def narrow(camera):
        K = camera.K.copy()
        K[0, 2] -= 100
        return Camera(camera.width - 200, camera.height, K)

    thin = thin_depth(ramp_frame(depth_camera=narrow))
    assert (thin[:, :24] == 0).all() and (thin[:, -24:] == 0).all() and (thin[:, 30:130] > 0).all()


def test_observation_array_round_trip():
    frame = ramp_frame()
    message = observation_array(frame, [observation(stamp_ns=frame.stamp_ns)])
    back, observations = frame_from_observation_array(message)
    np.testing.assert_allclose(back.T_map_camera, frame.T_map_camera, atol=1e-9)
    assert back.rgb.shape == frame.rgb.shape and back.pose_covariance is None
    assert back.depth_camera is not None and back.depth_m.shape == (120, 160)
    assert back.received_ns is None
    assert frame_from_observation_array(message, frame.stamp_ns + 7)[0].received_ns == frame.stamp_ns + 7
    assert observations[0].stamp_ns == frame.stamp_ns
    message.camera_pose.orientation.w = message.camera_pose.orientation.z = 0.0
    with pytest.raises(BadInputError):
        frame_from_observation_array(message)
