"""Rooms and relations over the query service: messages there and back, and the same answers as the memory itself."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from rclpy.parameter import Parameter

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.nodes.memory_node import MemoryNode
from memory_agent_ros.nodes.node_base import bring_up
from memory_agent_ros.nodes.remote_memory import MemoryUnavailableError, RemoteMemory
from memory_agent_ros.nodes.structure_messages import (
    relation_from_message,
    relation_message,
    room_from_message,
    room_message,
)
from memory_agent_ros.reasoning.rules.reasoner import RuleReasoner
from memory_agent_ros.records.object_query import ObjectQuery
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Door, Room
from tests.memory.structure.flat import fill


def test_messages_there_and_back() -> None:
    door = Door(np.array([1.5, -2.0]), 0.9, (2, 3))
    room = Room(
        3, "kitchen", 0.5, np.array([[0.0, 1.0], [2.0, 1.0], [2.0, 3.0]]), 12.5, np.array([1.0, 2.0]), (door,), (4, 9)
    )
    assert room_from_message(room_message(room)).to_dict() == room.to_dict()
    for relation in (
        Relation(RelationKind.IN, 4, None, 3, 0.0, 0.75),
        Relation(RelationKind.NEXT_TO, 4, 9, None, 0.25, 0.5),
    ):
        assert relation_from_message(relation_message(relation)) == relation


@pytest.fixture()
def flat_node(graph, tmp_path):
    with SpatialMemory.open(tmp_path / "flat.map") as memory:
        fill(memory)
    settings = {"map_path": str(tmp_path / "flat.map"), "text_embedder": "none"}
    node = graph.add(MemoryNode(parameter_overrides=[Parameter(name, value=v) for name, v in settings.items()]))
    assert bring_up(node)
    return node


def test_the_remote_memory_answers_as_the_memory_does(graph, flat_node) -> None:
    remote = RemoteMemory(graph.helper, timeout_s=20.0)
    graph.until(lambda: remote.available)
    local = flat_node.memory
    told: dict[str, object] = {}

    def work() -> None:
        told["rooms"] = [r.to_dict() for r in remote.rooms()]
        mug = remote.find("mug", room="kitchen", relation=("on", ObjectQuery("counter", room="kitchen")))
        told["mug"] = [o.id for o in mug]
        told["by id"] = [o.id for o in remote.find("mug", room=told["rooms"][0]["id"])]
        told["nothing"] = remote.find("mug", relation=("on", ObjectQuery("unicorn")))
        told["room"] = remote.room_of(mug[0].id).name
        told["relations"] = remote.relations(mug[0].id, kinds=["on", "in"])
        told["text"] = RuleReasoner(remote).answer("where is the mug in the kitchen?").text
        try:
            remote.relations(999)
        except MemoryUnavailableError as error:
            told["refused"] = str(error)

    thread = threading.Thread(target=work)
    thread.start()
    graph.until(lambda: not thread.is_alive())
    assert [(r["id"], r["name"], r["objects"]) for r in told["rooms"]] == [
        (r.id, r.name, list(r.object_ids)) for r in local.rooms()
    ]
    assert told["mug"] == [o.id for o in local.find("mug", room="kitchen", relation=("on", "counter"))] != []
    assert told["by id"] == [o.id for o in local.find("mug", room=local.rooms()[0].id)]
    assert told["nothing"] == [] and told["room"] == "kitchen"
    assert [(r.kind, r.object_id, r.room_id) for r in told["relations"]] == [
        (r.kind, r.object_id, r.room_id) for r in local.relations(told["mug"][0], kinds=["on", "in"])
    ]
    assert told["text"].startswith("The mug is on the counter in the kitchen")
    assert "no object 999" in told["refused"]
    remote.close()


def test_places_are_described_with_the_same_pictures_as_from_the_map_itself(graph, flat_node) -> None:
    remote = RemoteMemory(graph.helper, timeout_s=20.0)
    graph.until(lambda: remote.available)
    told, shown = [], []

    def work() -> None:
        told.append(RuleReasoner(remote).answer("describe the kitchen"))
        shown.append(remote.keyframe(told[0].pictures[0].keyframe_id))

    thread = threading.Thread(target=work)
    thread.start()
    graph.until(lambda: not thread.is_alive())
    local = RuleReasoner(flat_node.memory).answer("describe the kitchen")
    assert [p.keyframe_id for p in told[0].pictures] == [p.keyframe_id for p in local.pictures] != []
    assert (told[0].text, told[0].value) == (local.text, local.value)
    stored = flat_node.memory.keyframe(local.pictures[0].keyframe_id)
    assert shown[0].jpeg == stored.jpeg and shown[0].stamp_ns == stored.stamp_ns
    assert np.allclose(shown[0].T_map_camera, stored.T_map_camera)
    assert np.allclose(shown[0].camera.K, stored.camera.K) and shown[0].object_ids == stored.object_ids
    remote.close()
