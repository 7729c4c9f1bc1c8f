"""What a person has put right in the memory."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray


class CorrectionKind(enum.StrEnum):
    """Kinds of corrections; the last two are of what was in quarantine."""

    RELABEL = "relabel"
    MOVE = "move"
    MERGE = "merge"
    SPLIT = "split"
    DELETE = "delete"
    UNDO = "undo"
    RELEASE = "release"
    DISCARD = "discard"


@dataclass(frozen=True, eq=False)
class Correction:
    """One correction by hand.

    Attributes:
        id: position among the map's corrections, from 1.
        kind: what was done.
        object_id: the object it was done to; of a merge the survivor, of a split the one that keeps the id; of what was
            released from quarantine the one that it shows, of what was discarded 0.
        author: who did it.
        reason: why.
        stamp_ns: stamp of the map's last image then.
        made_ns: wall clock, nanoseconds since 1970.
        other_id: the record merged away, or the one split off; else None.
        undoes: of an undo, the correction that it takes back.
        label, previous_label: of a relabel, what it is called now and was called before.
        position_m, previous_position_m: of a move, (3,) box centres after and before, map frame.
        undone_by: id of the correction that took this one back, None while it stands.
    """

    id: int
    kind: CorrectionKind
    object_id: int
    author: str
    reason: str
    stamp_ns: int
    made_ns: int
    other_id: int | None = None
    undoes: int | None = None
    label: str = ""
    previous_label: str = ""
    position_m: NDArray[np.float64] | None = None
    previous_position_m: NDArray[np.float64] | None = None
    undone_by: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; what is not set is left out."""
        values = {
            "id": self.id,
            "kind": str(self.kind),
            "object": self.object_id,
            "other": self.other_id,
            "undoes": self.undoes,
            "undone_by": self.undone_by,
            "author": self.author,
            "reason": self.reason,
            "made": datetime.fromtimestamp(self.made_ns / 1e9, UTC).isoformat(timespec="seconds"),
            "label": self.label or None,
            "previous_label": self.previous_label or None,
            "position_m": None if self.position_m is None else self.position_m.round(4).tolist(),
        }
        return {name: value for name, value in values.items() if value is not None}
