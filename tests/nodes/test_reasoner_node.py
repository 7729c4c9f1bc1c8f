"""Questions over the action and the topic, answered from a memory node over its services."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest
from action_msgs.msg import GoalStatus
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import String
from visualization_msgs.msg import MarkerArray

from memory_agent_msgs.action import AnswerQuestion
from memory_agent_msgs.srv import QueryObjects
from memory_agent_ros.nodes import answering, qos
from memory_agent_ros.nodes.node_base import bring_up
from memory_agent_ros.nodes.reasoner_node import ReasonerNode
from memory_agent_ros.reasoning.calls import parse_call
from memory_agent_ros.reasoning.language import embedded
from memory_agent_ros.reasoning.language.model import Emission
from memory_agent_ros.records.errors import BadInputError
from tests.nodes.reasoner_drive import Asking, FakeExplorer

Result = AnswerQuestion.Result


@pytest.fixture()
def asking(graph, memory_node):
    """Call it with parameters for a reasoner node that hears the memory of one chair."""
    made = []

    def make(**parameters):
        made.append(Asking(graph, **parameters))
        graph.until(lambda: made[-1].node.memory.available)
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_answer_comes_with_evidence_and_its_pictures(graph, asking):
    pictures = graph.listen(Image, "reasoner/evidence", qos.latched())
    markers = graph.listen(MarkerArray, "reasoner/markers", qos.latched())
    asker = asking(picture_height=120)
    outcome = asker.ask("where is the chair?")
    assert outcome.status == GoalStatus.STATUS_SUCCEEDED
    answer = outcome.result
    assert answer.error_code == Result.NONE and answer.state == "seen" and answer.confidence > 0.5
    assert answer.evidence and answer.evidence[0].keyframe_id in answer.pictures
    assert np.hypot(answer.evidence[0].object_pose.position.x - 2.0, answer.evidence[0].object_pose.position.y) < 0.3
    course = ["recalling", "calling", "calling", "wording"]
    assert asker.stages and asker.stages == course[: len(asker.stages)] and answer.elapsed_s > 0
    assert answer.route == "no_think" and list(answer.calls) == ["find(chair)", "answer(where, $1)"]
    told = [(f.number, f.call, f.result) for f in asker.feedback if f.stage == "calling"]
    assert (1, "find(chair)", "1 chair present") in told or not told
    graph.until(lambda: pictures and markers)
    assert pictures[0].height == 120 and pictures[0].width >= 160 and pictures[0].encoding == "rgb8"
    drawn = {marker.ns: marker for marker in markers[0].markers if marker.ns}
    assert set(drawn) == {"answer", "cited", "seen_from"} and drawn["answer"].text.startswith("The chair is")
    assert abs(drawn["cited"].pose.position.x - 2.0) < 0.3


def test_count_is_machine_readable_and_a_thing_never_seen_is_unknown(graph, asking):
    asker = asking()
    assert json.loads(asker.ask("how many chairs are there?").result.value_json) == 1
    unknown = asker.ask("where is the piano?").result
    assert unknown.state == "unknown" and unknown.reason and not unknown.evidence
    told = graph.diagnostics("reasoner_node")
    graph.until(lambda: told().get("questions answered") == "2")
    assert "p95" in told()["time answer"] and told()["route no_think"] == "1"
    assert told()["models"] == "none" and told()["acting tools"] == "none"


def test_topic_is_answered_on_a_topic(graph, asking):
    asking()
    said = graph.listen(String, "reasoner/answer", qos.reliable())
    asks = graph.helper.create_publisher(String, "reasoner/question", qos.reliable())
    graph.until(lambda: asks.get_subscription_count() and graph.helper.count_publishers("reasoner/answer"))
    for question in ("where is the chair?", "", "why is the sky blue tomorrow?"):
        asks.publish(String(data=question))
    graph.until(lambda: len(said) == 3)
    texts = sorted(message.data for message in said)
    assert any(text.startswith("The chair is") and "(seen, confidence" in text for text in texts)
    assert "the question is empty" in texts


def test_goals_that_make_no_sense_are_refused_with_a_code(graph, asking):
    asker = asking()
    for goal in ({"question": " "}, {"question": "a?", "think": "maybe"}, {"question": "a?", "time_budget_s": -1.0}):
        outcome = asker.ask(**goal)
        assert outcome.status == GoalStatus.STATUS_ABORTED
        assert outcome.result.error_code == Result.BAD_REQUEST and outcome.result.message
    outcome = asker.ask("why is the sky blue tomorrow?")
    assert outcome.result.error_code == Result.NOT_UNDERSTOOD and outcome.result.message


def test_without_memory_node_it_says_so_and_reports_what_it_waits_for(graph):
    asker = Asking(graph)
    outcome = asker.ask("where is the chair?")
    assert outcome.result.error_code == Result.MEMORY_UNAVAILABLE
    assert "memory/query_objects" in outcome.result.message
    assert "memory/query_objects" in asker.node.waiting.unmet()["memory"]
    asker.close()


def test_inactive_node_says_so_and_can_be_cleaned_up(graph):
    asker = Asking(graph, active=False)
    assert asker.ask("where is the chair?").result.error_code == Result.NOT_ACTIVE
    asker.node.trigger_cleanup()
    assert asker.node.state == "unconfigured" and bring_up(asker.node)
    asker.close()


def test_questions_wait_for_each_other_and_each_can_be_cancelled(graph):
    """A memory that never answers keeps the first one busy."""
    silent = Node("silent")
    silent.create_service(QueryObjects, "memory/query_objects", lambda request, response: response)
    asker = Asking(graph, query_timeout_s=60.0, queue=2)
    graph.until(lambda: asker.node.memory.available)
    first = asker.send("where is the chair?")
    graph.until(lambda: asker.stages == ["recalling"])
    second = asker.send("where is the table?")
    graph.until(lambda: asker.stages == ["recalling", "waiting"])
    assert not asker.send("where is the lamp?").accepted
    for handle in (second, first):
        ended = handle.get_result_async()
        graph.until(handle.cancel_goal_async().done)
        graph.until(ended.done)
        assert ended.result().status == GoalStatus.STATUS_CANCELED
        assert ended.result().result.error_code == Result.CANCELLED
    asker.close()
    silent.destroy_node()


def test_dialogues_are_kept_apart_and_bounded(graph, asking):
    asker = asking(dialogues=1)
    asker.ask("where is the chair?", dialogue="a")
    assert asker.ask("when did you last see it?", dialogue="a").result.state == "seen"
    other = asker.ask("when did you last see it?", dialogue="b").result
    assert other.state != "seen" or other.error_code
    assert asker.node.status()["dialogues"] == 1


# -- models ---------------------------------------------------------------------------------------------------------


class Scripted:
    """A language model that asks for the chair whatever it is asked."""

    name = "scripted"

    def next_call(self, transcript, names):
        text = (
            "answer(number, $2)" if len(transcript.turns) == 2 else ("find(chair)", "count($1)")[len(transcript.turns)]
        )
        return Emission(parse_call(text), -0.1)

    def read(self, facts, question, choices=()):
        raise NotImplementedError


def test_model_is_loaded_behind_the_nodes_back_and_then_thinks(graph, asking, monkeypatch):
    loaded = threading.Event()

    def load(name, **options):
        assert name == "small" and loaded.wait(20)
        return Scripted()

    monkeypatch.setattr(answering, "language_model", load)
    asker = asking(model="small", text_embedder="none")
    told = graph.diagnostics("reasoner_node")
    assert asker.ask("where is the chair?").result.route == "no_think"
    assert asker.ask("How many?", think="always").result.error_code == Result.MODEL_UNAVAILABLE
    graph.until(lambda: told().get("models") == "loading" and told()["message"] == "active")
    loaded.set()
    graph.until(lambda: told().get("models") == "ready")
    answer = asker.ask("Pray tell the tally of sittables, think hard?").result
    assert (answer.route, answer.model, json.loads(answer.value_json)) == ("think", "scripted", 1)
    assert list(answer.calls) == ["find(chair)", "count($1)", "answer(number, $2)"]


def test_without_the_packages_auto_loads_nothing_and_says_so(graph, asking, monkeypatch):
    monkeypatch.setattr(embedded, "embedded_installed", lambda: False)
    asker = asking(model="auto", vision="auto")
    assert asker.node.status()["models"] == "none" and asker.node.status()["language model"] == "none"
    assert asker.ask("where is the chair?").result.state == "seen"


def test_model_that_cannot_be_loaded_is_told_and_templates_answer(graph, asking, monkeypatch):
    def load(name, **options):
        raise BadInputError("language_model_unavailable", "no such model")

    monkeypatch.setattr(answering, "language_model", load)
    asker = asking(model="missing")
    graph.until(lambda: "no such model" in asker.node.waiting.unmet().get("models", ""))
    assert asker.ask("where is the chair?").result.state == "seen"


# -- looking --------------------------------------------------------------------------------------------------------


@pytest.fixture()
def explorer_of(graph):
    """Call it for an explorer whose searches end as told."""
    made = []

    def make(**options):
        made.append(FakeExplorer(graph, **options))
        return made[-1]

    yield make
    for one in made:
        one.server.destroy()


def test_it_goes_to_see_only_where_the_parameter_names_it(graph, asking, explorer_of):
    explorer = explorer_of()
    assert asking().ask("where is the piano?").result.state == "unknown"
    assert explorer.goals == []


def test_it_asks_the_explorer_and_answers_again(graph, asking, memory_node, explorer_of):
    def appear():
        memory_node.memory.relabel(1, "piano", "as if it had been seen on the way")

    explorer = explorer_of(found=True, on_search=appear)
    asker = asking(acting_tools="look", **{"look.time_limit_s": 30.0, "look.budget_m": 12.0})
    graph.until(lambda: graph.helper.count_subscribers("explore/_action/feedback"))
    answer = asker.ask("where is the piano?").result
    assert answer.state == "seen" and answer.answer.startswith("The piano is") and "found" in answer.message
    (goal,) = explorer.goals
    assert (goal.goal_kind, goal.goal_text, goal.time_limit_s, goal.budget_m) == ("search", "piano", 30.0, 12.0)
    looks = [feedback for feedback in asker.feedback if feedback.stage == "looking"]
    assert all(feedback.call == "piano" for feedback in looks) and asker.node.counts["looks found"] == 1


def test_first_answer_stands_when_nothing_is_found_or_nobody_can_look(graph, asking, explorer_of):
    asker = asking(acting_tools="look")
    graph.until(lambda: not asker.node._looker._client.server_is_ready())
    first = asker.ask("where is the piano?").result
    assert first.state == "unknown" and "nobody offers it" in first.message
    explorer = explorer_of(found=False)
    graph.until(lambda: asker.node._looker._client.server_is_ready())
    second = asker.ask("where is the piano?").result
    assert second.state == "unknown" and len(explorer.goals) == 1 and "nothing of the kind" in second.message


def test_cancelling_the_question_cancels_the_search(graph, asking, explorer_of):
    explorer = explorer_of(found=None)
    asker = asking(acting_tools="look")
    graph.until(lambda: asker.node._looker._client.server_is_ready())
    handle = asker.send("where is the piano?")
    graph.until(lambda: explorer.goals)
    graph.until(handle.cancel_goal_async().done)
    graph.until(lambda: explorer.cancelled)
    assert asker.ask("where is the chair?").result.state == "seen"


def test_unknown_acting_tool_is_refused(graph):
    with pytest.raises(ValueError, match="there is look"):
        ReasonerNode(parameter_overrides=[Parameter("acting_tools", value="dance")])
