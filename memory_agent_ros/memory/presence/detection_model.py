"""How likely the detector reports an object that stands where it is remembered, from how it appears.

Logistic regression on log pixels, unoccluded share, log range and truncation, fitted on simulated walks
(``memory-agent train detection-model``). What another detector does differently is learned while it runs: an offset in
log-odds for all objects together, and one for each object (:class:`DetectionRate`).
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
from numpy.typing import NDArray

#: Names of the inputs, in order.
FEATURES = (
    "bias", "small_log_pixels", "large_log_pixels", "unoccluded_share", "in_image_share", "log_range",
)  # fmt: skip
_WEIGHTS = "detection_model.json"
#: Prior of an offset: variance in squared log-odds. Looks after which old ones fade.
_OFFSET_VARIANCE, _MEMORY_LOOKS = 0.25, 60.0
#: The same for all objects together; and the largest offset.
POOLED_LOOKS, _OFFSET_LIMIT = 2000.0, 2.0


def features(
    pixels: NDArray[np.float64],
    visible_share: NDArray[np.float64],
    in_image: NDArray[np.float64],
    range_m: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(M, 6) inputs of the model.

    Args:
        pixels: (M,) expected unoccluded pixels at 640x480.
        visible_share: (M,) share of the samples inside the image that nothing hides, [0, 1].
        in_image: (M,) share of the samples inside the image, [0, 1].
        range_m: (M,) metres.
    """
    size = np.log(np.maximum(pixels, 4.0) / 400.0)
    return np.stack(
        [
            np.ones_like(size), np.minimum(size, 0.0), np.maximum(size, 0.0), visible_share - 1.0, in_image - 1.0,
            np.log(np.clip(range_m, 0.2, 20.0) / 2.0),
        ],
        axis=1,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class DetectionModel:
    """Coefficients (6,) of :func:`features`."""

    coefficients: NDArray[np.float64]

    def logits(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """(M, 6) -> (M,) log-odds of being detected."""
        return np.asarray(inputs @ self.coefficients, dtype=np.float64)

    @staticmethod
    def fit(inputs: NDArray[np.float64], seen: NDArray[np.bool_], ridge: float = 1e-3) -> DetectionModel:
        """Maximum-likelihood fit by Newton's method; ``ridge`` keeps it finite."""
        w = np.zeros(inputs.shape[1])
        for _ in range(50):
            p = sigmoid(inputs @ w)
            gradient = inputs.T @ (seen - p) - ridge * len(seen) * w * (np.arange(len(w)) > 0)
            hessian = (inputs * (p * (1.0 - p))[:, None]).T @ inputs
            hessian += ridge * len(seen) * np.diag((np.arange(len(w)) > 0).astype(np.float64)) + 1e-9 * np.eye(len(w))
            step = np.linalg.solve(hessian, gradient)
            w = w + step
            if float(np.abs(step).max()) < 1e-8:
                break
        return DetectionModel(w)


@functools.cache
def shipped() -> DetectionModel:
    """The model that is installed with the package."""
    text = resources.files("memory_agent_ros").joinpath("weights", _WEIGHTS).read_text(encoding="utf-8")
    values = json.loads(text)["coefficients"]
    return DetectionModel(np.array([values[name] for name in FEATURES], dtype=np.float64))


def sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds -> probability."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(x, -30.0, 30.0))), dtype=np.float64)


@dataclass
class DetectionRate:
    """What a detector does differently from the model: an offset of its log-odds, filtered look by look.

    Looks at something that may be gone count only once it is found again.

    Attributes:
        offset: added to the log-odds of the model.
        information: of the offset, without its prior; old looks fade.
        pending, pending_information: sums of (detected - probability) and of probability * (1 - probability) over the
            looks since the last detection.
    """

    offset: float = 0.0
    information: float = 0.0
    pending: float = 0.0
    pending_information: float = 0.0

    @staticmethod
    def of(values: Sequence[float]) -> DetectionRate:
        """From a stored list; three numbers are hits, misses and pending misses of an older map."""
        if len(values) == 4:
            return DetectionRate(*values)
        hits, misses, _ = values
        offset = math.log(max(hits, 0.1) / max(misses, 0.1)) - math.log(4.0)
        return DetectionRate(max(-_OFFSET_LIMIT, min(_OFFSET_LIMIT, offset)), 0.16 * max(hits + misses - 5.0, 0.0))

    def values(self) -> list[float]:
        """For storage."""
        return [self.offset, self.information, self.pending, self.pending_information]

    def miss(self, p: float) -> None:
        """Not detected although it was expected with probability ``p``."""
        self.pending -= p
        self.pending_information += p * (1.0 - p)

    def hit(self, p: float | None) -> tuple[float, float]:
        """Detected, expected with probability ``p`` (None: not expected). Returns the two sums of these looks."""
        surplus, information = self.pending, self.pending_information
        if p is not None:
            surplus, information = surplus + 1.0 - p, information + p * (1.0 - p)
        self.forget_pending()
        self.add(surplus, information)
        return surplus, information

    def add(self, surplus: float, information: float, looks: float = _MEMORY_LOOKS) -> None:
        """One step of a Kalman filter on the offset; what is older than about so many looks fades."""
        self.information = min(self.information + information, 0.16 * looks)
        step = surplus / (self.information + 1.0 / _OFFSET_VARIANCE)
        self.offset = max(-_OFFSET_LIMIT, min(_OFFSET_LIMIT, self.offset + step))

    def forget_pending(self) -> None:
        """The object has moved: the misses were at an empty place."""
        self.pending = self.pending_information = 0.0
