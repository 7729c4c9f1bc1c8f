"""What a memory holds back instead of taking it in."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.observation_source import ObservationSource


class QuarantineReason(enum.StrEnum):
    """Why an observation is held back.

    ``POSE_JUMP``: its camera was somewhere else just before. ``OBJECT_JUMP``: the thing itself was. ``FLOOD``: its
    source reports more than it should. ``VOCABULARY``: no detector here knows such a word.
    """

    POSE_JUMP = "pose_jump"
    OBJECT_JUMP = "object_jump"
    FLOOD = "flood"
    VOCABULARY = "vocabulary"


@dataclass(frozen=True, eq=False)
class Quarantined:
    """One observation in quarantine.

    Attributes:
        id: of this map's held observations.
        reason: why it is held.
        source_id, source: who reported it.
        stamp_ns: of its image.
        observation: as it would have been taken in, in the map frame as it was then, with at most some hundred points.
    """

    id: int
    reason: QuarantineReason
    source_id: int
    source: ObservationSource
    stamp_ns: int
    observation: Observation = field(repr=False)

    @property
    def label(self) -> str:
        """What its source calls it."""
        return self.observation.label

    @property
    def position_m(self) -> NDArray[np.float64]:
        """(3,) centre of its box."""
        return self.observation.box.center

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, without points and appearance."""
        return {
            "id": self.id, "reason": str(self.reason), "source_id": self.source_id, "source": str(self.source),
            "stamp_ns": self.stamp_ns, "label": self.label, "score": round(float(self.observation.score), 4),
            "position_m": [round(float(v), 4) for v in self.position_m],
        }  # fmt: skip
