"""A small network over another embedder's vectors, trained to tell objects apart under drift of light and detector."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.perception.protocols import ImageEmbedder
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.tensor_file import read_tensors, write_tensors

FORMAT = "memory_agent_ros.reidentification.1"
_SHAPES = ("first.weight", "first.bias", "second.weight", "second.bias", "skip.weight")


class ReidentificationEmbedder:
    """Projects the vectors of a base embedder: a linear map and one hidden layer, added up.

    Runs in numpy, in microseconds a crop. A zero vector stays zero.

    Args:
        base: gives the vectors that it was trained on.
        weights: ``first`` (H, D_base), ``second`` (D, H) with biases, and ``skip`` (D, D_base).

    Raises:
        BadInputError: ``reidentification_weights``: they do not fit each other or the base.
    """

    def __init__(self, base: ImageEmbedder, weights: Mapping[str, NDArray[np.float32]]) -> None:
        if set(weights) != set(_SHAPES):
            raise BadInputError("reidentification_weights", f"need the tensors {', '.join(_SHAPES)}")
        hidden, width = weights["first.weight"].shape
        out = len(weights["second.bias"])
        fits = weights["second.weight"].shape == (out, hidden) and weights["skip.weight"].shape == (out, width)
        if width != base.dimension or not fits:
            raise BadInputError("reidentification_weights", f"weights for {width} numbers, base has {base.dimension}")
        self._base, self._weights = base, weights

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return len(self._weights["second.bias"])

    def embed_images(
        self, crops: Sequence[NDArray[np.uint8]], masks: Sequence[NDArray[np.bool_] | None] | None = None
    ) -> NDArray[np.float32]:
        """B crops (h, w, 3) uint8 RGB, with optional masks (h, w) -> (B, D) float32 unit vectors."""
        return self.project(self._base.embed_images(crops, masks))

    def project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, D_base) vectors of the base -> (B, D) unit vectors."""
        w = self._weights
        hidden = np.maximum(vectors @ w["first.weight"].T + w["first.bias"], 0.0)
        out = hidden @ w["second.weight"].T + w["second.bias"] + vectors @ w["skip.weight"].T
        out = out * vectors.any(axis=1, keepdims=True)
        unit: NDArray[np.float32] = (out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)).astype(
            np.float32
        )
        return unit


def save_reidentification(path: Path, weights: Mapping[str, NDArray[np.float32]], about: Mapping[str, Any]) -> None:
    """Write weights with the base embedder's name (``base``) and how they were trained."""
    write_tensors(path, weights, {"format": FORMAT, **_texts(about)})


def read_reidentification(path: Path) -> tuple[str, dict[str, NDArray[np.float32]]]:
    """Name of the base embedder and weights, as :func:`save_reidentification` wrote them.

    Raises:
        BadInputError: ``reidentification_weights``.
    """
    try:
        weights, about = read_tensors(path, "numpy")
    except (OSError, ValueError) as error:
        raise BadInputError("reidentification_weights", f"{path} cannot be read: {error}") from error
    if about.get("format") != FORMAT or "base" not in about:
        raise BadInputError("reidentification_weights", f"{path} holds no re-identification that this version reads")
    return json.loads(about["base"]), weights


def _texts(about: Mapping[str, Any]) -> dict[str, str]:
    return {name: json.dumps(value) for name, value in about.items()}
