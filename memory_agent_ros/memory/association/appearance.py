"""Appearance of one object, and what a cosine between two crops is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import BadInputError

Vector = NDArray[np.float32]


def unit(vector: NDArray[np.floating]) -> Vector:
    """Vector scaled to length one (a zero vector stays zero)."""
    norm = float(np.linalg.norm(vector))
    return (vector / norm if norm > 0 else vector).astype(np.float32)


def usable_vector(vector: NDArray[np.floating]) -> Vector:
    """Any (D,) vector at length one.

    Raises:
        BadInputError: ``appearance_unusable``.
    """
    numbers = np.asarray(vector, dtype=np.float32)
    if numbers.ndim != 1 or not np.isfinite(numbers).all() or not numbers.any():
        raise BadInputError("appearance_unusable", "an appearance is one row of finite numbers, not all zero")
    return unit(numbers)


@dataclass
class AppearanceBank:
    """A few different views of one object's appearance.

    Attributes:
        vectors: (K, D) float32 unit vectors, K at most ``capacity``; empty (0, 0) before the first.
        weights: (K,) float32 observations behind each.
    """

    vectors: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float32))
    weights: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, dtype=np.float32))
    capacity: int = 5

    def accepts(self, vector: Vector | None) -> bool:
        """Whether the vector can be compared with this bank (an embedder of another size cannot)."""
        return vector is not None and (len(self.weights) == 0 or vector.shape[0] == self.vectors.shape[1])

    def add(self, vector: Vector, weight: float = 1.0, new_view: float = 0.92) -> None:
        """Add a unit vector: as a view of its own if it is new and there is room, else into the nearest view."""
        if not self.accepts(vector):
            return
        if len(self.weights) == 0:
            self.vectors, self.weights = vector[None].astype(np.float32), np.array([weight], dtype=np.float32)
            return
        cosines = self.vectors @ vector
        nearest = int(cosines.argmax())
        if cosines[nearest] < new_view and len(self.weights) < self.capacity:
            self.vectors = np.concatenate([self.vectors, vector[None].astype(np.float32)])
            self.weights = np.append(self.weights, np.float32(weight))
            return
        share = max(weight / (self.weights[nearest] + weight), 0.05)
        self.vectors[nearest] = unit((1 - share) * self.vectors[nearest] + share * vector)
        self.weights[nearest] += weight

    def merge(self, other: AppearanceBank) -> None:
        """Add all views of another bank."""
        for vector, weight in zip(other.vectors, other.weights, strict=True):
            self.add(vector, float(weight))

    def similarity(self, vector: Vector | None) -> float | None:
        """Cosine to the nearest view, or None if they cannot be compared."""
        if vector is None or len(self.weights) == 0 or not self.accepts(vector):
            return None
        return float((self.vectors @ vector).max())

    def bank_similarity(self, other: AppearanceBank) -> float | None:
        """Largest cosine between views of two objects, or None."""
        values = [s for s in (self.similarity(v) for v in other.vectors) if s is not None]
        return max(values) if values else None

    def mean(self) -> Vector | None:
        """Unit mean of the views, weighted by observations, or None."""
        return unit(self.weights @ self.vectors) if len(self.weights) else None


@dataclass
class AppearanceModel:
    """Learned while mapping: how cosines of the same object and of different objects are spread.

    Two Gaussians with forgetting; their log ratio is what a cosine says about identity. Any embedder calibrates itself.

    Attributes:
        same, different: [mean, variance, observations] of the cosines.
    """

    same: list[float] = field(default_factory=lambda: [0.85, 0.02, 20.0])
    different: list[float] = field(default_factory=lambda: [0.5, 0.06, 20.0])
    window: float = 2000.0

    def learn(self, cosine: float, same: bool) -> None:
        """Take in one pair known (by geometry) to be the same object or not."""
        stats = self.same if same else self.different
        stats[2] = min(stats[2] + 1.0, self.window)
        delta = cosine - stats[0]
        stats[0] += delta / stats[2]
        stats[1] += (delta * (cosine - stats[0]) - stats[1]) / stats[2]

    def log_ratio(self, cosine: float | None, limit: float = 2.0) -> float:
        """Log-likelihood ratio of "same object", within +-limit; 0 without a cosine."""
        if cosine is None:
            return 0.0
        same_sd, other_sd = math.sqrt(max(self.same[1], 1e-4)), math.sqrt(max(self.different[1], 1e-4))
        same = -0.5 * ((min(cosine, self.same[0]) - self.same[0]) / same_sd) ** 2 - math.log(same_sd)
        other = -0.5 * ((max(cosine, self.different[0]) - self.different[0]) / other_sd) ** 2 - math.log(other_sd)
        return float(np.clip(same - other, -limit, limit))
