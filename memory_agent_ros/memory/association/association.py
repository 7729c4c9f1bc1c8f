"""Which observation belongs to which object: gating, a score per pair in log-odds, optimal assignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from memory_agent_ros.memory.association.pair_evidence import Problem, gather
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.track import SAME_LABEL, Track
from memory_agent_ros.records.observation import Observation


@dataclass
class Matches:
    """Result of one frame.

    Attributes:
        pairs: observation index -> track index, one to one.
        fragments: observation index -> track index of objects that a better detection also shows.
        new: observations of no known object.
        clutter: observations of nothing; they leave no trace.
        overlap: (n, m) share of each observation's points on each track's surface.
    """

    pairs: dict[int, int] = field(default_factory=dict)
    fragments: dict[int, int] = field(default_factory=dict)
    new: list[int] = field(default_factory=list)
    clutter: list[int] = field(default_factory=list)
    overlap: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))


class Associator(Protocol):
    """A way to solve a :class:`Problem`."""

    def __call__(self, problem: Problem) -> Matches:
        """Assign every observation: to one track, as a fragment, as new, or as clutter."""
        ...


def associate(problem: Problem) -> Matches:
    """The hand-built way: at most one observation a track; leftovers are fragments or new."""
    n, m = len(problem.observations), len(problem.tracks)
    result = Matches(overlap=np.zeros((n, m)))
    if n == 0 or m == 0:
        result.new = list(range(n))
        return result
    evidence, config = gather(problem), problem.config
    score, result.overlap = evidence.score, evidence.overlap
    rows, columns = linear_sum_assignment(-np.maximum(score, config.match_threshold - 1.0))
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        if score[i, j] > config.match_threshold:
            result.pairs[i] = j
    place_leftovers(problem, score, result)
    return result


def place_leftovers(problem: Problem, score: NDArray[np.float64], result: Matches) -> None:
    """Observations that got no track, and are no clutter, are fragments of a matched one, or new."""
    taken = set(result.pairs.values())
    done = {*result.pairs, *result.fragments, *result.clutter}
    for i, obs in enumerate(problem.observations):
        if i in done:
            continue
        fragment = _fragment_of(i, obs, problem.tracks, taken, score, result.overlap, problem.config)
        if fragment is None:
            result.new.append(i)
        else:
            result.fragments[i] = fragment


def _fragment_of(
    i: int,
    obs: Observation,
    tracks: Sequence[Track],
    taken: set[int],
    score: NDArray[np.float64],
    overlap: NDArray[np.float64],
    config: MemoryConfig,
) -> int | None:
    """The track, matched by another detection, on whose surface this one lies too; None if there is none."""
    candidates = [j for j in taken if overlap[i, j] >= config.fragment_overlap and np.isfinite(score[i, j])]
    if not candidates:
        return None
    best = max(candidates, key=lambda j: float(score[i, j]))
    scores = obs.label_scores or {obs.label: 1.0}
    return best if tracks[best].votes.agreement(scores) >= SAME_LABEL else None
