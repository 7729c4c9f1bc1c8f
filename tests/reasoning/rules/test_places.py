"""Rooms and relations in questions and answers, on a real memory that walked through a flat of two rooms."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.rules.phrases import Phrase, Place, split_places
from memory_agent_ros.reasoning.rules.questions import QuestionKind, parse
from memory_agent_ros.reasoning.rules.reasoner import RuleReasoner
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.relation import RelationKind
from tests.memory.structure.flat import fill
from tests.memory.synthetic import World, arc

K, R = QuestionKind, RelationKind


@pytest.fixture(scope="module")
def flat_memory() -> Iterator[tuple[SpatialMemory, World]]:
    with SpatialMemory.open(None) as memory:
        yield memory, fill(memory)


@pytest.fixture(scope="module")
def reasoner(flat_memory: tuple[SpatialMemory, World]) -> RuleReasoner:
    return RuleReasoner(flat_memory[0])


def labels(answer: Answer) -> list[str]:
    return sorted(v["label"] for v in answer.value)


@pytest.mark.parametrize(
    ("question", "kind", "subject", "places"),
    [
        ("which mugs are in the kitchen?", K.WHICH, "mugs", [(R.IN, "kitchen")]),
        ("mugs in the kitchen on the counter", K.WHICH, "mugs", [(R.IN, "kitchen"), (R.ON, "counter")]),
        ("How many chairs are in the bedroom?", K.COUNT, "chairs", [(R.IN, "bedroom")]),
        ("how many chairs are there in the bedroom", K.COUNT, "chairs", [(R.IN, "bedroom")]),
        ("how many mugs are on the counter in the kitchen?", K.COUNT, "mugs", [(R.ON, "counter"), (R.IN, "kitchen")]),
        ("what is in the living room?", K.IN, "living room", []),
        ("what do you see in the kitchen?", K.IN, "kitchen", []),
        ("what is under the table in the kitchen?", K.UNDER, "table", [(R.IN, "kitchen")]),
        ("is the red mug on the table?", K.EXISTS, "red mug", [(R.ON, "table")]),
        ("is the mug still on the table?", K.EXISTS, "mug", [(R.ON, "table")]),
        ("is there a mug next to the sink?", K.EXISTS, "mug", [(R.NEXT_TO, "sink")]),
        ("where is the mug in the kitchen?", K.WHERE, "mug", [(R.IN, "kitchen")]),
        ("in which room is the mug?", K.ROOM, "mug", []),
        ("Which room is the mug in?", K.ROOM, "mug", []),
        ("what rooms are there?", K.ROOMS, "", []),
        ("how many rooms do you know?", K.ROOMS, "", []),
        ("when did you last see the mug in the kitchen?", K.LAST_SEEN, "mug", [(R.IN, "kitchen")]),
        ("which objects are in the bedroom?", K.WHICH, "", [(R.IN, "bedroom")]),
        ("where is the mug in this apartment?", K.WHERE, "mug", []),
    ],
)
def test_questions_with_places(
    question: str, kind: QuestionKind, subject: str, places: list[tuple[RelationKind, str]]
) -> None:
    asked = parse(question)
    assert (asked.kind, asked.subject) == (kind, subject)
    assert asked.phrase == Phrase(subject, tuple(Place(how, name) for how, name in places))


def test_prepositions_are_words_of_their_own() -> None:
    assert split_places("onion inlay") == ("onion inlay", [])
    assert split_places("cup on top of the inn") == ("cup", [(R.ON, "the inn")])


def test_where_names_carrier_room_and_ids(reasoner: RuleReasoner, flat_memory: tuple[SpatialMemory, World]) -> None:
    memory, _ = flat_memory
    answer = reasoner.answer("where is the bowl?")
    assert answer.text.startswith("The bowl is on the table in the kitchen") and answer.state is AnswerState.SEEN
    (entry,) = answer.value
    assert memory.get(entry["relation"]["object"]).label == "table" and entry["relation"]["kind"] == "on"
    assert entry["room"]["name"] == "kitchen" and entry["room"]["id"] in {r.id for r in memory.rooms()}
    assert answer.evidence and {e.object_id for e in answer.evidence} == {entry["object"]}


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("which mugs are in the kitchen?", ["mug"]),
        ("mugs in the kitchen on the counter", ["mug"]),
        ("mugs on the counter in the kitchen", ["mug"]),
        ("what is on the table?", ["bowl"]),
        ("what is on the nightstand in the bedroom?", ["mug"]),
        ("what is in the bedroom?", ["bed", "mug", "nightstand", "wardrobe"]),
        ("what is on the bed?", []),
    ],
)
def test_what_is_where(reasoner: RuleReasoner, question: str, found: list[str]) -> None:
    answer = reasoner.answer(question)
    assert labels(answer) == found and answer.state is AnswerState.SEEN and answer.evidence
    assert {v["object"] for v in answer.value} <= {e.object_id for e in answer.evidence}
    json.dumps(answer.to_dict())


def test_counts_in_a_room(reasoner: RuleReasoner) -> None:
    assert reasoner.answer("how many mugs are there?").value == 2
    one = reasoner.answer("how many mugs are in the bedroom?")
    assert one.value == 1 and "on the nightstand in the bedroom" in one.text
    none = reasoner.answer("how many bowls are in the bedroom?")
    assert none.value == 0 and none.state is AnswerState.SEEN
    assert "no bowls in the bedroom" in none.text and "on the table in the kitchen" in none.text


def test_rooms(reasoner: RuleReasoner) -> None:
    answer = reasoner.answer("in which room is the bed?")
    assert answer.value[0]["room"]["name"] == "bedroom" and "in the bedroom" in answer.text and answer.evidence
    rooms = reasoner.answer("what rooms are there?")
    assert {v["name"] for v in rooms.value} == {"kitchen", "bedroom"} and "2 rooms" in rooms.text and rooms.evidence


def test_yes_and_no(reasoner: RuleReasoner) -> None:
    assert reasoner.answer("is there a mug on the counter?").text.startswith("Yes.")
    answer = reasoner.answer("is the bowl on the counter?")
    assert answer.text.startswith("No.") and "on the table" in answer.text and answer.state is AnswerState.SEEN


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("which mugs are in the attic?", "no room and of no thing called 'attic'"),
        ("how many mugs are in the attic?", "I know the kitchen and the bedroom"),
        ("what is in the attic?", "'attic'"),
        ("what is on the piano?", "never seen a piano"),
        ("is the mug on the piano?", "never seen a piano"),
        ("in which room is the piano?", "never seen a piano"),
        ("how many pianos are in the kitchen?", "never seen a piano"),
    ],
)
def test_unknown_places_and_things_are_unknown(reasoner: RuleReasoner, question: str, said: str) -> None:
    answer = reasoner.answer(question)
    assert answer.state is AnswerState.UNKNOWN and answer.evidence == () and said in answer.text
    assert answer.value in (0, None, [])


def test_names_given_by_hand_are_understood() -> None:
    with SpatialMemory.open(None) as memory:
        world = fill(memory)
        bed = memory.find("bed")[0]
        room = memory.room_of(bed.id)
        assert room is not None
        memory.name_room(room.id, "Anna's room")
        reasoner = RuleReasoner(memory)
        assert labels(reasoner.answer("what mugs are in Anna's room?")) == ["mug"]
        assert "in Anna's room" in reasoner.answer("where is the bed?").text
        assert reasoner.answer("what is in the bedroom?").state is AnswerState.UNKNOWN
        del world.things["bowl"]
        for pose in arc((-1.5, -1.2, 0.8), 1.5, 8, 1.2, 2.2):
            memory.observe(*world.look(pose))
        gone = reasoner.answer("where is the bowl?")
        assert gone.state is AnswerState.GONE and "was on the table in the kitchen" in gone.text
        assert reasoner.answer("how many bowls are in the kitchen?").state is AnswerState.GONE


def test_a_memory_without_rooms_says_so() -> None:
    with SpatialMemory.open(None) as memory:
        reasoner = RuleReasoner(memory)
        answer = reasoner.answer("what rooms are there?")
        assert answer.state is AnswerState.UNKNOWN and answer.value == []
        assert "I know no rooms" in reasoner.answer("what is in the kitchen?").text
