"""A trained recognition head as the robot uses it, and its file. Runs in numpy."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.perception.recognition.descriptor import CropDescriptor
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.tensor_file import read_tensors, write_tensors

FORMAT = "memory_agent_ros.recognition.1"
_TENSORS = ("first.weight", "first.bias", "second.weight", "second.bias", "head.weight", "head.bias")


@dataclass(frozen=True, eq=False)
class Recogniser:
    """Names the class that a crop shows.

    Attributes:
        labels: of the classes, in the order of the head's rows; an unlearnt class is not among them any more.
        weights: ``first`` (H, D), ``second`` (W, H), ``head`` (K, W), with biases.
        about: how it came to be, JSON-ready.

    Raises:
        BadInputError: ``recognition_weights``: they do not fit each other, the labels or the descriptor.
    """

    labels: tuple[str, ...]
    weights: Mapping[str, NDArray[np.float32]]
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        w = self.weights
        if set(w) != set(_TENSORS) or any(t.ndim != (2 if n.endswith("weight") else 1) for n, t in w.items()):
            raise BadInputError("recognition_weights", f"need the tensors {', '.join(_TENSORS)}")
        hidden, width, classes = (len(w[f"{part}.bias"]) for part in ("first", "second", "head"))
        shapes = [w[f"{part}.weight"].shape for part in ("first", "second", "head")]
        wanted = [(hidden, CropDescriptor().dimension), (width, hidden), (classes, width)]
        if shapes != wanted or classes != len(self.labels) or len(set(self.labels)) != classes:
            raise BadInputError("recognition_weights", f"tensors {shapes} for {len(self.labels)} labels, not {wanted}")
        if not all(np.isfinite(t).all() for t in w.values()):
            raise BadInputError("recognition_weights", "the weights are not finite")

    def recognise(
        self, crops: Sequence[NDArray[np.uint8]], masks: Sequence[NDArray[np.bool_] | None] | None = None
    ) -> NDArray[np.float32]:
        """B crops (h, w, 3) uint8 RGB, with optional masks (h, w) -> (B, K) probabilities of the labels."""
        w = self.weights
        logits = self.features(CropDescriptor().describe(crops, masks)) @ w["head.weight"].T + w["head.bias"]
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        found: NDArray[np.float32] = (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)
        return found

    def features(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, D) descriptors -> (B, W) what the head reads."""
        w = self.weights
        hidden = np.maximum(vectors @ w["first.weight"].T + w["first.bias"], 0.0)
        found: NDArray[np.float32] = np.maximum(hidden @ w["second.weight"].T + w["second.bias"], 0.0)
        return found


def save_recogniser(path: Path, recogniser: Recogniser) -> None:
    """Write it, whole or not at all; the file is readable by its owner only, since labels may be names."""
    header = {
        "format": FORMAT,
        "labels": json.dumps(recogniser.labels),
        "about": json.dumps(dict(recogniser.about)),
    }
    write_tensors(path, recogniser.weights, header, mode=0o600)


def read_recogniser(path: Path) -> Recogniser:
    """As :func:`save_recogniser` wrote it.

    Raises:
        BadInputError: ``recognition_weights``.
    """
    try:
        weights, header = read_tensors(path, "numpy")
    except (OSError, ValueError) as error:
        raise BadInputError("recognition_weights", f"{path} cannot be read: {error}") from error
    if header.get("format") != FORMAT:
        raise BadInputError("recognition_weights", f"{path} is no recognition head that this version reads")
    try:
        labels, about = json.loads(header["labels"]), json.loads(header["about"])
        return Recogniser(tuple(str(label) for label in labels), weights, dict(about))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError("recognition_weights", f"the header of {path} is damaged: {error}") from error
