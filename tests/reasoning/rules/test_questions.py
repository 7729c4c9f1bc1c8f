"""What the templates make of questions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory_agent_ros.reasoning.rules.questions import (
    EXAMPLES,
    QuestionKind,
    QuestionNotUnderstoodError,
    parse,
    singular,
)
from memory_agent_ros.reasoning.wording import ago, joined, numbered, plural, with_article

K = QuestionKind


@pytest.mark.parametrize(
    ("question", "kind", "subject"),
    [
        ("Where is the mug?", K.WHERE, "mug"),
        ("where are my keys", K.WHERE, "keys"),
        ("Where did you last see the red coffee mug?", K.WHERE, "red coffee mug"),
        ("where was the mug before?", K.WHERE, "mug"),
        ("Find the book.", K.WHERE, "book"),
        ("How many chairs are there?", K.COUNT, "chairs"),
        ("how many mugs do you remember", K.COUNT, "mugs"),
        ("Is there a piano in the apartment?", K.EXISTS, "piano"),
        ("is the mug still there?", K.EXISTS, "mug"),
        ("have you ever seen a cat?", K.EXISTS, "cat"),
        ("What's next to the sofa?", K.NEXT_TO, "sofa"),
        ("what is near the coffee table", K.NEAR, "coffee table"),
        ("what is on the table?", K.ON, "table"),
        ("what objects are lying on the desk?", K.LIST, ""),
        ("When did you last see the books?", K.LAST_SEEN, "books"),
        ("when was the mug last seen?", K.LAST_SEEN, "mug"),
        ("how long ago did you see a chair?", K.LAST_SEEN, "chair"),
        ("what changed?", K.CHANGES, ""),
        ("has anything moved?", K.CHANGES, ""),
        ("did the mug move?", K.CHANGES, "mug"),
        ("what objects are there?", K.LIST, ""),
        ("what do you see?", K.LIST, ""),
        ("what is within 2 m of (1, -2.5)?", K.REGION, ""),
    ],
)
def test_questions(question: str, kind: QuestionKind, subject: str) -> None:
    if question == "what objects are lying on the desk?":
        kind, subject = K.ON, "desk"
    parsed = parse(question)
    assert (parsed.kind, parsed.subject) == (kind, subject)


@pytest.mark.parametrize(
    ("question", "seconds"),
    [
        ("what changed?", None),
        ("what changed in the last 5 minutes?", 300),
        ("what has changed since the last hour?", 3600),
        ("has anything moved since 10 minutes ago?", 600),
        ("what moved in the past 30 s?", 30),
        ("which objects are gone since 2 days?", 172800),
    ],
)
def test_since(question: str, seconds: float | None) -> None:
    assert parse(question).since_s == seconds


def test_numbers_of_regions() -> None:
    assert parse("what is within 2 m of (1, -2.5)?").numbers == (2.0, 1.0, -2.5)
    assert parse("what is between (0,0) and (2, 3)?").numbers == (0.0, 0.0, 2.0, 3.0)


@pytest.mark.parametrize("question", ["", "tell me a joke", "why?", "what is the meaning of life?", "where is the?"])
def test_other_questions_are_refused_with_examples(question: str) -> None:
    with pytest.raises(QuestionNotUnderstoodError, match="where is the mug"):
        parse(question)


@pytest.mark.parametrize("question", EXAMPLES)
def test_every_example_is_understood(question: str) -> None:
    assert parse(question).kind in QuestionKind


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        assert parse(text).kind in QuestionKind
    except QuestionNotUnderstoodError as error:
        assert "I can answer" in str(error)


@pytest.mark.parametrize(
    "noun",
    ["mug", "box", "knife", "shelf", "glass", "coffee mug", "dish", "book", "vase", "toy", "cherry", "pillow case"],
)
def test_plural_and_singular_are_inverse(noun: str) -> None:
    assert singular(plural(noun)) == noun
    assert singular(noun) == noun


def test_wording() -> None:
    assert with_article("apple") == "an apple" and with_article("mug") == "a mug"
    assert [numbered(n, "box") for n in (0, 1, 2)] == ["no boxes", "1 box", "2 boxes"]
    assert joined(["a", "b", "c"]) == "a, b and c" and joined([]) == ""
    second = 1_000_000_000
    spans = {
        0: "just now",
        1: "1 second ago",
        90: "90 seconds ago",
        300: "5 minutes ago",
        3700: "1 hour ago",
        200_000: "2 days ago",
    }
    for seconds, words in spans.items():
        assert ago(0, seconds * second) == words
