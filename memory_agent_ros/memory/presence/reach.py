"""Which objects a frame can say anything about: chosen from the index, before any is loaded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.pair_evidence import boxes_gap, observation_bounds
from memory_agent_ros.memory.indexes.object_index import GONE
from memory_agent_ros.memory.storage.track_pool import TrackPool
from memory_agent_ros.memory.track import Track
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

#: Objects whose centroid is farther than this from the camera take no part in a step, metres.
REACH_M = 12.0

#: How far the pose may yet be corrected before the image is judged, metres, and metres for each metre of range.
_SLACK_M, _SLACK = 0.3, 0.1

#: An object out of the image takes part if its box is this near to a detection's points, metres.
_BESIDE_M = 1.5


def objects_in_play(pool: TrackPool, frame: Frame, observations: Sequence[Observation]) -> list[Track]:
    """Objects near the camera, not gone, that may be in the image or lie beside something detected, by id."""
    pool.sync()
    rows = pool.index.near(frame.T_map_camera[:3, 3], REACH_M)
    rows = rows[rows["flags"] & GONE == 0]
    wanted = maybe_in_image(rows["low"], rows["high"], frame.depth_camera or frame.camera, frame.T_map_camera)
    if observations and not wanted.all():
        low, high = observation_bounds(observations)
        wanted |= (boxes_gap(low, high, rows["low"], rows["high"]) <= _BESIDE_M).any(axis=0)
    return pool.take(rows["id"][wanted].tolist())


def neighbours(pool: TrackPool, tracks: Sequence[Track], center: NDArray[np.float64], margin_m: float) -> list[Track]:
    """Objects, not gone, whose box comes within ``margin_m`` of one of the tracks' boxes, by id.

    Their centroid is within reach of (3,) ``center``.
    """
    pool.sync()
    own = pool.index.columns([t.id for t in tracks if t.id in pool])
    if not len(own):
        return []
    low, high = own["low"] - margin_m, own["high"] + margin_m
    rows = pool.index.touching(low.min(axis=0), high.max(axis=0))
    rows = rows[(np.linalg.norm(rows["centroid"] - center, axis=1) < REACH_M) & (rows["flags"] & GONE == 0)]
    meets = ((rows["low"][None] <= high[:, None]) & (rows["high"][None] >= low[:, None])).all(axis=2)
    inside = ((rows["centroid"][None] <= high[:, None]) & (rows["centroid"][None] >= low[:, None])).all(axis=2)
    return pool.take(rows["id"][(meets | inside).any(axis=0)].tolist())


def maybe_in_image(
    low: NDArray[np.float64], high: NDArray[np.float64], camera: Camera, T: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """(M,) False for boxes, given by (M, 3) corners, of which nothing can be in the image.

    ``T`` (4, 4) is the pose of the camera, correct within the slack.
    """
    center = ((low + high) / 2 - T[:3, 3]) @ T[:3, :3]
    radius = np.linalg.norm(high - low, axis=1) / 2 + _SLACK_M + _SLACK * np.linalg.norm(center, axis=1)
    fx, fy, cx, cy = camera.K[0, 0], camera.K[1, 1], camera.K[0, 2], camera.K[1, 2]
    x, y, z = center.T
    inside = z > -radius
    borders = ((x, fx, -0.5 - cx, camera.width - 0.5 - cx), (y, fy, -0.5 - cy, camera.height - 0.5 - cy))
    for across, focal, first, last in borders:
        # signed distance to the planes through the optical centre and the image's two borders
        inside &= (focal * across - first * z) / np.hypot(focal, first) > -radius
        inside &= (last * z - focal * across) / np.hypot(focal, last) > -radius
    return np.asarray(inside, dtype=bool)
