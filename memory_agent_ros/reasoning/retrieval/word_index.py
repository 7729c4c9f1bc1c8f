"""BM25 over short texts (Robertson and Zaragoza, 2009): which texts share rare words with a question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.labels import tokens

#: How soon a repeated word counts no more, and how much a long text is held against its words.
_K1, _B = 1.2, 0.75


class WordIndex:
    """BM25 over texts that stay as they are.

    The texts of one memory are few and short, and change with every frame: a numpy table is built in milliseconds,
    which libraries with an index on disk are not made for.

    Args:
        texts: one a document.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(tokens(text)) for text in texts]
        self._rows: dict[str, list[tuple[int, int]]] = {}
        for number, counted in enumerate(counts):
            for word, times in counted.items():
                self._rows.setdefault(word, []).append((number, times))
        lengths = np.array([sum(c.values()) for c in counts], dtype=np.float64)
        self._norm = _K1 * (1.0 - _B + _B * lengths / max(float(lengths.mean()) if len(texts) else 1.0, 1e-9))

    def scores(self, question: str) -> NDArray[np.float64]:
        """(N,) score of each text, 0 where it shares no word."""
        n = len(self._norm)
        found = np.zeros(n)
        for word in dict.fromkeys(tokens(question)):
            rows = self._rows.get(word)
            if not rows:
                continue
            at, times = (np.array(column) for column in zip(*rows, strict=True))
            rarity = np.log(1.0 + (n - len(rows) + 0.5) / (len(rows) + 0.5))
            found[at] += rarity * times * (_K1 + 1.0) / (times + self._norm[at])
        return found

    def ranked(self, question: str) -> list[int]:
        """Numbers of the texts that share a word, best first."""
        scores = self.scores(question)
        return [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] > 0]
