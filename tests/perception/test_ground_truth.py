import dataclasses
from collections import Counter

import numpy as np
import pytest

from memory_agent_ros.perception.ground_truth import NO_NOISE, DetectionNoise, GroundTruthDetector
from memory_agent_ros.records.errors import BadInputError

BLOCKS = [((1.5, -0.9 + 0.45 * i, 0.6), (1.8, -0.65 + 0.45 * i, 0.9), (40 * i, 100, 200 - 30 * i)) for i in range(5)]
LABELS = {1: "mug", 2: "bowl", 3: "book", 4: "chair", 5: "table"}


def same(a, b):
    return len(a) == len(b) and all(
        x.label == y.label and x.score == y.score and np.array_equal(x.mask, y.mask) for x, y in zip(a, b, strict=True)
    )


def at(frame, stamp):
    return dataclasses.replace(frame, stamp_ns=stamp)


def only(**changes):
    return dataclasses.replace(NO_NOISE, **changes)


def test_without_noise_it_says_what_is_there(scene):
    frame = scene(BLOCKS)
    found = GroundTruthDetector(LABELS, NO_NOISE).detect(frame)
    assert [d.label for d in found] == list(LABELS.values())
    for instance, d in zip(LABELS, found, strict=True):
        np.testing.assert_array_equal(d.mask, frame.instances == instance)
        rows, columns = np.nonzero(d.mask)
        np.testing.assert_array_equal(d.box_xyxy, [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
        assert 0 < d.score <= 1


def test_ids_may_be_large_or_negative(scene):
    frame = scene(BLOCKS)
    wild = np.where(frame.instances == 1, 1_000_000, np.where(frame.instances == 2, -7, 0)).astype(np.int32)
    found = GroundTruthDetector({1_000_000: "mug", -7: "bowl"}, NO_NOISE).detect(
        dataclasses.replace(frame, instances=wild)
    )
    assert {d.label: int(d.mask.sum()) for d in found} == {
        "mug": int((frame.instances == 1).sum()),
        "bowl": int((frame.instances == 2).sum()),
    }


def test_ids_without_label_are_background_and_labels_may_change(scene):
    detector = GroundTruthDetector({}, NO_NOISE)
    assert detector.detect(scene(BLOCKS)) == []
    detector.labels = {3: "book"}
    assert [d.label for d in detector.detect(scene(BLOCKS))] == ["book"]


def test_noise_depends_on_seed_and_stamp_only(scene):
    frame = scene(BLOCKS)
    noise = DetectionNoise(miss=0.3, confusion=0.3, split=0.3, false_positives=1.0)
    detector = GroundTruthDetector(LABELS, noise, seed=3)
    first = [detector.detect(at(frame, stamp)) for stamp in range(8)]
    again = {stamp: GroundTruthDetector(LABELS, noise, seed=3).detect(at(frame, stamp)) for stamp in reversed(range(8))}
    assert all(same(first[stamp], again[stamp]) for stamp in range(8))
    other = [GroundTruthDetector(LABELS, noise, seed=4).detect(at(frame, stamp)) for stamp in range(8)]
    assert not all(same(a, b) for a, b in zip(first, other, strict=True))
    assert not all(same(first[0], d) for d in first[1:])


def test_misses_happen_as_often_as_asked(scene):
    frame = scene(BLOCKS)
    detector = GroundTruthDetector(LABELS, only(miss=0.2))
    seen = sum(len(detector.detect(at(frame, stamp))) for stamp in range(200))
    assert seen / 1000 == pytest.approx(0.8, abs=0.05)


def test_small_objects_are_missed_more_often(scene):
    far = scene([((3.5, -0.02, 0.9), (3.54, 0.02, 0.94), (9, 9, 9))])
    pixels = int((far.instances == 1).sum()) * 4
    assert 0 < pixels < 400
    noise = only(miss=0.05, miss_small=0.9, minimum_pixels=1, small_pixels=400)
    seen = sum(len(GroundTruthDetector({1: "mug"}, noise).detect(at(far, stamp))) for stamp in range(300))
    expected = 0.05 + 0.85 * (400 - pixels) / 399
    assert 1 - seen / 300 == pytest.approx(expected, abs=0.08)
    assert GroundTruthDetector({1: "mug"}, only(minimum_pixels=pixels + 4)).detect(far) == []


def test_confused_labels_are_similar_and_less_sure(scene):
    frame = scene(BLOCKS)
    detector = GroundTruthDetector(LABELS, only(confusion=1.0))
    names = Counter((d.label, next(iter(d.label_scores))) for d in detector.detect(frame))
    assert set(names) == {("bowl", "bowl"), ("mug", "mug")} | {n for n in names if n[0] not in ("bowl", "mug")}
    for truth, d in zip(LABELS.values(), detector.detect(frame), strict=True):
        assert d.label != truth
        assert d.label in LABELS.values()
        assert truth in d.label_scores
        assert d.score <= 0.6
    rate = np.mean(
        [
            d.label != truth
            for stamp in range(200)
            for d, truth in zip(
                GroundTruthDetector(LABELS, only(confusion=0.1)).detect(at(frame, stamp)), LABELS.values(), strict=True
            )
        ]
    )
    assert rate == pytest.approx(0.1, abs=0.03)


def test_masks_grow_and_shrink_within_the_limit(scene):
    import cv2

    frame = scene(BLOCKS)
    detector = GroundTruthDetector(LABELS, only(mask_px=4.0))
    truth = (frame.instances == 3).astype(np.uint8)
    kernel = np.ones((3, 3), np.uint8)
    largest, smallest = cv2.dilate(truth, kernel, iterations=2), cv2.erode(truth, kernel, iterations=2)
    areas = set()
    for stamp in range(40):
        mask = detector.detect(at(frame, stamp))[2].mask
        assert not (mask & (largest == 0)).any()
        assert not (~mask & (smallest > 0)).any()
        areas.add(int(mask.sum()))
    assert min(areas) < truth.sum() < max(areas)


def test_splits_share_the_mask(scene):
    frame = scene(BLOCKS)
    found = GroundTruthDetector({3: "book"}, only(split=1.0)).detect(frame)
    assert [d.label for d in found] == ["book", "book"]
    assert not (found[0].mask & found[1].mask).any()
    np.testing.assert_array_equal(found[0].mask | found[1].mask, frame.instances == 3)


def test_false_positives_lie_on_background(scene):
    frame = scene(BLOCKS)
    detector = GroundTruthDetector(LABELS, only(miss=1.0, miss_small=1.0, false_positives=2.0))
    found = [d for stamp in range(50) for d in detector.detect(at(frame, stamp))]
    assert len(found) / 50 == pytest.approx(2.0, abs=0.6)
    for d in found:
        assert d.mask.any()
        assert (frame.instances[d.mask] == 0).all()
        assert d.label in LABELS.values()


def test_frames_without_instances_are_refused(scene):
    frame = scene(BLOCKS)
    with pytest.raises(BadInputError) as refused:
        GroundTruthDetector(LABELS).detect(dataclasses.replace(frame, instances=None))
    assert refused.value.reason == "no_instances"
    with pytest.raises(BadInputError) as refused:
        GroundTruthDetector(LABELS).detect(dataclasses.replace(frame, instances=frame.instances[::2]))
    assert refused.value.reason == "instances_size"
