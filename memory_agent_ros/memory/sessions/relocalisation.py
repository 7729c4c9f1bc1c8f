"""Where does a local map lie in a stored one? Found from the constellation of objects, then verified.

Likely pairs of objects (label, size, appearance) are nodes of a graph; pairs that keep distance and height are its
edges. Edges with much common support (second-order compatibility, SC2-PCR, Chen et al., CVPR 2022) each fix a pose in
closed form; the poses with most evidence are refined on all their inliers and verified: what should have been seen and
was not, surfaces seen through, and how well the second-best pose does. Surfaces, where both maps
have looked, then make the pose exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from memory_agent_ros.geometry.se3 import planar
from memory_agent_ros.memory.association.appearance import AppearanceModel
from memory_agent_ros.memory.sessions import constellation as stars
from memory_agent_ros.memory.sessions.constellation import Candidates, Constellation
from memory_agent_ros.memory.sessions.place_check import WEIGHTS, PlaceCheck, Side, Weights, check
from memory_agent_ros.memory.sessions.surface_alignment import align
from memory_agent_ros.memory.sessions.surfaces import Surfaces
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.relocalisation import Relocalisation


@dataclass(frozen=True)
class RelocalisationConfig:
    """Parameters of :func:`relocalise`.

    Attributes:
        labels, appearance, verify: use label distributions, appearance vectors, the verification (all True).
        min_pairs: fewest objects a pose must explain, 3 to 20.
        min_probability: a pose less probable is refused, 0.5 to 1.
        max_ambiguity: a pose whose best rival has more than this share of its evidence is refused, 0 to 1.
        weights: of the verification, see :mod:`~memory_agent_ros.memory.sessions.place_check`.
    """

    labels: bool = True
    appearance: bool = True
    verify: bool = True
    min_pairs: int = 3
    min_probability: float = 0.95
    max_ambiguity: float = 0.75
    weights: Weights = WEIGHTS


#: Edges tried as poses, poses refined, and how far poses must be apart to be different (metres at the middle, radians).
_EDGES, _REFINED, _APART_M, _APART_RAD = 400, 6, 0.5, 0.25
#: Poses verified.
_CHECKED = 3
#: Shortest distance of two objects whose bearing fixes a turn, metres.
_BASELINE_M = 0.6
#: Log-likelihood ratio of lying at the predicted place against anywhere in an apartment: log of its area over a spot's.
_ON_SPOT = 5.0


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """A refined pose.

    Attributes:
        pose: (4,) x, y, z, yaw.
        stored, local: (K,) rows of the pairs it explains; ``gain`` (K,) the evidence of each.
        residual_m: root mean square distance of their centres.
    """

    pose: NDArray[np.float64]
    stored: NDArray[np.intp]
    local: NDArray[np.intp]
    gain: NDArray[np.float64]
    residual_m: float

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(4, 4) the pose as a matrix."""
        x, y, z, yaw = (float(v) for v in self.pose)
        return planar(x, y, yaw, z)

    @property
    def evidence(self) -> float:
        """Sum of the gains."""
        return float(self.gain.sum())


@dataclass(frozen=True, eq=False)
class Search:
    """What :func:`search` looked at and found, best first."""

    stored: Constellation
    local: Constellation
    likeness: NDArray[np.float64]
    hypotheses: list[Hypothesis]


def search(
    stored: Sequence[MapObject],
    local: Sequence[MapObject],
    appearance: AppearanceModel | None,
    config: RelocalisationConfig,
) -> Search:
    """All distinct poses with support, refined, by falling evidence."""
    a, b = stars.constellations(stored, local)
    if len(a) < 2 or len(b) < 2:
        return Search(a, b, np.zeros((len(a), len(b))), [])
    likeness = stars.size_log_ratios(a, b)
    if config.labels:
        likeness = likeness + stars.label_log_ratios(a, b)
    if config.appearance:
        likeness = likeness + stars.appearance_log_ratios(a, b, appearance)
    found = stars.candidates(likeness, a, b)
    poses = _seed_poses(found, a, b)
    if len(poses) == 0:
        return Search(a, b, likeness, [])
    evidence = _evidence(poses, found, a, b)
    middle = b.center.mean(axis=0)
    refined: list[Hypothesis] = []
    for row in _distinct(poses, evidence, middle, 3 * _REFINED):
        better = _refine(poses[row], likeness, a, b)
        if better is None or len(refined) >= _REFINED:
            continue
        if not refined or _apart(better.pose, np.array([h.pose for h in refined]), middle).all():
            refined.append(better)
    refined.sort(key=lambda h: -h.evidence)
    return Search(a, b, likeness, refined)


def _seed_poses(found: Candidates, a: Constellation, b: Constellation) -> NDArray[np.float64]:
    """(E, 4) poses of the edges with most second-order support."""
    fits = stars.consistency(found, a, b)
    weight = np.sqrt(1.0 / (1.0 + np.exp(-found.likeness)))
    fits = fits * weight[:, None] * weight[None]
    support = fits * (fits @ fits) + 1e-6 * fits
    first, second = np.nonzero(np.triu(support > 0, k=1))
    gap = b.center[found.local[first], :2] - b.center[found.local[second], :2]
    far = (gap**2).sum(axis=1) >= _BASELINE_M**2
    first, second = first[far], second[far]
    if len(first) > _EDGES:
        best = np.argpartition(-support[first, second], _EDGES)[:_EDGES]
        first, second = first[best], second[best]
    return stars.poses_of_pairs(first, second, found, a, b)


