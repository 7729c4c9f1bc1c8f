"""Ways to recall pictures that learn nothing: the baselines, each with at most one number tuned on ``val``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.views.task import RecallTask
from memory_agent_ros.memory.views.patch_features import patch_rays

Scores = NDArray[np.float64]


def recency(task: RecallTask) -> Scores:
    """(Q, F) the younger the better."""
    return -task.age.astype(np.float64)


def appearance_cosine(task: RecallTask, pooled: bool) -> Scores:
    """(Q, F) cosine of standardised patch descriptors: of their mean and spread (``pooled``) or patch by patch."""
    d = task.views.descriptors
    known = d[task.keyframes]
    mean, spread = known.mean(axis=(0, 1)), known.std(axis=(0, 1)) + 1e-6
    d = (d - mean) / spread
    vectors = np.concatenate([d.mean(axis=1), d.std(axis=1)], axis=1) if pooled else d.reshape(len(d), -1)
    if pooled:
        vectors = vectors - vectors[task.keyframes].mean(axis=0)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    return np.asarray(vectors[task.queries] @ vectors[task.keyframes].T, np.float64)


def pose_distance(task: RecallTask, metres_per_radian: float) -> Scores:
    """(Q, F) minus distance of the camera centres and weighted angle between the rotations."""
    T = task.views.T_map_camera[task.keyframes]
    distance = np.linalg.norm(task.T_told[:, None, :3, 3] - T[None, :, :3, 3], axis=2)
    trace = np.einsum("qab,fab->qf", task.T_told[:, :3, :3], T[:, :3, :3])
    angle = np.arccos(np.clip((trace - 1.0) / 2.0, -1.0, 1.0))
    return np.asarray(-(distance + metres_per_radian * angle))


def frustum_overlap(task: RecallTask, far_m: float) -> Scores:
    """(Q, F) intersection over union of viewing volumes up to a depth, by samples of both; no walls."""
    rays = patch_rays(task.views.camera).astype(np.float64)
    depths = far_m * np.cbrt((np.arange(8) + 0.5) / 8.0)
    samples = (rays / rays[:, 2:])[:, None] * depths[None, :, None]
    samples = samples.reshape(-1, 3)
    stored = task.views.T_map_camera[task.keyframes]
    out = np.zeros(task.allowed.shape)
    for q, T in enumerate(task.T_told):
        mine = _inside(task, np.linalg.inv(stored) @ T, samples, far_m)
        theirs = _inside(task, np.linalg.inv(T) @ stored, samples, far_m)
        shared = (mine + theirs) / 2.0
        out[q] = shared / (2.0 - shared)
    return out


def depth_reprojection(task: RecallTask) -> Scores:
    """(Q, F) share of the query's patch points, placed by the wrong pose, that each picture's depth agrees with.

    What the truth is computed with, at the pose that was told; exact but for the pose, and needs every thumbnail.
    """
    views, out = task.views, np.zeros(task.allowed.shape)
    to_camera = np.linalg.inv(views.T_map_camera[task.keyframes])
    depth = views.depth_mm[task.keyframes] / 1000.0
    height, width = depth.shape[1:]
    for q, index in enumerate(task.queries):
        points = views.points_camera[index].astype(np.float64)
        points = points[np.isfinite(points[:, 0])]
        world = points @ task.T_told[q, :3, :3].T + task.T_told[q, :3, 3]
        local = np.einsum("fab,pb->fpa", to_camera[:, :3, :3], world) + to_camera[:, None, :3, 3]
        z = np.maximum(local[..., 2], 1e-3)
        column = np.rint(local[..., 0] / z * views.look_K[0, 0] + views.look_K[0, 2]).astype(np.intp)
        line = np.rint(local[..., 1] / z * views.look_K[1, 1] + views.look_K[1, 2]).astype(np.intp)
        inside = (local[..., 2] > 0.1) & (column >= 0) & (column < width) & (line >= 0) & (line < height)
        there = depth[np.arange(len(depth))[:, None], np.clip(line, 0, height - 1), np.clip(column, 0, width - 1)]
        likeness = np.exp(-((there - z) ** 2) / (2.0 * 0.5**2)) * (there > 0)
        out[q] = (inside * likeness).sum(axis=1) / max(len(points), 1)
    return out


def _inside(task: RecallTask, T: NDArray[np.float64], samples: NDArray[np.float64], far_m: float) -> Scores:
    """(F,) share of the samples that (F, 4, 4) ``T`` moves into the picture and nearer than ``far_m``."""
    points = np.einsum("fab,pb->fpa", T[:, :3, :3], samples) + T[:, None, :3, 3]
    z = np.maximum(points[..., 2], 1e-6)
    u = points[..., 0] / z * task.views.K[0, 0] + task.views.K[0, 2]
    v = points[..., 1] / z * task.views.K[1, 1] + task.views.K[1, 2]
    width, height = task.views.size
    inside = (points[..., 2] > 0.05) & (points[..., 2] < far_m) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
    return np.asarray(inside.mean(axis=1))
