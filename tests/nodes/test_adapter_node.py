"""The adapter node over a real memory node: refreshed by events, forgetting before the next answer, its services."""

from __future__ import annotations

import pytest

pytest.importorskip("peft")
pytest.importorskip("torch")

from rclpy.parameter import Parameter

from memory_agent_msgs.action import AnswerQuestion
from memory_agent_msgs.msg import MemoryEvent
from memory_agent_msgs.srv import (
    DropAdapter,
    EditObject,
    ForgetObjects,
    Internalize,
    ListAdapters,
    RecallAdapters,
)
from memory_agent_ros.nodes.adapter_node import AdapterNode
from memory_agent_ros.nodes.node_base import bring_up
from tests.adapters.small import tiny_kit
from tests.nodes.reasoner_drive import Asking


class TinyAdapterNode(AdapterNode):
    """With a tiny random model in place of the embedded one."""

    def make_kit(self):
        return tiny_kit()


class WithoutNetworks(AdapterNode):
    """A model without hypernetworks."""

    def make_kit(self):
        return tiny_kit(networks=False)


def started(graph, kind=TinyAdapterNode, **parameters):
    settings = {"refresh_period_s": 0.1, "query_timeout_s": 2.0, **parameters}
    node = graph.add(kind(parameter_overrides=[Parameter(name, value=v) for name, v in settings.items()]))
    assert bring_up(node)
    return node


def listed(graph):
    return {
        a.name: [c.name for c in a.chunks]
        for a in graph.call(ListAdapters, "adapters/list", ListAdapters.Request()).adapters
    }


def recall(graph, question="is there a chair?", choices=("yes", "no"), **more):
    return graph.call(
        RecallAdapters, "adapters/recall", RecallAdapters.Request(question=question, choices=choices, **more)
    )


def test_the_memory_is_written_at_start_and_answers(graph, memory_node, tmp_path):
    node = started(graph, folder=str(tmp_path / "adapters"))
    graph.until(lambda: node.counts["chunks made"])
    (adapter,) = graph.call(ListAdapters, "adapters/list", ListAdapters.Request()).adapters
    (chunk,) = adapter.chunks
    (thing,) = memory_node.memory.objects()
    assert (adapter.name, adapter.base, chunk.name, chunk.kind, chunk.rank) == ("memory", "tiny", "room 1", "memory", 3)
    assert list(chunk.object_ids) == [str(thing.id)] and chunk.made_by == "random 0" and adapter.bytes > 0
    answer = recall(graph)
    assert answer.success and answer.answer in ("yes", "no") and answer.relevance == pytest.approx(0.9)
    assert sum(answer.probabilities) == pytest.approx(1.0) and 0 < answer.share <= max(answer.probabilities) + 1e-6
    assert [c.digest for c in answer.chunks] == [chunk.digest]
    only = recall(graph, choices=(), relevance_only=True)
    assert only.relevance == pytest.approx(0.9) and not only.answer


def test_events_refresh_what_they_touch_and_looks_do_not(graph, memory_node):
    node = started(graph)
    graph.until(lambda: node.counts["chunks made"] == 1)
    edit = EditObject.Request(
        operation="relabel", object_id=memory_node.memory.objects()[0].id, label="sofa", author="Ada", reason="test"
    )
    assert graph.call(EditObject, "memory/edit_object", edit).success
    graph.until(lambda: node.counts["chunks made"] == 2)
    memory_node._events.publish(MemoryEvent(kind="updated"))
    memory_node._events.publish(MemoryEvent(kind="moved"))
    graph.until(lambda: node.counts["event_moved"])
    graph.until(lambda: not node._events and not node._refreshing)
    assert node.counts["event_updated"] == 0 and node.counts["chunks made"] == 2, "nothing has changed in the memory"


