"""The memory over its services reads as the local one."""

from __future__ import annotations

import threading

import numpy as np
from rclpy.node import Node

from memory_agent_msgs.srv import QueryObjects
from memory_agent_ros.nodes.remote_memory import MemoryUnavailableError, RemoteMemory
from memory_agent_ros.records.map_object import ObjectState
from memory_agent_ros.records.region import Region


def in_thread(graph, work):
    """What ``work`` gives, or that the memory cannot be asked."""
    return graph.in_thread(work, MemoryUnavailableError)


def test_remote_memory_reads_as_the_local_one(graph, memory_node, map_path):
    remote = RemoteMemory(graph.helper)
    graph.until(lambda: remote.available)
    everywhere = Region(np.full(3, -np.inf), np.full(3, np.inf))
    elsewhere = Region(np.array([5.0, 5.0, 0.0]), np.array([6.0, 6.0, 1.0]))
    (chair,) = in_thread(graph, lambda: remote.find("chair", region=everywhere, state=ObjectState.PRESENT))
    assert chair.label == "chair" and chair.evidence
    assert in_thread(graph, lambda: remote.find("chair", region=elsewhere)) == []
    assert in_thread(graph, lambda: remote.count("chair")) == 1
    assert in_thread(graph, remote.labels) == {"chair": 1}
    assert in_thread(graph, lambda: remote.last_seen("chair")).id == chair.id
    assert in_thread(graph, lambda: remote.last_seen("piano")) is None
    near = in_thread(graph, lambda: remote.near(np.array([2.0, 0.0, 1.2]), radius_m=0.5))
    assert [thing.id for thing in near] == [chair.id]
    kinds = [str(event.kind) for event in in_thread(graph, lambda: remote.history(chair.id))]
    assert kinds[0] == "added"
    assert [event.object_id for event in in_thread(graph, lambda: remote.changes(0))] == [chair.id]
    assert [thing.id for thing in in_thread(graph, remote.objects)] == [chair.id]
    assert in_thread(graph, lambda: remote.get(chair.id)).label == "chair"
    views = in_thread(graph, lambda: remote.recall_place(chair.box.center, 0.5))
    assert views and chair.id in in_thread(graph, lambda: remote.keyframe(views[0].keyframe_id)).object_ids
    remote.close()


def test_refused_query_tells_the_memorys_reason(graph, memory_node):
    remote = RemoteMemory(graph.helper)
    graph.until(lambda: remote.available)
    error = in_thread(graph, lambda: remote.near())
    assert isinstance(error, MemoryUnavailableError) and "refused" in str(error)
    remote.close()


def test_unknown_ids_are_refused_with_the_reason(graph, memory_node):
    remote = RemoteMemory(graph.helper)
    graph.until(lambda: remote.available)
    assert "no object 99" in str(in_thread(graph, lambda: remote.get(99)))
    assert "no keyframe 99" in str(in_thread(graph, lambda: remote.keyframe(99)))
    remote.close()


def test_interrupted_calls_fail_at_once(graph):
    remote = RemoteMemory(graph.helper, timeout_s=60.0)
    silent = Node("silent")
    silent.create_service(QueryObjects, "memory/query_objects", lambda request, response: response)
    outcome = []
    graph.until(lambda: remote.available)

    def work():
        try:
            remote.find("chair")
        except MemoryUnavailableError as error:
            outcome.append(str(error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    remote.interrupt()
    thread.join(5.0)
    assert not thread.is_alive() and outcome
    remote.close()
    silent.destroy_node()
