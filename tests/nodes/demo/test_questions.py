"""Questions from the truth, and their judges."""

from __future__ import annotations

import json

import numpy as np
import pytest

from memory_agent_ros.nodes.demo.questions import DemoQuestion, build_questions
from memory_agent_ros.nodes.demo.world import Sightings, World, parse_world
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.event import EventKind, MemoryEvent
from tests.nodes.demo.conftest import Lived


def _answer(value: object, state: AnswerState = AnswerState.SEEN) -> Answer:
    return Answer("", state, 0.9, (), value)


def _of(questions: list[DemoQuestion], text: str) -> DemoQuestion:
    return next(q for q in questions if q.text == text)


@pytest.fixture
def world(lived: Lived) -> World:
    return lived.story.world


@pytest.fixture
def questions(lived: Lived) -> list[DemoQuestion]:
    return build_questions(lived.story.world, lived.diary.sightings, lived.diary.now_ns)


def test_all_kinds_are_asked(questions: list[DemoQuestion]) -> None:
    assert {q.kind for q in questions} >= {"where", "how many", "last seen", "changed", "unknown"}
    assert len(questions) >= 6


def test_where_needs_the_right_place_and_state(questions: list[DemoQuestion]) -> None:
    judge = _of(questions, "where is the mug?").judge
    assert judge(_answer([{"state": "present", "position_m": [-2.3, 0.3, 0.8]}]))
    assert not judge(_answer([{"state": "present", "position_m": [2.4, 0.5, 0.8]}]))
    assert not judge(_answer([{"state": "gone", "position_m": [-2.3, 0.3, 0.8]}]))
    assert not judge(_answer(None, AnswerState.UNKNOWN))


def test_where_of_what_was_taken_needs_gone(questions: list[DemoQuestion]) -> None:
    judge = _of(questions, "where is the bowl?").judge
    assert judge(_answer([{"state": "gone", "position_m": [2.4, -0.4, 0.8]}], AnswerState.GONE))
    assert not judge(_answer([{"state": "present", "position_m": [2.4, -0.4, 0.8]}]))


def test_changes_must_be_all_and_no_more(questions: list[DemoQuestion]) -> None:
    judge = next(q for q in questions if q.kind == "changed").judge
    moved = {"kind": "moved", "label": "mug", "position_m": [-2.4, 0.3, 0.8]}
    gone = {"kind": "gone", "label": "bowl", "position_m": [2.4, -0.4, 0.8]}
    assert judge(_answer([moved, gone])) and judge(_answer([moved, gone, {"kind": "added", "label": "vase"}]))
    assert not judge(_answer([moved]))
    assert not judge(_answer([moved, gone, {"kind": "gone", "label": "box", "position_m": [0, 0, 0]}]))
    assert not judge(_answer([moved, {**gone, "label": "plate"}]))
    first = {**moved, "kind": "gone", "position_m": [2.4, 0.5, 0.8], "object": 5}
    assert judge(_answer([first, gone, {**moved, "object": 5}]))


def test_never_seen_must_be_unknown(questions: list[DemoQuestion], world: World) -> None:
    question = next(q for q in questions if q.kind == "unknown")
    assert not any(t.label in question.text for t in world.things.values())
    assert question.judge(_answer(None, AnswerState.UNKNOWN))
    assert not question.judge(_answer([], AnswerState.SEEN))


def test_counts_and_times(questions: list[DemoQuestion], lived: Lived) -> None:
    count = next(q for q in questions if q.kind == "how many")
    assert count.judge(_answer(int(count.truth))) and not count.judge(_answer(int(count.truth) + 1))
    seen = next(q for q in questions if q.kind == "last seen")
    assert seen.text == "when did you last see the bowl?"
    number = next(t.id for t in lived.story.world.things.values() if t.label == "bowl")
    last_ns = lived.diary.sightings.last_ns[number]
    assert seen.judge(_answer({"last_seen_ns": last_ns + 2_000_000_000}))
    assert not seen.judge(_answer({"last_seen_ns": last_ns + 20_000_000_000}))
    assert not seen.judge(_answer(None))


def test_only_what_was_in_view_is_asked_about(world: World) -> None:
    kinds = [q.kind for q in build_questions(world, Sightings(), 10**10)]
    assert kinds == ["changed", "where", "where", "unknown"]


