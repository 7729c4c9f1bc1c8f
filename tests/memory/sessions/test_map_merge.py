"""One map takes in another: identities continue, history and evidence come along, changes between are noticed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from driving import FINE, at_cupboard, at_desk, at_table, mapped_kitchen, only, present
from numpy.typing import NDArray
from synthetic import SECOND, World, kitchen

from memory_agent_ros.geometry.se3 import inverse, planar
from memory_agent_ros.memory.map_state import Incoming
from memory_agent_ros.memory.sessions.session import in_frame
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError, StoreError
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.map_object import ObjectState

#: The other map's frame in this one's.
T = planar(4.0, -3.0, 1.1, 0.3)
ON_DESK = (-2.4, 0.3, 0.8)


def second(world: World, poses: Iterable[NDArray[np.float64]], path: Path | None = None) -> SpatialMemory:
    """The world seen by another robot, an hour later, in its own frame."""
    world.stamp_ns += 3600 * SECOND
    other = SpatialMemory.open(path)
    for pose in poses:
        other.observe(*in_frame(*world.look(pose), inverse(T), "odom"))
    return other


def everywhere() -> list[NDArray[np.float64]]:
    return [*at_table(6), *at_desk(6), *at_cupboard(5)]


def test_the_same_things_keep_their_ids() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    before = {o.label: o for o in memory.objects()}
    other = second(world, everywhere())
    theirs = {o.label: o for o in other.objects()}
    events = memory.merge(other, T)
    after = {o.label: o for o in memory.objects()}
    assert {label: o.id for label, o in after.items()} == {label: o.id for label, o in before.items()}
    assert {str(e.kind) for e in events} == {"merged"} and len(events) == len(before)
    for label, thing in after.items():
        assert np.linalg.norm(thing.box.center - before[label].box.center) < 0.03
        assert thing.observations == before[label].observations + theirs[label].observations
        assert thing.first_seen_ns == before[label].first_seen_ns
        assert thing.last_seen_ns == theirs[label].last_seen_ns
    for event in events:
        assert event.other_id is not None and memory.get(event.other_id).id == event.object_id
    assert memory.last_stamp_ns == other.last_stamp_ns
    assert memory.verify() == []


def test_history_evidence_and_pictures_come_along() -> None:
    memory = SpatialMemory.open(None)
    world = kitchen(FINE)
    for pose in at_table():
        memory.observe(*world.look(pose))
    known = {o.id for o in memory.objects()}
    pictures = len(memory.keyframe_ids())
    other = second(world, [*at_desk(), *at_cupboard()])
    count = len(other.keyframe_ids())
    events = memory.merge(other, T)
    new = [o for o in memory.objects() if o.id not in known]
    assert new and {e.object_id for e in events if e.kind is EventKind.ADDED} == {o.id for o in new}
    assert len(memory.keyframe_ids()) == pictures + count
    for thing in new:
        answer = memory.get(thing.id)
        assert answer.evidence
        for shown in answer.evidence:
            picture = memory.keyframe(shown.keyframe_id)
            assert picture.stamp_ns == shown.stamp_ns and picture.frame_id == "map"
            gap = np.linalg.norm(shown.object_pose.position_m - thing.box.center)
            assert gap < 0.5 * np.linalg.norm(thing.box.size) + 0.05
            np.testing.assert_allclose(picture.T_map_camera[:3, 3], shown.camera_pose.position_m, atol=1e-9)
        kinds = [str(e.kind) for e in memory.history(thing.id)]
        assert kinds[0] == "added" and kinds[-1] == "added" and len(kinds) == 2
        assert "came in from" in memory.history(thing.id)[-1].detail
    assert memory.verify() == []


def test_moved_overnight_is_the_same_object() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    mug = only(memory.find("mug"))
    world.move("mug", ON_DESK)
    events = memory.merge(second(world, everywhere()), T)
    moved = only([e for e in events if e.kind is EventKind.MOVED])
    assert moved.object_id == mug.id
    found = only(memory.find("mug"))
    assert found.id == mug.id and found.state is ObjectState.PRESENT
    assert np.linalg.norm(found.box.center - ON_DESK) < 0.06
    assert np.linalg.norm(found.evidence[0].object_pose.position_m - ON_DESK) < 0.1
    assert memory.verify() == []


def test_taken_away_overnight_is_gone() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    mug = only(memory.find("mug"))
    world.move("mug", (90.0, 0.0, 0.8))
    events = memory.merge(second(world, everywhere()), T)
    assert only([e for e in events if e.kind is EventKind.GONE]).object_id == mug.id
    assert memory.get(mug.id).state is ObjectState.GONE


def test_what_the_other_never_looked_at_stays() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    labels = present(memory)
    world.move("mug", (90.0, 0.0, 0.8))
    events = memory.merge(second(world, at_desk()), T)
    assert not [e for e in events if e.kind in (EventKind.GONE, EventKind.MOVED)]
    assert present(memory) == labels


def test_an_older_map_comes_into_a_newer_one() -> None:
    """What stood there yesterday and was not seen today is gone; what is there today stays as it is."""
    world = kitchen(FINE)
    older = SpatialMemory.open(None)
    for pose in everywhere():
        older.observe(*in_frame(*world.look(pose), inverse(T), "odom"))
    world.stamp_ns += 3600 * SECOND
    world.move("mug", ON_DESK)
    newer = SpatialMemory.open(None)
    for pose in everywhere():
        newer.observe(*world.look(pose))
    mug = only(newer.find("mug"))
    stamp = newer.last_stamp_ns
    newer.merge(older, T)
    found = only([o for o in newer.find("mug") if o.state is ObjectState.PRESENT])
    assert np.linalg.norm(found.box.center - ON_DESK) < 0.06
    assert newer.get(mug.id).id == found.id
    assert newer.last_stamp_ns == stamp
    assert newer.verify() == []


def test_two_robots_at_the_same_time() -> None:
    world = kitchen(FINE)
    one, two = SpatialMemory.open(None), SpatialMemory.open(None)
    for n, pose in enumerate([*at_table(), *at_desk()]):
        frame, seen = world.look(pose)
        if n % 2:
            two.observe(*in_frame(frame, seen, inverse(T), "odom"))
        else:
            one.observe(frame, seen)
    labels = present(one)
    one.merge(two, T)
    assert present(one) == labels
    assert one.verify() == []
    stamps = [e.stamp_ns for e in one.changes()]
    assert len(stamps) > len(labels)


def test_survives_reopening_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "a.map"
    with SpatialMemory.open(path) as memory:
        world = mapped_kitchen(memory)
        ids = {o.label: o.id for o in memory.objects()}
        with second(world, at_table(), tmp_path / "b.map") as other:
            other.save()
        memory.merge(tmp_path / "b.map", T)
        records = {o.id: o.box.center for o in memory.objects()}
    with SpatialMemory.open(path) as memory:
        assert {o.label: o.id for o in memory.objects()} == ids
        for thing in memory.objects():
            np.testing.assert_allclose(thing.box.center, records[thing.id], atol=1e-6)
        world.stamp_ns += SECOND
        events = [e for pose in everywhere() for e in memory.observe(*world.look(pose))]
        assert not [e for e in events if e.kind in (EventKind.ADDED, EventKind.GONE, EventKind.MOVED)]
        assert {o.label: o.id for o in memory.objects()} == ids
        assert memory.verify() == []


def test_relocalises_when_no_transform_is_given() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    ids = {o.label: o.id for o in memory.objects()}
    other = second(world, everywhere())
    found = memory.relocalise(other)
    assert found is not None
    np.testing.assert_allclose(found.T_map_local, T, atol=0.02)
    memory.merge(other)
    assert {o.label: o.id for o in memory.objects()} == ids


def test_an_empty_map_takes_everything_as_it_is() -> None:
    other = SpatialMemory.open(None)
    mapped_kitchen(other)
    memory = SpatialMemory.open(None)
    memory.merge(other)
    assert present(memory) == present(other)
    assert memory.frame_id == other.frame_id
    assert memory.verify() == []


def test_refusals_change_nothing() -> None:
    memory = SpatialMemory.open(None)
    world = mapped_kitchen(memory)
    other = SpatialMemory.open(None)
    shelf = World({"shelf": world.things["wall"]} if "wall" in world.things else {})
    shelf.add("lamp", "lamp", (2.5, 0.0, 0.8), (0.2, 0.2, 0.4), color=9)
    for pose in at_table():
        other.observe(*shelf.look(pose))
    before, changes = present(memory), len(memory.changes())
    tilted = np.eye(4)
    tilted[:3, :3] = [[1, 0, 0], [0, 0, -1], [0, 1, 0]]
    for transform, reason in (
        (None, "not_relocalised"),
        (np.zeros((4, 4)), "transform_not_rigid"),
        (np.full((4, 4), np.nan), "transform_not_rigid"),
        (tilted, "transform_not_upright"),
    ):
        with pytest.raises(BadInputError) as caught:
            memory.merge(other, transform)
        assert caught.value.reason == reason
    with pytest.raises(BadInputError) as caught:
        memory.merge(memory)
    assert caught.value.reason == "merge_with_itself"
    assert present(memory) == before and len(memory.changes()) == changes


def test_a_failed_merge_leaves_the_map_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = SpatialMemory.open(tmp_path / "a.map")
    world = mapped_kitchen(memory)
    other = second(world, at_table())
    before = {o.id: o.observations for o in memory.objects()}
    broken = Incoming("tips", "INSERT INTO nothing VALUES (?)", ("id",), [(1,)])
    monkeypatch.setattr("memory_agent_ros.memory.sessions.map_merge.incoming_rows", lambda *_: [broken])
    with pytest.raises(StoreError):
        memory.merge(other, T)
    assert {o.id: o.observations for o in memory.objects()} == before
    assert memory.verify() == []
    world.stamp_ns += SECOND
    memory.observe(*world.look(at_table(1)[0]))
    memory.close()
    with SpatialMemory.open(tmp_path / "a.map") as again:
        assert {o.id for o in again.objects()} == set(before)
