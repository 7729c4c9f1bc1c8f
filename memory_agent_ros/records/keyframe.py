"""A remembered picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.camera import Camera


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A picture kept as evidence, or because it shows surface that no other does.

    Attributes:
        id: id in the map's store, positive.
        stamp_ns: stamp of the frame.
        camera: intrinsics of the picture.
        T_map_camera: (4, 4) pose of the optical frame in ``frame_id``.
        jpeg: the colour image, JPEG bytes.
        frame_id, map_revision: frame of the pose and its revision.
        frame_row: id of the frame in the map's store, None in maps of schema 1.
        features: packed :mod:`memory_agent_ros.memory.views.patch_features`; None if there are none.
        object_ids: objects seen in it, ascending.
    """

    id: int
    stamp_ns: int
    camera: Camera
    T_map_camera: NDArray[np.float64]
    jpeg: bytes
    frame_id: str = "map"
    map_revision: int = 0
    frame_row: int | None = None
    features: bytes | None = None
    object_ids: tuple[int, ...] = ()
