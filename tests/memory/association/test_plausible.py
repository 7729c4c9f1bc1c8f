"""Observations and frames that were found by fuzzing to spoil a map, hang or crash."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from memory_agent_ros.evaluation.fuzzing import sample
from memory_agent_ros.memory.association.plausible import frame_fault, observation_fault
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.errors import BadInputError

FRAME = sample.frame(0)
SOUND = sample.observations(FRAME)[0]


def boxed(**changes):
    return {"box": dataclasses.replace(SOUND.box, **changes)}


IMPOSSIBLE = {
    "points of two numbers": ("shape", {"points_map": np.zeros((4, 2), np.float32)}),
    "points in a row": ("shape", {"points_map": np.zeros(6, np.float32)}),
    "a box of two corners": ("shape", {"box_xyxy": np.zeros(2, np.float32)}),
    "a flat covariance": ("shape", {"covariance": np.zeros(9)}),
    "an empty appearance": ("shape", {"embedding": np.zeros(0, np.float32)}),
    "a place of four numbers": ("shape", {"centroid_map": np.zeros(4)}),
    "a box that is not finite": ("not_finite", boxed(size=np.array([math.nan, 1, 1]))),
    "a yaw that is not finite": ("not_finite", boxed(yaw=math.inf)),
    "pixels that are not finite": ("not_finite", {"box_xyxy": np.array([0, 0, math.inf, 1], np.float32)}),
    "pixels beyond any image": ("box_impossible", {"box_xyxy": np.array([0, 0, 1e38, 1], np.float32)}),
    "a place beyond the earth": ("too_far", {"centroid_map": np.full(3, 1e9)}),
    "a thing of 10 km": ("extent_impossible", boxed(size=np.array([1e4, 1, 1]))),
    "points far from each other": ("extent_impossible", {"points_map": np.array([[0, 0, 0], [5e4, 0, 0]], np.float32)}),
    "a centroid far from its points": ("extent_impossible", {"centroid_map": np.array([9e5, 0, 0])}),
    "a negative size": ("negative", boxed(size=np.array([-1.0, 1, 1]))),
    "a negative number of pixels": ("negative", {"pixels": -(2**40)}),
    "a score below nothing": ("score_impossible", {"score": -1.0}),
    "a label's score that is none": ("not_finite", {"label_scores": {"a": math.nan}}),
    "a label's score of 1e300": ("score_impossible", {"label_scores": {"a": 1e300}}),
    "a label as long as a book": ("label_too_long", {"label": "x" * 100_000}),
    "an appearance that is not finite": ("not_finite", {"embedding": np.array([math.nan, 1], np.float32)}),
    "an appearance of length 1e38": ("appearance_impossible", {"embedding": np.array([1e38, 1e38], np.float32)}),
    "a covariance below nothing": ("covariance_impossible", {"covariance": -np.eye(3)}),
    "a covariance that is lopsided": ("covariance_impossible", {"covariance": np.triu(np.ones((3, 3)))}),
    "a covariance of a galaxy": ("covariance_impossible", {"covariance": np.eye(3) * 1e40}),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_is_no_observation(name):
    reason, changes = IMPOSSIBLE[name]
    assert observation_fault(dataclasses.replace(SOUND, **changes)) == reason


def test_sound_ones_pass():
    assert frame_fault(FRAME) is None
    assert [observation_fault(o) for o in sample.observations(FRAME)] == [None] * 4
    assert observation_fault(dataclasses.replace(SOUND, covariance=np.zeros((3, 3)), embedding=None)) is None
    assert observation_fault(dataclasses.replace(SOUND, box=OrientedBox(SOUND.box.center, np.zeros(3), 0.0))) is None


def test_the_memory_goes_on_after_them():
    with SpatialMemory.open(None, sample.CONFIG) as memory:
        for number in range(4):
            frame = sample.frame(number)
            found = sample.observations(frame)
            bad = [dataclasses.replace(o, **c) for o, (_, c) in zip(found * 9, IMPOSSIBLE.values(), strict=False)]
            memory.observe(frame, found + bad)
        assert len(memory.objects()) == 4
        assert memory.verify() == []
        assert memory.stats["observation.shape"] == 4 * 6


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        ("stamp_impossible", {"stamp_ns": 2**63 - 1}),
        ("frame_id_too_long", {"frame_id": "m" * 1000}),
        ("pose_too_far", {"T_map_camera": np.block([[np.eye(3), np.full((3, 1), 1e12)], [np.zeros((1, 3)), 1.0]])}),
    ],
)
def test_is_no_frame(reason, changes):
    with SpatialMemory.open(None, sample.CONFIG) as memory:
        with pytest.raises(BadInputError) as refusal:
            memory.observe(dataclasses.replace(FRAME, **changes), [])
        assert refusal.value.reason == reason
        memory.observe(FRAME, [])


def test_a_robot_that_jumps_far_away_costs_no_floor_plan_of_the_way():
    """A look 900 km away once made the grid of free space hold all between."""
    with SpatialMemory.open(None, sample.CONFIG) as memory:
        memory.observe(sample.frame(0), [])
        T = sample.frame(1).T_map_camera.copy()
        T[0, 3] = 9e5
        memory.observe(dataclasses.replace(sample.frame(1), T_map_camera=T), [])
        memory.observe(sample.frame(2), [])
        assert isinstance(memory.rooms(), list)
