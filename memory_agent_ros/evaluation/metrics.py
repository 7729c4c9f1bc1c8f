"""How well a map fits the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

#: A map object is a true object if their centres are this close, metres.
MATCH_M = 0.25


@dataclass(frozen=True, eq=False)
class Thing:
    """A labelled place, of the map or of the truth.

    Attributes:
        id: its id on its side.
        label: category.
        center: (3,) box centre, metres, map frame.
        radius_m: half the diagonal of its box.
    """

    id: int
    label: str
    center: NDArray[np.float64]
    radius_m: float = 0.0


def match(found: Sequence[Thing], truth: Sequence[Thing], limit_m: float = MATCH_M) -> dict[int, int]:
    """One-to-one matching by label and distance of centres: as many pairs as possible, then the least total distance.

    Returns:
        Truth id -> map id.
    """
    if not found or not truth:
        return {}
    distance = _distances(truth, found)
    far = 1e3
    rows, columns = linear_sum_assignment(np.where(distance <= limit_m, distance, far))
    pairs = zip(rows, columns, strict=True)
    return {truth[r].id: found[c].id for r, c in pairs if distance[r, c] <= limit_m}


def _distances(a: Sequence[Thing], b: Sequence[Thing]) -> NDArray[np.float64]:
    """(A, B) distances of centres, inf where the labels differ."""
    centers = np.stack([t.center for t in a])[:, None] - np.stack([t.center for t in b])[None]
    same = np.array([[x.label == y.label for y in b] for x in a])
    return np.where(same, np.linalg.norm(centers, axis=2), np.inf)


def duplicates(found: Sequence[Thing], truth: Sequence[Thing], matched: Mapping[int, int]) -> int:
    """Map objects that sit on a matched true object, the matched one included.

    A map object sits on the nearest true object of its label if it is within 0.25 m of its centre or, for bigger
    things, within half the diagonal of its box.
    """
    if not found or not truth:
        return 0
    distance = _distances(found, truth)
    nearest = distance.argmin(axis=1)
    count = 0
    for row, column in enumerate(nearest):
        near = distance[row, column] <= max(MATCH_M, truth[column].radius_m)
        count += bool(near and truth[column].id in matched)
    return count


@dataclass(frozen=True)
class MapScore:
    """Counts of one scene.

    Attributes:
        truths: objects that had to be found; ``matched`` of them were.
        found: objects in the map; ``real`` of them are true objects, whether or not they had to be found.
        on_matched: map objects that sit on a matched true object.
        errors_m: distance of centres of each matched pair.
    """

    truths: int
    matched: int
    found: int
    real: int
    on_matched: int
    errors_m: tuple[float, ...]


def score_map(
    found: Sequence[Thing], required: Sequence[Thing], every: Sequence[Thing]
) -> tuple[MapScore, dict[int, int]]:
    """Score map objects against the objects that had to be found; ``every`` holds all true objects.

    Returns:
        The counts, and truth id -> map id of the matched ones.
    """
    matched = match(found, required)
    by_id = {t.id: t for t in found}
    true_by_id = {t.id: t for t in required}
    errors = tuple(float(np.linalg.norm(by_id[m].center - true_by_id[t].center)) for t, m in matched.items())
    used = set(matched.values())
    others = [t for t in every if t.id not in true_by_id]
    extra = match([t for t in found if t.id not in used], others)
    return (
        MapScore(
            len(required),
            len(matched),
            len(found),
            len(matched) + len(extra),
            duplicates(found, required, matched),
            errors,
        ),
        matched,
    )


@dataclass(frozen=True)
class ChangeScore:
    """Counts of one scene's changes.

    Attributes:
        edits: changes made; ``found`` of them were noticed rightly.
        false_claims: claims of a move or a disappearance that are wrong.
    """

    edits: int
    found: int
    false_claims: int


@dataclass(frozen=True, eq=False)
class After:
    """A map object at the end.

    Attributes:
        id: its id.
        present: False if the map says it is gone.
        center: (3,) where the map has it now; ``before`` (3,) where it had it before the changes.
        claims_move: the map said "moved" since the changes.
    """

    id: int
    present: bool
    center: NDArray[np.float64]
    before: NDArray[np.float64]
    claims_move: bool


#: A claimed move counts as a claim if the object ends at least this far from where it was, metres.
CLAIM_M = 0.10


def score_changes(
    moved: Mapping[int, NDArray[np.float64]],
    removed: Sequence[int],
    matched: Mapping[int, int],
    after: Sequence[After],
    excused: Sequence[int] = (),
) -> ChangeScore:
    """Score what the map says after changes.

    Args:
        moved: true id -> (3,) new centre.
        removed: true ids.
        matched: true id -> map id, from before the changes.
        after: the map objects that were present before the changes, as they are now.
        excused: true ids that were disturbed by the way; claims about them do not count.

    A move is found if the map object that stood for it ends present within 0.25 m of its new place with the same id;
    a removal if that id ends gone. Each other net claim of a move or a disappearance is false.
    """
    by_id = {a.id: a for a in after}
    right: set[int] = set()
    for true_id, center in moved.items():
        now = by_id.get(matched.get(true_id, -1))
        if now is not None and now.present and np.linalg.norm(now.center - center) <= MATCH_M:
            right.add(now.id)
    for true_id in removed:
        now = by_id.get(matched.get(true_id, -1))
        if now is not None and not now.present:
            right.add(now.id)
    pardoned = right | {matched[t] for t in excused if t in matched}
    false = sum(_claims(a) for a in after if a.id not in pardoned)
    return ChangeScore(len(moved) + len(removed), len(right), false)


def _claims(now: After) -> bool:
    return not now.present or bool(now.claims_move and np.linalg.norm(now.center - now.before) > CLAIM_M)


def f1(found: float, wanted: float, false: float) -> float:
    """F1 from true positives, positives and false positives; 1 if there was nothing to find and nothing claimed."""
    total = wanted + found + false
    return 2 * found / total if total else 1.0
