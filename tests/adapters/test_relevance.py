"""The gate: what a question is about, and whether a chunk tells it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from memory_agent_ros.adapters.relevance import (
    EmbeddedRelevance,
    Gate,
    calibrated,
    chunk_keys,
    content_words,
    key_texts,
)


class Bags:
    """Texts as bags of words, hashed."""

    dimension = 256

    def embed_texts(self, texts: list[str]) -> NDArray[np.float32]:
        out = np.zeros((len(texts), 256), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().replace(".", " ").replace("?", " ").split():
                out[row, sum(word.encode()) * 7 % 256] += 1.0
        return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)


TEXT = "The robot saw the red mug on the washer. Nothing happened here."


def test_keys_are_sentences_and_pairs_of_content_words() -> None:
    assert content_words("Where is the red mug?") == ["red", "mug"]
    assert key_texts(TEXT) == [
        "The robot saw the red mug on the washer.", "Nothing happened here.", "robot red", "red mug", "mug washer",
        "nothing happened",
    ]  # fmt: skip


def test_the_gate_opens_for_what_a_chunk_tells_and_for_nothing_else() -> None:
    relevance, keys = EmbeddedRelevance(Bags()), [chunk_keys(TEXT, Bags())]
    assert relevance.opens("Where is the red mug?", keys)
    assert not relevance.opens("Where is the blue cup?", keys)
    assert not relevance.opens("Where is the red cup?", keys)
    assert not relevance.opens("Where is the red mug?", [None, torch.zeros(0, 256)])
    assert not relevance.opens("Where is the red mug?", [])
    assert relevance.of("Where is the red mug?", [*keys, None])[0] > 0.5 > relevance.of("Is it?", [None])[0]


def test_calibration_keeps_the_related_and_lies_between() -> None:
    rng = np.random.default_rng(0)
    related, unrelated = rng.normal(0.8, 0.03, 400), rng.normal(0.3, 0.05, 400)
    gate = calibrated(related.tolist(), unrelated.tolist())
    assert np.mean([gate.probability(s) >= 0.5 for s in related]) >= 0.97
    assert np.mean([gate.probability(s) >= 0.5 for s in unrelated]) == 0.0
    assert Gate(0.5, 10.0).probability(0.5) == pytest.approx(0.5)
