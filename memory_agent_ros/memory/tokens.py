"""Tokens: what the one learned encoder reads of objects, detections and pictures. numpy only.

A token is a kind, features, a 3-D point and the world rotation of the ray on which it is seen. Features do not depend
on which embedder or detector runs: an appearance of any length goes through a fixed random projection to 32 numbers
(Johnson-Lindenstrauss keeps cosines), a label distribution becomes a sum of random unit vectors drawn from each
label's hash, so any vocabulary fits. Nothing in the features changes when the map is shifted or turned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.views.patch_features import DESCRIPTOR, PATCHES, PatchFeatures, patch_rays
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.observation import Observation

#: Kinds of tokens.
PATCH, DETECTION, OBJECT = 0, 1, 2
KINDS = 3
#: Parts of the features: appearance, label, scalars.
APPEARANCE, LABEL, SCALARS = 32, 32, 20
FEATURES = APPEARANCE + LABEL + SCALARS
#: Where a surface is taken to be on a ray without depth, metres.
ASSUMED_RANGE_M = 3.0


class ObjectLike(Protocol):
    """What is read of an object; a :class:`MapObject` has all of it."""

    @property
    def box(self) -> OrientedBox:
        """Upright box in the map."""
        ...

    @property
    def label_probs(self) -> Mapping[str, float]:
        """Probability by label."""
        ...

    @property
    def embedding(self) -> NDArray[np.float32] | None:
        """(D,) unit appearance, or None."""
        ...

    @property
    def covariance(self) -> NDArray[np.float64]:
        """(3, 3) of the position."""
        ...

    @property
    def observations(self) -> int:
        """How many it rests on."""
        ...

    @property
    def presence(self) -> float:
        """Probability that it stands there."""
        ...

    @property
    def confirmed(self) -> bool:
        """Whether it is more than tentative."""
        ...

    @property
    def last_seen_ns(self) -> int:
        """Stamp."""
        ...


@dataclass(frozen=True, eq=False)
class Tokens:
    """A set of tokens.

    Attributes:
        kind: (N,) int64, :data:`PATCH`, :data:`DETECTION` or :data:`OBJECT`.
        features: (N, 84) float32.
        points: (N, 3) float32 metres, axes of the map, relative to ``origin``.
        rotation: (N, 3, 3) float32 world rotation of each token's ray, ``R e_z`` = ray in the map.
        origin: (3,) float64 in the map, metres; near the tokens, so that float32 stays sharp.
    """

    kind: NDArray[np.int64]
    features: NDArray[np.float32]
    points: NDArray[np.float32]
    rotation: NDArray[np.float32]
    origin: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.kind)

    def at(self, origin: NDArray[np.float64]) -> Tokens:
        """The same tokens about another origin."""
        points = (self.points.astype(np.float64) + (self.origin - origin)).astype(np.float32)
        return Tokens(self.kind, self.features, points, self.rotation, origin)


def join(*parts: Tokens) -> Tokens:
    """One set out of several, about the first one's origin."""
    origin = parts[0].origin
    moved = [p.at(origin) for p in parts]
    return Tokens(
        np.concatenate([p.kind for p in moved]),
        np.concatenate([p.features for p in moved]),
        np.concatenate([p.points for p in moved]),
        np.concatenate([p.rotation for p in moved]),
        origin,
    )


def object_tokens(
    objects: Sequence[ObjectLike], T_map_camera: NDArray[np.float64], stamp_ns: int | None = None
) -> Tokens:
    """Remembered objects as seen from a camera (or from any pose of interest), one token each.

    Args:
        objects: snapshots.
        T_map_camera: (4, 4) pose of the optical frame; gives rays, ranges and the origin.
        stamp_ns: now, for the time since each was last seen; unknown if None.
    """
    scalars = np.zeros((len(objects), SCALARS), np.float32)
    for row, o in zip(scalars, objects, strict=True):
        row[3] = np.log1p(o.observations) / 5.0
        row[4], row[5], row[12] = o.presence, 1.0, o.confirmed
        row[11] = _log_sigma(o.covariance)
        row[13] = 0.0 if stamp_ns is None else np.log1p(max(stamp_ns - o.last_seen_ns, 0) * 1e-9) / 10.0
    return _thing_tokens(
        OBJECT,
        [o.box for o in objects],
        [o.label_probs for o in objects],
        [o.embedding for o in objects],
        scalars,
        T_map_camera,
    )


def detection_tokens(
    observations: Sequence[Observation],
    T_map_camera: NDArray[np.float64],
    pose_covariance: NDArray[np.float64] | None = None,
) -> Tokens:
    """This image's detections, one token each.

    Args:
        observations: lifted detections.
        T_map_camera: (4, 4) pose of the optical frame.
        pose_covariance: (6, 6) of that pose, if it is known.
    """
    scalars = np.zeros((len(observations), SCALARS), np.float32)
    for row, o in zip(scalars, observations, strict=True):
        row[4], row[5], row[7], row[12] = 1.0, o.score, o.truncated, 1.0
        row[8] = np.log(max(o.pixels, 1)) / 10.0
        row[11] = _log_sigma(o.covariance)
    if pose_covariance is not None:
        scalars[:, 14], scalars[:, 15] = _log_sigma(pose_covariance[:3, :3]), _log_sigma(pose_covariance[3:, 3:])
        scalars[:, 16] = 1.0
    return _thing_tokens(
        DETECTION,
        [o.box for o in observations],
        [o.label_scores or {o.label: o.score} for o in observations],
        [o.embedding for o in observations],
        scalars,
        T_map_camera,
    )


