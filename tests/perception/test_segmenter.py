import numpy as np
import pytest

from memory_agent_ros.perception.household import IMAGENET_CLASSES, UNNAMED, HouseholdNames
from memory_agent_ros.perception.segmenter import SegmenterConfig, SegmenterDetector
from memory_agent_ros.perception.segments import SegmentKind, full_mask, segment
from memory_agent_ros.perception.ssd_segmenter import SsdSegmenterDetector
from memory_agent_ros.records.detection import Detection

TABLE = ((1.2, -0.6, 0.68), (2.2, 0.6, 0.72), (160, 120, 60))
MUG = ((1.45, -0.05, 0.72), (1.55, 0.05, 0.84), (220, 220, 220))
CRATE = ((1.6, 0.9, 0.0), (2.0, 1.2, 0.5), (40, 90, 40))
ROOM = [TABLE, MUG, CRATE]


class Says:
    """Classifier that is sure of one ImageNet class, or of none."""

    def __init__(self, index=None):
        self.index = index
        self.shown = []

    def classify(self, crops):
        self.shown += list(crops)
        out = np.full((len(crops), 1000), 1e-4, np.float32)
        if self.index is not None:
            out[:, self.index] = 0.9
        return out


class Boxes:
    """Detector that says what it is told."""

    def __init__(self, *found):
        self.found = list(found)

    def detect(self, frame):
        return self.found


def overlap(a, b):
    return (a & b).sum() / max((a | b).sum(), 1)


def truth_box(frame, instance, grow=4):
    rows, columns = np.nonzero(frame.instances == instance)
    return np.array([columns.min() - grow, rows.min() - grow, columns.max() + grow, rows.max() + grow], np.float32)


def test_planes_are_removed_and_things_are_found(scene):
    frame = scene(ROOM)
    found = segment(frame)
    surfaces = [s for s in found.segments if s.kind is SegmentKind.SURFACE]
    assert len(surfaces) == 1
    assert surfaces[0].high[2] == pytest.approx(0.72, abs=0.02)
    assert overlap(full_mask(surfaces[0].cells, frame), frame.instances == 1) > 0.8
    objects = [full_mask(s.cells, frame) for s in found.segments if s.kind is SegmentKind.OBJECT]
    for instance in (2, 3):
        assert max(overlap(mask, frame.instances == instance) for mask in objects) > 0.6
    floor_truth = (frame.instances == 0) & (frame.rgb[..., 0] == 90)
    assert overlap(full_mask(found.floor, frame), floor_truth & (frame.depth_m < 4)) > 0.8


def test_segments_of_a_turned_room_are_the_same(scene, pose_at):
    frame = scene(ROOM, pose=pose_at(0.1, 0.3, -0.15, pitch=0.4))
    kinds = [s.kind for s in segment(frame).segments]
    assert kinds.count(SegmentKind.SURFACE) == 1
    assert kinds.count(SegmentKind.OBJECT) >= 2


def test_noisy_depth_still_segments(scene):
    import dataclasses

    frame = scene(ROOM)
    rng = np.random.default_rng(0)
    noisy = frame.depth_m + (0.0019 * frame.depth_m**2 * rng.normal(size=frame.depth_m.shape)).astype(np.float32)
    noisy[rng.random(noisy.shape) < 0.05] = 0
    found = segment(dataclasses.replace(frame, depth_m=noisy.astype(np.float32)))
    assert sum(s.kind is SegmentKind.SURFACE for s in found.segments) == 1
    masks = [full_mask(s.cells, frame) for s in found.segments if s.kind is SegmentKind.OBJECT]
    assert max(overlap(mask, frame.instances == 2) for mask in masks) > 0.5


def test_empty_depth_has_no_segments(scene):
    import dataclasses

    frame = scene(ROOM)
    assert segment(dataclasses.replace(frame, depth_m=np.zeros_like(frame.depth_m))).segments == []


def test_sure_names_are_given_and_others_stay_objects(scene):
    frame = scene(ROOM)
    named = SegmenterDetector(Says(504)).detect(frame)
    assert {d.label for d in named} == {"table", "mug"}
    assert all(d.mask.shape == (240, 320) and 0 < d.score <= 1 for d in named)
    assert {d.label for d in SegmenterDetector(Says()).detect(frame)} == {"table", UNNAMED}
    assert {d.label for d in SegmenterDetector(None).detect(frame)} == {"table", UNNAMED}
    silent = SegmenterDetector(Says(), config=SegmenterConfig(keep_unnamed=False))
    assert {d.label for d in silent.detect(frame)} == {"table"}


def test_classifier_sees_only_the_largest(scene):
    classifier = Says(504)
    SegmenterDetector(classifier, config=SegmenterConfig(maximum_named=1)).detect(scene(ROOM))
    assert len(classifier.shown) == 1
    assert classifier.shown[0].size > 0


def test_household_names_sum_their_classes():
    probabilities = np.zeros(1000, np.float32)
    probabilities[[504, 968]] = 0.3, 0.25
    probabilities[532] = 0.4
    scores = HouseholdNames().scores(probabilities)
    assert next(iter(scores.items())) == ("mug", pytest.approx(0.55))
    assert next(iter(HouseholdNames(["table", "unicorn"]).scores(probabilities))) == "table"
    assert HouseholdNames([]).scores(probabilities) == {}
    used = [index for indices in IMAGENET_CLASSES.values() for index in indices]
    assert len(used) == len(set(used))
    assert set(used) <= set(range(1000))


def test_boxes_take_the_mask_of_their_segment(scene):
    frame = scene(ROOM)
    boxes = Boxes(
        Detection("table", 0.6, truth_box(frame, 1)),
        Detection("mug", 0.7, truth_box(frame, 2)),
        Detection("box", 0.5, truth_box(frame, 3)),
    )
    found = SsdSegmenterDetector(boxes, SegmenterDetector(None, config=SegmenterConfig(keep_unnamed=False))).detect(
        frame
    )
    assert [d.label for d in found] == ["mug", "table", "box"]
    for d, instance in zip(found, (2, 1, 3), strict=True):
        assert overlap(d.mask, frame.instances == instance) > 0.6


def test_boxes_that_depth_does_not_bear_out_are_left_out(scene):
    frame = scene(ROOM)
    floor_only = np.array([5, 200, 60, 238], np.float32)
    wall_only = np.array([100, 2, 160, 30], np.float32)
    boxes = Boxes(
        Detection("table", 0.9, floor_only),
        Detection("chair", 0.9, wall_only),
        Detection("computer monitor", 0.8, wall_only),
        Detection("mug", 0.7, truth_box(frame, 2)),
        Detection("bottle", 0.4, truth_box(frame, 2, grow=6)),
    )
    segmenter = SegmenterDetector(None, config=SegmenterConfig(keep_unnamed=False))
    found = SsdSegmenterDetector(boxes, segmenter).detect(frame)
    assert sorted(d.label for d in found) == ["computer monitor", "mug", "table"]
    (monitor,) = [d for d in found if d.label == "computer monitor"]
    assert monitor.mask is None
    (table,) = [d for d in found if d.label == "table"]
    assert overlap(table.mask, frame.instances == 1) > 0.8
