"""Rooms and relations through the memory's face: asked, nested, named, kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.map_object import ObjectState
from memory_agent_ros.records.object_query import ObjectQuery
from memory_agent_ros.records.relation import RelationKind
from tests.memory.driving import only
from tests.memory.structure.flat import fill
from tests.memory.synthetic import arc


@pytest.fixture(scope="module")
def memory() -> SpatialMemory:
    opened = SpatialMemory.open(None)
    fill(opened)
    return opened


def labels(found: list) -> list[str]:
    return sorted(o.label for o in found)


def test_rooms_are_named_and_hold_their_things(memory: SpatialMemory) -> None:
    kitchen, bedroom = sorted(memory.rooms(), key=lambda r: r.center[0])
    assert (kitchen.name, bedroom.name) == ("kitchen", "bedroom")
    assert kitchen.name_confidence > 0.6 and kitchen.doors[0].rooms == (1, 2)
    assert {memory.get(i).label for i in kitchen.object_ids} == {"counter", "refrigerator", "mug", "table", "bowl"}
    assert {memory.get(i).label for i in bedroom.object_ids} == {"bed", "nightstand", "mug", "wardrobe"}
    for room in (kitchen, bedroom):
        assert {memory.room_of(i).id for i in room.object_ids} == {room.id}  # type: ignore[union-attr]
        assert room.to_dict()["name"] == room.name


def test_relations_of_one_thing_and_of_some_kinds(memory: SpatialMemory) -> None:
    bowl, table = only(memory.find("bowl")), only(memory.find("table"))
    (on,) = memory.relations(bowl.id, kinds=["on"])
    assert (on.kind, on.subject_id, on.object_id, on.room_id) == (RelationKind.ON, bowl.id, table.id, None)
    assert on in memory.relations(table.id) and on.confidence > 0.5
    assert [r.room_id for r in memory.relations(bowl.id, kinds=["in"])] == [memory.room_of(bowl.id).id]  # type: ignore[union-attr]
    assert {r.kind for r in memory.relations(kinds=[RelationKind.IN])} == {RelationKind.IN}
    with pytest.raises(BadInputError, match="a relation is one of"):
        memory.relations(kinds=["above"])
    with pytest.raises(BadInputError, match="no object 999"):
        memory.relations(999)


def test_hierarchical_queries(memory: SpatialMemory) -> None:
    mug = only(memory.find("mugs", room="kitchen", relation=("on", "counter")))
    assert mug.evidence and mug.box.center[0] < 0
    assert only(memory.find("mug", room="bedroom")).id != mug.id
    assert only(memory.find("mug", relation=("on", ObjectQuery("counter", room="the kitchen")))).id == mug.id
    assert memory.find("mug", relation=("on", ObjectQuery("counter", room="bedroom"))) == []
    assert memory.find("mug", room="attic") == [] and memory.find("mug", relation=("on", "unicorn")) == []
    stand = only(memory.find("nightstand"))
    assert labels(memory.find(relation=("on", stand.id))) == labels(memory.find(relation=("on", [stand.id]))) == ["mug"]
    assert labels(memory.find(relation=("on", ObjectQuery(room="kitchen")))) == ["bowl", "mug"]
    room = memory.room_of(stand.id)
    assert room is not None and stand.id in {o.id for o in memory.find(room=room.id)}
    with pytest.raises(BadInputError, match="a relation is one of"):
        memory.find("mug", relation=("beyond", "table"))


def test_names_and_ids_of_rooms_are_kept_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "flat.map"
    with SpatialMemory.open(path) as memory:
        fill(memory)
        before = {r.id: r.center.round(3).tolist() for r in memory.rooms()}
        room = memory.room_of(only(memory.find("bed")).id)
        assert room is not None
        named = memory.name_room(room.id, " Anna's room ")
        assert (named.id, named.name, named.name_confidence) == (room.id, "Anna's room", 1.0)
        with pytest.raises(BadInputError, match="no room 77"):
            memory.name_room(77, "attic")
        with SpatialMemory.open(path, read_only=True) as reader:
            assert labels(reader.find("mug", room="anna's room")) == ["mug"]
    with SpatialMemory.open(path) as memory:
        assert {r.id: r.center.round(3).tolist() for r in memory.rooms()} == before
        assert only([r for r in memory.rooms() if r.name == "Anna's room"]).id == room.id  # type: ignore[arg-type]
        assert memory.name_room(room.id, "").name == "bedroom"
        assert memory.verify() == []


def test_gone_things_have_a_room_but_no_relations() -> None:
    with SpatialMemory.open(None) as memory:
        world = fill(memory)
        bowl = only(memory.find("bowl"))
        assert memory.relations(bowl.id)
        del world.things["bowl"]
        for pose in arc((-1.5, -1.2, 0.8), 1.5, 8, 1.2, 2.2):
            memory.observe(*world.look(pose))
        assert memory.get(bowl.id).state is ObjectState.GONE
        assert memory.relations(bowl.id) == [] and memory.find("bowl", relation=("on", "table")) == []
        assert only(memory.find("bowl", room="kitchen")).id == bowl.id
        assert bowl.id not in {i for r in memory.rooms() for i in r.object_ids}


def test_forgetting_and_an_empty_memory() -> None:
    with SpatialMemory.open(None) as memory:
        assert memory.rooms() == [] and memory.relations() == []
        fill(memory)
        ids = [r.id for r in memory.rooms()]
        memory.forget(label="bed")
        assert [r.id for r in memory.rooms()] == ids
        assert memory.find(relation=("next to", "bed")) == []


def test_a_question_leaves_in_working_memory_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "flat.map"
    with SpatialMemory.open(path) as memory:
        fill(memory)
        rooms, shown = memory.rooms(), memory.labels()
    with SpatialMemory.open(path, MemoryConfig(max_resident_objects=2), read_only=True) as small:
        assert [r.object_ids for r in small.rooms()] == [r.object_ids for r in rooms]
        assert small.labels() == shown and small._state.tracks.resident == 0
