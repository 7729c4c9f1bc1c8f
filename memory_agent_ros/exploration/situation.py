"""What a policy sees and what it gives: the small protocol that exploration is learned on.

A decision is a *situation* with a list of *candidates*, one of which is chosen; after the last one there is an
*outcome*. Apartments (simulated or real) and text environments all speak it, many at a time: every array has a leading
axis B of situations, padded to the longest and masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
T = TypeVar("T")


@dataclass(frozen=True)
class SituationWords:
    """A situation as text, for policies that read.

    Attributes:
        goal: what is wanted.
        lines: what is remembered and matters here.
        choices: what can be chosen, by the candidates' columns; empty where there is no candidate.
    """

    goal: str
    lines: tuple[str, ...]
    choices: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Situations:
    """B situations.

    Attributes:
        goal: (B, G) what is wanted.
        context: (B, N, O) what is remembered and matters here, one token each (objects, or lines of text).
        context_mask: (B, N) bool, True where there is a token.
        candidates: (B, C, F) features of what can be chosen; at least one in each row.
        candidate_mask: (B, C) bool, True where there is a candidate.
        key: (B, K) unit vectors by which tips are looked up.
        state: (B,) int64, the same for situations that count as the same state; novelty counts them.
        words: B texts of the situations, or empty where nothing reads.
    """

    goal: Array
    context: Array
    context_mask: NDArray[np.bool_]
    candidates: Array
    candidate_mask: NDArray[np.bool_]
    key: Array
    state: NDArray[np.int64]
    words: tuple[SituationWords, ...] = ()

    def __len__(self) -> int:
        return len(self.goal)

    def rows(self, index: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Situations:
        """Some of the situations."""
        return Situations(
            self.goal[index],
            self.context[index],
            self.context_mask[index],
            self.candidates[index],
            self.candidate_mask[index],
            self.key[index],
            self.state[index],
            _chosen(self.words, len(self), index),
        )


@dataclass(frozen=True)
class Shape:
    """Widths of the arrays of an environment's situations: of ``goal``, ``context``, ``candidates`` and ``key``."""

    goal: int
    context: int
    candidate: int
    key: int


@dataclass(frozen=True, eq=False)
class TipTokens:
    """Retrieved tips, as a policy reads them.

    Attributes:
        features: (B, T, F + 2) the chosen candidate's features, the episode's score, the cosine to the situation's key.
        mask: (B, T) bool, True where there is a tip.
        words: for each of the B situations its tips as text, best first, or empty where nothing reads.
    """

    features: Array
    mask: NDArray[np.bool_]
    words: tuple[tuple[str, ...], ...] = ()

    def rows(self, index: NDArray[np.integer] | NDArray[np.bool_] | slice) -> TipTokens:
        """The tips of some of the situations."""
        return TipTokens(self.features[index], self.mask[index], _chosen(self.words, len(self.mask), index))


def concatenate(parts: Sequence[Situations]) -> Situations:
    """All rows of several batches of one shape, padded to the longest context and candidate list."""
    tokens = max(p.context.shape[1] for p in parts)
    choices = max(p.candidates.shape[1] for p in parts)
    return Situations(
        np.concatenate([p.goal for p in parts]),
        np.concatenate([_padded(p.context, tokens) for p in parts]),
        np.concatenate([_padded(p.context_mask, tokens) for p in parts]),
        np.concatenate([_padded(p.candidates, choices) for p in parts]),
        np.concatenate([_padded(p.candidate_mask, choices) for p in parts]),
        np.concatenate([p.key for p in parts]),
        np.concatenate([p.state for p in parts]),
        tuple(w for p in parts for w in p.words) if all(p.words for p in parts) else (),
    )


def concatenate_tips(parts: Sequence[TipTokens]) -> TipTokens:
    """All rows of several batches of tips, padded to the longest list."""
    longest = max(p.mask.shape[1] for p in parts)
    width = max(p.features.shape[2] for p in parts)  # where no tip was found the width is not known
    found = [p.features if p.mask.size else np.zeros((len(p.mask), 0, width), np.float32) for p in parts]
    features = np.concatenate([_padded(f, longest) for f in found])
    words = tuple(w for p in parts for w in p.words) if all(p.words for p in parts) else ()
    return TipTokens(features, np.concatenate([_padded(p.mask, longest) for p in parts]), words)


def _chosen(words: tuple[T, ...], count: int, index: Any) -> tuple[T, ...]:
    return tuple(words[i] for i in np.arange(count)[index].tolist()) if words else ()


def _padded(array: NDArray[Any], length: int) -> NDArray[Any]:
    """(B, n, ...) -> (B, length, ...), zeros (False) at the end."""
    missing = length - array.shape[1]
    return np.pad(array, [(0, 0), (0, missing)] + [(0, 0)] * (array.ndim - 2)) if missing else array


@dataclass(frozen=True, eq=False)
class Step:
    """What came of a choice in each of B situations.

    Attributes:
        situations: the next ones; a row that is done repeats its last situation.
        reward: (B,) float32 of this step; 0 once done.
        done: (B,) bool, the episode has ended.
    """

    situations: Situations
    reward: Array
    done: NDArray[np.bool_]


class Environment(Protocol):
    """Episodes in step, B at a time.

    Attributes:
        name: of the kind of task; tips of one name are never used in another.
        shape: widths of the arrays.
    """

    @property
    def name(self) -> str:
        """Domain."""
        ...

    @property
    def shape(self) -> Shape:
        """Widths of the arrays."""
        ...

    def reset(self, tasks: Sequence[int]) -> Situations:
        """Begin an episode of each task (numbers within this environment; the same number is the same task)."""
        ...

    def step(self, choices: NDArray[np.integer]) -> Step:
        """(B,) index of the candidate chosen in each situation -> what came of it; rows that are done are ignored."""
        ...

    def scores(self) -> Array:
        """(B,) score of each episode so far, 0 to 1."""
        ...

    def goal_text(self, row: int) -> str:
        """The goal of an episode, in words."""
        ...

    def choice_text(self, row: int, choice: int) -> str:
        """A candidate of the current situation, in words."""
        ...


class Policy(Protocol):
    """Scores candidates.

    Attributes:
        name: name and version, for provenance.
    """

    @property
    def name(self) -> str:
        """Name and version."""
        ...

    def logits(self, situations: Situations, tips: TipTokens | None = None) -> Array:
        """(B, C) float32 scores, -inf where there is no candidate; softmax of a row is the policy."""
        ...