def _evidence(poses: NDArray[np.float64], found: Candidates, a: Constellation, b: Constellation) -> NDArray[np.float64]:
    """(E,) evidence of each pose: of every local object the best pair."""
    gain = np.maximum(found.likeness + _ON_SPOT - 0.5 * stars.misfits(poses, found, a, b), 0.0)
    starts = np.flatnonzero(np.diff(found.local, prepend=-1))
    return np.asarray(np.maximum.reduceat(gain, starts, axis=1).sum(axis=1))


def _distinct(
    poses: NDArray[np.float64], evidence: NDArray[np.float64], middle: NDArray[np.float64], count: int
) -> list[int]:
    """Rows of the best poses that are apart from each other."""
    chosen: list[int] = []
    waiting = np.argsort(-evidence, kind="stable")
    while len(waiting) and len(chosen) < count:
        chosen.append(int(waiting[0]))
        waiting = waiting[_apart(poses[waiting[0]], poses[waiting], middle)]
    return chosen


def _apart(pose: NDArray[np.float64], others: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(E,) whether (E, 4) poses put the (3,) middle elsewhere than a (4,) pose does, or turn it otherwise."""
    turn = np.abs((others[:, 3] - pose[3] + np.pi) % (2 * np.pi) - np.pi)
    place = stars.turned(middle, pose[3]) + pose[:3]
    gap = stars.turned(middle[None], others[:, 3]) + others[:, :3] - place
    return np.asarray((turn > _APART_RAD) | ((gap**2).sum(axis=1) > _APART_M**2))


def _refine(
    pose: NDArray[np.float64], likeness: NDArray[np.float64], a: Constellation, b: Constellation
) -> Hypothesis | None:
    """Assign one to one under the pose, fit the pose to all pairs, repeat."""
    i, j = np.nonzero(likeness >= -3.0)
    gap = np.abs(a.extent[i] - b.extent[j])
    sigma = stars.spread(gap)
    every = Candidates(i, j, likeness[i, j], sigma)
    for _ in range(4):
        gain = every.likeness + _ON_SPOT - 0.5 * stars.misfits(pose[None], every, a, b)[0]
        near = gain > 0.5
        if near.sum() < 2:
            return None
        table = np.zeros(likeness.shape)
        table[i[near], j[near]] = gain[near]
        rows, columns = linear_sum_assignment(-table)
        paired = table[rows, columns] > 0
        rows, columns = rows[paired], columns[paired]
        if len(rows) < 2:
            return None
        sure = stars.spread(np.abs(a.extent[rows] - b.extent[columns]))
        pose = stars.fit_pose(a.center[rows], b.center[columns], sure)
    moved = stars.turned(b.center[columns], np.full(len(columns), pose[3])) + pose[:3]
    residual = float(np.sqrt(((moved - a.center[rows]) ** 2).sum(axis=1).mean()))
    return Hypothesis(pose, rows, columns, table[rows, columns], residual)


def relocalise(
    stored: Sequence[MapObject],
    local: Sequence[MapObject],
    *,
    appearance: AppearanceModel | None = None,
    stored_surfaces: Surfaces | None = None,
    local_surfaces: Surfaces | None = None,
    config: RelocalisationConfig | None = None,
) -> Relocalisation | None:
    """The pose of a local map in a stored one; None if none is sure enough.

    Args:
        stored: objects of the stored map; those gone or tentative are left out.
        local: objects of the local map.
        appearance: what cosines of appearance vectors are worth; None leaves appearance out.
        stored_surfaces: where the stored map has looked.
        local_surfaces: where the local one has; without both, objects alone decide.
        config: parameters.
    """
    config = config or RelocalisationConfig()
    stored, local = _usable(stored), _usable(local)
    result = search(stored, local, appearance, config)
    if not result.hypotheses or len(result.hypotheses[0].local) < config.min_pairs:
        return None
    sides = Side.of(stored, stored_surfaces), Side.of(local, local_surfaces)
    checked = sorted(((inspect(h, *sides), h) for h in result.hypotheses[:_CHECKED]), key=lambda ch: -ch[0].support)
    (best, pose), rivals = checked[0], checked[1:]
    ambiguity = max((c.support for c, _ in rivals), default=0.0) / max(best.support, 1e-9)
    score = best.log_odds(config.weights)
    odds = np.exp(np.clip([0.0, score, *(c.log_odds(config.weights) for c, _ in rivals)], -50.0, 50.0))
    probability = float(odds[1] / odds.sum())
    unsure = probability < config.min_probability or ambiguity > config.max_ambiguity
    if len(pose.local) < config.min_pairs or (config.verify and unsure):
        return None
    pairs = zip(result.stored.ids[pose.stored].tolist(), result.local.ids[pose.local].tolist(), strict=True)
    T = pose.matrix
    if stored_surfaces is not None and local_surfaces is not None:
        T = align(stored_surfaces, local_surfaces, T)
    return Relocalisation(T, tuple(pairs), pose.residual_m, probability, score, float(ambiguity), best.surfaces)


def inspect(hypothesis: Hypothesis, stored: Side, local: Side) -> PlaceCheck:
    """What a hypothesis explains of both maps."""
    return check(hypothesis.matrix, hypothesis.evidence, hypothesis.stored, hypothesis.local, stored, local)


def _usable(objects: Sequence[MapObject]) -> list[MapObject]:
    return [o for o in objects if o.confirmed and o.state is ObjectState.PRESENT]
