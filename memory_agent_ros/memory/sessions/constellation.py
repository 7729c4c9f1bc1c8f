"""Objects as a constellation: what each could be in another map, and which such pairs fit one rigid pose.

All geometry is gravity-aligned: maps differ by a turn about z and a shift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.association.appearance import AppearanceModel
from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.records.map_object import MapObject

#: Smallest probability that two objects have the same label, and smallest log-likelihood ratio, of a candidate pair.
_AGREEMENT, _LIKELY = 0.05, -0.5
#: Candidates kept of each local object.
_PER_OBJECT = 8
#: Standard deviation of a centre, horizontal and vertical, metres, and how much of the difference in size it adds.
_CENTER_M, _HEIGHT_M, _PARTIAL = 0.06, 0.04, 0.35


@dataclass(frozen=True, eq=False)
class Constellation:
    """Objects as arrays, one row each.

    Attributes:
        ids: (N,) object ids.
        center: (N, 3) box centres, metres.
        extent: (N, 3) longer and shorter horizontal edge and height of the boxes, metres.
        labels: (N, L) label probabilities over a vocabulary shared by two constellations.
        embedding: (N, D) unit appearance vectors, NaN rows where there is none.
    """

    ids: NDArray[np.intp]
    center: NDArray[np.float64]
    extent: NDArray[np.float64]
    labels: NDArray[np.float64]
    embedding: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pairs that may be the same object, sorted by local row.

    Attributes:
        stored, local: (C,) rows.
        likeness: (C,) log-likelihood ratio of label, size and appearance.
        sigma: (C, 2) standard deviation of the distance of the centres, horizontal and vertical, metres.
    """

    stored: NDArray[np.intp]
    local: NDArray[np.intp]
    likeness: NDArray[np.float64]
    sigma: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.stored)


def constellations(stored: Sequence[MapObject], local: Sequence[MapObject]) -> tuple[Constellation, Constellation]:
    """Two lists of objects as arrays over one vocabulary."""
    names = sorted({normal_label(k) for o in (*stored, *local) for k in o.label_probs})
    column = {name: n for n, name in enumerate(names)}
    dimensions = {o.embedding.shape[0] for o in (*stored, *local) if o.embedding is not None}
    dimension = dimensions.pop() if len(dimensions) == 1 else 0
    return _constellation(stored, column, dimension), _constellation(local, column, dimension)


def _constellation(objects: Sequence[MapObject], column: dict[str, int], dimension: int) -> Constellation:
    labels = np.zeros((len(objects), len(column)))
    embedding = np.full((len(objects), dimension), np.nan)
    for row, thing in enumerate(objects):
        for name, probability in thing.label_probs.items():
            labels[row, column[normal_label(name)]] += probability
        if dimension and thing.embedding is not None:
            embedding[row] = thing.embedding
    size = np.array([o.box.size for o in objects], dtype=np.float64).reshape(-1, 3)
    extent = np.concatenate([-np.sort(-size[:, :2], axis=1), size[:, 2:]], axis=1)
    center = np.array([o.box.center for o in objects], dtype=np.float64).reshape(-1, 3)
    return Constellation(np.array([o.id for o in objects], dtype=np.intp), center, extent, labels, embedding)


def label_log_ratios(stored: Constellation, local: Constellation) -> NDArray[np.float64]:
    """(N, M) log-likelihood ratios of the same label; a label that is rare in the map says more. -inf if unlike."""
    agreement = stored.labels @ local.labels.T
    chance = local.labels @ stored.labels.mean(axis=0)
    ratio = np.log((agreement + 0.02) / (chance + 0.02)[None])
    return np.where(agreement >= _AGREEMENT, ratio, -np.inf)


def size_log_ratios(stored: Constellation, local: Constellation) -> NDArray[np.float64]:
    """(N, M) log-likelihood ratios of the same size, +1 down to -3."""
    difference = np.log((stored.extent[:, None] + 0.03) / (local.extent[None] + 0.03)) / 0.45
    return np.asarray(np.maximum(1.0 - 0.5 * (difference**2).sum(axis=2), -3.0))


def appearance_log_ratios(
    stored: Constellation, local: Constellation, model: AppearanceModel | None
) -> NDArray[np.float64]:
    """(N, M) log-likelihood ratios of the same look, -1.5 to 3, 0 where unknown; another light deceives easily."""
    cosine = stored.embedding @ local.embedding.T
    if model is None or cosine.size == 0 or stored.embedding.shape[1] == 0:
        return np.zeros((len(stored), len(local)))
    values = np.array([model.log_ratio(c, 3.0) for c in np.linspace(-1.0, 1.0, 201)])
    ratio = np.interp(np.nan_to_num(cosine), np.linspace(-1.0, 1.0, 201), values)
    return np.where(np.isfinite(cosine), np.maximum(ratio, -1.5), 0.0)


