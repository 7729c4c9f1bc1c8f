"""Clouds of places that an object seems to have left, as bytes: kept until a correction shows whether it really did."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Sequence

import numpy as np

from memory_agent_ros.memory.voxel_cloud import VoxelCloud

#: Edge of a voxel, number of voxels, whether it is of a former place (others are in maps up to schema 6).
_HEAD = struct.Struct("<dI?")


def pack_former(former: Sequence[VoxelCloud]) -> bytes | None:
    """For the file; None if there are none."""
    if not former:
        return None
    parts = []
    for cloud in former:
        parts += [_HEAD.pack(cloud.voxel_m, len(cloud), True), cloud.points.tobytes(), cloud.hits.tobytes()]
        parts += [cloud.anchors.tobytes(), cloud.keys.tobytes()]
    return zlib.compress(b"".join(parts), 1)


def unpack_former(data: bytes | None) -> list[VoxelCloud]:
    """Inverse of :func:`pack_former`."""
    raw, at = zlib.decompress(data) if data else b"", 0
    former: list[VoxelCloud] = []
    while at < len(raw):
        voxel_m, count, left = _HEAD.unpack_from(raw, at)
        ends = list(itertools.accumulate((_HEAD.size, 12 * count, 4 * count, 4 * count, 8 * count), initial=at))
        points, hits, anchors, keys = (raw[a:b] for a, b in itertools.pairwise(ends[1:]))
        at = ends[-1]
        if not left:
            continue
        cloud = VoxelCloud(voxel_m)
        cloud.points = np.frombuffer(points, dtype=np.float32).reshape(-1, 3).copy()
        cloud.hits = np.frombuffer(hits, dtype=np.float32).copy()
        cloud.anchors = np.frombuffer(anchors, dtype=np.int32).copy()
        cloud.keys = np.frombuffer(keys, dtype=np.int64).copy()
        former.append(cloud)
    return former
