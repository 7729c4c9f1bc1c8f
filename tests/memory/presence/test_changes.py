"""Moved objects keep their identity; instances of one kind are not mixed up; records of one object become one."""

import numpy as np
from driving import FINE, at_desk, at_table, kinds, mapped_kitchen, only, present, watch
from synthetic import World, arc, kitchen, observation

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.map_object import ObjectState

ON_DESK = (-2.4, 0.3, 0.8)


def _moved(events: list) -> object:
    return only([e for e in events if e.kind is EventKind.MOVED])


def test_moved_keeps_its_id_when_the_old_place_is_seen_first() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    mug = only(memory.find("mug"))
    world.move("mug", ON_DESK)
    assert kinds(watch(memory, world, at_table())) == ["gone"]
    event = _moved(watch(memory, world, at_desk()))
    assert event.object_id == mug.id
    assert np.linalg.norm(event.position_m - ON_DESK) < 0.06
    assert np.linalg.norm(event.previous_position_m - mug.box.center) < 0.01
    moved = only(memory.find("mug"))
    assert moved.id == mug.id and moved.state is ObjectState.PRESENT and moved.first_seen_ns == mug.first_seen_ns


def test_moved_keeps_its_id_when_the_new_place_is_seen_first() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    mug = only(memory.find("mug"))
    world.move("mug", ON_DESK)
    assert kinds(watch(memory, world, at_desk())) == ["added"]
    young = only([o for o in memory.find("mug") if o.id != mug.id])
    events = watch(memory, world, at_table())
    event = _moved(events)
    assert kinds(events) == ["moved"]
    assert event.object_id == mug.id and event.other_id == young.id
    assert only(memory.find("mug")).id == mug.id
    assert memory.get(young.id).id == mug.id, "the younger id stays a name of the object"
    assert [str(e.kind) for e in memory.history(mug.id)] == ["added", "added", "moved"]
    assert np.linalg.norm(memory.get(mug.id).evidence[0].object_pose.position_m - ON_DESK) < 0.1


def test_pushed_aside_in_view_is_one_move() -> None:
    memory, world = SpatialMemory.open(None), kitchen(FINE)
    watch(memory, world, at_table())
    mug = only(memory.find("mug"))
    for step in range(1, 9):
        world.move("mug", (2.4, 0.5 + 0.02 * step, 0.8))
        watch(memory, world, at_table(1))
    world.move("mug", (2.4, 0.70, 0.8))
    watch(memory, world, at_table())
    found = only(memory.find("mug", state=ObjectState.PRESENT))
    assert found.id == mug.id
    assert np.linalg.norm(found.box.center - (2.4, 0.70, 0.8)) < 0.06
    assert found.box.size[1] < 0.2


def test_two_equal_mugs_stay_two() -> None:
    memory, world = SpatialMemory.open(None), kitchen(FINE)
    world.add("other mug", "mug", (2.4, 0.64, 0.8), (0.1, 0.1, 0.1), 2)
    watch(memory, world, at_table(20), miss=0.15)
    assert memory.count("mugs") == 2
    centers = sorted(o.box.center[1] for o in memory.find("mug"))
    assert abs(centers[0] - 0.5) < 0.03 and abs(centers[1] - 0.64) < 0.03


def test_two_mugs_of_different_looks_are_told_apart_when_both_move() -> None:
    memory = SpatialMemory.open(None)
    world = kitchen(FINE)
    world.add("red mug", "mug", (2.4, -0.1, 0.8), (0.1, 0.1, 0.1), 8)
    watch(memory, world, [*at_table(), *at_desk()])
    blue = only([o for o in memory.find("mug") if o.box.center[1] > 0.2])
    red = only([o for o in memory.find("mug") if o.box.center[1] < 0.2])
    world.move("mug", (-2.4, -0.3, 0.8))
    world.move("red mug", (-2.4, 0.4, 0.8))
    watch(memory, world, [*at_table(), *at_desk()])
    assert np.linalg.norm(memory.get(blue.id).box.center - (-2.4, -0.3, 0.8)) < 0.06
    assert np.linalg.norm(memory.get(red.id).box.center - (-2.4, 0.4, 0.8)) < 0.06


