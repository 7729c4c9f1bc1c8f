"""Whether a question is about what a chunk was made from, judged by sentence vectors: what opens an adapter's gate.

A chunk's keys are the vectors of its sentences and of pairs of neighbouring content words, so that "the red mug" is
found in a long sentence too. The score is the largest cosine with the question or with its content words; two numbers,
calibrated on related and unrelated pairs, turn it into a probability.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from memory_agent_ros.adapters.prompts import sentences
from memory_agent_ros.perception.protocols import TextEmbedder

_WORDS = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_EMPTY_TEXT = """
a an and any are at be been by can did do does find for from had has have here how i in is it last lies many me
my near now of on or our place please put saw see seen stand stands tell that the their there these this those to
today was we were what when where which who whose why with you your
"""
_EMPTY = frozenset(_EMPTY_TEXT.split())


def content_words(text: str) -> list[str]:
    """Lower-case words that say what a text is about."""
    return [w for w in _WORDS.findall(text.lower()) if w not in _EMPTY]


def key_texts(text: str) -> list[str]:
    """What a chunk's keys are made from, each once: sentences, and pairs of neighbouring content words."""
    found = sentences(text)
    pairs = list[str]()
    for sentence in found:
        words = content_words(sentence)
        pairs += [" ".join(words[i : i + 2]) for i in range(max(1, len(words) - 1)) if words]
    return list(dict.fromkeys((*found, *pairs)))


def chunk_keys(text: str, embedder: TextEmbedder) -> Tensor:
    """(N, D) float32 unit vectors of :func:`key_texts`."""
    return torch.from_numpy(embedder.embed_texts(key_texts(text)))


@dataclass(frozen=True)
class Gate:
    """A logistic curve over scores.

    Attributes:
        middle: score with probability one half.
        slope: how steep it is there, times four.
    """

    middle: float = 0.88
    slope: float = 20.0

    def probability(self, score: float) -> float:
        """Of a score, [0, 1]."""
        return float(1.0 / (1.0 + np.exp(-np.clip(self.slope * (score - self.middle), -60.0, 60.0))))


class EmbeddedRelevance:
    """Relevance of questions to chunks' keys.

    Args:
        embedder: the one that made the keys.
        gate: calibrated; see :func:`calibrated`.
    """

    def __init__(self, embedder: TextEmbedder, gate: Gate | None = None) -> None:
        self.embedder, self.gate = embedder, gate or Gate()

    def scores(self, question: str, keys: Sequence[Tensor | None]) -> list[float]:
        """The largest cosine with each chunk's keys; -1 for a chunk without keys."""
        asked = [question, " ".join(content_words(question)) or question]
        vectors = torch.from_numpy(self.embedder.embed_texts(asked))
        return [-1.0 if k is None or not len(k) else float((k.float() @ vectors.T).max()) for k in keys]

    def of(self, question: str, keys: Sequence[Tensor | None]) -> list[float]:
        """Probability that what is asked is in each chunk."""
        return [self.gate.probability(s) for s in self.scores(question, keys)]

    def opens(self, question: str, keys: Sequence[Tensor | None]) -> bool:
        """Whether any chunk is more likely related than not."""
        return max(self.of(question, keys), default=0.0) >= 0.5


def calibrated(related: Sequence[float], unrelated: Sequence[float], keep: float = 0.97) -> Gate:
    """A gate that opens on the share ``keep`` of related scores, or on more, where nothing unrelated scores higher.

    Args:
        related: scores of questions with chunks that tell them, which nobody is tested on.
        unrelated: scores with chunks that do not.
        keep: share of related pairs.
    """
    good: NDArray[np.float64] = np.asarray(related, dtype=np.float64)
    bad: NDArray[np.float64] = np.asarray(unrelated, dtype=np.float64)
    edge = float(np.quantile(good, 1.0 - keep))
    below = bad[bad < edge]
    middle = (edge + float(below.max())) / 2 if len(below) else edge
    spread = float(np.median(good) - np.median(bad))
    return Gate(middle, 6.0 / max(spread, 0.05))
