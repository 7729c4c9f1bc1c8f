"""Which pictures are kept: for objects, for the scene, within a limit, and what is stored with them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from driving import at_cupboard, at_desk, at_table, mapped_kitchen, watch
from synthetic import CAMERA, World, camera_pose, kitchen, look_at

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.presence.looks import LookRecord, look_of
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.stores import open_store
from memory_agent_ros.memory.views.coverage import CoverageMap, Surface, surface_of
from memory_agent_ros.memory.views.keyframe_book import KeyframeBook, StoredView
from memory_agent_ros.memory.views.keyframes import decode
from memory_agent_ros.memory.views.patch_features import frame_patches, unpack_patches


def look(x: float, y: float, yaw: float, row: int = 1) -> LookRecord:
    frame, _ = World().frame(camera_pose(x, y, yaw))
    return look_of(frame, row)


def surface(x: float, y: float, yaw: float) -> Surface:
    record = look(x, y, yaw)
    return surface_of(record, record.T_map_camera)


def patches(**quality: float) -> Surface:
    """Patches named by letters."""
    keys = [ord(letter) for letter in quality]
    return Surface(np.array(keys, np.int64), np.array(list(quality.values())))


def stored(view_id: int, record: LookRecord | None = None, objects: dict[int, int] | None = None) -> StoredView:
    T = np.eye(4) if record is None else record.T_map_camera
    return StoredView(view_id, view_id, CAMERA, T, record, objects or {})


# -- coverage ---------------------------------------------------------------------------------------------------------


def test_near_and_frontal_shows_a_wall_better_than_far_or_flat() -> None:
    near, far = surface(6.5, 0.0, 0.0), surface(4.0, 0.0, 0.0)
    assert near.quality.max() > 0.9 and np.median(near.quality) > 1.5 * np.median(far.quality)
    assert (np.diff(near.keys) > 0).all() and near.quality.min() > 0.0


def test_both_faces_of_a_thin_wall_are_patches_of_their_own() -> None:
    world = World()
    world.add("wall", "", (2.02, 0.0, 1.3), (0.04, 16.0, 2.6))
    keys = []
    for x, yaw in ((0.5, 0.0), (3.5, np.pi)):
        record = look_of(world.frame(camera_pose(x, 0.0, yaw, pitch_down=0.0))[0], 1)
        keys.append(surface_of(record, record.T_map_camera).keys)
    facing_back, facing_front = (k[(k % 6) // 2 == 0] for k in keys)
    assert len(facing_back) > 20 and len(facing_front) > 20
    assert not set(facing_back) & set(facing_front) and set(facing_back // 6) & set(facing_front // 6)


def test_an_image_without_depth_shows_nothing() -> None:
    record = dataclasses.replace(look(0.0, 0.0, 0.0), depth_mm=np.zeros((60, 80), np.uint16))
    shown = surface_of(record, record.T_map_camera)
    assert len(shown.keys) == 0 and CoverageMap().gain(shown) == 0.0


def test_gain_is_what_is_shown_better_than_by_any_other() -> None:
    coverage = CoverageMap()
    coverage.add(1, patches(a=0.5, b=0.9))
    assert coverage.gain(patches(a=0.8, b=0.2, c=0.4)) == pytest.approx(0.7)
    assert coverage.gain(patches(a=0.5)) == 0.0


def test_worth_is_the_lead_over_the_second_best_and_survives_drops() -> None:
    coverage = CoverageMap()
    first, second, third = patches(a=0.5, b=0.9), patches(a=0.8), patches(b=0.9, c=0.3)
    for number, shown in enumerate((first, second, third), 1):
        coverage.add(number, shown)
    assert [round(coverage.worth(i), 6) for i in (1, 2, 3)] == [0.0, 0.3, 0.3]
    coverage.drop(3, third)
    assert [round(coverage.worth(i), 6) for i in (1, 2)] == [0.9, 0.3]
    coverage.drop(2, second)
    assert coverage.worth(1) == pytest.approx(1.4) and coverage.worth(2) == 0.0


# -- the book ---------------------------------------------------------------------------------------------------------


def test_a_new_view_of_the_scene_is_wanted_once() -> None:
    book, config = KeyframeBook(), MemoryConfig()
    here = look(0.0, 0.0, 0.0)
    assert book.wants(here, config)
    book.add(stored(1, here))
    assert not book.wants(look(0.05, 0.0, 0.02), config)
    assert book.wants(look(0.0, 0.0, np.pi), config)


def test_moved_keyframes_cover_another_place() -> None:
    book, config = KeyframeBook(), MemoryConfig()
    here, there = look(0.0, 0.0, 0.0), look(0.0, 0.0, np.pi)
    book.add(stored(1, here))
    revision = book.revision
    book.repose({1: there.T_map_camera, 99: np.eye(4)})
    assert book.revision > revision
    assert book.wants(here, config) and not book.wants(there, config)


def test_the_least_useful_shows_nothing_of_its_own_and_is_no_last_evidence() -> None:
    book = KeyframeBook()
    same = look(0.0, 0.0, 0.0)
    book.add(stored(1, same, {7: 0}))
    book.add(stored(2, same, {7: 0, 8: 0}))
    book.add(stored(3, look(0.0, 0.0, np.pi), {7: 0}))
    assert book.least_useful({7, 8}, keep=0) == 1  # 2 is the last to show object 8, 3 alone shows the other wall
    assert book.least_useful({7}, keep=1) == 2  # object 8 is not known any more
    book.drop(1)
    book.drop(3)
    assert book.least_useful({7, 8}, keep=0) is None


def test_evidence_of_an_old_place_does_not_stand_in_for_the_new_place() -> None:
    book = KeyframeBook()
    book.add(stored(1, None, {7: 0}))
    book.add(stored(2, None, {7: 1}))
    assert book.least_useful({7}, keep=0) == 1
    assert book.least_useful({7}, keep=1) is None


def test_merged_objects_share_their_pictures_and_forgotten_ones_have_none() -> None:
    book = KeyframeBook()
    book.add(stored(1, None, {7: 0, 8: 2}))
    book.add(stored(2, None, {8: 2}))
    book.reassign(8, 7, 1)
    assert book[1].objects == {7: 1} and book[2].objects == {7: 1}
    book.forget(7)
    assert not book[1].objects and not book[2].objects


# -- the memory -------------------------------------------------------------------------------------------------------


def empty_room_poses(count: int = 12) -> list[np.ndarray]:
    return [camera_pose(0.0, 0.0, yaw) for yaw in np.linspace(0, 2 * np.pi, count, endpoint=False)]


def test_a_scene_without_objects_is_remembered_and_standing_still_adds_nothing() -> None:
    with SpatialMemory.open(None) as memory:
        world = World()
        watch(memory, world, empty_room_poses())
        kept = memory.keyframe_ids()
        assert 4 <= len(kept) <= 12
        watch(memory, world, empty_room_poses())
        assert memory.keyframe_ids() == kept


def test_a_keyframe_says_where_it_was_taken_what_it_shows_and_what_was_seen(tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "k.map") as memory:
        world = mapped_kitchen(memory)
        shown: set[int] = set()
        for keyframe_id in memory.keyframe_ids():
            kept = memory.keyframe(keyframe_id)
            assert kept.frame_row is not None and kept.features is not None
            patches_kept = unpack_patches(kept.features, kept.camera)
            world.stamp_ns = kept.stamp_ns
            truth = frame_patches(world.frame(kept.T_map_camera)[0])
            np.testing.assert_allclose(patches_kept.points_camera, truth.points_camera, atol=0.02)
            shown |= set(kept.object_ids)
        assert shown == {o.id for o in memory.objects()}
    rows = "SELECT COUNT(*) FROM keyframes k JOIN frames f ON f.id = k.frame_row AND f.stamp_ns = k.stamp_ns"
    with SpatialMemory.open(tmp_path / "k.map", read_only=True) as again:
        assert again._store.rows(rows)[0][0] == len(again.keyframe_ids())


def test_pictures_are_bounded_and_every_object_keeps_its_evidence() -> None:
    with SpatialMemory.open(None, MemoryConfig(max_keyframes=10)) as memory:
        world = kitchen(CAMERA.scaled(320, 240))
        poses = [*at_table(), *at_desk(), *at_cupboard(), *empty_room_poses()]
        watch(memory, world, poses)
        assert len(memory.keyframe_ids()) <= 10 and memory.stats["keyframes_dropped"] > 0
        assert len(memory.objects()) == 6 and memory.verify() == []
        assert all(memory.get(o.id).evidence for o in memory.objects())


def test_a_limit_too_small_for_the_evidence_is_exceeded() -> None:
    with SpatialMemory.open(None, MemoryConfig(max_keyframes=1)) as memory:
        world = kitchen(CAMERA.scaled(320, 240))
        watch(memory, world, [*at_table(), *at_desk(), *at_cupboard()])
        assert memory.verify() == [] and 2 <= len(memory.keyframe_ids()) <= 6


def test_the_book_of_an_opened_map_is_the_one_that_was_closed(tmp_path: Path) -> None:
    config = MemoryConfig(max_keyframes=12, max_looks=30)
    with SpatialMemory.open(tmp_path / "b.map", config) as memory:
        world = kitchen(CAMERA.scaled(320, 240))
        watch(memory, world, [*at_table(), *at_desk(), *at_cupboard(), *empty_room_poses()])
        before = {v.id: (v.objects, v.look.frame_row if v.look else None) for v in memory._state.book}
        known = set(memory._state.tracks)
    with SpatialMemory.open(tmp_path / "b.map", config) as memory:
        after = {v.id: (v.objects, v.look.frame_row if v.look else None) for v in memory._state.book}
        assert {i: ({o: p for o, p in seen.items() if o in known}, row) for i, (seen, row) in before.items()} == after
        assert all(view.look is not None for view in memory._state.book)
        kept = memory.keyframe_ids()
        watch(memory, world, empty_room_poses())
        assert memory.keyframe_ids() == kept


def test_forgetting_leaves_no_patch_of_the_object(tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "f.map") as memory:
        mapped_kitchen(memory)
        cupboard = memory.find("cupboard")[0]
        evidence = cupboard.evidence[0]
        before = memory.keyframe(evidence.keyframe_id)
        memory.forget([cupboard.id])
        after = memory.keyframe(evidence.keyframe_id)
        assert before.features is not None and after.features is not None and cupboard.id not in after.object_ids
        old, new = (unpack_patches(f, before.camera) for f in (before.features, after.features))
        x, y = evidence.box_xyxy.reshape(2, 2).mean(axis=0)
        patch = int(y * 6 / before.camera.height) * 8 + int(x * 8 / before.camera.width)
        assert np.isfinite(old.points_camera[patch]).all() and np.isnan(new.points_camera[patch]).all()
        assert not new.descriptors[patch].any() and new.readings[patch] == 0.0
        assert np.isfinite(new.points_camera).any(), "patches beside the object stay"
        assert decode(after.jpeg).shape == decode(before.jpeg).shape
        assert all(cupboard.id not in view.objects for view in memory._state.book)


def test_a_map_of_schema_1_opens_with_its_pictures(tmp_path: Path) -> None:
    path = tmp_path / "old.map"
    with SpatialMemory.open(path) as memory:
        world = mapped_kitchen(memory)
        count = len(memory.keyframe_ids())
    store = open_store(path)
    with store.transaction() as cursor:  # told to the ledger: what it does not know of would be damage
        cursor.execute("UPDATE keyframes SET frame_row = NULL, features = NULL")
    store.close()
    with SpatialMemory.open(path) as memory:
        assert memory.keyframe(memory.keyframe_ids()[0]).features is None
        assert len(memory._state.book) == count and any(view.look is not None for view in memory._state.book)
        watch(memory, world, [look_at((0.5, 0.5, 1.3), (2.5, 0.0, 0.7))])
        assert memory.verify() == []
