"""Recall of stored pictures: the right ones, whatever the map's frame, also read-only and in old files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from driving import FINE, at_cupboard, at_desk, at_table, watch
from synthetic import CAMERA, World, camera_pose, kitchen, look_at

from memory_agent_ros.geometry.pinhole import project_map, unproject_depth, valid_depth
from memory_agent_ros.geometry.se3 import planar, transform_points
from memory_agent_ros.memory.encoder import Encoder
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.stores import open_store
from memory_agent_ros.memory.views.patch_features import frame_patches
from memory_agent_ros.memory.views.recall import ViewRecall, likely_objects
from memory_agent_ros.memory.views.view_prediction import predict_patches
from memory_agent_ros.records.recalled_view import RecalledView


def tour() -> list[np.ndarray]:
    around = [camera_pose(x, y, yaw) for x, y in ((-4, -4), (4, 4)) for yaw in np.arange(0, 6.2, 0.7)]
    return [*at_table(), *at_desk(), *at_cupboard(), *around]


@pytest.fixture(scope="module")
def apartment(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, World]:
    path = tmp_path_factory.mktemp("recall") / "a.map"
    world = kitchen(FINE)
    with SpatialMemory.open(path) as memory:
        watch(memory, world, tour())
    return path, world


def shared_surface(world: World, T_query: np.ndarray, T_kept: np.ndarray) -> float:
    """Share of the query's surface that the other view shows, from exact depth."""
    query, kept = world.frame(T_query)[0], world.frame(T_kept)[0]
    good = valid_depth(query.depth_m[::6, ::6], 0.1, 20.0)
    points = transform_points(T_query, unproject_depth(query.camera.K, query.depth_m, 6)[good])
    uv, z = project_map(kept.camera.K, T_kept, points)
    with np.errstate(invalid="ignore"):
        inside = (z > 0.1) & (uv > 0).all(axis=1) & (uv < [kept.camera.width - 1, kept.camera.height - 1]).all(axis=1)
    pixel = np.rint(uv[inside]).astype(int)
    return float((np.abs(kept.depth_m[pixel[:, 1], pixel[:, 0]] - z[inside]) < 0.1).sum() / len(points))


QUERIES = [
    look_at((0.4, 0.6, 1.3), (2.5, 0.0, 0.7)),
    look_at((-0.5, 0.4, 1.3), (-2.5, 0.0, 0.7)),
    look_at((0.3, 1.0, 1.3), (0.0, 3.0, 0.9)),
    camera_pose(-3.7, -4.2, 0.3),
]


@pytest.mark.parametrize("number", range(len(QUERIES)))
@pytest.mark.parametrize("with_picture", [False, True])
def test_recall_finds_the_covisible_pictures(apartment: tuple[Path, World], number: int, with_picture: bool) -> None:
    path, world = apartment
    pose = QUERIES[number]
    with SpatialMemory.open(path, read_only=True) as memory:
        features = frame_patches(world.frame(pose)[0]) if with_picture else None
        views = memory.recall_views(pose, k=3, camera=FINE, features=features)
        truth = {i: shared_surface(world, pose, memory.keyframe(i).T_map_camera) for i in memory.keyframe_ids()}
    assert len(views) == 3 and [v.score for v in views] == sorted((v.score for v in views), reverse=True)
    best = sorted(truth.values(), reverse=True)[:3]
    found = [truth[v.keyframe_id] for v in views]
    assert np.mean(found) > 0.8 * np.mean(best), (found, best)
    assert all(abs(v.overlap - truth[v.keyframe_id]) < 0.3 for v in views)


def test_recall_says_what_was_seen_there(apartment: tuple[Path, World]) -> None:
    with SpatialMemory.open(apartment[0], read_only=True) as memory:
        labels = {o.id: o.label for o in memory.objects()}
        table, desk = (likely_objects(memory.recall_views(q, camera=FINE)) for q in QUERIES[:2])
    at_table, at_desk = ({labels[i]: p for i, p in found.items()} for found in (table, desk))
    assert min(at_table[name] for name in ("table", "mug", "bowl", "box")) > 0.9
    assert next(iter(at_desk)) == "desk" and at_desk.get("mug", 0.0) < 0.6 * at_desk["desk"]


def test_recall_does_not_depend_on_the_maps_frame(apartment: tuple[Path, World]) -> None:
    move = planar(12.0, -7.0, 0.9)
    with SpatialMemory.open(apartment[0], read_only=True) as memory:
        state, store = memory._state, memory._store
        before = [memory.recall_views(q, camera=FINE) for q in QUERIES]
        state.book.repose({v.id: move @ v.T_map_camera for v in state.book})
        fresh = ViewRecall(Encoder.load_default)
        after = [memory._recall.at_pose(state, store, move @ q, FINE) for q in QUERIES]
        anew = [fresh.at_pose(state, store, move @ q, FINE) for q in QUERIES]
    assert after == anew, "moved pictures must be placed anew"
    for old, new in zip(before, after, strict=True):
        assert [v.keyframe_id for v in old][:3] == [v.keyframe_id for v in new][:3]
        np.testing.assert_allclose([v.overlap for v in old][:3], [v.overlap for v in new][:3], atol=0.02)


