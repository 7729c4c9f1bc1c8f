"""Frontiers scored by how often the goal's category stands by the things that are known there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.exploration.features import IN_ROOM, NEAR, THING
from memory_agent_ros.exploration.labels import LABEL, LabelVectors
from memory_agent_ros.exploration.policies.declaring import column, declaring
from memory_agent_ros.exploration.situation import Array, Situations, TipTokens

#: The counts that ship, made by ``memory-agent train cooccurrence``.
FILE = "cooccurrence.json"
_UNLIKE = 0.7


@dataclass(frozen=True)
class Cooccurrence:
    """Counts by category.

    Attributes:
        near: goal -> label -> share of the things of that label with one of the goal within 1.5 m.
        room: goal -> label -> share of them with one of the goal in the same room.
        card: how it was made.
    """

    near: Mapping[str, Mapping[str, float]]
    room: Mapping[str, Mapping[str, float]]
    card: Mapping[str, object]

    @classmethod
    def load(cls, path: Path | None = None) -> Cooccurrence:
        """Those of a file, or those that ship."""
        source = path or resources.files("memory_agent_ros") / "weights" / FILE
        data = json.loads(source.read_text())
        return cls(data["near"], data["room"], data["card"])

    def save(self, path: Path) -> None:
        """Write as JSON."""
        data = {"card": dict(self.card), "near": _rounded(self.near), "room": _rounded(self.room)}
        path.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")


def _rounded(table: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {goal: {label: round(p, 4) for label, p in row.items() if p > 0} for goal, row in table.items()}


class CooccurrenceFrontier:
    """Candidates by the expected share of what is near, and of what their rooms hold, that has the goal beside it.

    The features carry sums of label vectors; the shares are read out of them linearly, which is exact as long as the
    labels' vectors are linearly independent.

    Args:
        counts: by category.
        words: the label vectors that the features were made with.
        per_metre: what a metre of the way costs, in units of share.
        room_weight: what a share of the room counts beside one of the neighbourhood.
    """

    name = "cooccurrence_frontier"

    def __init__(
        self, counts: Cooccurrence, words: LabelVectors, per_metre: float = 0.04, room_weight: float = 1.0
    ) -> None:
        self.per_metre, self.room_weight = per_metre, room_weight
        self._goals = sorted(counts.near)
        labels = sorted({label for table in (counts.near, counts.room) for row in table.values() for label in row})
        inverse = np.linalg.pinv(words.vectors(labels).astype(np.float64), rcond=1e-3)
        self._near = _readout(counts.near, self._goals, labels, inverse)
        self._room = _readout(counts.room, self._goals, labels, inverse)
        self._vectors = words.vectors(self._goals)

    def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
        """(B, C) scores; a goal that was never counted takes the counts of the likest one."""
        likeness = situations.goal[:, :LABEL] @ self._vectors.T
        goal = np.argmax(likeness, axis=1)
        known = likeness[np.arange(len(goal)), goal] >= _UNLIKE
        near, room = self._near[goal] * known[:, None], self._room[goal] * known[:, None]
        f = situations.candidates
        beside = np.maximum(_dot(f[..., THING], near), _dot(f[..., NEAR], near))
        share = beside + self.room_weight * _dot(f[..., IN_ROOM], room)
        score = share - self.per_metre * 10.0 * column(situations, "path")
        return declaring(situations, 10.0 * score, column(situations, "is_stop") == 0)


def _readout(
    table: Mapping[str, Mapping[str, float]], goals: list[str], labels: list[str], inverse: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(goals, L) vectors whose product with a label's vector is its share."""
    shares = np.array([[table.get(goal, {}).get(label, 0.0) for label in labels] for goal in goals])
    return np.asarray(shares @ inverse.T)


def _dot(vectors: Array, readout: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((vectors @ readout[:, :, None].astype(np.float32))[..., 0], np.float64)
