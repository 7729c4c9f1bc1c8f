"""Questions over the action, answered from a memory node over its service; and the reader on its own."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.parameter import Parameter

from memory_agent_msgs.action import AnswerQuestion
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.nodes.memory_node import MemoryNode
from memory_agent_ros.nodes.node_base import bring_up
from memory_agent_ros.nodes.reasoner_node import ReasonerNode
from memory_agent_ros.nodes.remote_memory import MemoryUnavailableError, RemoteMemory
from memory_agent_ros.perception.ground_truth import NO_NOISE, GroundTruthDetector
from memory_agent_ros.perception.pipeline import PerceptionPipeline
from memory_agent_ros.records.map_object import ObjectState
from memory_agent_ros.records.region import Region

SECOND = 1_000_000_000


@pytest.fixture()
def map_path(tmp_path, room):
    """A map with one chair 2 m ahead."""
    pipeline = PerceptionPipeline(GroundTruthDetector({7: "chair"}, NO_NOISE))
    with SpatialMemory.open(tmp_path / "chair.map") as memory:
        for i in range(8):
            frame = room.frame((100 + i) * SECOND)
            memory.observe(frame, pipeline.process(frame).observations)
    return tmp_path / "chair.map"


@pytest.fixture()
def memory_node(graph, map_path):
    settings = {"map_path": str(map_path), "text_embedder": "none"}
    node = graph.add(MemoryNode(parameter_overrides=[Parameter(name, value=v) for name, v in settings.items()]))
    assert bring_up(node)
    return node


class Asker:
    def __init__(self, graph, active=True):
        self.graph = graph
        self.node = graph.add(ReasonerNode(parameter_overrides=[Parameter("query_timeout_s", value=1.0)]))
        assert bring_up(self.node) if active else self.node.trigger_configure()
        self.client = ActionClient(graph.helper, AnswerQuestion, "answer_question")
        self.stages = []

    def ask(self, question):
        self.graph.until(self.client.server_is_ready)
        sent = self.client.send_goal_async(
            AnswerQuestion.Goal(question=question), feedback_callback=lambda m: self.stages.append(m.feedback.stage)
        )
        self.graph.until(sent.done)
        ended = sent.result().get_result_async()
        self.graph.until(ended.done)
        return ended.result()


def test_answer_comes_with_evidence(graph, memory_node):
    asker = Asker(graph)
    graph.until(lambda: asker.node.memory.available)
    outcome = asker.ask("where is the chair?")
    assert outcome.status == GoalStatus.STATUS_SUCCEEDED
    answer = outcome.result
    assert answer.error_code == AnswerQuestion.Result.NONE and answer.state == "seen" and answer.confidence > 0.5
    assert answer.evidence and answer.evidence[0].keyframe_id > 0
    assert np.hypot(answer.evidence[0].object_pose.position.x - 2.0, answer.evidence[0].object_pose.position.y) < 0.3
    assert asker.stages == ["recalling", "wording"]
    asker.client.destroy()


def test_count_is_machine_readable_and_a_thing_never_seen_is_unknown(graph, memory_node):
    asker = Asker(graph)
    graph.until(lambda: asker.node.memory.available)
    assert json.loads(asker.ask("how many chairs are there?").result.value_json) == 1
    assert asker.ask("where is the piano?").result.state == "unknown"
    asker.client.destroy()


def test_question_without_template_is_not_understood(graph, memory_node):
    asker = Asker(graph)
    graph.until(lambda: asker.node.memory.available)
    outcome = asker.ask("why is the sky blue tomorrow?")
    assert outcome.status == GoalStatus.STATUS_ABORTED
    assert outcome.result.error_code == AnswerQuestion.Result.NOT_UNDERSTOOD and outcome.result.message
    asker.client.destroy()


def test_without_memory_node_it_says_so_and_reports_what_it_waits_for(graph):
    asker = Asker(graph)
    outcome = asker.ask("where is the chair?")
    assert outcome.result.error_code == AnswerQuestion.Result.MEMORY_UNAVAILABLE
    assert "memory/query_objects" in outcome.result.message
    assert "memory/query_objects" in asker.node.waiting.unmet()["memory"]
    asker.client.destroy()


def test_inactive_node_says_so(graph):
    asker = Asker(graph, active=False)
    assert asker.ask("where is the chair?").result.error_code == AnswerQuestion.Result.NOT_ACTIVE
    asker.client.destroy()


def in_thread(graph, work):
    """Run ``work`` in a thread while the graph spins; its result or its error."""
    outcome = []

    def run():
        try:
            outcome.append(work())
        except MemoryUnavailableError as error:
            outcome.append(error)

    threading.Thread(target=run, daemon=True).start()
    graph.until(lambda: outcome)
    return outcome[0]


def test_remote_memory_reads_as_the_local_one(graph, memory_node, map_path):
    remote = RemoteMemory(graph.helper)
    graph.until(lambda: remote.available)
    everywhere = Region(np.full(3, -np.inf), np.full(3, np.inf))
    elsewhere = Region(np.array([5.0, 5.0, 0.0]), np.array([6.0, 6.0, 1.0]))
    (chair,) = in_thread(graph, lambda: remote.find("chair", region=everywhere, state=ObjectState.PRESENT))
    assert chair.label == "chair" and chair.evidence
    assert in_thread(graph, lambda: remote.find("chair", region=elsewhere)) == []
    assert in_thread(graph, lambda: remote.count("chair")) == 1
    assert in_thread(graph, lambda: remote.last_seen("chair")).id == chair.id
    assert in_thread(graph, lambda: remote.last_seen("piano")) is None
    near = in_thread(graph, lambda: remote.near(np.array([2.0, 0.0, 1.2]), radius_m=0.5))
    assert [thing.id for thing in near] == [chair.id]
    kinds = [str(event.kind) for event in in_thread(graph, lambda: remote.history(chair.id))]
    assert kinds[0] == "added"
    assert [event.object_id for event in in_thread(graph, lambda: remote.changes(0))] == [chair.id]
    remote.close()


def test_refused_query_tells_the_memorys_reason(graph, memory_node):
    remote = RemoteMemory(graph.helper)
    graph.until(lambda: remote.available)
    error = in_thread(graph, lambda: remote.near())
    assert isinstance(error, MemoryUnavailableError) and "refused" in str(error)
    remote.close()