def test_recall_goes_on_after_the_map_was_corrected(tmp_path: Path) -> None:
    move, world = planar(3.0, -2.0, 0.4), kitchen(FINE)
    with SpatialMemory.open(tmp_path / "c.map") as memory:
        watch(memory, world, [*at_table(), *at_desk()])
        before = memory.recall_views(QUERIES[0], camera=FINE)
        memory.reanchor({i: move @ a.T_map_camera for i, a in memory.anchor_poses().items()}, 1)
        after = memory.recall_views(move @ QUERIES[0], camera=FINE)
        assert [v.keyframe_id for v in before][:4] == [v.keyframe_id for v in after][:4] and after[0].overlap > 0.5
        assert [v.object_ids for v in before][:4] == [v.object_ids for v in after][:4]


def test_new_pictures_are_recalled_and_dropped_ones_are_not(tmp_path: Path) -> None:
    world = kitchen(FINE)
    with SpatialMemory.open(tmp_path / "n.map") as memory:
        watch(memory, world, at_table())
        assert memory.recall_views(QUERIES[1], camera=FINE)[0].overlap < 0.3
        watch(memory, world, at_desk())
        best = memory.recall_views(QUERIES[1], camera=FINE)[0]
        assert best.overlap > 0.5
        memory._state.book.drop(best.keyframe_id)
        assert best.keyframe_id not in {v.keyframe_id for v in memory.recall_views(QUERIES[1], 99, FINE)}


def test_a_reader_follows_the_writer(tmp_path: Path) -> None:
    world = kitchen(FINE)
    with SpatialMemory.open(tmp_path / "r.map") as memory:
        watch(memory, world, at_table())
        with SpatialMemory.open(tmp_path / "r.map", read_only=True) as reader:
            assert reader.recall_views(QUERIES[1], camera=FINE)[0].overlap < 0.3
            watch(memory, world, at_desk())
            assert reader.recall_views(QUERIES[1], camera=FINE) == memory.recall_views(QUERIES[1], camera=FINE)


def test_maps_without_features_are_recalled_from_by_their_depth(apartment: tuple[Path, World], tmp_path: Path) -> None:
    path = tmp_path / "old.map"
    with SpatialMemory.open(apartment[0], read_only=True) as memory:
        memory.save(path)
    store = open_store(path)
    store.rows("UPDATE keyframes SET frame_row = NULL, features = NULL")
    store.close()
    world = apartment[1]
    with SpatialMemory.open(path, read_only=True) as memory:
        for pose in QUERIES:
            best = memory.recall_views(pose, k=1, camera=FINE)[0]
            assert shared_surface(world, pose, memory.keyframe(best.keyframe_id).T_map_camera) > 0.4


def test_a_picture_without_depth_is_found_by_where_it_looks() -> None:
    world = World(camera=CAMERA)
    with SpatialMemory.open(None) as memory:
        watch(memory, world, [camera_pose(0.0, 0.0, yaw) for yaw in np.arange(0, 6.2, 0.7)])
        state = memory._state
        for view in state.book:
            view.look = None
        memory._store.rows("UPDATE keyframes SET features = NULL")
        memory._recall.clear()
        kept = state.book[memory.keyframe_ids()[2]]
        best = memory.recall_views(kept.T_map_camera, k=1)[0]
    assert best.keyframe_id == kept.id and best.overlap == 0.0


def test_pictures_of_a_place(apartment: tuple[Path, World]) -> None:
    with SpatialMemory.open(apartment[0], read_only=True) as memory:
        cupboard = memory.find("cupboard")[0]
        views = memory.recall_place(cupboard.box.center, 1.0)
        assert views and cupboard.id in views[0].object_ids and views[0].overlap > 0.3
        assert memory.recall_place(np.array([0.0, 0.0, 30.0]), 1.0) == []
        assert memory.recall_place(np.array([100.0, 0.0, 0.0]), 2.0) == []


def test_nothing_stored_nothing_recalled() -> None:
    with SpatialMemory.open(None) as memory:
        assert memory.recall_views(np.eye(4)) == [] and memory.recall_place(np.zeros(3)) == []
    assert ViewRecall().at_pose(MapState.empty(memory.config), memory._store, np.eye(4)) == []


def test_a_wall_seen_from_its_back_is_not_expected() -> None:
    """Points on a wall at x = 2 that were seen from the side of the origin."""
    y, z = (v.ravel() for v in np.mgrid[-3:3:0.1, 0:2.5:0.1])
    points = np.stack([np.full(y.shape, 2.0), y, z], axis=1)
    normals = np.tile([-1.0, 0.0, 0.0], (len(points), 1))
    front = predict_patches(CAMERA, camera_pose(0.0, 0.0, 0.0, pitch_down=0.0), points, normals)
    back = predict_patches(CAMERA, camera_pose(4.0, 0.0, np.pi, pitch_down=0.0), points, normals)
    assert front.has_depth.mean() > 0.9 and not back.has_depth.any()
    np.testing.assert_allclose(front.points_camera[front.has_depth][:, 2], 2.0, atol=1e-5)


def test_likely_objects_join_what_views_say() -> None:
    views = [RecalledView(1, 0.9, 0.5, (3, 4)), RecalledView(2, 0.8, 0.5, (4,)), RecalledView(3, 0.1, 0.0, (9,))]
    assert likely_objects(views) == {4: 0.75, 3: 0.5, 9: 0.0}
