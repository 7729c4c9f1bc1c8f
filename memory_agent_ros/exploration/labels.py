"""Labels and goals as short vectors, so that a policy can read words it was not trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

#: Length of a label vector: enough for a linear read-out to tell the things of a home apart.
LABEL = 48

#: Household words that span the space which label vectors keep.
VOCABULARY: tuple[str, ...] = tuple(
    """
    apple, armchair, backpack, ball, banana, basket, bathtub, bed, blanket, book, bookshelf, bottle, bowl, box, bread,
    broom, bucket, cabinet, camera, candle, carpet, cereal box, chair, chest of drawers, clock, clothes, coat rack,
    coffee machine, coffee table, cookie box, counter, cup, curtain, cushion, desk, desk caddy, dining table,
    dish rack, dishwasher, dressing bottle, fan, fork, frying pan, glass, guitar, hair dryer, hat, heater,
    juice carton, kettle, ketchup bottle, key, keyboard, knife, ladle, lamp, laptop, laundry basket, macaroni box,
    magazine, medicine, microwave, milk carton, mirror, moka pot, monitor, mouse, mug, newspaper, nightstand, orange,
    oven, painting, pen, phone, pillow, plant, plate, pot, printer, radio, refrigerator, remote control, salt shaker,
    scissors, shampoo, shelf, shoe, side table, sink, soap, sofa, soup can, speaker, spice rack, sponge, spoon, stool,
    storage box, stove, suitcase, table, tea pot, teddy bear, television, toaster, toilet, tool box, toothbrush,
    towel, toy, trash can, tray, umbrella, vacuum cleaner, vase, wardrobe, washing machine, washstand, watering can,
    white bottle, wine bottle, wine glass, wine rack, kitchen, living room, bedroom, bathroom, office, dining room
    """.replace("\n", " ").split(", ")
)


class TextEmbedder(Protocol):
    """What gives the vectors of texts; :mod:`memory_agent_ros.perception.embedders` has such."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """B strings -> (B, D) float32 unit vectors."""
        ...


class LabelVectors:
    """(48,) unit vectors of labels and goals; like words have like vectors if there is a text embedder.

    With an embedder a text's vector is its deviation from the mean over :data:`VOCABULARY`, in the vocabulary's first
    48 principal directions: more of the likeness of household words survives than by a random projection. Without one
    it is a random vector drawn from the text's hash, which tells labels apart and nothing else.

    Args:
        embedder: of texts, or None.
    """

    def __init__(self, embedder: TextEmbedder | None = None) -> None:
        self._embedder = embedder
        self._mean: NDArray[np.float32] | None = None
        self._axes: NDArray[np.float32] | None = None
        self._known: dict[str, NDArray[np.float32]] = {}

    @property
    def kind(self) -> str:
        """``text`` or ``hash``; weights trained on the one are of no use with the other."""
        return "hash" if self._embedder is None else "text"

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """N texts -> (N, 48) unit vectors; zero for an empty text."""
        new = [t for t in dict.fromkeys(texts) if t and t not in self._known]
        if new:
            self._known.update(zip(new, self._make(new), strict=True))
        zero = np.zeros(LABEL, np.float32)
        return np.array([self._known[t] if t else zero for t in texts], np.float32).reshape(len(texts), LABEL)

    def _make(self, texts: list[str]) -> NDArray[np.float32]:
        if self._embedder is None:
            return np.stack([_hashed(t) for t in texts])
        if self._axes is None or self._mean is None:
            self._mean, self._axes = _principal(self._embedder.embed_texts(VOCABULARY))
        inside = (self._embedder.embed_texts(texts) - self._mean) @ self._axes
        return np.asarray(inside / np.maximum(np.linalg.norm(inside, axis=1, keepdims=True), 1e-9), np.float32)


def _hashed(text: str) -> NDArray[np.float32]:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    vector = np.random.default_rng(seed).standard_normal(LABEL)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def _principal(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(N, D) -> their mean (D,) and the first 48 principal directions (D, 48), signs fixed."""
    mean = vectors.mean(axis=0)
    _, _, axes = np.linalg.svd((vectors - mean).astype(np.float64), full_matrices=False)
    axes = axes[:LABEL]
    strongest = np.argmax(np.abs(axes), axis=1)
    axes = axes * np.sign(axes[np.arange(len(axes)), strongest])[:, None]
    out = np.zeros((vectors.shape[1], LABEL), np.float32)
    out[:, : len(axes)] = axes.T
    return mean, out
