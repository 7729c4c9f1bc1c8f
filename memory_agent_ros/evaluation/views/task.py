"""Recall of stored pictures from a wrong pose: queries, candidates, truth, and the two scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.views.view_set import ViewSet, covisibility, thinned, view_set
from memory_agent_ros.evaluation.walks.noise import PoseNoise
from memory_agent_ros.evaluation.walks.walk import WalkConfig

#: Two tours with changes of the world between them.
WALK = WalkConfig(passes=2, edits=6)
QUERY_NOISE = PoseNoise(0.5, 15.0)
QUERIES, TOP, RELEVANT, EXCLUDED = 40, 5, 0.3, 20
#: Co-visibility below which a pair is no revisit; how far the time gap of a matched pair may differ, keyframes.
_UNSEEN, _GAP = 0.02, 2


@dataclass(frozen=True, eq=False)
class RecallTask:
    """One apartment.

    Attributes:
        views: all pictures.
        keyframes: (F,) pictures kept; queries (Q,) pictures of the second tour that ask.
        T_told: (Q, 4, 4) wrong poses of the queries.
        allowed: (Q, F) bool: kept before the query and not among the last 20.
        covisible: (Q, F) share of the query's surface that each picture shows.
        age: (Q, F) how many keyframes ago.
    """

    views: ViewSet
    keyframes: NDArray[np.intp]
    queries: NDArray[np.intp]
    T_told: NDArray[np.float64]
    allowed: NDArray[np.bool_]
    covisible: NDArray[np.float32]
    age: NDArray[np.int64]


def recall_task(split: str, seed: int, noise: PoseNoise = QUERY_NOISE, *, progress: bool = False) -> RecallTask:
    """The task of one apartment."""
    return of_views(view_set(split, seed, WALK, progress=progress), noise, seed)


def of_views(views: ViewSet, noise: PoseNoise, seed: int) -> RecallTask:
    """Queries spread evenly over the last tour."""
    keyframes = thinned(views)
    later = np.flatnonzero(views.passes == views.passes.max())
    queries = later[np.linspace(0, len(later) - 1, min(QUERIES, len(later))).astype(np.intp)]
    told = PoseNoise(noise.position_m, noise.rotation_deg, noise.family, 1000 + seed).draw(views.T_map_camera[queries])
    before = np.searchsorted(keyframes, queries)
    age = before[:, None] - np.arange(len(keyframes))[None]
    return RecallTask(
        views, keyframes, queries, told, age > EXCLUDED, covisibility(views, queries, keyframes), age.astype(np.int64)
    )


def best(task: RecallTask, scores: NDArray[np.floating], k: int = TOP) -> list[NDArray[np.intp]]:
    """Per query the indices into ``task.keyframes`` of its best k candidates, best first."""
    masked = np.where(task.allowed, scores, -np.inf)
    order = np.argsort(-masked, axis=1, kind="stable")
    return [row[: min(k, int(ok.sum()))] for row, ok in zip(order, task.allowed, strict=True)]


def recall_at_5(task: RecallTask, scores: NDArray[np.floating]) -> float:
    """Mean over queries of relevant ones among the best five / min(5, relevant); NaN without any relevant picture."""
    relevant = (task.covisible >= RELEVANT) & task.allowed
    values = [
        relevant[q, chosen].sum() / min(TOP, int(relevant[q].sum()))
        for q, chosen in enumerate(best(task, scores))
        if relevant[q].any()
    ]
    return float(np.mean(values)) if values else float("nan")


def revisit_gain(task: RecallTask, scores: NDArray[np.floating]) -> float:
    """Mean rank score of true revisits minus that of pairs just as far apart in time that show nothing in common.

    Scores become ranks over all allowed pairs of the apartment, [0, 1], so arms compare whatever their unit; the gain
    is in [-1, 1] and 0 for what tells time only. Each revisit is matched with all non-revisits whose gap differs by at
    most two keyframes.
    """
    pairs = task.allowed
    values = np.asarray(scores, np.float64)[pairs]
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2.0 - 0.5
    rank = middle[inverse] / max(len(values), 1)
    covisible, age = task.covisible[pairs], task.age[pairs]
    revisit, other = covisible >= RELEVANT, covisible <= _UNSEEN
    gains = []
    for gap in np.unique(age[revisit]):
        here = revisit & (age == gap)
        control = other & (np.abs(age - gap) <= _GAP)
        if control.any():
            gains.append((int(here.sum()), float(rank[here].mean() - rank[control].mean())))
    weight = sum(n for n, _ in gains)
    return sum(n * g for n, g in gains) / weight if weight else float("nan")
