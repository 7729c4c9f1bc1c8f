"""The peers' rules do what their papers and code say, on a handful of detections."""

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.association_rules import (
    GreedySum,
    GreedySumConfig,
    LabelDistance,
    LabelDistanceConfig,
)
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.observation import Observation


def seen(label: str, center: tuple[float, float, float], color: int = 0, size: float = 0.2) -> Observation:
    points = np.random.default_rng(0).uniform(-size / 2, size / 2, (200, 3)) + np.array(center)
    embedding: NDArray[np.float32] = np.eye(4, dtype=np.float32)[color]
    return Observation(
        1, label, 0.9, {}, points.astype(np.float32), points.mean(axis=0), 1e-4 * np.eye(3),
        OrientedBox(np.array(center, np.float64), np.full(3, size)), np.zeros(4, np.float32), 100, False, embedding,
        1.0,
    )  # fmt: skip


def test_label_and_distance_decide() -> None:
    rule = LabelDistance(LabelDistanceConfig(0.1, 0.5, 1), {"mug": 0.2, "sofa": 2.0})
    first = rule.step([seen("mug", (0, 0, 0)), seen("sofa", (3, 0, 0))])
    assert rule.step([seen("mug", (0.15, 0, 0)), seen("sofa", (4, 0, 0))]) == first
    assert rule.step([seen("mug", (0.6, 0, 0))])[0] not in first
    assert rule.step([seen("cup", (0, 0, 0))])[0] not in first


def test_rarely_seen_objects_are_not_reported() -> None:
    rule = LabelDistance(LabelDistanceConfig(0.1, 0.5, 2), {})
    (identity,) = rule.step([seen("mug", (0, 0, 0))])
    assert rule.final(identity) == 0
    rule.step([seen("mug", (0, 0, 0))])
    assert rule.final(identity) == identity


def test_overlap_and_appearance_add_up() -> None:
    rule = GreedySum(GreedySumConfig(radius_m=0.03, threshold=1.2, merge_every=1000, min_detections=1))
    (first,) = rule.step([seen("mug", (0, 0, 0))])
    assert rule.step([seen("bowl", (0.02, 0, 0))]) == [first]  # labels play no part
    assert rule.step([seen("mug", (0.15, 0, 0), color=1)])[0] != first
    assert rule.step([seen("mug", (1.0, 0, 0))])[0] != first


def test_objects_that_grow_together_are_merged() -> None:
    rule = GreedySum(GreedySumConfig(radius_m=0.06, threshold=1.99, merge_overlap=0.3, merge_every=2, min_detections=1))
    a = rule.step([seen("mug", (0, 0, 0))])[0]
    b = rule.step([seen("mug", (0.08, 0, 0))])[0]
    assert a != b and rule.final(a) == rule.final(b)
