"""What is there, what is gone, and what merely was not looked at."""

from dataclasses import replace

import numpy as np
from driving import (
    CUPBOARD,
    DESK,
    FINE,
    TABLE,
    at_cupboard,
    at_desk,
    at_table,
    kinds,
    mapped_kitchen,
    only,
    present,
    watch,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic import SECOND, World, arc, kitchen, look_at

from memory_agent_ros.evaluation.walks.noise import PoseNoise, moved_observation
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.map_object import ObjectState

EVERYTHING = ["bowl", "box", "cupboard", "desk", "mug", "table"]


def test_every_object_is_found_once_and_in_its_place() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory, miss=0.1, confuse=0.03)
    assert present(memory) == EVERYTHING
    for thing in world.things.values():
        found = only(memory.find(thing.label))
        assert np.linalg.norm(found.box.center - thing.center) < 0.06, thing.label
        assert found.presence > 0.9


def test_nothing_is_shown_before_it_was_seen_often_enough() -> None:
    memory, world = SpatialMemory.open(None, MemoryConfig(confirm_observations=3)), kitchen()
    watch(memory, world, at_table(2))
    assert memory.objects() == []
    assert len(memory.objects(include_tentative=True)) >= 3
    assert kinds(watch(memory, world, at_table(1))).count("added") >= 3


def test_removed_is_gone_and_the_rest_stays() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    mug = only(memory.find("mug"))
    del world.things["mug"]
    events = watch(memory, world, at_table())
    assert [(str(e.kind), e.object_id) for e in events if e.kind != "updated"] == [("gone", mug.id)]
    gone = memory.get(mug.id)
    assert gone.state is ObjectState.GONE and gone.presence < 0.2
    assert gone.last_looked_ns > gone.last_seen_ns == mug.last_seen_ns
    assert present(memory) == [label for label in EVERYTHING if label != "mug"]


def test_a_flat_thing_removed_from_a_table_is_gone() -> None:
    memory, world = SpatialMemory.open(None), kitchen(FINE)
    world.add("book", "book", (2.35, 0.1, 0.765), (0.2, 0.15, 0.03), 7)
    watch(memory, world, at_table(10))
    book = only(memory.find("book"))
    del world.things["book"]
    watch(memory, world, at_table(16))
    assert memory.get(book.id).state is ObjectState.GONE


def test_occluded_is_not_gone() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    world.add("screen", "", (1.2, 0.0, 0.9), (0.05, 2.4, 1.8))
    eye = (0.3, 0.0, 1.3)
    assert kinds(watch(memory, world, [look_at(eye, TABLE)] * 30)) == []
    assert present(memory) == EVERYTHING
    assert all(o.presence > 0.9 for o in memory.objects())


def test_time_alone_changes_nothing() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    before = {o.id: o.presence for o in memory.objects()}
    world.stamp_ns += 7 * 24 * 3600 * SECOND
    watch(memory, world, at_desk(3))
    assert {o.id: o.presence for o in memory.objects()} == before


def test_a_few_missed_detections_are_not_gone() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    assert kinds(watch(memory, world, at_table(4), skip=("mug",))) == []
    assert present(memory) == EVERYTHING
    watch(memory, world, at_table(2))
    assert only(memory.find("mug")).presence > 0.9


def test_objects_cut_off_by_the_image_border_are_not_judged_by_misses() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    pose = look_at((0.3, 0.0, 1.3), (2.5, 2.1, 0.8))
    _, masks = world.frame(pose)
    cut = tuple(name for name, mask in masks.items() if mask.any() and (mask[:, 0].any() or mask[:, -1].any()))
    assert "table" in cut
    watch(memory, world, [pose] * 30, skip=cut)
    assert present(memory) == EVERYTHING


def test_what_comes_back_to_its_place_keeps_its_id() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    mug, thing = only(memory.find("mug")), world.things.pop("mug")
    watch(memory, world, at_table())
    assert memory.get(mug.id).state is ObjectState.GONE
    world.things["mug"] = thing
    events = watch(memory, world, at_table())
    assert [(str(e.kind), e.object_id) for e in events if e.kind != "updated"] == [("added", mug.id)]
    assert only(memory.find("mug")).state is ObjectState.PRESENT


def test_a_false_positive_is_dropped_silently() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    world.add("ghost", "ghost", (2.3, 0.25, 0.83), (0.1, 0.1, 0.15), 9)
    watch(memory, world, at_table(2))
    assert any(o.label == "ghost" for o in memory.objects(include_tentative=True))
    del world.things["ghost"]
    assert kinds(watch(memory, world, at_table())) == []
    assert not any(o.label == "ghost" for o in memory.objects(include_tentative=True))
    assert memory.stats["tentative_dropped"] >= 1


def test_boxes_do_not_keep_what_is_seen_through() -> None:
    memory, world = SpatialMemory.open(None), World(camera=FINE)
    world.add("box", "box", (2.0, 0.0, 0.2), (0.3, 0.3, 0.4), 1)
    watch(memory, world, arc((2.0, 0.0, 0.2), 1.8, 6))
    world.add("box", "box", (2.0, 0.0, 0.1), (0.3, 0.3, 0.2), 1)
    watch(memory, world, arc((2.0, 0.0, 0.2), 1.8, 24))
    assert only(memory.find("box")).box.size[2] < 0.3


def test_rooms_not_visited_are_left_alone() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    world.things.clear()
    assert set(kinds(watch(memory, world, [*at_desk(), *at_cupboard()]))) == {"gone"}
    assert present(memory) == ["bowl", "box", "mug", "table"]
    assert DESK != CUPBOARD


def test_a_thing_in_anothers_place_means_that_the_first_has_left() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    mug, thing = only(memory.find("mug")), world.things.pop("mug")
    low = thing.center[2] - thing.size[2] / 2
    world.add("crate", "crate", (thing.center[0], thing.center[1], low + 0.13), (0.22, 0.22, 0.26), 8)
    watch(memory, world, [*at_table(), *at_table()])
    assert memory.get(mug.id).state is ObjectState.GONE
    assert only(memory.find("crate")).state is ObjectState.PRESENT


def test_noise_of_the_pose_that_is_told_leaves_everything_in_place() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    rng = np.random.default_rng(4)
    for pose in [*at_table(), *at_table(), *at_table()]:
        frame, observations = world.look(pose, miss=0.2)
        told = PoseNoise(0.05, 1.0, seed=int(rng.integers(1 << 30)))
        T = told.draw(frame.T_map_camera[None])[0]
        shift = T @ np.linalg.inv(frame.T_map_camera)
        memory.observe(
            replace(frame, T_map_camera=T, pose_covariance=told.covariance),
            [moved_observation(o, shift) for o in observations],
        )
    assert present(memory) == EVERYTHING


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["desk", "cupboard"]), min_size=1, max_size=4), st.integers(0, 10))
def test_what_is_never_looked_at_keeps_its_presence(where: list[str], days: int) -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    on_table = [o for o in memory.objects() if o.label in ("table", "mug", "bowl", "box")]
    for name in ("table", "mug", "bowl", "box"):
        del world.things[name]
    world.stamp_ns += days * 24 * 3600 * SECOND
    for place in where:
        watch(memory, world, at_desk(4) if place == "desk" else at_cupboard(4))
    for before in on_table:
        now = memory.get(before.id)
        assert (now.presence, now.state) == (before.presence, ObjectState.PRESENT)
