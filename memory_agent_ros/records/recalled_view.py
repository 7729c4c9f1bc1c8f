"""A stored picture that shows the place one asks about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RecalledView:
    """One stored picture, recalled.

    Attributes:
        keyframe_id: its id in the map's store.
        score: how well it fits; larger is better, comparable within one answer only.
        overlap: share of the surface asked about that it shows, [0, 1], by its own depth.
        object_ids: objects of the map that were seen in it, ascending.
    """

    keyframe_id: int
    score: float
    overlap: float
    object_ids: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form; the score is left out because it means nothing outside one list."""
        return {"keyframe": self.keyframe_id, "shows": round(self.overlap, 4), "objects": list(self.object_ids)}