def test_near_accepts_the_border_and_refuses_strangers() -> None:
    objects = [
        (1, "shelf", (0, 0, 0.5), False), (2, "mug", (0.6, 0, 0.5), True), (3, "bowl", (0.8, 0.2, 0.5), True),
        (4, "lamp", (1.35, 0, 0.5), True), (5, "vase", (4, 0, 0.5), True),
    ]  # fmt: skip
    document = {
        "objects": [
            {
                "id": i,
                "label": label,
                "center_m": c,
                "size_m": (0.2, 0.2, 0.2),
                "yaw": 0,
                "movable": m,
                "room": "a",
                "present": True,
            }
            for i, label, c, m in objects
        ],
        "rooms": [],
    }
    sightings = Sightings()
    for number in range(1, 6):
        sightings.frames[number] = 9
        sightings.last_ns[number] = number
    near = next(q for q in build_questions(parse_world(json.dumps(document)), sightings, 0) if q.kind == "near")
    assert near.text == "what is near the shelf?"
    entries = [{"label": x} for x in ("mug", "bowl")]
    assert near.judge(_answer(entries)) and near.judge(_answer([*entries, {"label": "lamp"}]))
    assert not near.judge(_answer([{"label": "mug"}])) and not near.judge(_answer([*entries, {"label": "vase"}]))


@pytest.mark.parametrize(
    ("kind", "label", "offset", "later", "noticed"),
    [
        (EventKind.MOVED, "mug", 0.3, True, True),
        (EventKind.MOVED, "mug", 0.7, True, False),
        (EventKind.MOVED, "bowl", 0.0, True, False),
        (EventKind.GONE, "mug", 0.0, True, False),
        (EventKind.MOVED, "mug", 0.0, False, False),
    ],
)
def test_an_edit_is_noticed_by_the_fitting_event_only(
    world: World, kind: EventKind, label: str, offset: float, later: bool, noticed: bool
) -> None:
    edit = world.edits[0]
    assert edit.after is not None
    stamp = edit.stamp_ns + (1 if later else -1)
    event = MemoryEvent(kind, 1, label, stamp, edit.after + np.array([offset, 0, 0]))
    assert (edit.noticed_by([event]) is not None) == noticed


def test_sightings_need_enough_pixels_in_enough_frames() -> None:
    sightings = Sightings(minimum_pixels=4)
    image = np.zeros((10, 10), np.int32)
    image[0, :3] = 7
    image[1, :5] = 8
    for stamp in range(1, 6):
        sightings.add(image, stamp)
    assert not sightings.seen(7) and sightings.seen(8) and sightings.last_ns == {0: 5, 8: 5}
    assert not sightings.seen(8, minimum_frames=6)


def test_rooms_count_by_their_names() -> None:
    objects = [
        (1, "mug", True, "kitchen"), (2, "chair", False, "kitchen"), (3, "chair", False, "kitchen"),
        (4, "bed", False, "bedroom"), (5, "chair", False, "bedroom"),
    ]  # fmt: skip
    document = {
        "objects": [
            {"id": i, "label": label, "center_m": (i, 0, 0), "size_m": (0.2, 0.2, 0.2), "yaw": 0, "movable": m,
             "room": r, "present": True}
            for i, label, m, r in objects
        ],
        "rooms": [{"name": n, "minimum": [0, 0], "maximum": [3, 3]} for n in ("kitchen", "bedroom")],
    }  # fmt: skip
    sightings = Sightings()
    for number in range(1, 6):
        sightings.frames[number] = 9
        sightings.last_ns[number] = number
    questions = build_questions(parse_world(json.dumps(document)), sightings, 0)
    room = next(q for q in questions if q.kind == "which room")
    assert room.text == "in which room is the mug?" and room.truth == "kitchen"
    assert room.judge(_answer([{"room": {"id": 1, "name": "kitchen 2"}}]))
    for wrong in (None, [], [{"room": None}], [{"room": {"id": 1, "name": "bedroom"}}]):
        assert not room.judge(_answer(wrong))
    count = _of(questions, "how many chairs are in the kitchen?")
    assert count.judge(_answer(2)) and not count.judge(_answer(3))
    sightings.frames[5] = 0
    assert "how many in a room" in {q.kind for q in build_questions(parse_world(json.dumps(document)), sightings, 0)}
    assert _of(build_questions(parse_world(json.dumps(document)), sightings, 0), "how many beds are in the bedroom?")