def keyframe_tokens(patches: PatchFeatures, T_map_camera: NDArray[np.float64]) -> Tokens:
    """A picture's patches, one token each; a patch without depth is put 3 m away on its ray.

    Args:
        patches: see :func:`~memory_agent_ros.memory.views.patch_features.patch_features`.
        T_map_camera: (4, 4) pose of the optical frame.
    """
    R, origin = T_map_camera[:3, :3], T_map_camera[:3, 3].copy()
    known = patches.has_depth
    points = np.where(known[:, None], patches.points_camera, ASSUMED_RANGE_M * patches.rays_camera).astype(np.float64)
    M = minimal_rotations(patches.rays_camera.astype(np.float64))
    features = np.zeros((len(patches), FEATURES), np.float32)
    scalars = features[:, APPEARANCE + LABEL :]
    scalars[:, :DESCRIPTOR] = 2.0 * patches.descriptors
    scalars[:, 8:11] = np.einsum("nba,nb->na", M, patches.normals_camera)
    scalars[:, 11] = known
    scalars[:, 12] = np.log(np.linalg.norm(points, axis=1))
    scalars[:, 13] = patches.readings
    scalars[:, 14:16] = patches.rays_camera[:, :2]
    scalars[:, 16] = patches.descriptors.any(axis=1)
    kind = np.full(len(patches), PATCH, np.int64)
    return Tokens(kind, features, (points @ R.T).astype(np.float32), (R @ M).astype(np.float32), origin)


def view_tokens(
    camera: Camera, T_map_camera: NDArray[np.float64], points_camera: NDArray[np.floating] | None = None
) -> Tokens:
    """A view of which there is no picture, only a pose and perhaps an expectation of the surfaces.

    Args:
        camera: intrinsics.
        T_map_camera: (4, 4) pose of the optical frame.
        points_camera: (48, 3) expected surface point of each patch, optical frame, NaN where unknown.
    """
    zeros = np.zeros((PATCHES, 3), np.float32)
    points = np.full_like(zeros, np.nan) if points_camera is None else points_camera.astype(np.float32)
    empty = np.zeros((PATCHES, DESCRIPTOR), np.float32)
    known = np.isfinite(points[:, 0]).astype(np.float32)
    return keyframe_tokens(PatchFeatures(empty, patch_rays(camera), points, zeros, known), T_map_camera)


def minimal_rotations(rays: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 3) unit rays -> (N, 3, 3) smallest rotations that take e_z to each; backwards, half a turn about x."""
    x, y, c = rays.T
    back = c < -1.0 + 1e-6
    share = 1.0 / np.where(back, 1.0, 1.0 + c)
    rows = [1.0 - x * x * share, -x * y * share, x, -x * y * share, 1.0 - y * y * share, y, -x, -y, c]
    M = np.stack(rows, axis=1).reshape(-1, 3, 3)
    return np.asarray(np.where(back[:, None, None], np.diag([1.0, -1.0, -1.0]), M))


@lru_cache(maxsize=16)
def _projection(size: int) -> NDArray[np.float32]:
    """(size, 32) Gaussian projection, the same everywhere."""
    rng = np.random.default_rng([size, 20602])
    return np.asarray(rng.standard_normal((size, APPEARANCE)) / np.sqrt(APPEARANCE), dtype=np.float32)


@lru_cache(maxsize=4096)
def _label_vector(label: str) -> NDArray[np.float32]:
    """(32,) unit vector drawn from the label's hash."""
    seed = int.from_bytes(hashlib.sha256(label.encode()).digest()[:8], "little")
    vector = np.random.default_rng(seed).standard_normal(LABEL)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def _log_sigma(covariance: NDArray[np.float64]) -> float:
    """Scaled log of the standard deviation, of the length of an error with this covariance."""
    return float(np.log(np.sqrt(max(float(np.trace(covariance)), 0.0)) + 1e-3) / 5.0)


def _thing_tokens(
    kind: int,
    boxes: Sequence[OrientedBox],
    labels: Sequence[Mapping[str, float]],
    embeddings: Sequence[NDArray[np.float32] | None],
    scalars: NDArray[np.float32],
    T_map_camera: NDArray[np.float64],
) -> Tokens:
    R, origin = T_map_camera[:3, :3], T_map_camera[:3, 3].copy()
    count = len(boxes)
    centers = np.array([b.center for b in boxes], np.float64).reshape(count, 3) - origin
    size = np.log(np.maximum(np.array([b.size for b in boxes], np.float64).reshape(count, 3), 0.01))
    reach = np.maximum(np.linalg.norm(centers, axis=1), 1e-6)
    rotation = R @ minimal_rotations((centers / reach[:, None]) @ R)
    scalars[:, 0], scalars[:, 1] = size[:, :2].max(axis=1), size[:, :2].min(axis=1)
    scalars[:, 2], scalars[:, 6] = size[:, 2], np.log(np.maximum(reach, 0.1))
    features = np.zeros((count, FEATURES), np.float32)
    for row, distribution, embedding in zip(features, labels, embeddings, strict=True):
        if embedding is not None:
            row[:APPEARANCE] = np.asarray(embedding) @ _projection(len(embedding))
        total = sum(distribution.values())
        for label, share in distribution.items():
            row[APPEARANCE : APPEARANCE + LABEL] += (share / max(total, 1e-9)) * _label_vector(label)
    scalars[:, 9] = [e is not None for e in embeddings]
    scalars[:, 10] = [bool(d) for d in labels]
    features[:, :APPEARANCE] *= 3.0
    features[:, APPEARANCE : APPEARANCE + LABEL] *= 3.0
    features[:, APPEARANCE + LABEL :] = scalars
    return Tokens(
        np.full(count, kind, np.int64), features, centers.astype(np.float32), rotation.astype(np.float32), origin
    )