def candidates(likeness: NDArray[np.float64], stored: Constellation, local: Constellation) -> Candidates:
    """The likeliest pairs of every local object, from (N, M) log-likelihood ratios."""
    kept = min(_PER_OBJECT, len(stored))
    best = np.argpartition(-likeness, kept - 1, axis=0)[:kept].T.ravel()
    rows = np.repeat(np.arange(len(local)), kept)
    likely = likeness[best, rows] >= _LIKELY
    i, j = best[likely], rows[likely]
    return Candidates(i, j, likeness[i, j], spread(np.abs(stored.extent[i] - local.extent[j])))


def spread(gap: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C, 3) differences in extent -> (C, 2) standard deviation of the centres' distance, horizontal and vertical.

    An object seen from one side only is too small, and its centre is off by up to half of what is missing.
    """
    return np.stack([_CENTER_M + _PARTIAL * gap[:, :2].max(axis=1), _HEIGHT_M + _PARTIAL * gap[:, 2]], axis=1)


def consistency(found: Candidates, stored: Constellation, local: Constellation) -> NDArray[np.float64]:
    """(C, C) how well two pairs fit one pose, in [0, 1]: equal horizontal distance, equal difference in height.

    0 for pairs that share an object. The invariants of 4-DoF registration, as in TEASER++ (Yang et al., T-RO 2021) and
    CLIPPER (Lusk et al., ICRA 2021).
    """
    a, b = stored.center[found.stored], local.center[found.local]
    apart_a = np.hypot(a[:, None, 0] - a[None, :, 0], a[:, None, 1] - a[None, :, 1])
    apart_b = np.hypot(b[:, None, 0] - b[None, :, 0], b[:, None, 1] - b[None, :, 1])
    rise = (a[:, None, 2] - a[None, :, 2]) - (b[:, None, 2] - b[None, :, 2])
    variance = found.sigma[:, None] ** 2 + found.sigma[None] ** 2
    misfit = (apart_a - apart_b) ** 2 / variance[..., 0] + rise**2 / variance[..., 1]
    fits = np.where(misfit < 9.0, np.exp(-0.5 * misfit), 0.0)
    fits[(found.stored[:, None] == found.stored) | (found.local[:, None] == found.local)] = 0.0
    return np.asarray(fits)


def poses_of_pairs(
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    found: Candidates,
    stored: Constellation,
    local: Constellation,
) -> NDArray[np.float64]:
    """(E, 4) x, y, z, yaw of the pose that each two candidate pairs fix: the bearing turns, the middles meet."""
    a1, a2 = stored.center[found.stored[first]], stored.center[found.stored[second]]
    b1, b2 = local.center[found.local[first]], local.center[found.local[second]]
    yaw = np.arctan2(*(a2 - a1)[:, 1::-1].T) - np.arctan2(*(b2 - b1)[:, 1::-1].T)
    w1 = found.sigma[second] ** 2 / (found.sigma[first] ** 2 + found.sigma[second] ** 2)
    weight = np.stack([w1[:, 0], w1[:, 0], w1[:, 1]], axis=1)
    middle_a, middle_b = weight * a1 + (1 - weight) * a2, weight * b1 + (1 - weight) * b2
    return np.concatenate([middle_a - turned(middle_b, yaw), yaw[:, None]], axis=1)


def turned(points: NDArray[np.float64], yaw: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """(..., 3) points turned about z by (...) radians; broadcasts."""
    c, s = np.cos(yaw), np.sin(yaw)
    x, y = points[..., 0], points[..., 1]
    flat = c * x - s * y
    return np.stack([flat, s * x + c * y, np.broadcast_to(points[..., 2], flat.shape)], axis=-1)


def misfits(
    poses: NDArray[np.float64], found: Candidates, stored: Constellation, local: Constellation
) -> NDArray[np.float64]:
    """(E, C) squared distance of every candidate pair under every (E, 4) pose, in standard deviations."""
    moved = turned(local.center[found.local][None], poses[:, 3, None]) + poses[:, None, :3]
    gap = moved - stored.center[found.stored][None]
    variance = found.sigma**2
    return np.asarray((gap[..., 0] ** 2 + gap[..., 1] ** 2) / variance[:, 0] + gap[..., 2] ** 2 / variance[:, 1])


def fit_pose(a: NDArray[np.float64], b: NDArray[np.float64], sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4,) x, y, z, yaw that brings (K, 3) ``b`` onto (K, 3) ``a``: closed-form weighted least squares, SE(2) and z."""
    w = 1.0 / sigma[:, :1] ** 2
    wz = 1.0 / sigma[:, 1] ** 2
    mean_a, mean_b = (w * a).sum(axis=0) / w.sum(), (w * b).sum(axis=0) / w.sum()
    da, db = a - mean_a, b - mean_b
    sine = float((w[:, 0] * (db[:, 0] * da[:, 1] - db[:, 1] * da[:, 0])).sum())
    cosine = float((w[:, 0] * (db[:, 0] * da[:, 0] + db[:, 1] * da[:, 1])).sum())
    yaw = math.atan2(sine, cosine)
    shift = mean_a - turned(mean_b, yaw)
    shift[2] = float((wz * (a[:, 2] - b[:, 2])).sum() / wz.sum())
    return np.array([*shift, yaw])
