"""Pictures of a place as evidence: recalled from a real memory that walked through a flat of two rooms."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pytest

from memory_agent_ros.commands.ask import answer_text
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.memory_reader import RecallUnavailableError
from memory_agent_ros.reasoning.rules.pictures import PICTURES, Spot, corner_room, corners, recalled
from memory_agent_ros.reasoning.rules.questions import QuestionKind, parse
from memory_agent_ros.reasoning.rules.reasoner import RuleReasoner
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.recalled_view import RecalledView
from memory_agent_ros.records.room import Room
from tests.memory.structure.flat import fill

K = QuestionKind


@pytest.fixture(scope="module")
def memory() -> Iterator[SpatialMemory]:
    with SpatialMemory.open(None) as memory:
        fill(memory)
        yield memory


def labels(answer: Answer) -> set[str]:
    return {v["label"] for v in answer.value}


@pytest.mark.parametrize(
    ("question", "kind", "subject"),
    [
        ("describe the kitchen", K.DESCRIBE, "kitchen"),
        ("Describe what you see in the kitchen.", K.DESCRIBE, "kitchen"),
        ("what does the bed look like?", K.DESCRIBE, "bed"),
        ("what do you see near the sofa?", K.NEAR, "sofa"),
        ("what is by the window?", K.NEAR, "window"),
        ("what do you see on the table?", K.ON, "table"),
        ("what is in the corner of the kitchen?", K.IN, "corner of the kitchen"),
        ("what do you see at 2.0, 1.5?", K.REGION, ""),
        ("describe (2.0, 1.5)", K.REGION, ""),
    ],
)
def test_questions_about_places(question: str, kind: QuestionKind, subject: str) -> None:
    asked = parse(question)
    assert (asked.kind, asked.subject) == (kind, subject)
    assert asked.numbers == ((2.0, 1.5) if kind is K.REGION else ())


@pytest.mark.parametrize(
    ("question", "there", "point"),
    [
        ("describe the kitchen", {"counter", "refrigerator", "mug", "table", "bowl"}, (-2.0, 0.0)),
        ("what is in the bedroom?", {"bed", "nightstand", "mug", "wardrobe"}, (2.0, 0.0)),
        ("what is near the nightstand?", {"mug", "bed"}, (3.7, 0.2)),
        ("what do you see next to the nightstand?", {"bed"}, (3.7, 0.2)),
        ("what is on the table?", {"bowl"}, (-1.6, -1.2)),
        ("what do you see at -1.5, -1.2?", {"table", "bowl"}, (-1.5, -1.2)),
        ("describe the wardrobe", {"wardrobe"}, (1.2, 1.7)),
        ("what is in the corner of the kitchen?", {"refrigerator"}, (-3.7, -1.6)),
    ],
)
def test_places_are_told_with_pictures_that_look_there(
    memory: SpatialMemory, question: str, there: set[str], point: tuple[float, float]
) -> None:
    answer = RuleReasoner(memory).answer(question)
    assert answer.state is AnswerState.SEEN and there <= labels(answer) and answer.evidence
    assert 0 < len(answer.pictures) <= 4 and all(p.overlap >= 0.1 for p in answer.pictures)
    assert "the place" in answer.text and str(answer.pictures[0].keyframe_id) in answer.text
    pictures = [memory.keyframe(p.keyframe_id) for p in answer.pictures]
    ahead = [k.T_map_camera[:2, 2] @ (np.array(point) - k.T_map_camera[:2, 3]) for k in pictures]
    assert max(ahead) > 0.0
    assert any(p.object_ids and {memory.get(i).label for i in p.object_ids} & there for p in answer.pictures)
    told = json.loads(json.dumps(answer.to_dict()))["pictures"]
    assert [p["keyframe"] for p in told] == [p.keyframe_id for p in answer.pictures]
    assert f"picture {told[0]['keyframe']} shows" in answer_text(answer)


def test_a_room_is_described_from_inside(memory: SpatialMemory) -> None:
    for name, sign in (("kitchen", -1), ("bedroom", 1)):
        answer = RuleReasoner(memory).answer(f"describe the {name}")
        best = memory.keyframe(answer.pictures[0].keyframe_id)
        assert np.sign(best.T_map_camera[0, 3]) == sign
        assert "a door leads to" in answer.text and not {"bed", "table"} <= labels(answer)


def test_a_corner_leaves_out_what_stands_in_the_middle(memory: SpatialMemory) -> None:
    answer = RuleReasoner(memory).answer("what is in the corners of the kitchen?")
    assert "refrigerator" in labels(answer) and not labels(answer) & {"bowl", "bed"}


@pytest.mark.parametrize(
    "question",
    [
        "describe the attic",
        "what is in the corner of the attic?",
        "what is by the window?",
        "describe the piano in the kitchen",
        "what do you see at 40.0, 1.5?",
    ],
)
def test_unknown_places_have_no_pictures(memory: SpatialMemory, question: str) -> None:
    answer = RuleReasoner(memory).answer(question)
    assert answer.state is AnswerState.UNKNOWN and answer.pictures == () and answer.evidence == ()


def test_questions_about_one_thing_recall_nothing(memory: SpatialMemory) -> None:
    assert RuleReasoner(memory).answer("where is the bed?").pictures == ()
    assert RuleReasoner(memory).answer("how many mugs are in the kitchen?").pictures == ()


class _NoPictures:
    """A memory that answers all but recall, as one behind ROS does."""

    def __init__(self, memory: SpatialMemory) -> None:
        self._memory = memory

    def __getattr__(self, name: str) -> object:
        return getattr(self._memory, name)

    def recall_place(self, *_: object) -> list[RecalledView]:
        raise RecallUnavailableError("Pictures cannot be had.")


def test_without_recall_the_answer_stays_and_says_so(memory: SpatialMemory) -> None:
    whole, poor = (RuleReasoner(m).answer("describe the kitchen") for m in (memory, _NoPictures(memory)))  # type: ignore[arg-type]
    assert poor.pictures == () and poor.text.endswith("Pictures cannot be had.")
    assert poor.value == whole.value and poor.state is whole.state and len(poor.evidence) == len(whole.evidence)


def test_each_place_gets_its_best_picture_first() -> None:
    class Fixed:
        def recall_place(self, center: np.ndarray, radius_m: float, k: int) -> list[RecalledView]:
            first = int(center[0])
            return [RecalledView(i, 1.0, 0.5) for i in (first, 7, first + 1)][:k]

    spots = [Spot(np.array([x, 0.0, 0.0]), 1.0) for x in (10.0, 20.0)]
    assert [v.keyframe_id for v in recalled(Fixed(), spots)] == [10, 20, 7]  # type: ignore[arg-type]
    assert len(recalled(Fixed(), spots, 9)) == 5 and PICTURES == 3  # type: ignore[arg-type]


def test_corners_are_those_the_outline_reaches() -> None:
    def room(*outline: tuple[float, float]) -> Room:
        return Room(1, "kitchen", 1.0, np.array(outline, dtype=float), 10.0, np.array([1.0, 1.0]))

    square = corners(room((0, 0), (4, 0), (4, 3), (0, 3)))
    assert {tuple(np.abs(c.round(2)).tolist()) for c in square} == {(0, 0), (4, 0), (4, 3), (0, 3)}
    assert len(corners(room((0, 0), (4, 0), (4, 1.5), (2, 1.5), (2, 3), (0, 3)))) == 3
    assert corners(room()).shape == (0, 2)
    assert corner_room("corner of the kitchen") == "kitchen" and corner_room("corner table") is None
