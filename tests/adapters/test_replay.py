"""The replay buffer: surprises are written later, every written moment has the same chance; the controller follows."""

import numpy as np
import pytest

from memory_agent_ros.adapters.replay import ReplayBuffer, ReplayController, SurpriseConfig, SurpriseGate
from memory_agent_ros.records.errors import BadInputError


def test_a_reservoir_keeps_each_moment_with_the_same_chance() -> None:
    counts = np.zeros(40)
    for seed in range(400):
        buffer = ReplayBuffer[int](10, np.random.default_rng(seed))
        buffer.offer(range(40), [0.0] * 40)
        assert len(buffer) == 10
        counts[[k.item for k in buffer.kept]] += 1
    assert abs(counts[:20].sum() - counts[20:].sum()) < 0.06 * counts.sum()
    assert counts.min() > 60 and counts.max() < 140  # 100 expected


def test_only_surprises_are_written_and_only_later() -> None:
    gate = SurpriseGate(SurpriseConfig(quantile=0.8, delay=5))
    buffer = ReplayBuffer[int](100, np.random.default_rng(0), gate)
    rng = np.random.default_rng(1)
    losses = 1.0 + 0.1 * rng.standard_normal(400)
    losses[50::20] = 4.0
    buffer.offer(range(300), losses[:300])
    kept = {k.item for k in buffer.kept}
    assert set(range(50, 290, 20)) <= kept and len(kept) < 110
    assert buffer.written < 0.4 * 300
    before = buffer.written
    surprise = ReplayBuffer[str](10, np.random.default_rng(0), SurpriseGate(SurpriseConfig(0.5, delay=2)))
    surprise.offer(["first", "second"], [1.0, 9.0])
    assert len(surprise) == 0
    surprise.offer(["third"], [0.0])
    assert [k.item for k in surprise.kept] == ["first"] and before > 0
    surprise.offer(["fourth"], [0.0])
    assert [k.item for k in surprise.kept] == ["first", "second"]


def test_forgetting_is_how_far_above_its_best_a_moment_is() -> None:
    buffer = ReplayBuffer[str](2, np.random.default_rng(0))
    buffer.offer(["a", "b"], [2.0, 2.0])
    assert buffer.practised([0, 1], [1.0, 2.0]) == 0.0
    assert buffer.practised([0, 1], [1.5, 3.0]) == pytest.approx(0.75)
    assert buffer.practised([], []) == 0.0
    assert sorted(buffer.draw(5)) == [0, 1]


def test_the_share_rises_with_forgetting_and_falls_back() -> None:
    controller = ReplayController(target=0.1, proportional=0.5, integral=0.02)
    assert controller.share == controller.least
    for _ in range(60):
        controller.measured(1.0)
    high = controller.share
    assert high == controller.most
    for _ in range(60):
        controller.measured(0.0)
    assert controller.share < 0.5 * high


def test_a_constant_error_is_integrated_but_never_winds_up() -> None:
    controller = ReplayController(target=0.1, proportional=0.1, integral=0.01)
    shares = [controller.measured(0.3) for _ in range(400)]
    assert shares[-1] > shares[60] > shares[0] and shares[-1] == controller.most
    for _ in range(40):
        controller.measured(0.0)
    assert controller.share < controller.most


def test_bad_settings_are_refused() -> None:
    for bad in ({"quantile": 1.0}, {"delay": -1}, {"window": 0}):
        with pytest.raises(BadInputError):
            SurpriseConfig(**bad)
    with pytest.raises(BadInputError):
        ReplayBuffer[int](0, np.random.default_rng(0))
    with pytest.raises(BadInputError):
        ReplayController().measured(float("nan"))
