"""Which names are put before the model: those that stand in the question first, then like ones, never many."""

from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.reasoning.known import known_names, opening

NAMES = SimpleNamespace(
    things=("coffee table", "desk", "mug", "red mug", "refrigerator", "shelf", "sofa", "table"),
    rooms=("bedroom", "bedroom 2", "kitchen"),
    version=1,
)


class Synonyms:
    """Vectors in which two words mean the same."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        same = {"fridge": "refrigerator"}
        known = ["refrigerator", "sofa"]
        out = np.zeros((len(texts), 3), np.float32)
        for row, text in enumerate(texts):
            word = same.get(text, text)
            out[row, known.index(word) if word in known else 2] = word in known
        return out


def test_names_in_the_question_come_first_and_the_longest_of_them_before() -> None:
    assert known_names("Where is the red mug?", NAMES)[:2] == ("red mug", "mug")
    assert known_names("How many coffee tables are in the kitchen?", NAMES)[:3] == ("coffee table", "kitchen", "table")
    assert known_names("Are the shelves in bedroom 2?", NAMES)[:3] == ("bedroom 2", "shelf", "bedroom")


def test_a_name_that_shares_the_noun_follows() -> None:
    assert known_names("Where is my blue mug?", NAMES) == ("mug", "red mug")


def test_other_words_for_a_thing_are_found_by_meaning_alone() -> None:
    assert known_names("What is in the fridge?", NAMES) == ()
    assert known_names("What is in the fridge?", NAMES, Synonyms()) == ("refrigerator",)


def test_what_the_memory_does_not_hold_is_not_named_and_words_of_questions_name_nothing() -> None:
    assert known_names("Where is the harp?", NAMES, Synonyms()) == ()
    assert known_names("What was moved in the last hour?", SimpleNamespace(things=("last hour glass",), rooms=())) == ()


def test_there_are_never_more_than_wanted_and_the_order_is_always_the_same() -> None:
    many = SimpleNamespace(things=tuple(f"box {n}" for n in range(40)), rooms=(), version=1)
    found = known_names("Where is a box?", many)
    assert len(found) == 12 and found == known_names("Where is a box?", many)
    assert known_names("Where is a box?", SimpleNamespace(things=(), rooms=(), version=0)) == ()


def test_a_dialogue_brings_the_names_of_the_question_before() -> None:
    start = opening("And how far is it from the desk?", NAMES, earlier=("Where is the red mug?", "In the kitchen."))
    assert start.known[:2] == ("desk", "red mug") and start.earlier is not None and not start.turns
    assert opening("Where is the desk?", NAMES).known == ("desk",)
