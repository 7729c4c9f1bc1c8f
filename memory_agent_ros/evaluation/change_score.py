"""Scores of what a memory says changed between two visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.change_truth import Expected
from memory_agent_ros.evaluation.metrics import MATCH_M, After, Thing, match, score_changes


@dataclass(frozen=True, eq=False)
class Belief:
    """What an arm believes at the end of the second visit.

    Attributes:
        before: objects it had present after the first visit.
        after: the same objects now.
        fresh: present objects that it did not have before.
    """

    before: list[Thing]
    after: list[After]
    fresh: list[Thing]


@dataclass(frozen=True)
class Counts:
    """Changes of one kind of scoring: to be found, found, and wrongly claimed."""

    wanted: int = 0
    found: int = 0
    false: int = 0


@dataclass(frozen=True)
class ChangeScores:
    """One arm in one apartment.

    Attributes:
        changes: moved (with identity), removed, added.
        swaps: things that changed places with another, with identity.
        places: the same edits as ``changes`` without identity: places left empty, places filled.
        unmoved: things nobody touched that were in the map; ``lost`` of them ended gone.
    """

    changes: Counts
    swaps: Counts
    places: Counts
    unmoved: int
    lost: int


def score(belief: Belief, expected: Expected) -> ChangeScores:
    """Score one arm; see :func:`memory_agent_ros.evaluation.metrics.score_changes` for moves and removals.

    An added thing is found if a new object of its label is within 0.25 m of it. A new object that stands on no true
    thing is a false claim.
    """
    was = {t.id: t for t in expected.before}
    now = {t.id: t for t in expected.after}
    matched = match(belief.before, [Thing(t.id, t.label, t.box.center) for t in expected.before])
    excused = sorted(expected.excused | expected.swapped)
    claims = score_changes(
        {i: now[i].box.center for i in expected.moved}, sorted(expected.removed), matched, belief.after, excused
    )
    added = match(belief.fresh, [Thing(i, now[i].label, now[i].box.center) for i in expected.added])
    invented = _invented(belief, expected)
    changes = Counts(claims.edits + len(expected.added), claims.found + len(added), claims.false_claims + invented)
    own = {matched[i] for i in expected.swapped if i in matched}
    swapped = score_changes(
        {i: now[i].box.center for i in expected.swapped}, [], matched, [a for a in belief.after if a.id in own]
    )
    swaps = Counts(swapped.edits, swapped.found, swapped.false_claims)
    by_id = {a.id: a for a in belief.after}
    touched = expected.moved | expected.removed | expected.swapped | expected.excused
    still = [by_id[matched[i]] for i in was if i in matched and i not in touched]
    lost = sum(not a.present for a in still)
    return ChangeScores(changes, swaps, _places(belief, expected, matched), len(still), lost)


def _places(belief: Belief, expected: Expected, matched: Mapping[int, int]) -> Counts:
    """Places left and places filled; which object filled them does not matter."""
    was, now = ({t.id: t for t in side} for side in (expected.before, expected.after))
    by_id = {a.id: a for a in belief.after}
    standing = [(a.center, a.id) for a in belief.after if a.present] + [(t.center, t.id) for t in belief.fresh]
    labels = {t.id: t.label for t in (*belief.before, *belief.fresh)}
    left = sum(i in matched and _left(by_id[matched[i]], was[i].box.center) for i in expected.moved | expected.removed)
    filled = sum(
        any(labels[k] == now[i].label and _near(c, now[i].box.center) for c, k in standing)
        for i in expected.moved | expected.added
    )
    wanted = 2 * len(expected.moved) + len(expected.removed) + len(expected.added)
    pardoned = expected.moved | expected.removed | expected.swapped | expected.excused
    spared = {matched[i] for i in pardoned if i in matched}
    false = sum(_left(a, a.before) for a in belief.after if a.id not in spared)
    return Counts(wanted, left + filled, false + _invented(belief, expected))


def _left(now: After, place: NDArray[np.float64]) -> bool:
    return not now.present or not _near(now.center, place)


def _near(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    return float(np.linalg.norm(a - b)) <= MATCH_M


def _invented(belief: Belief, expected: Expected) -> int:
    """New objects that stand on no true thing, or on one that another present object stands for."""
    present = [Thing(a.id, _label(belief.before, a.id), a.center) for a in belief.after if a.present]
    truth = [Thing(t.id, t.label, t.box.center) for t in expected.after]
    taken = set(match(present, truth))
    matched = match(belief.fresh, [t for t in truth if t.id not in taken])
    return len(belief.fresh) - len(matched)


def _label(things: Sequence[Thing], thing_id: int) -> str:
    return next(t.label for t in things if t.id == thing_id)


def declared_gone(belief: Belief, expected: Expected, chances: set[int]) -> tuple[int, int]:
    """Of the true ids ``chances``: how many the arm had in its map, and how many of those it declared gone."""
    matched = match(belief.before, [Thing(t.id, t.label, t.box.center) for t in expected.before])
    by_id = {a.id: a for a in belief.after}
    had = [by_id[matched[i]] for i in chances if i in matched]
    return len(had), sum(not a.present for a in had)
