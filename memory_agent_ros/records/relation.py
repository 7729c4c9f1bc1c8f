"""How two things, or a thing and a room, hang together in space."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class RelationKind(enum.StrEnum):
    """Kinds of relations, read "subject KIND object"; thresholds in ``memory.structure.config.StructureConfig``.

    ``in``: it stands in the room. ``on``: it rests on a surface of the other. ``inside``: the other contains it: roofs
    it over, or surrounds it. ``next to``: a small gap at the same height; symmetric. ``under``: the other is above it
    and neither carries nor contains it.
    """

    IN = "in"
    ON = "on"
    INSIDE = "inside"
    NEXT_TO = "next to"
    UNDER = "under"


@dataclass(frozen=True)
class Relation:
    """One relation of a present object.

    Attributes:
        kind: which.
        subject_id: the object that is in, on, inside, next to or under something.
        object_id: the other object, or None for ``in``.
        room_id: the room for ``in``, else None.
        distance_m: gap between the two; for ``in`` how far outside the seen floor its middle lies (0: on it).
        confidence: probability that the thresholds are truly met, given how well both positions are known.
    """

    kind: RelationKind
    subject_id: int
    object_id: int | None
    room_id: int | None
    distance_m: float
    confidence: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "kind": str(self.kind),
            "subject": self.subject_id,
            "object": self.object_id,
            "room": self.room_id,
            "distance_m": round(self.distance_m, 3),
            "confidence": round(self.confidence, 4),
        }
