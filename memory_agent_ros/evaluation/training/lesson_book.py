"""Lessons opened for goals: what a policy reads, and what each candidate returns.

The return of a search is its SPL if it went there first and by the plain rule from then on. Where the goal is is luck:
a policy would learn by heart where things are in each apartment. So the place of every thing not seen yet stands for a
place where the goal might be, weighted by how often things of the goal's category were counted on such a surface in
these apartments; the mean over the places is most of a label, the place where the goal truly is the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.exploration.task_sets import (
    DISCOVER_BUDGET_M,
    MAX_DECISIONS,
    MINIMUM_WAY_M,
    SEARCH_BUDGET_M,
)
from memory_agent_ros.evaluation.training.explorer_lessons import Lessons
from memory_agent_ros.exploration.features import IN_ROOM, INDEX, NEAR, THING
from memory_agent_ros.exploration.labels import LABEL, LabelVectors
from memory_agent_ros.exploration.situation import Array, Situations
from memory_agent_ros.records.exploration_task import TaskKind

Indices = NDArray[np.int64]
#: What is added to the counts of a category, over all surfaces together.
_SMOOTH = 2.0
#: With fewer metres left there is nothing to learn.
_REST_M = 0.5
#: Features that a jitter moves: lengths, areas and counts, by which an apartment would be told.
_JITTERED = ("path", "gain", "gain_per_metre", "visits", "left_after", "things_near", "things_in_room")


class LessonBook:
    """Lessons with a number for each category of movable things.

    Args:
        lessons: opened.
        words: label vectors, those that the lessons were made with.

    Attributes:
        goals: the categories.
        searches: (S, 2) every lesson with the number of each goal that may be searched for in it.
        discoveries: (D,) lessons with metres left for a discovery.
    """

    def __init__(self, lessons: Lessons, words: LabelVectors) -> None:
        self.lessons = lessons
        self.goals = sorted(set(lessons.category.ravel().tolist()) - {""})
        self._vectors = words.vectors(self.goals)
        self._habits, self._surface = _habits(lessons, self.goals)
        # (A, M): things of one apartment on surfaces of one kind share what is counted there.
        self._alike = (self._surface[:, :, None] == self._surface[:, None]).sum(axis=2)
        # (A, goals, M): which things are of each category; (A, goals): the shortest way to one.
        self._is = lessons.category[:, None] == np.array(self.goals)[None, :, None]
        self._shortest = np.where(self._is, lessons.shortest_m[:, None], np.inf).min(axis=2)
        left = lessons.metres < SEARCH_BUDGET_M - _REST_M
        mine = self._is[lessons.apartment]
        seen = (mine & ~lessons.unseen[:, None]).any(axis=2)
        way = self._shortest[lessons.apartment]
        there = mine.any(axis=2) & ~seen & np.isfinite(way) & (way >= MINIMUM_WAY_M)
        self.searches = np.argwhere(there & left[:, None])
        self.discoveries = np.flatnonzero(lessons.metres < DISCOVER_BUDGET_M - _REST_M)

    def search(self, which: Indices, truth: float = 1.0) -> tuple[Situations, Array]:
        """Searches as the policy reads them, and the return of each candidate.

        Args:
            which: (B, 2) rows of :attr:`searches`.
            truth: share of the label that comes from where the goal is; the rest from where it might be.

        Returns:
            B situations, their candidates cut to the longest list, and (B, C) returns, 0 to 1; ``stop`` returns 0.
        """
        rows, goal = which[:, 0], which[:, 1]
        situations = self._situations(rows, self._vectors[goal], TaskKind.SEARCH, SEARCH_BUDGET_M, MAX_DECISIONS)
        width = situations.candidates.shape[1]
        met = self.lessons.declared_m[rows, :width].astype(np.float32)
        room = self.lessons.apartment[rows]
        first = np.where(self._is[room, goal][:, None], met, np.inf).min(axis=2)
        returns = _spl(self._shortest[room, goal][:, None], first)
        if truth >= 1.0:
            return situations, returns
        way = self.lessons.shortest_m[room]
        weight = self._habits[goal[:, None], self._surface[room]] * self.lessons.unseen[rows]
        weight = weight * (np.isfinite(way) & (way >= MINIMUM_WAY_M)) / self._alike[room]
        weight = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-9)
        usable = np.where(weight > 0, way, 1.0).astype(np.float32)
        expected = (_spl(usable[:, None], met) * weight[:, None]).sum(axis=2)
        return situations, (truth * returns + (1.0 - truth) * expected).astype(np.float32)

    def discover(self, rows: Indices) -> tuple[Situations, Array]:
        """Discoveries of (B,) lessons, and (B, C) what each candidate adds to the area under their curve."""
        nothing = np.zeros((len(rows), LABEL), np.float32)
        situations = self._situations(rows, nothing, TaskKind.DISCOVER, DISCOVER_BUDGET_M, 2 * MAX_DECISIONS)
        return situations, self.lessons.area[rows, : situations.candidates.shape[1]]

    def _situations(self, rows: Indices, goal: Array, kind: TaskKind, budget_m: float, most: int) -> Situations:
        """Lessons with a goal, a kind of task and a budget put in."""
        lessons = self.lessons
        width = int(lessons.mask[rows].sum(axis=1).max())
        mask, candidates = lessons.mask[rows, :width], lessons.candidates[rows, :width].astype(np.float32)
        left = (budget_m - lessons.metres[rows]).astype(np.float32)
        after = left[:, None] - 10.0 * candidates[..., INDEX["path"]]
        candidates[..., INDEX["left_after"]] = np.clip(after / budget_m, -1.0, 1.0)
        candidates[..., INDEX["within_budget"]] = after >= 0
        for name, part in (("goal_likes_thing", THING), ("goal_likes_near", NEAR), ("goal_likes_room", IN_ROOM)):
            candidates[..., INDEX[name]] = (candidates[..., part] @ goal[:, :, None])[..., 0]
        candidates[~mask] = 0.0
        kinds = np.tile(np.array([k is kind for k in TaskKind], np.float32), (len(rows), 1))
        spent = np.stack([np.clip(left / budget_m, 0.0, 1.0), 1.0 - lessons.decisions[rows] / most], axis=1)
        return Situations(
            np.concatenate([goal, kinds, spent], axis=1).astype(np.float32),
            lessons.context[rows].astype(np.float32),
            lessons.context_mask[rows],
            candidates,
            mask,
            np.zeros((len(rows), 1), np.float32),
            np.zeros(len(rows), np.int64),
        )


def blurred(situations: Situations, rng: np.random.Generator, strength: float = 1.0) -> Situations:
    """The situations with candidates and remembered things left out at random and numbers moved a little.

    Returns of candidates do not depend on the others, so labels stay right, and no apartment can be told by its
    numbers.
    """
    candidates, context = situations.candidates.copy(), situations.context
    mask = situations.candidate_mask & (rng.random(situations.candidate_mask.shape) >= 0.3 * strength)
    mask[:, 0] = situations.candidate_mask[:, 0]
    jittered = [INDEX[name] for name in _JITTERED]
    candidates[..., jittered] *= 1.0 + 0.1 * strength * rng.standard_normal((*mask.shape, len(jittered)))
    for part in (NEAR, IN_ROOM):
        kept = rng.random((len(candidates), 1, 1)) >= 0.15 * strength
        moved = candidates[..., part] + 0.04 * strength * rng.standard_normal(candidates[..., part].shape)
        candidates[..., part] = moved * kept
    context_mask = situations.context_mask & (rng.random(situations.context_mask.shape) >= 0.4 * strength)
    context = (context + 0.04 * strength * rng.standard_normal(context.shape)).astype(np.float32)
    return Situations(
        situations.goal, context, context_mask, candidates, mask, situations.key, situations.state, situations.words
    )


def _spl(shortest: NDArray[np.floating], metres: NDArray[np.floating]) -> Array:
    """Success weighted by path length of searches that would end after so many metres."""
    inside = metres <= SEARCH_BUDGET_M
    return np.where(inside, shortest / np.maximum(np.where(inside, metres, 1.0), shortest), 0.0).astype(np.float32)


def _habits(lessons: Lessons, goals: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Counts of the apartments.

    Returns:
        (goals, surfaces) probability that a thing of a category stands on a surface of a kind; (A, M) the number of the
        surface of each thing.
    """
    names, surface = np.unique(lessons.surface, return_inverse=True)
    surface = surface.reshape(lessons.surface.shape)
    table = np.full((len(goals), len(names)), _SMOOTH / len(names))
    known = lessons.category != ""
    numbers = np.searchsorted(np.array(goals), lessons.category[known])
    np.add.at(table, (numbers, surface[known]), 1.0)
    table /= table.sum(axis=1, keepdims=True)
    return table, surface
