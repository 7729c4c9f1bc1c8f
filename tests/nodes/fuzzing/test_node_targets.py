"""A small sample of the targets that are nodes, and what fuzzing them has found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rclpy

from memory_agent_msgs.msg import ExplorationCandidate, ExplorationDecision, MemoryEvent, Observation, Relation
from memory_agent_msgs.srv import GetPicture, LoadMemory, QueryObjects, SaveMemory
from memory_agent_ros.evaluation.fuzzing.hostile import Hostile
from memory_agent_ros.evaluation.fuzzing.target import targets
from memory_agent_ros.evaluation.fuzzing.worker import case_generator
from memory_agent_ros.nodes.conversions import event_from_message
from memory_agent_ros.nodes.decision_messages import decision_from_message
from memory_agent_ros.nodes.fuzzing import samples
from memory_agent_ros.nodes.fuzzing.messages import damaged_message
from memory_agent_ros.nodes.structure_messages import relation_from_message
from memory_agent_ros.records.errors import BadInputError

KNOWN = targets(["memory_agent_ros.nodes.fuzzing.targets"])


@pytest.mark.parametrize("name", KNOWN)
def test_takes_or_refuses_a_few_hostile_inputs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    subject = KNOWN[name].ready(tmp_path)
    try:
        for case in range(6):
            subject.case(Hostile(case_generator(name, range(1000, 1001), case)))
    finally:
        subject.close()
        if rclpy.ok():
            rclpy.shutdown()


def test_damage_changes_a_copy_of_the_message():
    sound, hostile = samples.observations(5), Hostile(np.random.default_rng(0))
    before = str(sound)
    assert sum(str(damaged_message(sound, hostile)) != before for _ in range(20)) >= 15
    assert str(sound) == before


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (event_from_message, MemoryEvent(kind="burnt")),
        (relation_from_message, Relation(kind="beyond")),
        (decision_from_message, ExplorationDecision(chosen=3)),
        (decision_from_message, ExplorationDecision(candidates=[ExplorationCandidate(kind="moon")])),
        (
            decision_from_message,
            ExplorationDecision(candidates=[ExplorationCandidate(kind="stop", term_names=["a"])]),
        ),
    ],
)
def test_words_and_numbers_that_mean_nothing_are_refused(read, message):
    with pytest.raises(BadInputError):
        read(message)


def test_requests_that_once_ended_the_node(graph, memory_node, tmp_path):
    def ask(kind, name, **fields):
        return graph.call(kind, f"memory/{name}", kind.Request(**fields))

    assert not ask(QueryObjects, "query_objects", mode="history", object_id=2**64 - 1).success
    assert not ask(QueryObjects, "query_objects", mode="near", has_center=True, radius_m=float("nan")).success
    assert not ask(GetPicture, "picture", keyframe_id=2**63).success
    assert not ask(LoadMemory, "load", path="x" * 300).success
    assert not ask(LoadMemory, "load", path="~nobody/home.map").success
    assert not ask(SaveMemory, "save", path=str(tmp_path / ("x" * 300))).success
    assert ask(QueryObjects, "query_objects", label="chair").count == 1


def test_saving_writes_over_maps_only(graph, memory_node, tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    response = graph.call(SaveMemory, "memory/save", SaveMemory.Request(path=str(other)))
    assert not response.success
    assert "no map" in response.message
    assert other.read_text() == "mine"
    for _ in range(2):
        assert graph.call(SaveMemory, "memory/save", SaveMemory.Request(path=str(Path(tmp_path, "copy.map")))).success


def test_an_observation_that_cannot_be_leaves_the_others(memory_node):
    message = samples.observations((memory_node.memory.last_stamp_ns or 0) + 10**9)
    message.observations = [Observation(label="x"), *message.observations]
    message.observations[1].box.size.x = float("nan")
    message.observations[2].covariance = np.full(9, np.inf)
    (subscription,) = (s for s in memory_node.subscriptions if s.topic_name.endswith("observations"))
    before = memory_node.counts["frames"]
    subscription.callback(message)
    memory_node.memory.verify()
    assert memory_node.counts["frames"] + sum(memory_node.counts.values()) > before


def test_an_impossible_place_of_the_camera_is_no_part_of_the_way(memory_node):
    (subscription,) = (s for s in memory_node.subscriptions if s.topic_name.endswith("observations"))
    for x in (1e308, -1e308, 1e7, 0.0, 0.0):
        message = samples.observations((memory_node.memory.last_stamp_ns or 0) + 10**9)
        message.camera_pose.position.x = x
        subscription.callback(message)
    assert memory_node.counts["pose_too_far"] == 3
    assert memory_node.counts["frames"] == 2
