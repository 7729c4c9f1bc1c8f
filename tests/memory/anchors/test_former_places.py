"""Places that an object seems to have left are in the file until a correction shows whether it did."""

from __future__ import annotations

import zlib

import numpy as np

from memory_agent_ros.memory.anchors.former_places import pack_former, unpack_former
from memory_agent_ros.memory.voxel_cloud import MeasuredAt, VoxelCloud


def cloud(x: float, anchor: int) -> VoxelCloud:
    out = VoxelCloud(0.02)
    out.integrate(np.array([[x, 0.01, 0.01], [x, 0.05, 0.01]], np.float32), 6, 100, 1.0, MeasuredAt(anchor))
    return out


def test_packed_clouds_come_back() -> None:
    former = [cloud(0.01, 7), VoxelCloud(0.04), cloud(0.51, 3)]
    back = unpack_former(pack_former(former))
    assert len(back) == 3
    for a, b in zip(former, back, strict=True):
        assert a.voxel_m == b.voxel_m
        assert all((getattr(a, n) == getattr(b, n)).all() for n in ("keys", "points", "hits", "anchors"))
    assert pack_former([]) is None and unpack_former(None) == []


def test_clouds_of_single_visits_in_older_maps_are_passed_over() -> None:
    data = bytearray(zlib.decompress(pack_former([cloud(0.01, 7), cloud(0.51, 3)]) or b""))
    data[12] = 0  # the first is of no former place
    assert [c.anchors[0] for c in unpack_former(zlib.compress(bytes(data)))] == [3]
