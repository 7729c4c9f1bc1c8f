"""What the reasoner needs of a model that reads pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import BadInputError, MemoryAgentError

#: Pictures of one thing that are read at most.
MOST_CROPS = 8


class VisionError(MemoryAgentError):
    """The model cannot be reached, took too long, or cannot read this; the message says which and what to do."""


@dataclass(frozen=True)
class VisionReading:
    """What was read.

    Attributes:
        text: the answer: one of the choices, or what the model wrote where there were none.
        probabilities: of the choices, by choice, adding up to 1; empty where the model wrote freely, or where it does
            not tell how sure it is.
        per_crop: the same for each crop, (crops, choices) float64; (0, 0) where the model sees all crops at once.
        model: who read.
    """

    text: str
    probabilities: Mapping[str, float]
    per_crop: NDArray[np.float64]
    model: str

    @property
    def confidence(self) -> float:
        """Probability of the answer; NaN if the model does not tell."""
        return self.probabilities.get(self.text, float("nan"))


class VisionReader(Protocol):
    """Reads pictures of one thing."""

    @property
    def name(self) -> str:
        """Which model, for answers and reports."""
        ...

    @property
    def reads_text(self) -> bool:
        """Whether it can read what is written on things, which needs no choices."""
        ...

    def read(self, crops: Sequence[NDArray[np.uint8]], question: str, choices: Sequence[str] = ()) -> VisionReading:
        """The answer to a question about the thing that all crops show.

        Args:
            crops: (H, W, 3) uint8 RGB each, best first.
            question: in words, such as "What colour is it?".
            choices: what may be answered; empty for a free answer.

        Raises:
            BadInputError: ``no_crops``, ``crop_shape``, ``choices``.
            VisionError: the model cannot be reached, took too long, or cannot answer freely.
        """
        ...


def require_crops(crops: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """The crops that are read, or a refusal.

    Raises:
        BadInputError: ``no_crops``, ``crop_shape``.
    """
    if not len(crops):
        raise BadInputError("no_crops", "there is no picture to read; pass at least one crop")
    for crop in crops:
        if crop.ndim != 3 or crop.shape[2] != 3 or crop.dtype != np.uint8 or 0 in crop.shape:
            raise BadInputError("crop_shape", f"crops must be (H, W, 3) uint8 RGB, got {crop.shape} {crop.dtype}")
    return list(crops[:MOST_CROPS])


def require_choices(choices: Sequence[str]) -> list[str]:
    """The choices, or a refusal of what cannot be chosen from.

    Raises:
        BadInputError: ``choices``.
    """
    found = [c.strip() for c in choices]
    if any(not c for c in found) or len({c.lower() for c in found}) < len(found):
        raise BadInputError("choices", f"choices must differ and none may be empty, got {list(choices)}")
    return found


def combined(per_crop: NDArray[np.float64], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """(N, K) probabilities of K choices by each of N crops -> (K,): their weighted geometric mean, normalised.

    Crops of one thing are not independent, so they are averaged and not multiplied: ten alike crops are as sure as one.
    """
    share = np.full(len(per_crop), 1.0 / len(per_crop)) if weights is None else weights / weights.sum()
    logs = share @ np.log(np.maximum(per_crop, 1e-9))
    mass = np.exp(logs - logs.max())
    whole: NDArray[np.float64] = mass / mass.sum()
    return whole
