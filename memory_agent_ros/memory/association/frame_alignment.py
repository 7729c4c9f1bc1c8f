"""The error of a frame's pose, found from its detections: all of one image share it.

A localiser's error of some centimetres and degrees moves every detection of an image alike, so that the pattern of the
detections tells the error from a change of single objects. The correction is the most probable one given the reported
covariance of the pose (prior) and the distances from the detections' points to the clouds of known objects of the same
label (iterated closest points, weighted by a Geman-McClure kernel that narrows from iteration to iteration).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from memory_agent_ros.geometry.se3 import transform_points
from memory_agent_ros.geometry.voxels import evenly
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.track import Track
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.observation import Observation

Array = NDArray[np.float64]

#: Points taken of each detection and of each object.
_OWN, _OTHER = 24, 200
#: Different labels are so far apart in the fourth dimension of the search, metres.
_APART_M = 50.0
#: Widths of the kernel, as multiples of the expected displacement, and its narrowest, metres.
_WIDTHS, _NARROWEST_M = (2.0, 1.4, 1.0, 0.7, 0.5, 0.35, 0.35), 0.04
#: Error of one detection's surface against the object's that is not the pose's, metres.
_SURFACE_M = 0.02
#: Reported errors below this are none worth looking for, metres and radians.
_EXACT_M, _EXACT_RAD = 0.004, 0.0015
#: Without a reported covariance the pose is corrected only if its detections lie this far off, metres.
_AMISS_M = 0.03


@dataclass(frozen=True, eq=False)
class Alignment:
    """What the detections of one image say about its pose.

    Attributes:
        T: (4, 4) correction; multiplies map coordinates of this image from the left.
        before_m, after_m: median distance of the supporting detections' points to their objects.
        support: detections that agree.
        information: (6, 6) of the correction: x, y, z, roll, pitch, yaw about the camera along the map's axes.
    """

    T: Array
    before_m: float
    after_m: float
    support: float
    information: Array


@dataclass(frozen=True, eq=False)
class _Points:
    """Sampled points of the detections.

    Attributes:
        points: (N, 3) in the map frame, metres; ``owner`` (N,) the detection of each.
        search: (N,) fourth coordinate, by label.
        reach: (N,) expected displacement by the pose's error, metres.
    """

    points: Array
    owner: NDArray[np.intp]
    search: Array
    reach: Array


def align_frame(
    frame: Frame, observations: Sequence[Observation], tracks: Sequence[Track], config: MemoryConfig
) -> Alignment | None:
    """The correction of a frame's pose, None if there is no reason or no ground for one."""
    prior = _prior(frame, config)
    known = frame.pose_covariance is not None
    if prior is None or len(observations) < 2 or not tracks:
        return None
    camera = frame.T_map_camera[:3, 3]
    sigma_m, sigma_rad = np.sqrt(np.trace(prior[:3, :3])), np.sqrt(np.trace(prior[3:, 3:]))
    own = _sample(observations, camera, float(sigma_m), float(sigma_rad))
    found = _map_points(observations, tracks, own, config)
    if found is None:
        return None
    tree, map_points, trust = found
    if not known and not _is_amiss(own, tree, camera):
        return None
    xi, weight, distance, information = _solve(
        own, tree, map_points, trust, camera, np.asarray(np.linalg.inv(prior), np.float64)
    )
    share = np.bincount(own.owner, weight, minlength=len(observations)) / np.bincount(own.owner)
    agreeing = share > 0.3
    if agreeing.sum() < 2:
        return None
    inside = agreeing[own.owner] & (weight > 0.1)
    before = float(np.median(_distances(own, tree, np.zeros(6), camera)[0][inside]))
    after = float(np.median(distance[inside]))
    if (not known and before < _AMISS_M) or after > before:
        return None
    return Alignment(_matrix(xi, camera), before, after, float(share.sum()), information)


def _is_amiss(own: _Points, tree: cKDTree, camera: Array) -> bool:
    """Whether surfaces lie farther from where they are known than they do under a good pose; one search, no solving."""
    distance, _ = _distances(own, tree, np.zeros(6), camera)
    near = distance < 3.0 * np.maximum(_WIDTHS[0] * own.reach, _NARROWEST_M)
    return bool(near.any()) and float(np.median(distance[near])) >= _AMISS_M


def corrected(
    frame: Frame, observations: Sequence[Observation], alignment: Alignment
) -> tuple[Frame, list[Observation]]:
    """Frame and observations with the correction applied; a covariance becomes that of what error is left."""
    left = None if frame.pose_covariance is None else np.asarray(np.linalg.inv(alignment.information))
    better = dataclasses.replace(frame, T_map_camera=alignment.T @ frame.T_map_camera, pose_covariance=left)
    return better, [moved(o, alignment.T) for o in observations]


def moved(obs: Observation, T: Array) -> Observation:
    """An observation with (4, 4) applied to its geometry; its box turns by the yaw of it."""
    R = T[:3, :3]
    box = obs.box
    turn = float(np.arctan2(R[1, 0], R[0, 0]))
    return dataclasses.replace(
        obs,
        points_map=transform_points(T, obs.points_map).astype(np.float32),
        centroid_map=transform_points(T, obs.centroid_map[None])[0],
        covariance=R @ obs.covariance @ R.T,
        box=OrientedBox(transform_points(T, box.center[None])[0], box.size, box.yaw + turn),
    )


