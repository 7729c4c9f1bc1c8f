"""How likely a detection is, and what a running detector teaches about it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from memory_agent_ros.memory.presence.detection_model import (
    FEATURES,
    DetectionModel,
    DetectionRate,
    features,
    shipped,
    sigmoid,
)


def p_shipped(pixels: float, share: float = 1.0, in_image: float = 1.0, range_m: float = 2.0) -> float:
    inputs = features(*(np.array([v]) for v in (pixels, share, in_image, range_m)))
    return float(sigmoid(shipped().logits(inputs))[0])


def test_the_shipped_model_knows_what_makes_things_hard_to_see() -> None:
    assert len(shipped().coefficients) == len(FEATURES)
    assert p_shipped(2000) > 0.7 > p_shipped(20)
    assert p_shipped(400) > p_shipped(400, share=0.2)
    assert p_shipped(400) > p_shipped(400, in_image=0.2)


def test_a_fit_finds_the_probabilities_that_made_the_data() -> None:
    rng = np.random.default_rng(0)
    count = 20000
    inputs = features(
        np.exp(rng.uniform(2, 9, count)), rng.random(count), rng.random(count), rng.uniform(0.5, 6.0, count)
    )
    truth = np.array([1.5, 1.2, 0.2, 1.0, 0.7, -0.5])
    p = sigmoid(inputs @ truth)
    model = DetectionModel.fit(inputs, rng.random(count) < p, ridge=0.0)
    assert np.abs(sigmoid(model.logits(inputs)) - p).max() < 0.06


def test_the_offset_follows_another_detector() -> None:
    rng, rate = np.random.default_rng(1), DetectionRate()
    for _ in range(400):
        p = float(sigmoid(np.array([1.0 + rate.offset]))[0])
        rate.hit(p) if rng.random() < 0.5 else rate.miss(p)  # truly 0.5, the model says 0.73
    assert abs(rate.offset + 1.0) < 0.5


def test_misses_count_only_once_it_is_found_again() -> None:
    rate = DetectionRate()
    for _ in range(10):
        rate.miss(0.8)
    assert rate.offset == 0.0
    moved = DetectionRate(*rate.values())
    moved.forget_pending()
    moved.hit(0.8)
    rate.hit(0.8)
    assert rate.offset < -0.5 < 0.0 < moved.offset


def test_a_rate_survives_storage_and_reads_older_maps() -> None:
    rate = DetectionRate()
    rate.miss(0.7)
    rate.hit(0.6)
    rate.miss(0.5)
    assert DetectionRate.of(rate.values()) == rate
    assert DetectionRate.of([4.0, 1.0, 0.0]).offset == 0.0
    assert DetectionRate.of([10.0, 10.0, 0.0]).offset < -1.0


@given(st.lists(st.tuples(st.booleans(), st.floats(0.01, 0.99)), max_size=60))
def test_the_offset_stays_within_bounds(looks: list[tuple[bool, float]]) -> None:
    rate = DetectionRate()
    for seen, p in looks:
        rate.hit(p) if seen else rate.miss(p)
    assert abs(rate.offset) <= 2.0 and rate.information >= 0.0
