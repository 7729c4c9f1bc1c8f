"""Places in the outlines of rooms."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.room import Room

#: A place so far outside of all outlines is in no room, metres.
_OUTSIDE_M = 0.5


def room_at(rooms: Sequence[Room], position_m: NDArray[np.floating]) -> Room | None:
    """The room whose outline a place lies in, or whose outline is nearest and not far."""
    point = float(position_m[0]), float(position_m[1])
    depths = [
        (cv2.pointPolygonTest(r.polygon.astype(np.float32).reshape(-1, 1, 2), point, True), -r.id, r)
        for r in rooms
        if len(r.polygon) >= 3
    ]
    deepest = max(depths, key=lambda d: d[:2], default=None)
    return deepest[2] if deepest is not None and deepest[0] >= -_OUTSIDE_M else None
