from __future__ import annotations

from array import array

import pytest
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header

from memory_agent_msgs.msg import Observation, ObservationArray, Tip
from memory_agent_msgs.srv import Internalize, QueryObjects, Tips
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.message_limits import check_limits
from memory_agent_ros.records import limits
from memory_agent_ros.records.errors import BadInputError


def array_with(**changes):
    return ObservationArray(observations=[Observation(label="cup"), Observation(**changes)])


TOO_LARGE = {
    "a label": (array_with(label="x" * (limits.NAME_CHARACTERS + 1)), "observations[1].label"),
    "labels": (array_with(labels=["x"] * (limits.LABELS + 1)), "observations[1].labels"),
    "one of the labels": (array_with(labels=["x" * (limits.TEXT_CHARACTERS + 1)]), "observations[1].labels"),
    "points": (array_with(points=array("f", bytes(12 * limits.POINTS + 4))), "observations[1].points"),
    "an appearance": (array_with(embedding=array("f", bytes(4 * limits.VECTOR + 4))), "observations[1].embedding"),
    "observations": (ObservationArray(observations=[Observation()] * (limits.OBSERVATIONS + 1)), ".observations"),
    "a frame": (ObservationArray(header=Header(frame_id="m" * 300)), "header.frame_id"),
    "distortion": (ObservationArray(camera_info=CameraInfo(d=[0.0] * 40)), "camera_info.d"),
    "a free text": (QueryObjects.Request(text="x" * 5000), "text"),
    "ids": (QueryObjects.Request(relation_ids=[1] * (limits.NAMED + 1)), "relation_ids"),
    "a document": (Internalize.Request(text="x" * (limits.DOCUMENT_CHARACTERS + 1)), "text"),
    "tips": (Tips.Request(remember=[Tip()] * (limits.NAMED + 1)), "remember"),
    "words of a tip": (Tips.Request(remember=[Tip(text="x" * 5000)]), "remember[0].text"),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_names_the_field_that_is_too_large(name):
    message, field = TOO_LARGE[name]
    with pytest.raises(BadInputError) as refusal:
        check_limits(message)
    assert refusal.value.reason == "message_too_large"
    assert field in str(refusal.value)


def test_what_is_as_large_as_it_may_be_passes():
    check_limits(array_with(label="x" * limits.NAME_CHARACTERS, points=array("f", bytes(12 * limits.POINTS))))
    check_limits(Internalize.Request(text="x" * limits.DOCUMENT_CHARACTERS))


def test_the_memory_refuses_a_request_that_is_too_large(graph, memory_node):
    response = graph.call(QueryObjects, "memory/query_objects", QueryObjects.Request(label="x" * 300))
    assert not response.success
    assert "label" in response.message
    assert graph.call(QueryObjects, "memory/query_objects", QueryObjects.Request(label="chair")).count == 1


def test_observations_that_are_too_many_are_counted_and_let_the_next_image_come(graph, memory_node):
    done = graph.listen(Header, "memory/frame_done", qos.reliable())
    publisher = graph.helper.create_publisher(ObservationArray, "observations", qos.reliable())
    graph.until(lambda: publisher.get_subscription_count())
    publisher.publish(ObservationArray(observations=[Observation()] * (limits.OBSERVATIONS + 1)))
    graph.until(lambda: memory_node.counts["message_too_large"] == 1 and done)
