"""Reciprocal rank fusion (Cormack, Clarke, Buettcher; SIGIR 2009): lists of ranks to one, without comparing scores."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

#: Rank offset of the paper: how little the top of one list outweighs agreement of several.
K = 60
_T = TypeVar("_T", bound=Hashable)


def fused(rankings: Iterable[Sequence[_T]], k: int = K) -> dict[_T, float]:
    """Score of each item, the sum of 1 / (k + rank) over the lists that hold it, best first; ranks count from 1.

    Items of equal score come in the order in which the lists first hold them.
    """
    score: dict[_T, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(dict.fromkeys(ranking), start=1):
            score[item] = score.get(item, 0.0) + 1.0 / (k + rank)
    return dict(sorted(score.items(), key=lambda item: -item[1]))
