"""Neurons that were made to tell are found and gathered by what they tell; drawn ones are others."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from memory_agent_ros.evaluation.safety.selection import Selected, at_random, clustered, select

CATEGORIES = ("fire", "theft")


def planted(seed: int, count: int = 160) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Of 60 neurons in two layers, in the second one 5 answer to unsafe fire and 5 to unsafe theft."""
    rng = np.random.default_rng(seed)
    unsafe, groups = rng.random(count) < 0.5, rng.choice(CATEGORIES, count)
    activations = rng.normal(size=(count, 2, 60))
    activations[:, 1, 10:15] += 3.0 * (unsafe & (groups == "fire"))[:, None]
    activations[:, 1, 40:45] += 3.0 * (unsafe & (groups == "theft"))[:, None]
    return activations.astype(np.float16), unsafe, groups.tolist()


def test_planted_neurons_are_selected_and_clustered_by_what_they_answer_to() -> None:
    activations, unsafe, groups = planted(0)
    found = select(activations, unsafe, groups, planted(1)[:2], range(2), threshold=1.5)
    tells, silent = found[1], found.get(0)
    assert set(tells.neurons.tolist()) == {*range(10, 15), *range(40, 45)}
    assert tells.clusters == 2 and tells.silhouette > 0.7 and tells.accuracy > 0.7
    assert len(set(tells.cluster[:5].tolist())) == 1 == len(set(tells.cluster[5:].tolist()))
    assert silent is None or silent.accuracy < 0.65


def test_the_number_of_clusters_is_that_of_the_best_silhouette() -> None:
    rng = np.random.default_rng(2)
    centres = np.array([[0, 0], [9, 0], [0, 9], [9, 9]])
    profiles = (np.repeat(centres, 6, axis=0) + rng.normal(scale=0.3, size=(24, 2))).astype(np.float32)
    labels, silhouette = clustered(profiles, 8, 0)
    assert len(set(labels.tolist())) == 4 and silhouette > 0.8
    assert [len(set(part.tolist())) for part in np.split(labels, 4)] == [1, 1, 1, 1]


def test_random_neurons_are_as_many_others_in_clusters_of_the_same_sizes() -> None:
    chosen = {4: Selected(np.arange(10, 22), np.array([0] * 8 + [1] * 4), 0.5, 0.9)}
    drawn, again = at_random(chosen, 64, 7)[4], at_random(chosen, 64, 7)[4]
    assert len(set(drawn.neurons.tolist())) == 12 and not set(drawn.neurons.tolist()) & set(range(10, 22))
    assert sorted(drawn.cluster.tolist()) == sorted(chosen[4].cluster.tolist())
    assert np.array_equal(drawn.neurons, again.neurons) and np.isnan(drawn.silhouette)
