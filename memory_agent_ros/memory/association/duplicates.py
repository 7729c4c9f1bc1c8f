"""Two tracks of one object: found by overlap, spared when both were detected in the same images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from memory_agent_ros.geometry.boxes import axis_aligned_iou
from memory_agent_ros.memory.association.co_detections import CoDetections, pair_key
from memory_agent_ros.memory.association.pair_evidence import boxes_gap
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.presence.changes import apart
from memory_agent_ros.memory.track import Track


def count_together(counter: CoDetections, detected: Sequence[Track], config: MemoryConfig) -> None:
    """Count every close pair of objects detected in one image."""
    if len(detected) < 2:
        return
    low, high = _bounds(detected, config)
    near = np.argwhere(np.triu(boxes_gap(low, high, low, high) <= config.gate_m, k=1))
    for i, j in near.tolist():
        counter.add(*pair_key(detected[i].id, detected[j].id))


def find_duplicates(
    touched: Iterable[int], tracks: Sequence[Track], together: CoDetections, config: MemoryConfig
) -> list[tuple[int, int]]:
    """Pairs (survivor id, other id) among ``tracks`` with one of them in ``touched``; no id appears twice.

    Same label: most of one's surface lies on the other's. Another label: both lie on each other and the boxes agree.
    """
    ids = set(touched)
    if len(tracks) < 2 or not ids:
        return []
    low, high = _bounds(tracks, config)
    iou = axis_aligned_iou(low, high, low, high)
    near = boxes_gap(low, high, low, high) <= config.overlap_m
    is_touched = np.array([t.id in ids for t in tracks])
    pairs, used = [], set[int]()
    for i, j in np.argwhere(np.triu(near & (is_touched[:, None] | is_touched[None]), k=1)).tolist():
        a, b = tracks[i], tracks[j]
        if a.id in used or b.id in used or not _same(a, b, float(iou[i, j]), together, config):
            continue
        keep, other = (a, b) if (a.confirmed, a.observations, -a.id) >= (b.confirmed, b.observations, -b.id) else (b, a)
        pairs.append((keep.id, other.id))
        used.update((a.id, b.id))
    return pairs


def _same(a: Track, b: Track, iou: float, together: CoDetections, config: MemoryConfig) -> bool:
    if apart(a, b) or together[pair_key(a.id, b.id)] > 0.25 * min(a.observations, b.observations):
        return False
    agreement = a.votes.match(b.votes)
    if agreement < 0.3 and (iou < 0.4 or a.usurped or b.usurped or _took_turns(a, b)):
        return False
    reach = max(config.overlap_m, a.cloud.voxel_m, b.cloud.voxel_m)
    on_b = float((b.cloud.distances(a.cloud.samples(64)) < reach).mean())
    on_a = float((a.cloud.distances(b.cloud.samples(64)) < reach).mean())
    if agreement < 0.3:
        return min(on_a, on_b) >= config.other_label_overlap
    return max(on_a, on_b) >= 0.5


def _took_turns(a: Track, b: Track) -> bool:
    """Whether one was last detected before the other was first: two things, of which the second took the place."""
    return a.last_seen_ns < b.first_seen_ns or b.last_seen_ns < a.first_seen_ns


def _bounds(tracks: Sequence[Track], config: MemoryConfig) -> tuple[np.ndarray, np.ndarray]:
    bounds = [t.bounds(config) for t in tracks]
    return np.array([b[0] for b in bounds]), np.array([b[1] for b in bounds])
