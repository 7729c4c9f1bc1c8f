"""What one detection measured of an object's surface, in the camera's frame: no correction of the map changes it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import inverse, transform_points
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

#: Box, range, whether it is whole.
_HEAD = struct.Struct("<5f?")
#: Points are kept to the millimetre, within what 16 bits hold.
_STEP_M, _FARTHEST = 0.001, 32767


@dataclass(frozen=True, eq=False)
class MeasuredSurface:
    """The surface points of one logged observation.

    Attributes:
        points_camera: (N, 3) float32 in the optical frame of its image, metres.
        box: (4,) x0, y0, x1, y1 of the detection as shares of the image's width and height.
        whole: whether nothing of the object was visible outside the box: neither cut off by the image's border, nor
            detected in pieces.
        range_m: median depth.
    """

    points_camera: NDArray[np.float32]
    box: NDArray[np.float32]
    whole: bool
    range_m: float

    @staticmethod
    def of(frame: Frame, obs: Observation, pieces: Sequence[Observation] = ()) -> MeasuredSurface:
        """What an observation shows together with other ``pieces`` of the same object in the same image."""
        points = np.concatenate([o.points_map for o in (obs, *pieces)])
        size = np.array([frame.camera.width, frame.camera.height] * 2)
        return MeasuredSurface(
            transform_points(inverse(frame.T_map_camera), points.astype(np.float64)).astype(np.float32),
            (obs.box_xyxy / size).astype(np.float32),
            not (obs.truncated or pieces),
            float(obs.range_m),
        )

    def packed(self) -> bytes:
        """For the file."""
        steps = np.clip(np.rint(self.points_camera.T / _STEP_M), -_FARTHEST, _FARTHEST).astype("<i2")
        return _HEAD.pack(*self.box.tolist(), self.range_m, self.whole) + zlib.compress(steps.tobytes(), 1)

    @staticmethod
    def unpack(data: bytes) -> MeasuredSurface | None:
        """Inverse of :meth:`packed`, to the millimetre; None if the bytes are damaged."""
        try:
            *box, range_m, whole = _HEAD.unpack_from(data)
            steps = np.frombuffer(zlib.decompress(data[_HEAD.size :]), "<i2").reshape(3, -1)
        except (struct.error, zlib.error, ValueError, TypeError):
            return None
        points = (steps.T * np.float32(_STEP_M)).astype(np.float32)
        return MeasuredSurface(points, np.array(box, dtype=np.float32), whole, range_m)