def _prior(frame: Frame, config: MemoryConfig) -> Array | None:
    """(6, 6) covariance of the pose's error, None if it is exact."""
    if frame.pose_covariance is None:
        position, angle = config.assumed_pose_std_m**2 / 3, np.deg2rad(config.assumed_pose_std_deg) ** 2 / 3
        if position <= 0.0 and angle <= 0.0:
            return None
        return np.diag([*[position + 1e-9] * 3, *[angle + 1e-9] * 3])
    covariance = np.asarray(frame.pose_covariance, dtype=np.float64)
    if not np.isfinite(covariance).all():
        return None
    variance = np.diagonal(covariance)
    if variance[:3].max() < _EXACT_M**2 and variance[3:].max() < _EXACT_RAD**2:
        return None
    return np.asarray((covariance + covariance.T) / 2 + np.diag([*[1e-8] * 3, *[1e-8] * 3]))


def _sample(observations: Sequence[Observation], camera: Array, sigma_m: float, sigma_rad: float) -> _Points:
    picked = [evenly(o.points_map, _OWN).astype(np.float64) for o in observations]
    owner = np.repeat(np.arange(len(picked)), [len(p) for p in picked])
    points = np.concatenate(picked)
    reach = np.hypot(sigma_m, sigma_rad * np.linalg.norm(points - camera, axis=1))
    labels = {label: n for n, label in enumerate(sorted({o.label for o in observations}))}
    search = np.array([labels[o.label] * _APART_M for o in observations])[owner]
    return _Points(points, owner, search, reach)


def _map_points(
    observations: Sequence[Observation], tracks: Sequence[Track], own: _Points, config: MemoryConfig
) -> tuple[cKDTree, Array, Array] | None:
    """Search tree, (M, 3) points and (M,) trust of the objects that the detections may show."""
    labels = {label: n for n, label in enumerate(sorted({o.label for o in observations}))}
    chosen = [t for t in tracks if t.label in labels and t.observations >= 2]
    if not chosen:
        return None
    margin = 2.0 * float(own.reach.max()) + config.gate_m
    low, high = own.points.min(axis=0) - margin, own.points.max(axis=0) + margin
    bounds = [t.bounds(config) for t in chosen]
    chosen = [t for t, (lo, hi) in zip(chosen, bounds, strict=True) if (lo <= high).all() and (hi >= low).all()]
    if not chosen:
        return None
    clouds = [t.cloud.samples(_OTHER) for t in chosen]
    lengths = [len(c) for c in clouds]
    points = np.concatenate(clouds).astype(np.float64)
    search = np.repeat([labels[t.label] * _APART_M for t in chosen], lengths)
    trust = np.repeat([float(t.observations) for t in chosen], lengths)
    tree = cKDTree(np.column_stack([points, search]), leafsize=24, balanced_tree=False, compact_nodes=False)
    return tree, points, trust


def _solve(
    own: _Points, tree: cKDTree, map_points: Array, trust: Array, camera: Array, prior: Array
) -> tuple[Array, Array, Array, Array]:
    """Gauss-Newton: (6,) correction, (N,) weights in [0, 1], (N,) distances, (6, 6) information."""
    xi: Array = np.zeros(6)
    arm = own.points - camera
    J = _jacobian(arm)
    counts = np.bincount(own.owner)[own.owner]
    weight = distance = np.zeros(len(arm))
    normal = prior
    for width in _WIDTHS:
        distance, nearest = _distances(own, tree, xi, camera)
        scale = np.maximum(width * own.reach, _NARROWEST_M)
        near = np.isfinite(distance) & (distance < 3.0 * scale)
        row = np.where(near, nearest, 0)
        weight = np.where(near, (scale**2 / (scale**2 + np.where(near, distance, 0.0) ** 2)) ** 2, 0.0)
        variance = _SURFACE_M**2 + own.reach**2 / 3.0 / trust[row]
        strength = 4.0 * weight / counts / variance  # the points of one detection err together: they count as four
        residual = np.where(near[:, None], map_points[row] - own.points, 0.0)
        JW = J * np.repeat(strength, 3)[:, None]
        normal = prior + JW.T @ J
        xi = np.asarray(np.linalg.solve(normal, JW.T @ residual.ravel()), dtype=np.float64)
    mahalanobis = float(np.sqrt(xi @ prior @ xi))
    xi = xi * min(1.0, 3.0 * np.sqrt(2.0) / max(mahalanobis, 1e-9))
    distance, _ = _distances(own, tree, xi, camera)
    return xi, weight, distance, normal


def _jacobian(arm: Array) -> Array:
    """(N, 3) points about the camera -> (3 N, 6) of their displacement by shift and turn."""
    J = np.zeros((len(arm), 3, 6))
    J[:, 0, 0] = J[:, 1, 1] = J[:, 2, 2] = 1.0
    J[:, 0, 4], J[:, 0, 5] = arm[:, 2], -arm[:, 1]
    J[:, 1, 3], J[:, 1, 5] = -arm[:, 2], arm[:, 0]
    J[:, 2, 3], J[:, 2, 4] = arm[:, 1], -arm[:, 0]
    return J.reshape(-1, 6)


def _distances(own: _Points, tree: cKDTree, xi: Array, camera: Array) -> tuple[Array, NDArray[np.intp]]:
    """(N,) distance of each corrected point to the nearest of its label, and which that is."""
    points = transform_points(_matrix(xi, camera), own.points)
    bound = 6.0 * float(own.reach.max()) + 0.3
    distance, nearest = tree.query(np.column_stack([points, own.search]), distance_upper_bound=bound)
    return np.asarray(distance, dtype=np.float64), np.asarray(nearest, dtype=np.intp)


def _matrix(xi: Array, camera: Array) -> Array:
    """(4, 4) turn about the camera by xi[3:] radians and shift by xi[:3] metres."""
    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec(xi[3:]).as_matrix()
    T[:3, 3] = camera + xi[:3] - T[:3, :3] @ camera
    return T
