"""Where, when and in which picture an object was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.pose import Pose


@dataclass(frozen=True, eq=False)
class Evidence:
    """One observation that an answer rests on.

    Attributes:
        object_id, observation_id, keyframe_id: ids in the map's store.
        stamp_ns: when it was seen.
        object_pose: box centre and yaw of the object as it was seen, in ``object_pose.frame_id``.
        camera_pose: pose of the optical frame at ``stamp_ns``.
        box_xyxy: (4,) pixel box of the object in the keyframe's picture.
        score: detector score of the observation.
        map_revision: revision of the map frame in which the poses are expressed (grows when the map is corrected).
    """

    object_id: int
    observation_id: int
    keyframe_id: int
    stamp_ns: int
    object_pose: Pose
    camera_pose: Pose
    box_xyxy: NDArray[np.float32]
    score: float
    map_revision: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form: positions in metres, quaternions x, y, z, w."""
        return {
            "object": self.object_id,
            "observation": self.observation_id,
            "keyframe": self.keyframe_id,
            "stamp_ns": self.stamp_ns,
            "frame_id": self.object_pose.frame_id,
            "position_m": [round(float(x), 4) for x in self.object_pose.position_m],
            "orientation_xyzw": [round(float(x), 6) for x in self.object_pose.orientation_xyzw],
            "map_revision": self.map_revision,
            "camera_position_m": [round(float(x), 4) for x in self.camera_pose.position_m],
            "camera_orientation_xyzw": [round(float(x), 6) for x in self.camera_pose.orientation_xyzw],
            "box_xyxy": [round(float(x), 1) for x in self.box_xyxy],
            "score": round(float(self.score), 4),
        }
