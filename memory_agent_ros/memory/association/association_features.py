"""What the learned association reads of one frame: tokens for the encoder and features of pairs. numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.pair_evidence import Evidence, Problem, gather
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.tokens import Tokens, detection_tokens, join, object_tokens
from memory_agent_ros.memory.track import SAME_LABEL, Track
from memory_agent_ros.records.box import OrientedBox

#: Features of a pair, and of a detection by itself.
PAIR_FEATURES, OWN_FEATURES = 26, 10
#: Log-odds and share of the surface from which a pair without rivals is not asked about. On `val` the network agreed
#: with every one of 945 such pairs.
_SURE, _SURE_OVERLAP = 3.0, 0.5


@dataclass(frozen=True, eq=False)
class AssociationInput:
    """One frame as the learned association reads it.

    Attributes:
        tokens: of the n' detections, then of the m' candidates.
        pairs: (n', m', 26) float32; own: (n', 10) float32.
        possible: (n', m') bool, which pairs are within the gate.
        detections: (n',) which observations of the problem are asked about.
        candidates: (m',) which tracks of the problem are candidates.
    """

    tokens: Tokens
    pairs: NDArray[np.float32]
    own: NDArray[np.float32]
    possible: NDArray[np.bool_]
    detections: NDArray[np.intp]
    candidates: NDArray[np.intp]


class _TrackView:
    """A track as the tokens read it, without a snapshot's copies."""

    def __init__(self, track: Track, config: MemoryConfig) -> None:
        low, high = track.bounds(config)
        self.box = OrientedBox((low + high) / 2, high - low, 0.0)
        self.label_probs = track.votes.probs()
        self.embedding = track.bank.mean()
        self.covariance = track.covariance()
        self.observations = track.observations
        self.presence = track.presence
        self.confirmed = track.confirmed
        self.last_seen_ns = track.last_seen_ns


def possible_pairs(evidence: Evidence) -> NDArray[np.bool_]:
    """(n, m) pairs worth asking about.

    A detection of another kind must pass the hand-built gate: the simulator's confusions are not a real detector's.
    """
    near = evidence.near & (evidence.residual_m < 1.0)
    return np.asarray(near & ((evidence.agreement >= SAME_LABEL) | np.isfinite(evidence.score)))


def undoubted_pairs(evidence: Evidence, possible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(n, m) pairs that have no rival, neither object nor detection, and fit well: there is nothing to ask."""
    alone = possible & (possible.sum(axis=1, keepdims=True) == 1) & (possible.sum(axis=0, keepdims=True) == 1)
    return np.asarray(alone & (evidence.score >= _SURE) & (evidence.overlap >= _SURE_OVERLAP))


def association_input(
    problem: Problem, evidence: Evidence | None = None, asked: NDArray[np.bool_] | None = None
) -> AssociationInput:
    """Measure one frame; needs at least one observation and one track.

    Args:
        problem: the frame.
        evidence: :func:`gather` of it, thorough, if it is there already.
        asked: (n,) the observations to ask about; all if None.
    """
    evidence = gather(problem, thorough=True) if evidence is None else evidence
    detections = np.flatnonzero(np.ones(len(problem.observations), np.bool_) if asked is None else asked)
    measured = possible_pairs(evidence)[detections]
    candidates = np.flatnonzero(measured.any(axis=0))
    frame = problem.frame
    views = [_TrackView(problem.tracks[j], problem.config) for j in candidates.tolist()]
    observations = [problem.observations[i] for i in detections.tolist()]
    tokens = join(
        detection_tokens(observations, frame.T_map_camera, frame.pose_covariance),
        object_tokens(views, frame.T_map_camera, frame.stamp_ns),
    )
    possible = measured[:, candidates]
    pairs, own = _pairs(problem, evidence, detections, candidates), _own(problem, evidence, detections, possible)
    return AssociationInput(tokens, pairs, own, possible, detections, candidates)


def _pairs(
    problem: Problem, evidence: Evidence, detections: NDArray[np.intp], candidates: NDArray[np.intp]
) -> NDArray[np.float32]:
    """(n', m', 26)."""
    e, at = evidence, np.ix_(detections, candidates)
    sigma = e.sigma[detections, None]
    center, residual, score = e.center_m[at], e.residual_m[at], np.clip(e.score[at], -9.0, 9.0)
    covered = e.covered[at]
    seen = np.isfinite(covered)
    tracks = [problem.tracks[j] for j in candidates.tolist()]
    alignment = problem.alignment
    per_track = np.array(
        [[np.log1p(t.observations) / 3, t.confirmed, t.usurped, t.presence, np.cbrt(t.cloud.voxel_m)] for t in tracks]
    ).reshape(-1, 5)
    through = problem.visible.through_share[candidates]
    ones = np.ones_like(center)
    columns = [
        e.overlap[at], np.where(seen, covered, 0.5), seen, np.exp(-(np.minimum(e.center[at], 5.0) ** 2)),
        np.minimum(e.center[at], 3.0), np.log(e.agreement[at] + 0.02), e.agreement[at], e.likeness[at],
        np.clip(e.size[at], -3.0, 3.0), np.minimum(np.abs(e.size[at]), 3.0), np.minimum(center, 2.0),
        np.minimum(center / (sigma + 0.01), 6.0), np.log(residual + 0.005), np.minimum(residual / (sigma + 0.01), 6.0),
        score / 4.0, _margin(score) / 4.0, _margin(score.T).T / 4.0, _margin(-center) / 1.0, sigma * ones,
        float(alignment is not None) * ones, through[None] * ones, *(per_track[None, :, k] * ones for k in range(5)),
    ]  # fmt: skip
    return np.stack(columns, axis=2).astype(np.float32)


def _own(
    problem: Problem, evidence: Evidence, detections: NDArray[np.intp], possible: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(n', 10)."""
    best = np.clip(evidence.score.max(axis=1, initial=-9.0), -9.0, 9.0) / 4.0
    alignment = problem.alignment
    after = 0.0 if alignment is None else alignment.after_m
    support = 0.0 if alignment is None else alignment.support
    rows = []
    for row, i in enumerate(detections.tolist()):
        obs = problem.observations[i]
        rows.append(
            [
                obs.score, np.log(max(obs.pixels, 1)) / 10.0, obs.truncated, min(obs.range_m, 10.0) / 5.0, best[i],
                np.log1p(possible[row].sum()), min(float(evidence.sigma[i]), 1.0), after * 10.0, np.log1p(support),
                np.log1p(len(problem.observations)) / 3.0,
            ]
        )  # fmt: skip
    return np.array(rows, dtype=np.float32).reshape(-1, OWN_FEATURES)


def _margin(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each value of an (n, m) array is above the best other one of its row, within +-9."""
    if values.shape[1] < 2:
        return np.full_like(values, 9.0)
    top = np.partition(values, -2, axis=1)[:, -2:]
    other = np.where(values >= top[:, 1:], top[:, :1], top[:, 1:])
    return np.asarray(np.clip(values - other, -9.0, 9.0))
