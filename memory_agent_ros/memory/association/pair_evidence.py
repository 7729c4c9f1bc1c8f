"""What is measured of every pair of a detection and a nearby object, before anything is decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.voxels import evenly
from memory_agent_ros.memory.association.appearance import AppearanceModel
from memory_agent_ros.memory.association.frame_alignment import Alignment
from memory_agent_ros.memory.association.labels import agreements
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.presence.visibility import ObjectVisibility
from memory_agent_ros.memory.track import SAME_LABEL, Track
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

_SAMPLES = 48
_FAR_M = 1.0


@dataclass(frozen=True, eq=False)
class Problem:
    """What one frame asks: which of its n observations shows which of m tracks.

    Attributes:
        frame: the image; its pose is the one that placed the observations.
        observations, tracks: the two sides, no gone track among them.
        visible: what the depth image says of the tracks.
        to_depth: (2,) pixels of the depth image per pixel of the colour image.
        appearance: what a cosine is worth.
        alignment: how the pose was corrected, None if it stands as told.
    """

    frame: Frame
    observations: Sequence[Observation]
    tracks: Sequence[Track]
    visible: ObjectVisibility
    to_depth: NDArray[np.float64]
    appearance: AppearanceModel
    config: MemoryConfig
    alignment: Alignment | None = None


@dataclass(frozen=True, eq=False)
class Evidence:
    """Measurements of n observations against m tracks; of pairs that are not ``near`` only the first four are filled.

    Attributes:
        near: (n, m) the boxes are within the gate.
        sigma: (n,) length of the position error of each observation, its pose included, metres.
        covered: (n, m) see :func:`visible_share_in_boxes`.
        center_m: (n, m) distance of the box centres; ``center`` the same over half the larger diagonal.
        size: (n, m) log of the ratio of the diagonals.
        agreement: (n, m) probability of equal labels.
        overlap: (n, m) share of the observation's points on the track's surface.
        residual_m: (n, m) median distance of its points to the track's.
        likeness: (n, m) log-likelihood ratio of the appearance, within +-3.
        score: (n, m) hand-built log-odds, -inf where the pair is not plausible.
    """

    near: NDArray[np.bool_]
    sigma: NDArray[np.float64]
    covered: NDArray[np.float64]
    center_m: NDArray[np.float64]
    center: NDArray[np.float64]
    size: NDArray[np.float64]
    agreement: NDArray[np.float64]
    overlap: NDArray[np.float64]
    residual_m: NDArray[np.float64]
    likeness: NDArray[np.float64]
    score: NDArray[np.float64]


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


def plausible(
    agreement: NDArray[np.float64],
    covered: NDArray[np.float64],
    center: NDArray[np.float64],
    usurped: NDArray[np.bool_],
    config: MemoryConfig,
) -> NDArray[np.bool_]:
    """(n, m) pairs worth measuring: a visible object must lie in the detection it is to explain.

    ``agreement``, ``covered``, ``center`` are (n, m) as in :class:`Evidence`; ``usurped`` (m,) objects whose place was
    taken by something of another kind.
    """
    seen, same = np.isfinite(covered), agreement >= SAME_LABEL
    share = np.where(seen, covered, 0.0)
    alike = same & ~(seen & (share < 0.15))
    other = ~same & seen & (share >= config.other_label_overlap) & (center <= 0.5) & ~usurped
    return np.asarray(alike | other)


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


def gather(problem: Problem, *, thorough: bool = False) -> Evidence:
    """Measure all pairs inside the gate; the costly measurements of plausible ones only, unless ``thorough``."""
    observations, tracks, config = problem.observations, problem.tracks, problem.config
    low_o, high_o = observation_bounds(observations)
    bounds = [t.bounds(config) for t in tracks]
    low_t, high_t = np.array([b[0] for b in bounds]), np.array([b[1] for b in bounds])
    sigma = position_sigma(problem.frame, observations)
    near = boxes_gap(low_o, high_o, low_t, high_t) <= config.gate_m + 2.0 * np.minimum(sigma, 0.5)[:, None]
    covered = visible_share_in_boxes(observations, problem.visible, problem.to_depth)
    center_m = np.linalg.norm((low_o + high_o)[:, None] - (low_t + high_t)[None], axis=2) / 2
    diagonal_o, diagonal_t = np.linalg.norm(high_o - low_o, axis=1), np.linalg.norm(high_t - low_t, axis=1)
    center = center_m / (np.maximum(diagonal_o[:, None], diagonal_t[None]) / 2 + config.overlap_m)
    size = np.log((diagonal_o[:, None] + 0.03) / (diagonal_t[None] + 0.03))
    shape = near.shape
    evidence = Evidence(
        near, sigma, covered, center_m, center, size, np.zeros(shape), np.zeros(shape), np.full(shape, _FAR_M),
        np.zeros(shape), np.full(shape, -np.inf),
    )  # fmt: skip
    scores = [o.label_scores or {o.label: 1.0} for o in observations]
    evidence.agreement[near] = agreements(scores, [t.votes.votes for t in tracks])[near]
    usurped = np.array([t.usurped for t in tracks], dtype=bool)
    possible = near & plausible(evidence.agreement, covered, center, usurped, config)
    worth = possible | (near & ((evidence.agreement >= 0.02) | (center <= 0.5))) if thorough else possible
    samples = [evenly(o.points_map, _SAMPLES) for o in observations]
    for i, j in zip(*(k.tolist() for k in np.nonzero(worth)), strict=True):
        _measure(evidence, i, j, problem, samples[i], bool(possible[i, j]))
    return evidence


def _measure(
    evidence: Evidence, i: int, j: int, problem: Problem, samples: NDArray[np.float32], possible: bool
) -> None:
    """Fill in the costly measurements of one pair."""
    obs, track, config = problem.observations[i], problem.tracks[j], problem.config
    covered, center = float(evidence.covered[i, j]), float(evidence.center[i, j])
    agreement = float(evidence.agreement[i, j])
    reach = max(config.overlap_m, 1.5 * track.cloud.voxel_m) + min(float(evidence.sigma[i]), 0.05)
    distances = np.minimum(track.cloud.distances(samples), _FAR_M)
    overlap = evidence.overlap[i, j] = float((distances < reach).mean())
    evidence.residual_m[i, j] = float(np.median(distances))
    likeness = evidence.likeness[i, j] = problem.appearance.log_ratio(track.bank.similarity(obs.embedding), 3.0)
    if possible:
        limited = float(np.clip(likeness, -1.5, 1.5))
        evidence.score[i, j] = pair_score(agreement, overlap, covered, center, limited, config)


def position_sigma(frame: Frame, observations: Sequence[Observation]) -> NDArray[np.float64]:
    """(n,) length of each observation's position error, metres: what it says itself, or what the pose does to it."""
    own = np.array([np.trace(o.covariance) for o in observations])
    if frame.pose_covariance is None or not np.isfinite(frame.pose_covariance).all():
        return np.asarray(np.sqrt(own))
    arms = np.array([o.centroid_map for o in observations]).reshape(-1, 3) - frame.T_map_camera[:3, 3]
    turn = np.trace(frame.pose_covariance[3:, 3:]) * 2.0 / 3.0 * (arms**2).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(own, np.trace(frame.pose_covariance[:3, :3]) + turn)))
