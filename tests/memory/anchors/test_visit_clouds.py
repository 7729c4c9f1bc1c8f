"""Visits of an object are kept apart until a correction shows how they fit together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from driving import at_desk, at_table, kinds, mapped_kitchen, watch
from numpy.typing import NDArray

from memory_agent_ros.memory.anchors.visit_clouds import (
    MOST_VISITS,
    begin_visit,
    join_visits,
    limit_visits,
    pack_visits,
    unpack_visits,
)
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.presence import looks
from memory_agent_ros.memory.presence.looks import HEIGHT, WIDTH, LookLog, LookRecord
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.voxel_cloud import MeasuredAt, VoxelCloud

CONFIG = MemoryConfig()


def wall(x: float, anchor: int, hits: int = 3) -> VoxelCloud:
    """A patch of 5 x 5 voxels at x."""
    cloud = VoxelCloud(0.02)
    y, z = np.meshgrid(np.arange(5) * 0.02 + 0.01, np.arange(5) * 0.02 + 0.01)
    points = np.column_stack([np.full(25, x), y.ravel(), z.ravel()]).astype(np.float32)
    for _ in range(hits):
        cloud.integrate(points, 6, 100, 1.0, MeasuredAt(anchor))
    return cloud


def test_a_visit_ends_when_it_began_too_long_ago() -> None:
    fused = wall(0.01, 10)
    visits: list[VoxelCloud] = []
    begin_visit(visits, fused, MeasuredAt(30, 0, 10))
    assert visits == []
    begin_visit(visits, fused, MeasuredAt(31, 0, 11))
    assert [len(v) for v in visits] == [25, 0] and visits[0] is not fused
    begin_visit(visits, fused, MeasuredAt(40, 0, 30))
    assert len(visits) == 2
    begin_visit(visits, fused, MeasuredAt())
    assert len(visits) == 2


def test_too_many_visits_lose_no_surface() -> None:
    visits = [wall(0.1 * i, 50 * i + 1) for i in range(MOST_VISITS + 3)]
    limit_visits(visits, 6, 1000)
    assert len(visits) == MOST_VISITS and sum(map(len, visits)) == 25 * (MOST_VISITS + 3)


def test_visits_of_two_records_join_in_order_of_time() -> None:
    joined = join_visits([wall(0.01, 5), wall(0.01, 90)], [wall(0.51, 5), wall(0.51, 40)], 6, 100)
    assert [int(v.anchors[0]) for v in joined] == [5, 40, 90] and [len(v) for v in joined] == [50, 25, 25]


def test_packed_visits_come_back() -> None:
    visits, former = [wall(0.01, 5), VoxelCloud(0.04)], [wall(0.51, 7)]
    for kept, back in zip((visits, former), unpack_visits(pack_visits(visits, former)), strict=True):
        assert len(kept) == len(back)
        for a, b in zip(kept, back, strict=True):
            assert a.voxel_m == b.voxel_m
            assert all((getattr(a, n) == getattr(b, n)).all() for n in ("keys", "points", "hits", "anchors"))
    assert pack_visits([], []) is None and unpack_visits(None) == ([], [])


def test_fused_visits_add_up_less_what_was_seen_through() -> None:
    track = Track(1, wall(0.51, 90), 0, visits=[wall(0.01, 5), wall(0.01, 90), wall(0.31, 95)])
    losses = np.zeros(75)
    losses[50:] = 4.0  # all of the third
    losses[0] = 1.0
    track.fuse_visits(losses, CONFIG)
    assert track.visits == [] and len(track.cloud) == 25
    assert sorted(track.cloud.hits.tolist()) == [5.0] + [6.0] * 24
    assert track.cloud.points[:, 0] == pytest.approx(0.01)


def looking_at(depth_m: float, frame_row: int) -> LookRecord:
    """A thumbnail from the origin along x, of a wall at a depth."""
    T = np.eye(4)
    T[:3, :3] = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]
    K = np.array([[60.0, 0, WIDTH / 2], [0, 60.0, HEIGHT / 2], [0, 0, 1]])
    return LookRecord(frame_row, frame_row, T, K, np.full((HEIGHT, WIDTH), int(depth_m * 1000), np.uint16))


@pytest.mark.parametrize(
    ("depth_m", "frame_row", "after", "lost"),
    [
        (1.5, 7, 5, True),
        (1.0, 7, 5, False),
        (0.5, 7, 5, False),
        (0.0, 7, 5, False),
        (1.5, 7, 7, False),
        (1.5, 8, 5, False),
    ],
)
def test_only_later_thumbnails_of_the_object_that_see_through_count(
    depth_m: float, frame_row: int, after: int, lost: bool
) -> None:
    log = LookLog(CONFIG)
    log.add(looking_at(depth_m, frame_row))
    points: NDArray[np.float32] = wall(1.0, 5).points
    loss = log.seen_through(points, np.full(25, after), np.array([3, 7]))
    assert loss == pytest.approx(np.full(25, 1.0 if lost else 0.0))


def test_visits_are_in_the_file_until_a_correction_fuses_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "_VISIT_LOOKS", 5)
    path = tmp_path / "home.map"
    with SpatialMemory.open(path) as memory:
        world = mapped_kitchen(memory)
        for _ in range(3):
            watch(memory, world, [*at_table(), *at_desk()])
        visits = {i: [len(v) for v in t.visits] for i, t in memory._state.tracks.items()}
        assert any(len(v) > 1 for v in visits.values())
    with SpatialMemory.open(path) as memory:
        assert {i: [len(v) for v in t.visits] for i, t in memory._state.tracks.items()} == visits
        boxes = {o.id: o.box for o in memory.objects()}
        shift = np.eye(4)
        shift[0, 3] = 0.5
        poses = {i: shift @ a.T_map_camera for i, a in memory.anchor_poses().items()}
        assert kinds(memory.reanchor(poses, 1)) == ["reanchored"]
        assert all(t.visits == [] for t in memory._state.tracks.values())
        for thing in memory.objects():
            assert thing.box.center == pytest.approx(boxes[thing.id].center + np.array([0.5, 0, 0]), abs=0.03)
        assert memory.verify() == []
