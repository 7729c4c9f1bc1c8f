"""Which observation belongs to which object: gating, a score per pair in log-odds, optimal assignment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from memory_agent_ros.memory.appearance import AppearanceModel
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.track import SAME_LABEL, Track
from memory_agent_ros.memory.visibility import ObjectVisibility
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

_SAMPLES = 48


@dataclass(frozen=True, eq=False)
class Problem:
    """What one frame asks: which of its n observations shows which of m tracks.

    Attributes:
        frame: the image; its pose is the one that placed the observations.
        observations, tracks: the two sides, no gone track among them.
        visible: what the depth image says of the tracks.
        to_depth: (2,) pixels of the depth image per pixel of the colour image.
        appearance: what a cosine is worth.
    """

    frame: Frame
    observations: Sequence[Observation]
    tracks: Sequence[Track]
    visible: ObjectVisibility
    to_depth: NDArray[np.float64]
    appearance: AppearanceModel
    config: MemoryConfig


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


def spread(points: NDArray[np.float32], count: int = _SAMPLES) -> NDArray[np.float32]:
    """At most ``count`` of (N, 3) points, evenly picked."""
    if len(points) <= count:
        return points
    return points[(np.arange(count) * (len(points) - 1)) // (count - 1)]


def observation_bounds(observations: Sequence[Observation]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 3) low and high corners of the observations' points."""
    low = np.array([o.points_map.min(axis=0) for o in observations], dtype=np.float64).reshape(-1, 3)
    high = np.array([o.points_map.max(axis=0) for o in observations], dtype=np.float64).reshape(-1, 3)
    return low, high


def boxes_gap(
    low_a: NDArray[np.float64], high_a: NDArray[np.float64], low_b: NDArray[np.float64], high_b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, m) distance between every pair of axis-aligned boxes, 0 where they touch, metres."""
    gap = np.maximum(low_a[:, None] - high_b[None], low_b[None] - high_a[:, None])
    return np.asarray(np.linalg.norm(np.clip(gap, 0.0, None), axis=2))


def visible_share_in_boxes(
    observations: Sequence[Observation], visible: ObjectVisibility, scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(n, m) share of each track's agreeing samples that lie in each observation's pixel box; NaN below 5 samples.

    ``scale`` (2,) turns colour pixels into depth pixels.
    """
    share = np.full((len(observations), len(visible.total)), np.nan)
    enough = visible.agree >= 5
    if not enough.any():
        return share
    agree = visible.points.agree
    uv, owner = visible.points.uv[agree], visible.owner[agree]
    for i, obs in enumerate(observations):
        x0, y0, x1, y1 = obs.box_xyxy * np.tile(scale, 2)
        inside = (uv[:, 0] >= x0 - 1) & (uv[:, 0] <= x1) & (uv[:, 1] >= y0 - 1) & (uv[:, 1] <= y1)
        counts = np.bincount(owner[inside], minlength=len(enough))
        share[i, enough] = counts[enough] / visible.agree[enough]
    return share


def plausible(agreement: float, covered: float, center_distance: float, config: MemoryConfig) -> bool:
    """Whether a pair inside the gate is worth measuring: a visible object must lie in the detection it is to explain.

    ``agreement`` is the probability of equal labels; ``covered`` the share of the track's visible samples in the
    observation's pixel box, NaN if too few are visible; ``center_distance`` as in :func:`pair_score`.
    """
    seen = np.isfinite(covered)
    if agreement >= SAME_LABEL:
        return not (seen and covered < 0.15)
    return bool(seen and covered >= config.other_label_overlap and center_distance <= 0.5)


def pair_score(
    agreement: float, overlap: float, covered: float, center_distance: float, appearance: float, config: MemoryConfig
) -> float:
    """Log-odds that a plausible pair is the same object, -inf if its surfaces are too far apart.

    ``overlap`` is the share of the observation's points on the track's surface; ``center_distance`` the distance of the
    centres over half their larger diagonal; ``appearance`` a log-likelihood ratio.
    """
    if agreement < SAME_LABEL:
        if overlap < config.other_label_overlap:
            return -np.inf
    elif overlap < 0.1 and center_distance > 0.8:
        return -np.inf
    seen = np.isfinite(covered)
    geometry = 0.45 * overlap + 0.2 * (covered if seen else 0.5) + 0.35 * float(np.exp(-(center_distance**2)))
    return 8.0 * (geometry - 0.35) + float(np.log((agreement + 0.02) / 0.15)) + appearance


def associate(problem: Problem) -> Matches:
    """The hand-built way: at most one observation a track; leftovers are fragments or new."""
    n, m = len(problem.observations), len(problem.tracks)
    result = Matches(overlap=np.zeros((n, m)))
    if n == 0 or m == 0:
        result.new = list(range(n))
        return result
    score = _scores(problem, result.overlap)
    config = problem.config
    rows, columns = linear_sum_assignment(-np.maximum(score, config.match_threshold - 1.0))
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        if score[i, j] > config.match_threshold:
            result.pairs[i] = j
    place_leftovers(problem, score, result)
    return result


def place_leftovers(problem: Problem, score: NDArray[np.float64], result: Matches) -> None:
    """Observations that got no track, and are no clutter, are fragments of a matched one, or new."""
    taken = set(result.pairs.values())
    done = {*result.pairs, *result.clutter}
    for i, obs in enumerate(problem.observations):
        if i in done:
            continue
        fragment = _fragment_of(i, obs, problem.tracks, taken, score, result.overlap, problem.config)
        if fragment is None:
            result.new.append(i)
        else:
            result.fragments[i] = fragment


def _scores(problem: Problem, overlap: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, m) pair scores; fills ``overlap`` for the pairs inside the gate."""
    observations, tracks, config = problem.observations, problem.tracks, problem.config
    low_o, high_o = observation_bounds(observations)
    bounds = [t.bounds(config) for t in tracks]
    low_t, high_t = np.array([b[0] for b in bounds]), np.array([b[1] for b in bounds])
    gap = boxes_gap(low_o, high_o, low_t, high_t)
    sigma = np.sqrt(np.array([np.trace(o.covariance) for o in observations]))
    near = gap <= config.gate_m + 2.0 * np.minimum(sigma, 0.5)[:, None]
    covered = visible_share_in_boxes(observations, problem.visible, problem.to_depth)
    center = np.linalg.norm((low_o + high_o)[:, None] - (low_t + high_t)[None], axis=2) / 2
    diagonal_o, diagonal_t = np.linalg.norm(high_o - low_o, axis=1), np.linalg.norm(high_t - low_t, axis=1)
    center /= np.maximum(diagonal_o[:, None], diagonal_t[None]) / 2 + config.overlap_m
    score = np.full(near.shape, -np.inf)
    samples = [spread(o.points_map) for o in observations]
    for i, j in zip(*(k.tolist() for k in np.nonzero(near)), strict=True):
        track, obs = tracks[j], observations[i]
        agreement = track.votes.agreement(obs.label_scores or {obs.label: 1.0})
        if not plausible(agreement, covered[i, j], center[i, j], config):
            continue
        if track.usurped and agreement < SAME_LABEL:
            continue
        reach = max(config.overlap_m, 1.5 * track.cloud.voxel_m) + min(float(sigma[i]), 0.05)
        overlap[i, j] = float((track.cloud.distances(samples[i]) < reach).mean())
        likeness = problem.appearance.log_ratio(track.bank.similarity(obs.embedding), 1.5)
        score[i, j] = pair_score(agreement, overlap[i, j], covered[i, j], center[i, j], likeness, config)
    return score


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