def test_two_mugs_of_equal_looks_are_not_linked_by_guess() -> None:
    memory = SpatialMemory.open(None)
    world = kitchen(FINE)
    world.add("other mug", "mug", (2.4, -0.1, 0.8), (0.1, 0.1, 0.1), 2)
    watch(memory, world, [*at_table(), *at_desk()])
    del world.things["mug"], world.things["other mug"]
    assert kinds(watch(memory, world, at_table())) == ["gone", "gone"]
    world.add("mug", "mug", ON_DESK, (0.1, 0.1, 0.1), 2)
    assert kinds(watch(memory, world, at_desk())) == ["added"]
    assert memory.count("mug") == 1 and len(memory.find("mug")) == 3


def test_a_thing_of_another_kind_is_not_the_missing_one() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    del world.things["mug"]
    world.add("clock", "clock", ON_DESK, (0.1, 0.1, 0.1), 9)
    assert kinds(watch(memory, world, [*at_table(), *at_desk()])) == ["gone", "added"]


def test_a_second_instance_found_elsewhere_is_not_the_one_removed_later() -> None:
    memory, world = SpatialMemory.open(None), kitchen(FINE)
    world.add("other mug", "mug", ON_DESK, (0.1, 0.1, 0.1), 2)
    watch(memory, world, [*at_table(), *at_desk()])  # the desk was never seen without its mug
    del world.things["mug"]
    assert kinds(watch(memory, world, at_table())) == ["gone"]
    assert memory.count("mug") == 1


def test_label_confusion_does_not_flip_a_label() -> None:
    memory, world = SpatialMemory.open(None), kitchen(FINE)
    watch(memory, world, at_table(30), confuse=0.2)
    assert present(memory) == ["bowl", "box", "mug", "table"]


def test_split_detections_become_one_object() -> None:
    memory, world = SpatialMemory.open(None), kitchen(FINE)
    for n, pose in enumerate(at_table(12)):
        frame, masks = world.frame(pose)
        table = masks["table"]
        left = table & (np.arange(table.shape[1]) < np.flatnonzero(table.any(axis=0)).mean())
        pieces = [left, table & ~left] if n % 3 == 0 else [table]
        memory.observe(frame, [observation(frame, piece, "table") for piece in pieces])
    assert len(memory.objects(include_tentative=True)) == 1
    assert memory.stats["fragments"] >= 1


def test_duplicates_with_flickering_labels_are_merged_with_an_event() -> None:
    memory, world = SpatialMemory.open(None), World(camera=FINE)
    world.add("sofa", "sofa", (2.5, 0.0, 0.4), (0.8, 2.6, 0.8), 1)
    half = (2.5, 0.6, 0.4)
    poses = arc((2.5, -0.9, 0.4), 1.3, 5, 3.0, 3.4) + arc((2.5, 0.9, 0.4), 1.3, 5, 3.0, 3.4) + arc(half, 3.0, 12)
    events = watch(memory, world, poses)
    assert len(memory.objects(include_tentative=True)) == 1
    assert kinds(events)[0] == "added" and set(kinds(events)[1:]) <= {"merged"}
    sofa = only(memory.find("sofa"))
    assert np.linalg.norm(sofa.box.center - (2.5, 0.0, 0.4)) < 0.12


def test_another_thing_at_the_same_place_is_another_object() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    mug = only(memory.find("mug"))
    world.move("mug", ON_DESK)
    world.add("clock", "clock", (2.4, 0.5, 0.8), (0.1, 0.1, 0.1), 9)
    watch(memory, world, [*at_desk(), *at_table(30)])
    assert np.linalg.norm(only(memory.find("clock")).box.center - (2.4, 0.5, 0.8)) < 0.06
    assert np.linalg.norm(memory.get(mug.id).box.center - ON_DESK) < 0.06
    assert present(memory) == ["bowl", "box", "clock", "cupboard", "desk", "mug", "table"]
