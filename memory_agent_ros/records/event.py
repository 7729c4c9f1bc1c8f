"""What changed in the memory."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class EventKind(enum.StrEnum):
    """Kinds of memory events."""

    ADDED = "added"
    UPDATED = "updated"
    MOVED = "moved"
    GONE = "gone"
    MERGED = "merged"
    EDITED = "edited"
    FORGOTTEN = "forgotten"
    REANCHORED = "reanchored"


@dataclass(frozen=True, eq=False)
class MemoryEvent:
    """One change of one object.

    Attributes:
        id: position in the map's event log, 0 until stored.
        kind: what happened.
        object_id: the object it happened to (for ``merged`` the survivor; for ``reanchored``, the whole map, 0).
        label: its label at that time.
        stamp_ns: stamp of the frame that caused it.
        position_m: (3,) box centre after the event, map frame.
        previous_position_m: (3,) box centre before (``moved``, ``merged``, ``edited``) or None.
        other_id: the object merged away, or None.
        confidence: probability the memory gives to the event.
        detail: short human-readable reason.
    """

    kind: EventKind
    object_id: int
    label: str
    stamp_ns: int
    position_m: NDArray[np.float64]
    previous_position_m: NDArray[np.float64] | None = None
    other_id: int | None = None
    confidence: float = 1.0
    detail: str = ""
    id: int = 0
