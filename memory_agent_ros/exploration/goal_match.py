"""How well a remembered label is what is searched for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.perception.protocols import TextEmbedder

#: Cosines of sentence vectors that mean "something else" and "the same".
_OTHER, _SAME = 0.35, 0.85


class GoalMatch:
    """Exact labels count as one; free text by the likeness of its sentence vector to the label's.

    A goal that names a label exactly is only that: a cup is no mug where mugs have their own label.

    Args:
        embedder: of texts; without, only words decide.
        names: labels that detectors use, as far as known.
    """

    def __init__(self, embedder: TextEmbedder | None = None, names: Sequence[str] = ()) -> None:
        self._embedder = embedder
        self._names = {normal_label(n) for n in names}

    def of(self, goal: str, labels: Sequence[str]) -> NDArray[np.float32]:
        """A goal and (M,) labels -> (M,) match, 0 to 1."""
        names = list(dict.fromkeys(labels))  # many things share a label
        of = dict(zip(names, self._of(goal, names), strict=True))
        return np.array([of[label] for label in labels], np.float32)

    def _of(self, goal: str, labels: Sequence[str]) -> NDArray[np.float32]:
        wanted = normal_label(goal)
        plain = [normal_label(label) for label in labels]
        if not wanted or not plain:
            return np.zeros(len(plain), np.float32)
        exact = np.array([p == wanted for p in plain], np.float32)
        if exact.any() or wanted in self._names:
            return exact
        named = np.array([0.9 * (f" {wanted} ".endswith(f" {p} ")) for p in plain], np.float32)
        if self._embedder is None or named.any():
            return named
        vectors = self._embedder.embed_texts([wanted, *plain])
        likeness = (vectors[1:] @ vectors[0] - _OTHER) / (_SAME - _OTHER)
        return np.asarray(np.clip(likeness, 0.0, 1.0), np.float32)
