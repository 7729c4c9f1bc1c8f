"""Times back from now are worked out by code, and only where a question names one."""

import pytest

from memory_agent_ros.reasoning.calls import call
from memory_agent_ros.reasoning.language.spans import span_seconds, with_span


@pytest.mark.parametrize(
    ("question", "seconds"),
    [
        ("What changed in the last 5 hours?", 18_000),
        ("what was moved over the past two days", 172_800),
        ("Anything new in the last half hour?", 1800),
        ("What came in the last half an hour?", 1800),
        ("What vanished in the past week?", 604_800),
        ("What was added in the last 1.5 hours?", 5400),
        ("What changed in the past couple of minutes?", 120),
        ("When did you last see the hourglass?", None),
        ("What changed in the last few days?", None),
        ("What changed in the last 2 hours and not in the last hour?", None),
        ("Where is the second mug?", None),
    ],
)
def test_a_time_back_from_now(question: str, seconds: float | None) -> None:
    assert span_seconds(question) == seconds


def test_only_a_time_in_a_call_is_set_right() -> None:
    wrong = call("changes", since=21_500.0, kind="moved")
    assert with_span(wrong, "What was moved in the last 5 hours?") == call("changes", since=18_000.0, kind="moved")
    assert with_span(wrong, "What was moved since I left?") == wrong
    find = call("find", "mug")
    assert with_span(find, "Where was the mug in the last 5 hours?") == find
