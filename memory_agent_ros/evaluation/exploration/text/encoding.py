"""Texts as vectors of a fixed width, each text encoded once."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

#: Width of a text's vector.
WIDTH = 128


class Embedder(Protocol):
    """What turns sentences into vectors."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """N texts -> (N, D) unit vectors."""
        ...


class TextVectors:
    """(128,) unit vectors of texts: an embedder's through a fixed rotation and cut, or sums of hashed words without.

    Args:
        embedder: of sentences, or None.
        most: vectors kept; beyond, all are forgotten at once.
    """

    def __init__(self, embedder: Embedder | None = None, most: int = 50_000) -> None:
        self._embedder, self._most = embedder, most
        self._axes: NDArray[np.float32] | None = None
        self._known: dict[str, NDArray[np.float32]] = {}

    def of(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """N texts -> (N, 128) unit vectors; what is new is encoded in one go."""
        wanted = dict.fromkeys(texts)
        if len(self._known) + len(wanted) > self._most:
            self._known.clear()
        new = sorted((t for t in wanted if t not in self._known), key=len)  # batches of like length need no padding
        if new:
            self._known.update(zip(new, self._encode(new), strict=True))
        return np.array([self._known[t] for t in texts], np.float32).reshape(len(texts), WIDTH)

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        if self._embedder is None:
            vectors = np.stack([_hashed(t) for t in texts])
        else:
            whole = self._embedder.embed_texts(texts)
            if self._axes is None:
                self._axes = _axes(whole.shape[1])
            vectors = whole @ self._axes
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)


def _axes(width: int) -> NDArray[np.float32]:
    """(D, 128) orthonormal columns: cosines are kept up to noise (Johnson-Lindenstrauss)."""
    drawn = np.random.default_rng(5).standard_normal((max(width, WIDTH), WIDTH))
    return np.linalg.qr(drawn)[0][:width].astype(np.float32)


def _hashed(text: str) -> NDArray[np.float32]:
    """Texts with words in common have like vectors."""
    words = re.findall(r"[a-z0-9]+", text.lower()) or [text]
    drawn = [np.random.default_rng(zlib.crc32(w.encode())).standard_normal(WIDTH) for w in words]
    return np.asarray(np.sum(drawn, axis=0), np.float32)
