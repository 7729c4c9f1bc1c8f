"""What cannot be an observation or a frame at all, whoever sent it: shapes, numbers that are none, sizes of no world.

Refused before the memory does any work, since one number that is not finite would spoil the map for good.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records import limits
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

#: Stamps beyond this (584 years from 1970, twice) are no stamps; sums of two stay 64-bit numbers.
_LATEST_NS = 1 << 62
#: Largest coordinate of a detection's box, pixels.
_FARTHEST_PX = 1e6
#: Largest weight of a label; detectors give probabilities.
_MOST_SCORE = 1e3
#: An appearance vector has length one; nothing that is longer than this was meant to.
_LONGEST_VECTOR = 1.1


def frame_fault(frame: Frame) -> str | None:
    """What keeps a frame from being one, as a reason code; None if nothing does."""
    if not -_LATEST_NS < frame.stamp_ns < _LATEST_NS:
        return "stamp_impossible"
    if not _within(frame.T_map_camera[:3, 3], limits.COORDINATE_M):
        return "pose_too_far"
    if len(frame.frame_id) > limits.NAME_CHARACTERS or len(frame.camera_frame_id) > limits.NAME_CHARACTERS:
        return "frame_id_too_long"
    return None


def observation_fault(obs: Observation) -> str | None:
    """What keeps an observation from being one, as a reason code; None if nothing does."""
    if not _shapes_fit(obs):
        return "shape"
    if len(obs.label) > limits.NAME_CHARACTERS or any(len(name) > limits.NAME_CHARACTERS for name in obs.label_scores):
        return "label_too_long"
    if len(obs.points_map) > limits.POINTS or len(obs.label_scores) > limits.LABELS:
        return "too_large"
    geometry = (obs.points_map, obs.centroid_map, obs.box.center, obs.box.size, np.array([obs.box.yaw, obs.range_m]))
    if not all(_within(numbers, limits.COORDINATE_M) for numbers in geometry):
        return _finite_or("too_far", *geometry)
    if not _within(obs.box_xyxy, _FARTHEST_PX):
        return _finite_or("box_impossible", obs.box_xyxy)
    if len(obs.points_map) and not _compact(obs):
        return "extent_impossible"
    if (obs.box.size < 0).any() or obs.range_m < 0 or not 0 <= obs.pixels <= limits.IMAGE_PIXELS:
        return "negative"
    return _score_fault(obs) or _covariance_fault(obs.covariance) or _appearance_fault(obs.embedding)


def _shapes_fit(obs: Observation) -> bool:
    return (
        np.ndim(obs.points_map) == 2
        and np.shape(obs.points_map)[1] == 3
        and all(np.shape(v) == (3,) for v in (obs.centroid_map, obs.box.center, obs.box.size))
        and np.shape(obs.covariance) == (3, 3)
        and np.shape(obs.box_xyxy) == (4,)
        and (obs.embedding is None or (np.ndim(obs.embedding) == 1 and 0 < len(obs.embedding) <= limits.VECTOR))
    )


def _compact(obs: Observation) -> bool:
    """Whether points, centroid and box are at one place and of a size that things have."""
    spread = np.ptp(obs.points_map, axis=0)
    apart = np.abs(np.stack([obs.centroid_map, obs.box.center]) - obs.points_map[0])
    return bool(max(spread.max(), apart.max(), obs.box.size.max(), obs.range_m) <= limits.EXTENT_M)


def _score_fault(obs: Observation) -> str | None:
    scores = [float(obs.score), *map(float, obs.label_scores.values())]
    if not all(map(math.isfinite, scores)):
        return "not_finite"
    return None if all(0.0 <= score <= _MOST_SCORE for score in scores) else "score_impossible"


def _covariance_fault(covariance: NDArray[np.float64]) -> str | None:
    if not _within(covariance, limits.COORDINATE_M**2):
        return _finite_or("covariance_impossible", covariance)
    spread = np.abs(covariance).max()
    asymmetric = np.abs(covariance - covariance.T).max() > 1e-6 * spread
    if asymmetric or np.linalg.eigvalsh(covariance)[0] < -1e-6 * spread:
        return "covariance_impossible"
    return None


def _appearance_fault(vector: NDArray[np.float32] | None) -> str | None:
    """A vector of another length than one, within what half precision loses, would upset all cosines learnt from it."""
    if vector is None:
        return None
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if not math.isfinite(length):
        return "not_finite"
    return None if length <= _LONGEST_VECTOR else "appearance_impossible"


def _within(numbers: NDArray[np.floating], limit: float) -> bool:
    """Whether all are finite and no larger; NaN is not."""
    return bool((np.abs(numbers) <= limit).all())


def _finite_or(reason: str, *arrays: NDArray[np.floating]) -> str:
    return reason if all(bool(np.isfinite(numbers).all()) for numbers in arrays) else "not_finite"
