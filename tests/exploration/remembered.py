"""Remembered things and rooms for the explorer's tests, without a memory."""

from __future__ import annotations

import numpy as np

from memory_agent_ros.exploration.features import INDEX
from memory_agent_ros.exploration.situation import Array, Situations, TipTokens
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.room import Room


def thing(
    number: int,
    label: str,
    center: tuple[float, float, float],
    size: float = 0.1,
    seen_ns: int = 0,
    presence: float = 1.0,
) -> MapObject:
    """A confirmed object."""
    at = np.array(center)
    return MapObject(
        id=number,
        label=label,
        label_probs={label: 1.0},
        state=ObjectState.PRESENT if presence > 0.5 else ObjectState.GONE,
        presence=presence,
        confirmed=True,
        centroid_map=at,
        covariance=np.eye(3) * 1e-4,
        box=OrientedBox(at, np.full(3, size), 0.0),
        points_map=np.zeros((0, 3), np.float32),
        embedding=None,
        observations=5,
        first_seen_ns=seen_ns,
        last_seen_ns=seen_ns,
        last_looked_ns=seen_ns,
    )


def room(number: int, name: str, low: tuple[float, float], high: tuple[float, float]) -> Room:
    """A rectangular room."""
    (x0, y0), (x1, y1) = low, high
    outline = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], float)
    return Room(number, name, 1.0, outline, (x1 - x0) * (y1 - y0), outline.mean(axis=0))


class Weighs:
    """A policy that scores candidates by a weighted sum of named features."""

    name = "weighs-1"

    def __init__(self, **weights: float) -> None:
        self.weights = weights

    def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
        """See :class:`~memory_agent_ros.exploration.situation.Policy`."""
        scores = sum(w * situations.candidates[..., INDEX[name]] for name, w in self.weights.items())
        return np.where(situations.candidate_mask, scores, -np.inf).astype(np.float32)


class Dice:
    """A policy that answers by chance."""

    name = "dice-1"

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)

    def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
        """See :class:`~memory_agent_ros.exploration.situation.Policy`."""
        scores = self._rng.random(situations.candidate_mask.shape)
        return np.where(situations.candidate_mask, scores, -np.inf).astype(np.float32)
