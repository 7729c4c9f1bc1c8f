import json

import numpy as np
import pytest

from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.map_object import ObjectState
from memory_agent_ros.records.pose import Pose

UPRIGHT = np.array([0.0, 0.0, 0.0, 1.0])


def test_pose_normalises_its_quaternion():
    pose = Pose(np.array([1, 2, 3]), np.array([0, 0, 3, 4]))
    np.testing.assert_allclose(pose.orientation_xyzw, [0, 0, 0.6, 0.8])
    assert pose.position_m.dtype == np.float64


@pytest.mark.parametrize(
    ("position", "quaternion"),
    [([np.nan, 0, 0], UPRIGHT), ([0, 0, 0], [0, 0, 0, 0]), ([0, 0, 0], [0, 0, 0, np.inf]), ([0, np.inf, 0], UPRIGHT)],
)
def test_pose_refuses_what_is_no_pose(position, quaternion):
    with pytest.raises(BadInputError) as refused:
        Pose(np.array(position), np.array(quaternion))
    assert refused.value.reason == "pose_not_finite"


@pytest.mark.parametrize(
    ("width", "height", "K"),
    [
        (0, 10, np.eye(3)),
        (10, -1, np.eye(3)),
        (10, 10, np.zeros((3, 3))),
        (10, 10, np.eye(4)),
        (10, 10, np.full((3, 3), np.nan)),
    ],
)
def test_camera_refuses_what_is_no_camera(width, height, K):
    with pytest.raises(BadInputError) as refused:
        Camera(width, height, K)
    assert refused.value.reason == "camera_invalid"


def test_answer_is_json_with_the_promised_keys():
    evidence = Evidence(
        object_id=7,
        observation_id=41,
        keyframe_id=3,
        stamp_ns=1_500_000_000,
        object_pose=Pose(np.array([1.0, 2.0, 0.5]), UPRIGHT),
        camera_pose=Pose(np.array([0.0, 0.0, 1.2]), UPRIGHT),
        box_xyxy=np.array([1, 2, 30, 40], np.float32),
        score=np.float32(0.75),
        map_revision=2,
    )
    text = json.dumps(Answer("The mug stands on the table.", AnswerState.SEEN, 0.9, (evidence,)).to_dict())
    told = json.loads(text)
    assert {"answer", "state", "confidence", "evidence"} <= set(told)
    assert told["state"] == "seen"
    assert {
        "object", "observation", "keyframe", "stamp_ns", "frame_id", "position_m", "orientation_xyzw", "map_revision",
    } <= set(told["evidence"][0])  # fmt: skip
    assert told["evidence"][0]["position_m"] == [1.0, 2.0, 0.5]
    assert told["evidence"][0]["frame_id"] == "map"


def test_words_of_states_and_events_are_stable():
    assert [str(state) for state in AnswerState] == ["seen", "gone", "unknown"]
    assert [str(state) for state in ObjectState] == ["present", "gone"]
    assert [str(kind) for kind in EventKind] == [
        "added", "updated", "moved", "gone", "merged", "edited", "forgotten", "reanchored",
    ]  # fmt: skip


def test_cameras_that_nothing_can_be_projected_back_by_are_refused() -> None:
    for K in (np.diag([1e-200, 1e-200, 1.0]), np.diag([500.0, 500.0, 0.0])):
        with pytest.raises(BadInputError, match="inverted"):
            Camera(64, 48, K)
