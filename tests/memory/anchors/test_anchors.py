"""Objects hang on anchors: the map is corrected, and everything goes along, identities included."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from driving import FINE, at_cupboard, at_desk, at_table, kinds, mapped_kitchen, only, present, watch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from synthetic import kitchen

from memory_agent_ros.geometry.se3 import inverse, planar
from memory_agent_ros.memory.anchors.corrections import Corrections, interpolate_rigid
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.voxel_cloud import MeasuredAt, VoxelCloud
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.map_object import MapObject, ObjectState

VOXEL = 0.02


def rigid(seed: int, metres: float = 1.0, degrees: float = 30.0) -> NDArray[np.float64]:
    rng = np.random.default_rng(seed)
    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec(np.array([0, 0, 1]) * np.deg2rad(rng.uniform(-degrees, degrees))).as_matrix()
    T[:3, 3] = rng.uniform(-metres, metres, 3) * [1, 1, 0.1]
    return T


def poses_under(memory: SpatialMemory, C: NDArray[np.float64]) -> dict[int, NDArray[np.float64]]:
    return {i: C @ a.T_map_camera for i, a in memory.anchor_poses().items()}


def facts(memory: SpatialMemory) -> list[tuple[object, ...]]:
    return [
        (o.id, o.label, o.state, o.observations, o.presence, o.points_map.tolist(), o.centroid_map.tolist())
        for o in memory.objects(include_tentative=True)
    ]


def drifting_looks(
    memory: SpatialMemory, world: object, poses: list[NDArray[np.float64]], drift: NDArray[np.float64]
) -> None:
    """Look from true poses; the memory is told poses that are off by ``drift`` on the left."""
    from memory_agent_ros.evaluation.walks.noise import moved_observation

    for pose in poses:
        frame, observations = world.look(pose)  # type: ignore[attr-defined]
        told = type(frame)(frame.stamp_ns, frame.rgb, frame.depth_m, frame.camera, drift @ pose)
        memory.observe(told, [moved_observation(o, drift) for o in observations])


def undo(memory: SpatialMemory, since_ns: int, drift: NDArray[np.float64]) -> dict[int, NDArray[np.float64]]:
    """True poses of anchors, those laid at or after ``since_ns`` being off by ``drift``."""
    return {
        i: (inverse(drift) @ a.T_map_camera if a.stamp_ns >= since_ns else a.T_map_camera)
        for i, a in memory.anchor_poses().items()
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(1, 40))
def test_neighbours_that_agree_give_what_they_agree_on(seed: int, known: int, asked: int) -> None:
    rng = np.random.default_rng(seed)
    C = rigid(seed, 5.0, 180.0)
    stamps = np.sort(rng.integers(0, 10**12, known))
    found = interpolate_rigid(
        stamps, np.tile(C, (known, 1, 1)), rng.integers(-(10**12), 2 * 10**12, asked), rng.uniform(-20, 20, (asked, 3))
    )
    assert np.allclose(found, C, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_corrections_do_not_depend_on_the_origin(seed: int) -> None:
    """Interpolating in a shifted and turned map and coming back gives the same."""
    rng = np.random.default_rng(seed)
    G = rigid(seed + 1, 50.0, 180.0)
    known = np.stack([rigid(seed + k) for k in range(2, 4)])
    at = rng.uniform(-5, 5, (7, 3))
    stamps = np.array([0, 100])
    asked = rng.integers(-20, 120, 7)
    here = interpolate_rigid(stamps, known, asked, at)
    there = interpolate_rigid(stamps, G @ known @ inverse(G), asked, at @ G[:3, :3].T + G[:3, 3])
    assert np.allclose(there, G @ here @ inverse(G), atol=1e-8)


def test_between_two_anchors_the_correction_is_halfway() -> None:
    rows, stamps = np.array([3, 5, 9]), np.array([0, 50, 100])
    T = np.stack([planar(0.0, 0, 0), planar(1.0, 0, 0), planar(2.0, 0, 0)])
    found = Corrections.of(rows, stamps, T, {3: T[0], 9: planar(2.0, 0.4, np.deg2rad(20))})
    middle = found.T_new[1]
    assert np.allclose(middle[:3, 3], [(1.0 + 2.0 - np.cos(np.deg2rad(20))) / 2, (0.4 - np.sin(np.deg2rad(20))) / 2, 0])
    assert np.isclose(np.arctan2(middle[1, 0], middle[0, 0]), np.deg2rad(10))
    assert found.index_of(np.array([3, 4, 8, 99, 1])).tolist() == [0, 1, 2, 2, 0]


def test_a_voxel_averages_over_one_visit_only() -> None:
    low, high = np.full((1, 3), 0.001, np.float32), np.full((1, 3), 0.019, np.float32)
    firm = VoxelCloud(VOXEL)
    for _ in range(4):
        firm.integrate(low, 6, 100, 1.0, MeasuredAt(3, 1))
    firm.integrate(high, 6, 100, 1.0, MeasuredAt(5, 1))
    assert firm.anchors.tolist() == [5] and firm.points[0, 0] == pytest.approx(0.0046)
    firm.integrate(high, 6, 100, 1.0, MeasuredAt(80, 40))
    assert firm.anchors.tolist() == [5] and firm.points[0, 0] == pytest.approx(0.0046)
    assert firm.hits.tolist() == [6.0]
    weak = VoxelCloud(VOXEL)
    weak.integrate(low, 6, 100, 1.0, MeasuredAt(3, 1))
    weak.integrate(high, 6, 100, 1.0, MeasuredAt(80, 40))
    assert weak.anchors.tolist() == [80] and weak.points[0, 0] == pytest.approx(0.019) and weak.hits.tolist() == [1.0]


def test_hits_of_visits_that_meet_add_up() -> None:
    cloud = VoxelCloud(VOXEL)
    here, there = np.full((1, 3), 0.01, np.float32), np.full((1, 3), 0.51, np.float32)
    for _ in range(5):
        cloud.integrate(here, 6, 100, 1.0, MeasuredAt(3, 1))
    for _ in range(2):
        cloud.integrate(there, 6, 100, 1.0, MeasuredAt(90, 60))
    cloud.repose(np.full((2, 3), 0.01, np.float32))
    assert len(cloud) == 1 and cloud.hits.tolist() == [5.0] and cloud.anchors.tolist() == [90]


def test_every_voxel_knows_its_anchor_and_keeps_it_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "home.map"
    with SpatialMemory.open(path) as memory:
        mapped_kitchen(memory)
        anchors = memory.anchor_poses()
        clouds = {i: t.cloud for i, t in memory._state.tracks.items()}
        assert all(set(c.anchors.tolist()) <= set(anchors) for c in clouds.values())
        assert len(set(np.concatenate([c.anchors for c in clouds.values()]).tolist())) > 5
        stamps = [a.stamp_ns for a in anchors.values()]
        assert stamps == sorted(stamps)
    with SpatialMemory.open(path) as memory:
        assert all((memory._state.tracks[i].cloud.anchors == c.anchors).all() for i, c in clouds.items())
        assert memory.verify() == []


def test_an_identity_correction_changes_nothing() -> None:
    memory = SpatialMemory.open(None)
    mapped_kitchen(memory)
    before = facts(memory)
    events = memory.reanchor(poses_under(memory, np.eye(4)), 4)
    assert facts(memory) == before
    assert [e.kind for e in events] == [EventKind.REANCHORED] and memory.map_revision == 4
    assert memory.verify() == []


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 1000))
def test_a_common_correction_moves_everything_rigidly_and_back(seed: int) -> None:
    memory = SpatialMemory.open(None)
    mapped_kitchen(memory)
    before = {o.id: o for o in memory.objects()}
    pictures = {i: memory.keyframe(i).T_map_camera for i in memory.keyframe_ids()}
    events = {e.id: e.position_m for e in memory.changes()}
    C = rigid(seed)
    told = memory.reanchor(poses_under(memory, C), 1)
    assert kinds(told) == ["reanchored"]
    for old in before.values():
        new = memory.get(old.id)
        shift = np.linalg.norm(new.centroid_map - (C @ np.append(old.centroid_map, 1))[:3])
        assert shift < VOXEL and new.observations == old.observations and new.presence == old.presence
        for item in new.evidence:
            picture = memory.keyframe(item.keyframe_id)
            assert np.allclose(picture.T_map_camera, C @ pictures[item.keyframe_id])
            assert item.map_revision == picture.map_revision == 1
            assert np.linalg.norm(item.object_pose.position_m - new.box.center) < 0.5
    for e in memory.changes():
        if e.id in events:
            assert np.allclose(e.position_m, C[:3, :3] @ events[e.id] + C[:3, 3])
    memory.reanchor(poses_under(memory, inverse(C)), 2)
    for old in before.values():
        new = memory.get(old.id)
        assert np.linalg.norm(new.box.center - old.box.center) < 2 * VOXEL
        assert np.abs(np.sort(new.box.size) - np.sort(old.box.size)).max() < 2 * VOXEL
    assert memory.verify() == []


def test_what_is_seen_after_a_correction_fits_what_was_seen_before() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    ids = sorted(o.id for o in memory.objects())
    C = planar(3.0, -1.0, 0.7)
    memory.reanchor(poses_under(memory, C), 1)
    drifting_looks(memory, world, [*at_table(), *at_desk()], C)
    assert sorted(o.id for o in memory.objects()) == ids
    assert all(o.state is ObjectState.PRESENT for o in memory.objects())


@pytest.mark.parametrize("shift", [0.12, 0.45, 0.8])
def test_after_drift_each_thing_is_one_object_where_it_stands_with_its_first_identity(shift: float) -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    before = {o.id: o for o in memory.objects()}
    since = world.stamp_ns
    drift = planar(0.0, shift, np.deg2rad(4))
    drifting_looks(memory, world, [*at_table(12), *at_desk(12), *at_cupboard(12)], drift)
    memory.reanchor(undo(memory, since, drift), 1)
    after = {o.id: o for o in memory.objects() if o.state is ObjectState.PRESENT}
    assert {o.label for o in after.values()} == {o.label for o in before.values()}
    assert set(after) == set(before)
    for old in before.values():
        assert after[old.id].label == old.label
        assert np.linalg.norm(after[old.id].box.center - old.box.center) < 0.06
    assert memory.verify() == []


def test_look_alikes_that_drift_exchanged_are_put_right() -> None:
    """Three mugs in a row, 0.3 m apart: after a drift of 0.3 m each stands where its neighbour stood."""
    memory = SpatialMemory.open(None)
    world = kitchen(FINE)
    for name, y in (("mug2", 0.2), ("mug3", -0.1)):
        world.add(name, "mug", (2.2, y, 0.80), (0.1, 0.1, 0.10), 2)
    world.move("mug", (2.2, 0.5, 0.80))
    watch(memory, world, at_table())
    before = {o.id: o.box.center for o in memory.find("mug")}
    assert len(before) == 3
    since = world.stamp_ns
    drift = planar(0.0, 0.3, 0.0)
    drifting_looks(memory, world, at_table(16), drift)
    memory.reanchor(undo(memory, since, drift), 1)
    after = {o.id: o.box.center for o in memory.find("mug", state=ObjectState.PRESENT)}
    assert set(after) == set(before)
    for object_id, center in before.items():
        assert np.linalg.norm(after[object_id] - center) < 0.05
    assert memory.verify() == []


def test_what_really_moved_while_the_map_drifted_has_moved() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    mug = only(memory.find("mug"))
    since = world.stamp_ns
    world.move("mug", (-2.4, 0.3, 0.80))
    drift = planar(0.1, 0.5, np.deg2rad(5))
    drifting_looks(memory, world, [*at_table(12), *at_desk(12), *at_table(6)], drift)
    memory.reanchor(undo(memory, since, drift), 1)
    found = only([o for o in memory.find("mug") if o.state is ObjectState.PRESENT])
    assert found.id == mug.id
    assert np.linalg.norm(found.box.center - (-2.4, 0.3, 0.80)) < 0.06
    assert memory.verify() == []


def test_what_was_taken_away_while_the_map_drifted_stays_away() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    since = world.stamp_ns
    del world.things["box"]
    drift = planar(0.1, 0.5, np.deg2rad(5))
    drifting_looks(memory, world, [*at_table(12), *at_desk(6), *at_table(6)], drift)
    memory.reanchor(undo(memory, since, drift), 1)
    assert "box" not in present(memory) and "mug" in present(memory) and "bowl" in present(memory)


def test_a_corrected_map_is_the_same_after_opening(tmp_path: Path) -> None:
    path = tmp_path / "home.map"
    with SpatialMemory.open(path) as memory:
        world = mapped_kitchen(memory)
        since = world.stamp_ns
        drift = planar(0.0, 0.5, 0.1)
        drifting_looks(memory, world, at_table(12), drift)
        memory.reanchor(undo(memory, since, drift), 7)
        before, poses = facts(memory), memory.anchor_poses()
    with SpatialMemory.open(path) as memory:
        assert facts(memory) == before and memory.map_revision == 7
        assert all(np.allclose(memory.anchor_poses()[i].T_map_camera, a.T_map_camera) for i, a in poses.items())
        assert memory.verify() == []


def test_a_claimed_move_that_was_drift_says_so() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    since = world.stamp_ns
    drift = planar(0.0, 0.8, 0.0)
    drifting_looks(memory, world, at_desk(14), drift)
    claimed = [e for e in memory.changes(since) if e.kind is EventKind.MOVED]
    memory.reanchor(undo(memory, since, drift), 1)
    for e in memory.changes(since):
        if e.id in {c.id for c in claimed}:
            assert e.previous_position_m is not None
            assert np.linalg.norm(e.position_m - e.previous_position_m) < 0.2 and "drift" in e.detail


def test_an_old_map_without_anchors_moves_by_the_time_of_its_objects() -> None:
    memory = SpatialMemory.open(None)
    mapped_kitchen(memory)
    for track in memory._state.tracks.values():
        track.cloud.anchors[:] = 0
    before = {o.id: o for o in memory.objects()}
    C = planar(1.0, 0.0, 0.3)
    memory.reanchor(poses_under(memory, C), 1)
    for old in before.values():
        moved = (C @ np.append(old.centroid_map, 1))[:3]
        assert np.linalg.norm(memory.get(old.id).centroid_map - moved) < VOXEL


def test_bad_corrections_are_refused_and_change_nothing() -> None:
    memory = SpatialMemory.open(None)
    mapped_kitchen(memory)
    before = facts(memory)
    good = poses_under(memory, planar(1.0, 0, 0))
    memory.reanchor(poses_under(memory, np.eye(4)), 3)
    first = next(iter(good))
    broken = np.diag([1.0, 1.0, np.nan, 1.0])
    for poses, revision, reason in (
        (good, 3, "map_revision_runs_back"),
        (good, 2, "map_revision_runs_back"),
        ({}, 4, "no_anchors"),
        ({10**6: np.eye(4)}, 4, "unknown_anchor"),
        ({**good, first: broken}, 4, "pose_not_rigid"),
        ({**good, first: np.diag([2.0, 1.0, 1.0, 1.0])}, 4, "pose_not_rigid"),
    ):
        with pytest.raises(BadInputError) as caught:
            memory.reanchor(poses, revision)
        assert caught.value.reason == reason
    assert facts(memory) == before and memory.map_revision == 3


def test_sizes_do_not_grow_by_a_correction() -> None:
    """Voxels of one object from both sides of a loop closure meet instead of standing beside each other."""
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    cupboard: MapObject = only(memory.find("cupboard"))
    since = world.stamp_ns
    drift = planar(0.08, 0.05, np.deg2rad(2))
    drifting_looks(memory, world, at_cupboard(10), drift)
    memory.reanchor(undo(memory, since, drift), 1)
    after = only(memory.find("cupboard"))
    assert np.abs(np.sort(after.box.size) - np.sort(cupboard.box.size)).max() < 0.06
