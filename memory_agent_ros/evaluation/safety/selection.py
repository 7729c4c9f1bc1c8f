"""Which neurons tell unsafe requests from safe ones, and which of them belong together (NeST, arXiv 2602.16835).

A linear probe a layer reads from the activations whether a request is unsafe. Neurons whose weight in it stands out
(z-score above a threshold) are selected; k-means gathers them by what they answer to, into as many clusters as give the
best silhouette. Needs scikit-learn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.records.errors import MissingExtraError


@dataclass(frozen=True, eq=False)
class Selected:
    """The neurons of one layer that are tuned.

    Attributes:
        neurons: (M,) int64 ascending.
        cluster: (M,) int64, 0 to K - 1.
        silhouette: of the clusters, [-1, 1].
        accuracy: of the layer's probe on requests it was not fitted to.
    """

    neurons: NDArray[np.int64]
    cluster: NDArray[np.int64]
    silhouette: float
    accuracy: float

    @property
    def clusters(self) -> int:
        """How many there are."""
        return int(self.cluster.max()) + 1


def select(
    activations: NDArray[np.float16],
    unsafe: NDArray[np.bool_],
    groups: Sequence[str],
    held: tuple[NDArray[np.float16], NDArray[np.bool_]],
    layers: Iterable[int],
    threshold: float = 2.0,
    most_clusters: int = 8,
    seed: int = 0,
    progress: bool = False,
) -> dict[int, Selected]:
    """The neurons of each layer; a layer in which fewer than two stand out is left out.

    Args:
        activations: (N, layers, neurons) of requests.
        unsafe: (N,) which of them are.
        groups: (N,) categories; a neuron's profile are its mean activations on the unsafe and on the safe requests of
            each.
        held: activations and labels of other requests, that the probes are tried on.
        layers: which layers.
        threshold: z-score of a neuron's weight from which on it is selected.
        most_clusters: of a layer.
        seed: of k-means.
        progress: show a bar.
    """
    out: dict[int, Selected] = {}
    for layer in tqdm(list(layers), desc="probes", unit="layer", disable=not progress):
        scaled, other = standardised(activations[:, layer], held[0][:, layer])
        weights, accuracy = probe(scaled, unsafe, other, held[1])
        z = (weights - weights.mean()) / (weights.std() + 1e-12)
        neurons = np.flatnonzero(z > threshold)
        if len(neurons) >= 2:
            profiles = profiles_of(scaled[:, neurons], unsafe, groups)
            cluster, silhouette = clustered(profiles, most_clusters, seed)
            out[layer] = Selected(neurons.astype(np.int64), cluster, silhouette, accuracy)
    return out


def at_random(selected: dict[int, Selected], neurons: int, seed: int) -> dict[int, Selected]:
    """As many other neurons of the same layers, drawn at random, in as many clusters of the same sizes.

    Args:
        selected: what it stands beside; none of these neurons is drawn.
        neurons: of a layer.
        seed: of the draw.
    """
    rng = np.random.default_rng((seed, 83))
    out = {}
    for layer, one in selected.items():
        others = np.setdiff1d(np.arange(neurons), one.neurons)
        drawn = np.sort(rng.choice(others, size=min(len(one.neurons), len(others)), replace=False))
        cluster = rng.permutation(one.cluster)[: len(drawn)]
        out[layer] = Selected(drawn.astype(np.int64), cluster, float("nan"), one.accuracy)
    return out


def standardised(
    one: NDArray[np.float16], other: NDArray[np.float16]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Both in units of the first one's mean and deviation of each neuron."""
    first = one.astype(np.float32)
    mean, deviation = first.mean(axis=0), first.std(axis=0) + 1e-6
    return (first - mean) / deviation, (other.astype(np.float32) - mean) / deviation


def probe(
    activations: NDArray[np.float32],
    unsafe: NDArray[np.bool_],
    other: NDArray[np.float32],
    other_unsafe: NDArray[np.bool_],
    strength: float = 1e-3,
) -> tuple[NDArray[np.float64], float]:
    """Weights of a linear probe (logistic regression, L2), and its accuracy on other requests."""
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingExtraError("probes need scikit-learn: pip install 'memory_agent_ros[language]'") from error
    fitted = LogisticRegression(C=strength, max_iter=200).fit(activations, unsafe)
    accuracy = float(fitted.score(other, other_unsafe)) if len(other) else float("nan")
    return fitted.coef_[0].astype(np.float64), accuracy


def profiles_of(
    activations: NDArray[np.float32], unsafe: NDArray[np.bool_], groups: Sequence[str]
) -> NDArray[np.float32]:
    """(M, 2 categories) mean activations of M neurons on the unsafe and on the safe requests of each category."""
    names = np.array(groups)
    rows = [(names == name) & (unsafe == flag) for name in sorted(set(groups)) for flag in (True, False)]
    return np.stack([activations[r].mean(axis=0) for r in rows if r.any()], axis=1).astype(np.float32)


def clustered(profiles: NDArray[np.float32], most: int, seed: int) -> tuple[NDArray[np.int64], float]:
    """(M,) clusters of profiles by k-means, as many as give the best silhouette, and that."""
    try:
        from sklearn.cluster import KMeans
        from sklearn.metrics import silhouette_score
    except ImportError as error:
        raise MissingExtraError("clusters need scikit-learn: pip install 'memory_agent_ros[language]'") from error
    best = np.zeros(len(profiles), np.int64), -1.0
    for count in range(2, min(most, len(profiles) - 1) + 1):
        labels = KMeans(count, n_init=4, random_state=seed).fit_predict(profiles)
        if len(set(labels.tolist())) < 2:
            continue
        score = float(silhouette_score(profiles, labels))
        if score > best[1]:
            best = labels.astype(np.int64), score
    return best
