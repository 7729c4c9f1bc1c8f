"""What each visit measured of an object, kept apart until a correction of the map shows how the visits fit together.

In a map that drifts, surfaces of several visits do not coincide: fused at once, they blur each other, and a view of one
visit carves away what another saw rightly. So besides its fused cloud an object seen on several visits holds one cloud
per visit. A correction puts each in place, lets later depth thumbnails carve it, and fuses anew.
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from memory_agent_ros.memory.voxel_cloud import MeasuredAt, VoxelCloud

#: Visits of one object kept apart; beyond, the two oldest become one.
MOST_VISITS = 12

#: Edge of a voxel, number of voxels, whether it is of a former place.
_HEAD = struct.Struct("<dI?")


def begin_visit(visits: list[VoxelCloud], fused: VoxelCloud, at: MeasuredAt) -> None:
    """Open a cloud for the visit at hand if the last one began too long ago; with none, ``fused`` is all of one visit.

    Updates the list in place.
    """
    current = visits[-1] if visits else fused
    if at.anchor == 0 or len(current) == 0 or int(current.anchors.min()) >= at.visit_since:
        return
    if not visits:
        visits.append(fused.copy())
    visits.append(VoxelCloud(fused.voxel_m))


def join_visits(
    first: Sequence[VoxelCloud], second: Sequence[VoxelCloud], hit_cap: float, max_voxels: int
) -> list[VoxelCloud]:
    """Visits of two objects that are one, in order of time; those that overlap in time become one."""
    joined: list[VoxelCloud] = []
    for cloud in sorted((c for c in (*first, *second) if len(c)), key=lambda c: int(c.anchors.max())):
        if joined and cloud.anchors.min() <= joined[-1].anchors.max():
            joined[-1].merge(cloud, hit_cap, max_voxels)
        else:
            joined.append(cloud.copy())
    return joined


def limit_visits(visits: list[VoxelCloud], hit_cap: float, max_voxels: int) -> None:
    """Make the oldest two one while there are too many; in place."""
    while len(visits) > MOST_VISITS:
        visits[0].merge(visits.pop(1), hit_cap, max_voxels)


def pack_visits(visits: Sequence[VoxelCloud], former: Sequence[VoxelCloud]) -> bytes | None:
    """For the file; None if there are none."""
    if not visits and not former:
        return None
    parts = []
    for number, cloud in enumerate((*visits, *former)):
        parts += [
            _HEAD.pack(cloud.voxel_m, len(cloud), number >= len(visits)),
            cloud.points.tobytes(),
            cloud.hits.tobytes(),
        ]
        parts += [cloud.anchors.tobytes(), cloud.keys.tobytes()]
    return zlib.compress(b"".join(parts), 1)


def unpack_visits(data: bytes | None) -> tuple[list[VoxelCloud], list[VoxelCloud]]:
    """Inverse of :func:`pack_visits`."""
    raw, at = zlib.decompress(data) if data else b"", 0
    visits: list[VoxelCloud] = []
    former: list[VoxelCloud] = []
    while at < len(raw):
        voxel_m, count, left = _HEAD.unpack_from(raw, at)
        ends = list(itertools.accumulate((_HEAD.size, 12 * count, 4 * count, 4 * count, 8 * count), initial=at))
        points, hits, anchors, keys = (raw[a:b] for a, b in itertools.pairwise(ends[1:]))
        cloud = VoxelCloud(voxel_m)
        cloud.points = np.frombuffer(points, dtype=np.float32).reshape(-1, 3).copy()
        cloud.hits = np.frombuffer(hits, dtype=np.float32).copy()
        cloud.anchors = np.frombuffer(anchors, dtype=np.int32).copy()
        cloud.keys = np.frombuffer(keys, dtype=np.int64).copy()
        (former if left else visits).append(cloud)
        at = ends[-1]
    return visits, former
