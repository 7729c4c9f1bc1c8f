"""Typed values and texts against the truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from memory_agent_ros.evaluation.qa.scoring import RoomKey, right, same_value
from memory_agent_ros.evaluation.qa.text_scoring import text_right
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.room import Room


def _room(number: int, x: float) -> Room:
    outline = np.array([[x, 0.0], [x + 3, 0.0], [x + 3, 3.0], [x, 3.0]])
    return Room(number, f"room {number}", 1.0, outline, 9.0, outline.mean(axis=0))


#: The memory's rooms 7 and 8 are the true rooms 1 and 2.
_KEY = RoomKey([_room(8, 3.2), _room(7, 0.1)], [_room(1, 0.0), _room(2, 3.0)])
_SAME = RoomKey([], [])


def _thing(label: str, x: float, number: int = 1, **more: Any) -> dict[str, Any]:
    return {"object": number, "label": label, "state": "present", "position_m": [x, 0.0, 0.5], **more}


def _answer(value: Any, state: AnswerState = AnswerState.SEEN) -> Answer:
    return Answer("", state, 1.0, value=value)


@pytest.mark.parametrize(
    ("form", "told", "true", "good"),
    [
        ("yes_no", True, True, True),
        ("yes_no", False, True, False),
        ("number", 3, 3, True),
        ("number", 4, 3, False),
        ("number", 2.1, 2.0, True),
        ("number", 2.4, 2.0, False),
        ("number", None, 2, False),
        ("list", [_thing("Mugs", 1.3), _thing("bowl", 2.0)], [_thing("bowl", 2.1, 5), _thing("mug", 1.0, 6)], True),
        ("list", [_thing("mug", 1.0)], [_thing("mug", 1.6)], False),
        ("list", [_thing("mug", 1.0)], [_thing("mug", 1.0), _thing("mug", 3.0)], False),
        ("list", [], [], True),
        ("list", True, [], False),
        ("where", 3, [_thing("mug", 1.1)], False),
        ("where", [_thing("mug", 1.0), _thing("mug", 5.0, state="gone")], [_thing("mug", 1.1)], True),
        ("where", [_thing("mug", 1.0, state="gone")], [_thing("mug", 1.1)], False),
        ("room", [_thing("mug", 1.0, room={"id": 7})], [_thing("mug", 9.0, room={"id": 1})], True),
        ("room", [_thing("mug", 1.0, room={"id": 8})], [_thing("mug", 1.0, room={"id": 1})], False),
        ("which", {"id": 8, "name": "b"}, {"id": 2, "name": "x"}, True),
        ("which", {"id": 9, "name": "b"}, {"id": 2, "name": "x"}, False),
        ("which", {"label": "mug", "number": 2}, {"label": "mug", "number": 2}, True),
        ("which", {"label": "cup", "number": 2}, {"label": "mug", "number": 2}, False),
        ("attribute", {"text": "Red"}, {"text": "red"}, True),
        ("attribute", {"text": "blue"}, {"text": "red"}, False),
        ("when", {"label": "mug", "stamp_ns": 59 * 10**9}, {"label": "mug", "stamp_ns": 0, "seconds_ago": 9.0}, True),
        ("when", {"label": "mug", "stamp_ns": 61 * 10**9}, {"label": "mug", "stamp_ns": 0, "seconds_ago": 9.0}, False),
        ("changes", [_thing("mug", 1.0, kind="moved")], [_thing("mug", 1.0, kind="moved")], True),
        ("changes", [_thing("mug", 1.0, kind="gone")], [_thing("mug", 1.0, kind="moved")], False),
    ],
)
def test_values(form: str, told: Any, true: Any, good: bool) -> None:
    assert same_value(told, true, form, _KEY) is good


def test_only_what_is_unknown_may_be_unknown() -> None:
    unknown, three = _answer(None, AnswerState.UNKNOWN), _answer(3)
    assert right(unknown, unknown, "number", _SAME) and right(three, _answer(3), "number", _SAME)
    assert not right(unknown, three, "number", _SAME) and not right(three, unknown, "number", _SAME)


@pytest.mark.parametrize(
    ("form", "text", "value", "good"),
    [
        ("yes_no", "Yes, it is.", True, True),
        ("yes_no", "No.", True, False),
        ("number", "There are three mugs.", 3, True),
        ("number", "2", 3, False),
        ("number", "about 1.9 m", 2.0, True),
        ("where", "on the table in the kitchen", [_thing("mug", 1.0, room={"name": "kitchen"}, relation=None)], True),
        ("where", "in the hall", [_thing("mug", 1.0, room={"name": "kitchen"}, relation=None)], False),
        ("list", "two mugs and a bowl", [_thing("mug", 1.0), _thing("bowl", 2.0)], True),
        ("list", "a mug", [_thing("mug", 1.0), _thing("bowl", 2.0)], False),
        ("list", "nothing", [], True),
        ("when", "2 hours ago", {"label": "mug", "seconds_ago": 7000.0}, True),
        ("when", "5 minutes ago", {"label": "mug", "seconds_ago": 7000.0}, False),
        ("attribute", "It is red", {"text": "red"}, True),
        ("which", "the sofa", {"label": "sofa", "number": 1}, True),
        ("number", "I do not know", 3, False),
    ],
)
def test_texts(form: str, text: str, value: Any, good: bool) -> None:
    assert text_right(text, _answer(value), form) is good


def test_a_text_may_say_that_it_is_not_known() -> None:
    unknown = _answer(None, AnswerState.UNKNOWN)
    assert text_right("That is unknown.", unknown, "where") and not text_right("in the kitchen", unknown, "where")
