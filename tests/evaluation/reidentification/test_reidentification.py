"""Ranking, drift, and that a training learns to ignore what drifts. Crops are drawn, not rendered."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from memory_agent_ros.evaluation.reidentification.crops import SIDE, Crops, Drift, drifted
from memory_agent_ros.evaluation.reidentification.ranking import mean_average_precision
from memory_agent_ros.evaluation.training.train_reidentification import (
    LOSSES,
    Examples,
    ReidentificationTraining,
    fit,
)
from memory_agent_ros.records.errors import BadInputError


def test_average_precision_by_hand() -> None:
    vectors = np.array([[1.0, 0.0], [0.9, np.sqrt(1 - 0.81)], [0.8, 0.6], [0.0, 1.0]], dtype=np.float32)
    # a: b first, then a -> 1/2; the second a has c... of four crops a, b, a, c only the two a are queries
    assert mean_average_precision(vectors, np.array(["a", "b", "a", "c"])) == pytest.approx(0.5)
    assert mean_average_precision(vectors[:2], np.array(["a", "a"])) == 1.0
    assert np.isnan(mean_average_precision(vectors, np.array(["a", "b", "c", "d"])))


def crops(count: int = 6) -> Crops:
    rng = np.random.default_rng(0)
    masks = np.zeros((count, SIDE, SIDE), dtype=bool)
    masks[:, 20:44, 20:44] = True
    windows = rng.integers(0, 255, (count, SIDE, SIDE, 3), dtype=np.uint8)
    return Crops(windows, masks, np.arange(count).astype(str), np.zeros(count, dtype=np.int64))


def test_without_drift_the_crop_is_the_box_and_with_it_light_and_box_differ() -> None:
    given = crops()
    still, masks = drifted(given, None, np.random.default_rng(0))
    inside = slice(SIDE // 4, 3 * SIDE // 4)
    assert np.array_equal(still[0], given.windows[0, inside, inside])
    assert np.array_equal(masks[0], given.masks[0, inside, inside])
    moved, grown = drifted(given, Drift(), np.random.default_rng(0))
    again, _ = drifted(given, Drift(), np.random.default_rng(0))
    assert all(np.array_equal(a, b) for a, b in zip(moved, again, strict=True))
    assert any(m.shape != s.shape for m, s in zip(moved, still, strict=True))
    assert all(m.any() for m in grown)
    lit, _ = drifted(given, Drift(box=0.0, grow=0.0), np.random.default_rng(0))
    assert lit[0].shape == still[0].shape and not np.array_equal(lit[0], still[0])


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_learns_what_stays_of_unseen_objects(loss: str) -> None:
    rng = np.random.default_rng(0)
    width, drifting = 24, 12  # the last numbers drift from copy to copy, the first are the object's

    def some(objects: int, each: int) -> tuple[np.ndarray, np.ndarray]:
        keys = np.repeat(np.arange(objects), each)
        own = rng.standard_normal((objects, width))[keys]
        own[:, -drifting:] = 0.0
        noise = 0.2 * rng.standard_normal((len(keys), width))
        noise[:, -drifting:] = 1.2 * rng.standard_normal((len(keys), drifting))
        vectors = own + noise
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), keys

    vectors, keys = some(30, 8)
    training = ReidentificationTraining(loss, steps=200, hidden=16, width=12, batch=8, rate=1e-2)
    network = fit(training, Examples(vectors[None], keys.astype(np.int64)))
    fresh, owners = some(20, 6)
    with torch.no_grad():
        found = torch.nn.functional.normalize(network(torch.from_numpy(fresh)), dim=1).numpy()
    names = owners.astype(str)
    assert mean_average_precision(found, names) > mean_average_precision(fresh, names) + 0.1


def test_bad_settings_are_refused() -> None:
    for bad in ({"loss": "no_such"}, {"batch": 3}, {"batch": 7}):
        with pytest.raises(BadInputError):
            ReidentificationTraining(**bad)
