"""After a correction, clouds are fused anew of what each detection measured, put where it now belongs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from driving import FINE, at_desk, at_table, mapped_kitchen, only, watch
from numpy.typing import NDArray
from synthetic import kitchen

from memory_agent_ros.evaluation.walks.noise import moved_observation
from memory_agent_ros.geometry.se3 import inverse, planar, transform_points
from memory_agent_ros.memory.anchors.fusion import fuse
from memory_agent_ros.memory.anchors.measured_surface import MeasuredSurface
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.presence.looks import HEIGHT, WIDTH, LookLog, LookRecord
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.voxel_cloud import VoxelCloud

CONFIG = MemoryConfig()
Pose = NDArray[np.float64]

#: A camera at the origin that looks along x.
AHEAD = np.eye(4)
AHEAD[:3, :3] = [[0, 0, 1], [-1, 0, 0], [0, -1, 0]]


def thumbnail(depth_m: float, frame_row: int) -> LookRecord:
    """A wall at a depth."""
    K = np.array([[60.0, 0, WIDTH / 2], [0, 60.0, HEIGHT / 2], [0, 0, 1]])
    return LookRecord(frame_row, frame_row, AHEAD, K, np.full((HEIGHT, WIDTH), int(depth_m * 1000), np.uint16))


def patch(x: float, side: float = 0.0) -> NDArray[np.float32]:
    """5 x 5 points, 2 cm apart, at x and ``side`` along y."""
    y, z = np.meshgrid(side + np.arange(5) * 0.02 - 0.03, np.arange(5) * 0.02 - 0.03)
    return np.column_stack([np.full(25, x), y.ravel(), z.ravel()]).astype(np.float32)


def surface(points: NDArray[np.float32], pose: Pose = AHEAD) -> MeasuredSurface:
    local = transform_points(inverse(pose), points.astype(np.float64)).astype(np.float32)
    return MeasuredSurface(local, np.array([0.4, 0.4, 0.6, 0.6], np.float32), True, 1.0)


def test_a_packed_surface_comes_back_to_the_millimetre() -> None:
    rng = np.random.default_rng(0)
    before = MeasuredSurface(rng.uniform(-9, 9, (40, 3)).astype(np.float32), np.arange(4, dtype=np.float32), True, 2.5)
    back = MeasuredSurface.unpack(before.packed())
    assert back is not None and np.abs(back.points_camera - before.points_camera).max() <= 0.00051
    assert (back.box == before.box).all() and back.whole and back.range_m == 2.5
    assert MeasuredSurface.unpack(before.packed()[:30]) is None and MeasuredSurface.unpack(b"") is None


def test_a_surface_is_whole_unless_cut_off_or_in_pieces() -> None:
    frame, found = kitchen(FINE).look(at_table(1)[0])
    inner = next(o for o in found if not o.truncated)
    kept = MeasuredSurface.of(frame, inner)
    assert kept.whole and np.allclose(kept.box * [320, 240, 320, 240], inner.box_xyxy)
    assert np.allclose(transform_points(frame.T_map_camera, kept.points_camera), inner.points_map, atol=1e-5)
    both = MeasuredSurface.of(frame, inner, [found[0]])
    assert not both.whole and len(both.points_camera) == len(inner.points_map) + len(found[0].points_map)


def test_surfaces_meet_where_the_corrected_poses_put_them() -> None:
    drifted = [planar(0.0, 0.03 * n, 0.01 * n) @ AHEAD for n in range(6)]
    seen = [surface(transform_points(T @ inverse(AHEAD), patch(1.0)), T) for T in drifted]
    cloud = fuse(seen, np.stack([AHEAD] * 6), np.arange(1, 7), LookLog(CONFIG), CONFIG)
    assert cloud is not None and len(cloud) == 25 and np.abs(cloud.points[:, 0] - 1.0).max() < 0.002
    assert cloud.hits.tolist() == [6.0] * 25 and set(cloud.anchors.tolist()) == {6}
    apart = fuse(seen, np.stack(drifted), np.arange(1, 7), LookLog(CONFIG), CONFIG)
    assert apart is None or len(apart) != 25


def test_what_later_thumbnails_see_through_goes() -> None:
    looks = LookLog(CONFIG)
    for row in range(1, 9):
        looks.add(thumbnail(1.5 if row < 8 else 1.0, row))
    early, late = surface(np.concatenate([patch(1.0, -0.05), patch(1.5)])), surface(patch(1.5))
    cloud = fuse([early] * 3 + [late] * 4, np.stack([AHEAD] * 7), np.arange(1, 8), looks, CONFIG)
    assert cloud is not None and len(cloud) == 25 and np.abs(cloud.points[:, 0] - 1.5).max() < 0.002


@pytest.mark.parametrize(
    ("depth_m", "side", "whole", "row", "denied"),
    [
        (1.5, 0.0, True, 7, True),  # seen through
        (1.5, 0.0, False, 7, True),
        (1.0, 0.0, True, 7, False),  # there it is
        (1.0, 0.3, True, 7, True),  # there is a surface, but not the detected object's
        (1.0, 0.3, False, 7, False),  # a detection that was cut off says nothing of it
        (0.5, 0.3, True, 7, False),  # hidden
        (0.0, 0.0, True, 7, False),  # no reading
        (1.5, 0.0, True, 8, False),  # no thumbnail of that frame
    ],
)
def test_thumbnails_deny_what_they_see_through_or_beside_the_detection(
    depth_m: float, side: float, whole: bool, row: int, denied: bool
) -> None:
    log = LookLog(CONFIG)
    log.add(thumbnail(depth_m, 7))
    box = np.array([[0.4, 0.4, 0.6, 0.6]], np.float32)
    found = log.denied(patch(1.0, side), np.array([row]), box, np.array([whole]))
    assert found.shape == (1, 25) and found.all() == denied and found.any() == denied


def test_the_surest_point_of_each_voxel_stays_and_edges_with_it() -> None:
    x = np.arange(100, dtype=np.float32) * 0.02 + 0.01
    points = np.column_stack([x, np.zeros(100, np.float32), np.zeros(100, np.float32)])
    hits = np.where(np.isin(np.arange(100), [0, 99]), 5.0, 2.0)
    cloud = VoxelCloud.of_surest(points, hits, np.arange(100), 0.02, 30)
    assert len(cloud) <= 30 and cloud.voxel_m == 0.08
    assert cloud.points[:, 0].min() == x[0] and cloud.points[:, 0].max() == x[-1]
    assert (np.diff(cloud.keys) > 0).all()


def growing(count: int, share: float = 1.0) -> list[Pose]:
    """Drift that grows from image to image, to a ``share`` of half a metre and 10 degrees."""
    return [planar(0.3 * s, 0.4 * s, np.deg2rad(10) * s) for s in np.linspace(0, share, count)]


def tours(memory: SpatialMemory, drift: Callable[[int], list[Pose]]) -> None:
    """Two tours of table and desk; the memory is told poses that are off, and at the end the true ones."""
    world = kitchen(FINE)
    poses, at = [*at_table(), *at_desk(6)] * 2, {}
    for pose, off in zip(poses, drift(len(poses)), strict=True):
        frame, found = world.look(pose)
        at[frame.stamp_ns] = pose
        told = type(frame)(frame.stamp_ns, frame.rgb, frame.depth_m, frame.camera, off @ pose)
        memory.observe(told, [moved_observation(o, off) for o in found])
    memory.reanchor({i: at[a.stamp_ns] for i, a in memory.anchor_poses().items()}, 1)


def bent_and_back(memory: SpatialMemory, share: float = 1.0) -> None:
    """Two corrections, the second of which takes the first back."""
    anchors = memory.anchor_poses()
    bend = dict(zip(anchors, growing(len(anchors), share), strict=True))
    memory.reanchor({i: bend[i] @ a.T_map_camera for i, a in anchors.items()}, 2)
    memory.reanchor({i: a.T_map_camera for i, a in anchors.items()}, 3)


@pytest.fixture(scope="module")
def undrifted() -> SpatialMemory:
    memory = SpatialMemory.open(None)
    tours(memory, lambda n: [np.eye(4)] * n)
    return memory


def worst_center(memory: SpatialMemory, reference: SpatialMemory) -> float:
    centers = {o.label: o.box.center for o in memory.objects()}
    return max(float(np.linalg.norm(centers[o.label] - o.box.center)) for o in reference.objects())


def test_boxes_are_as_without_drift_and_only_because_of_the_surfaces(undrifted: SpatialMemory) -> None:
    drifted, without = SpatialMemory.open(None), SpatialMemory.open(None)
    tours(drifted, growing)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("memory_agent_ros.memory.anchors.anchors.renew_clouds", lambda *_: set())
        tours(without, growing)
    assert worst_center(drifted, undrifted) < 0.02 < worst_center(without, undrifted)
    assert drifted.verify() == []


def test_a_second_correction_is_as_exact_as_the_first() -> None:
    memory = SpatialMemory.open(None)
    tours(memory, growing)
    before = {o.id: o.box for o in memory.objects()}
    bent_and_back(memory)
    for thing in memory.objects():
        assert np.linalg.norm(thing.box.center - before[thing.id].center) < 0.01


def test_what_a_person_moved_stays_where_it_was_put() -> None:
    memory = SpatialMemory.open(None)
    tours(memory, lambda n: [np.eye(4)] * n)
    mug = only(memory.find("mug"))
    target = mug.box.center + np.array([0.12, 0.0, 0.0])
    memory.move(mug.id, target, "it stands there")
    bent_and_back(memory, 0.15)
    assert np.linalg.norm(memory.get(mug.id).box.center - target) < 0.03


def count(memory: SpatialMemory, table: str) -> int:
    return int(memory._store.rows(f"SELECT COUNT(*) FROM {table}")[0][0])


def test_each_logged_observation_has_its_surface_and_loses_it_with_it(tmp_path: Path) -> None:
    path = tmp_path / "home.map"
    with SpatialMemory.open(path, MemoryConfig(observations_per_object=10)) as memory:
        world = mapped_kitchen(memory)
        for _ in range(4):
            watch(memory, world, at_table())
        assert count(memory, "surfaces") == count(memory, "observations") > 30
        memory.forget(label="mug")
        assert count(memory, "surfaces") == count(memory, "observations")
    with SpatialMemory.open(path) as memory:
        with memory._store.transaction() as cursor:
            cursor.execute("UPDATE surfaces SET data = substr(data, 1, 40) WHERE observation_id = 1")
        assert memory.verify() == ["the surface of observation 1 is damaged"]


def test_surfaces_come_along_when_maps_are_merged() -> None:
    memory, other = SpatialMemory.open(None), SpatialMemory.open(None)
    mapped_kitchen(memory)
    mapped_kitchen(other)
    before = count(memory, "surfaces"), count(other, "surfaces")
    memory.merge(other, np.eye(4))
    assert count(memory, "surfaces") == sum(before) == count(memory, "observations")


def test_a_map_without_surfaces_is_corrected_by_its_voxels() -> None:
    memory = SpatialMemory.open(None)
    tours(memory, lambda n: [np.eye(4)] * n)
    with memory._store.transaction() as cursor:
        cursor.execute("DELETE FROM surfaces")
    before = {o.id: o.box.center for o in memory.objects()}
    bent_and_back(memory)
    for thing in memory.objects():
        assert np.linalg.norm(thing.box.center - before[thing.id]) < 0.05
