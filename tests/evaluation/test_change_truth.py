"""Which places the simulator says were looked at."""

import numpy as np

from memory_agent_ros.evaluation.change_truth import Views, box_points, expected_changes, unhidden
from memory_agent_ros.evaluation.walks.walk import TrueObject, Walk, WalkConfig
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame

CAMERA = Camera(40, 30, np.array([[30.0, 0.0, 19.5], [0.0, 30.0, 14.5], [0.0, 0.0, 1.0]]))


def frame(depth: float) -> Frame:
    return Frame(1, np.zeros((30, 40, 3), np.uint8), np.full((30, 40), depth, np.float32), CAMERA, np.eye(4))


def test_a_place_behind_a_wall_or_the_camera_is_not_shown() -> None:
    box = box_points(OrientedBox(np.array([0.0, 0.0, 2.0]), np.full(3, 0.2)))
    assert len(box) == 64 and np.allclose(np.ptp(box, axis=0), 0.2)
    assert unhidden(box, frame(3.0))[0].all()
    assert not unhidden(box, frame(1.0))[0].any()
    assert not unhidden(box * [1, 1, -1], frame(3.0))[0].any()


def test_a_turned_box_keeps_its_size() -> None:
    points = box_points(OrientedBox(np.zeros(3), np.array([2.0, 1.0, 0.5]), np.pi / 2))
    assert np.allclose(np.ptp(points, axis=0), [1.0, 2.0, 0.5])


def thing(i: int, x: float, present: bool = True) -> TrueObject:
    return TrueObject(i, "mug", OrientedBox(np.array([x, 0.0, 0.0]), np.full(3, 0.1)), True, "r", present, str(i))


def test_only_changes_with_a_fair_chance_are_expected() -> None:
    truth = [[thing(1, 0), thing(2, 1), thing(3, 2), thing(4, 3)], [thing(1, 5), thing(2, 1, False), thing(3, 2.2)]]
    edits = [{"kind": "move", "object_id": 1, "other_id": None}, {"kind": "remove", "object_id": 2, "other_id": None},
             {"kind": "remove", "object_id": 4, "other_id": None}]  # fmt: skip
    passes = np.repeat([0, 1], 10)
    walk = Walk(
        "val", 0, WalkConfig(passes=2), CAMERA, np.arange(20), passes, np.zeros((20, 4, 4)), np.zeros((20, 4, 4)),
        {}, truth, [[], edits], {}, np.zeros((0, 2)), [],
    )  # fmt: skip
    well = np.ones((20, 4), dtype=bool)
    well[10:, 3] = False  # nobody looked at the place of 4 again
    views = Views(np.array([1, 2, 3, 4]), well.astype(float), well, np.full((20, 5), 500.0))
    got = expected_changes(walk, views)
    assert (got.moved, got.removed, got.excused) == ({1}, {2}, {3, 4})
    assert views.not_looked(passes == 1) == {4}