def test_what_is_forgotten_is_in_no_chunk_when_the_next_question_is_asked(graph, memory_node, tmp_path):
    """The event is kept from the node: the question alone finds out."""
    node = started(graph, folder=str(tmp_path / "adapters"), refresh_period_s=3600.0)
    graph.until(lambda: node.counts["chunks made"])
    node._on_event = lambda message: None
    node._events.clear()
    assert recall(graph).relevance > 0
    assert graph.call(ForgetObjects, "memory/forget_objects", ForgetObjects.Request(label="chair")).forgotten
    answer = recall(graph)
    assert answer.success and answer.relevance < 0 and not list(answer.chunks)
    assert listed(graph) == {} and not list((tmp_path / "adapters").iterdir())


def test_after_a_request_to_forget_nothing_that_was_heard_is_kept(graph, memory_node):
    node = started(graph, refresh_period_s=3600.0)
    graph.until(lambda: node.counts["chunks made"])
    memory_node._events.publish(MemoryEvent(kind="added", label="diary"))
    graph.until(lambda: list(node._seen) == ["diary"])
    assert graph.call(ForgetObjects, "memory/forget_objects", ForgetObjects.Request(label="chair")).forgotten
    graph.until(lambda: node.counts["event_forgotten"])
    assert not node._seen and not any(event.label for event in node._events)


def test_texts_are_internalised_listed_and_dropped(graph, memory_node, tmp_path):
    node = started(graph, refresh=False)
    manual = tmp_path / "manual.md"
    manual.write_text("The filter is cleaned every month.")
    answer = graph.call(Internalize, "adapters/internalize", Internalize.Request(path=str(manual)))
    assert answer.success and list(answer.made) == ["manual.md 1/1"] and answer.adapter.name == "manual.md"
    assert node.counts["chunks made"] == 0, "the memory is written when it is asked for"
    assert graph.call(Internalize, "adapters/internalize", Internalize.Request()).made == ["room 1"]
    assert graph.call(Internalize, "adapters/internalize", Internalize.Request()).made == []
    assert listed(graph) == {"manual.md": ["manual.md 1/1"], "memory": ["room 1"]}
    assert graph.call(DropAdapter, "adapters/drop", DropAdapter.Request(name="memory", chunk="room 1")).success
    assert graph.call(DropAdapter, "adapters/drop", DropAdapter.Request(name="manual.md")).success
    assert listed(graph) == {} and recall(graph).relevance < 0
    refused = graph.call(DropAdapter, "adapters/drop", DropAdapter.Request(name="manual.md"))
    assert not refused.success and "no adapter 'manual.md'" in refused.message
    for request in (
        Internalize.Request(path=str(tmp_path / "no.md")), Internalize.Request(text="x"),
        Internalize.Request(name="a", path="b", text="c"), Internalize.Request(name="flat"),
    ):  # fmt: skip
        assert not graph.call(Internalize, "adapters/internalize", request).success


def test_without_weights_it_says_which_command_makes_them(graph, memory_node):
    started(graph, WithoutNetworks)
    for request in (Internalize.Request(), Internalize.Request(name="note", text="The filter.")):
        answer = graph.call(Internalize, "adapters/internalize", request)
        assert (
            not answer.success and "memory-agent train" in answer.message and "-lora --size embedded" in answer.message
        )


def test_it_waits_for_the_memory_and_is_refused_while_inactive(graph, map_path):
    node = started(graph, query_timeout_s=0.2)
    heard = graph.diagnostics("adapter_node")
    graph.until(lambda: "memory/query_objects" in heard().get("message", ""))
    assert node.counts["chunks made"] == 0
    node.trigger_deactivate()
    answer = graph.call(ListAdapters, "adapters/list", ListAdapters.Request())
    assert not answer.success and "not active" in answer.message
    node.trigger_cleanup()
    assert node.state == "unconfigured" and bring_up(node)


def test_the_reasoner_tells_that_it_answers_from_internalised_memory(graph, memory_node):
    node = started(graph)
    graph.until(lambda: node.counts["chunks made"])
    asker = Asking(graph, adapters=True)
    result = asker.ask("is there a piano?").result
    assert result.error_code == AnswerQuestion.Result.NONE and result.answer.startswith(
        "From internalised memory (room 1):"
    )
    assert result.state == "unknown" and not result.evidence and 0 < result.confidence < 0.9
    asker.close()
