"""A remembered picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.camera import Camera


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A picture kept as evidence.

    Attributes:
        id: id in the map's store, positive.
        stamp_ns: stamp of the frame.
        camera: intrinsics of the picture.
        T_map_camera: (4, 4) pose of the optical frame in ``frame_id``.
        jpeg: the colour image, JPEG bytes.
        frame_id, map_revision: frame of the pose and its revision.
    """

    id: int
    stamp_ns: int
    camera: Camera
    T_map_camera: NDArray[np.float64]
    jpeg: bytes
    frame_id: str = "map"
    map_revision: int = 0
