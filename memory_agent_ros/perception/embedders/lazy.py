"""A text embedder that is loaded when the first text is embedded: many questions name a label and need none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.perception.protocols import TextEmbedder


class LazyTextEmbedder:
    """Stands for the embedder that ``make`` returns.

    Args:
        make: loads the real embedder; called once at most.
    """

    def __init__(self, make: Callable[[], TextEmbedder]) -> None:
        self._make = make

    @cached_property
    def _embedder(self) -> TextEmbedder:
        return self._make()

    @property
    def dimension(self) -> int:
        """Length of the vectors; loads the embedder."""
        return self._embedder.dimension

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """B strings -> (B, D) float32 unit vectors."""
        return self._embedder.embed_texts(texts)
