"""Questions from a terminal to a running reasoner node."""

from __future__ import annotations

import json

import pytest
import rclpy

from memory_agent_msgs.action import AnswerQuestion
from memory_agent_ros.nodes import ask_client
from memory_agent_ros.nodes.ask_client import ReasonerNotThereError, ask_live, feedback_text, result_text
from tests.nodes.reasoner_drive import Asking


def asked(graph, questions, **options):
    """``ask_live`` in a thread of its own while the graph spins; its code, or what it raised."""
    context = rclpy.utilities.get_default_context()
    return graph.in_thread(lambda: ask_live(questions, context=context, **options), ReasonerNotThereError)


def test_a_dialogue_is_asked_and_printed(graph, memory_node, capsys):
    asker = Asking(graph)
    graph.until(lambda: asker.node.memory.available)
    assert asked(graph, ["where is the chair?", "where is the piano?"], dialogue="d") == 0
    out = capsys.readouterr().out
    assert out.startswith("The chair is") and "seen, confidence" in out and "evidence: object 1 at (2.0" in out
    assert "never seen a piano" in out and "unknown, never_seen" in out
    asker.close()


def test_json_has_the_keys_of_the_offline_answer_and_a_failure_gives_code_1(graph, memory_node, capsys):
    asker = Asking(graph)
    graph.until(lambda: asker.node.memory.available)
    assert asked(graph, ["how many chairs are there?", "why is the sky blue tomorrow?"], as_json=True) == 1
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert {"answer", "state", "confidence", "evidence", "value", "pictures"} <= set(first)
    assert first["value"] == 1 and first["error"] is None and first["evidence"][0]["keyframe"] in first["pictures"]
    assert second["error"]["code"] == AnswerQuestion.Result.NOT_UNDERSTOOD
    asker.close()


def test_without_a_reasoner_it_says_what_to_start(graph, monkeypatch):
    monkeypatch.setattr(ask_client, "_PATIENCE_S", 0.2)
    outcome = asked(graph, ["where is the chair?"])
    assert isinstance(outcome, ReasonerNotThereError) and "memory-agent up" in str(outcome)


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"stage": "calling", "number": 2, "call": "near($1)", "result": "1 cup present"}, "2. near($1)"),
        ({"stage": "looking", "call": "piano", "result": "found"}, "looking for piano: found"),
        ({"stage": "waiting"}, "another question"),
        ({"stage": "wording"}, ""),
    ],
)
def test_feedback_lines(fields, line):
    told = feedback_text(AnswerQuestion.Feedback(**fields))
    assert line in told and bool(line) == bool(told)


def test_a_failed_question_tells_code_and_message():
    result = AnswerQuestion.Result(error_code=AnswerQuestion.Result.MEMORY_UNAVAILABLE, message="no memory")
    assert result_text(result) == "no answer (code 3): no memory"
