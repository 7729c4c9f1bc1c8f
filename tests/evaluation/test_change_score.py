"""What counts as a change noticed, and what as a false claim."""

import numpy as np

from memory_agent_ros.evaluation.change_score import Belief, declared_gone, score
from memory_agent_ros.evaluation.change_truth import Expected
from memory_agent_ros.evaluation.metrics import After, Thing
from memory_agent_ros.evaluation.walks.walk import TrueObject
from memory_agent_ros.records.box import OrientedBox

NONE: frozenset[int] = frozenset()


def true(i: int, label: str, x: float) -> TrueObject:
    return TrueObject(
        i, label, OrientedBox(np.array([x, 0.0, 0.5]), np.full(3, 0.1)), True, "room", True, f"{label}{i}"
    )


def thing(i: int, label: str, x: float) -> Thing:
    return Thing(i, label, np.array([x, 0.0, 0.5]))


def after(i: int, x: float, was: float, present: bool = True) -> After:
    return After(i, present, np.array([x, 0.0, 0.5]), np.array([was, 0.0, 0.5]), abs(x - was) > 0.1)


BEFORE = [true(1, "mug", 0), true(2, "book", 1), true(3, "bowl", 2), true(5, "lamp", 6)]
AFTER = [true(1, "mug", 4), true(3, "bowl", 2), true(4, "can", 5), true(5, "lamp", 6)]
KNOWN = [thing(11, "mug", 0), thing(12, "book", 1), thing(13, "bowl", 2), thing(15, "lamp", 6)]


def expected(**changes: frozenset[int]) -> Expected:
    parts = {"moved": NONE, "removed": NONE, "added": NONE, "swapped": NONE, "excused": NONE} | changes
    return Expected(BEFORE, AFTER, **parts)


EDITS = expected(moved=frozenset({1}), removed=frozenset({2}), added=frozenset({4}))


def test_everything_noticed() -> None:
    belief = Belief(
        KNOWN, [after(11, 4, 0), after(12, 1, 1, False), after(13, 2, 2), after(15, 6, 6)], [thing(20, "can", 5)]
    )
    got = score(belief, EDITS)
    assert (got.changes.wanted, got.changes.found, got.changes.false) == (3, 3, 0)
    assert (got.places.wanted, got.places.found, got.places.false) == (4, 4, 0)
    assert (got.unmoved, got.lost) == (2, 0)


def test_a_move_without_identity_fills_places_but_is_no_move() -> None:
    belief = Belief(
        KNOWN,
        [after(11, 0, 0, False), after(12, 1, 1, False), after(13, 2, 2), after(15, 6, 6)],
        [thing(20, "can", 5), thing(21, "mug", 4)],
    )
    got = score(belief, EDITS)
    assert (got.changes.found, got.changes.false) == (2, 1)
    assert (got.places.found, got.places.false) == (4, 0)


def test_an_object_that_stands_and_is_called_gone_is_a_false_claim() -> None:
    belief = Belief(
        KNOWN, [after(11, 4, 0), after(12, 1, 1, False), after(13, 2, 2, False), after(15, 6, 6)], [thing(20, "can", 5)]
    )
    got = score(belief, EDITS)
    assert (got.changes.found, got.changes.false) == (3, 1)
    assert (got.unmoved, got.lost) == (2, 1)


def test_a_second_record_of_what_is_known_is_invented() -> None:
    belief = Belief(
        KNOWN,
        [after(11, 4, 0), after(12, 1, 1, False), after(13, 2, 2), after(15, 6, 6)],
        [thing(20, "can", 5), thing(21, "bowl", 2.1)],
    )
    assert score(belief, EDITS).changes.false == 1


def test_what_had_no_fair_chance_does_not_count() -> None:
    belief = Belief(KNOWN, [after(11, 0, 0, False), after(12, 1, 1, False), after(13, 2, 2), after(15, 6, 6)], [])
    got = score(belief, expected(removed=frozenset({2}), excused=frozenset({1, 4})))
    assert (got.changes.wanted, got.changes.found, got.changes.false) == (1, 1, 0)


def test_swaps_are_scored_apart() -> None:
    belief = Belief(KNOWN, [after(11, 4, 0), after(12, 1, 1), after(13, 2, 2), after(15, 6, 6)], [])
    got = score(belief, expected(swapped=frozenset({1}), excused=frozenset({2, 4})))
    assert (got.changes.wanted, got.changes.false) == (0, 0)
    assert (got.swaps.wanted, got.swaps.found, got.swaps.false) == (1, 1, 0)


def test_chances_count_only_what_was_mapped() -> None:
    belief = Belief(KNOWN[:3], [after(11, 0, 0), after(12, 1, 1, False), after(13, 2, 2)], [])
    assert declared_gone(belief, EDITS, {2, 3, 5}) == (2, 1)
