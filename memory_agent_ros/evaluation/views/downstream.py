"""The task that uses recalled pictures: predict what a pose sees from the tokens of five pictures only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.views.task import TOP, RecallTask, best
from memory_agent_ros.memory.views.patch_features import PATCHES, patch_rays

#: Ranges that differ by this factor are worth as much error as a lightness that differs by this share of the whole.
_LOG_RANGE, _LIGHTNESS = np.log(2.0), 0.5
#: Angle within which a patch of another picture is taken to fill a patch of this view, radians at one patch's range.
_ANGLE = 0.10


def downstream_error(task: RecallTask, chosen: Sequence[NDArray[np.intp]]) -> float:
    """Mean error over queries of the patches predicted at the *true* pose from the chosen pictures' patches.

    Points and colours of the pictures' patches are projected into the view; each patch of the view takes the nearest
    surface among those that fall near its ray, and the mean of all where none does. The error of a patch is
    ``min(1, |log range ratio| / log 2) / 2 + min(1, |difference of mean lightness and colours| / 0.5) / 2``.
    Queries with no relevant picture among the candidates are left out.
    """
    rows = [q for q in range(len(task.queries)) if ((task.covisible[q] >= 0.3) & task.allowed[q]).any()]
    return float(np.mean([_query_error(task, q, chosen[q]) for q in rows])) if rows else float("nan")


def random_frames(task: RecallTask, seed: int) -> list[NDArray[np.intp]]:
    """Per query five candidates at random."""
    rng = np.random.default_rng([seed, 5])
    return best(task, rng.random(task.allowed.shape))


def selected_excluded(task: RecallTask, scores: NDArray[np.floating], seed: int) -> list[NDArray[np.intp]]:
    """Per query five candidates at random of those that ``scores`` does not select."""
    rng = np.random.default_rng([seed, 6])
    draw = rng.random(task.allowed.shape)
    for q, selected in enumerate(best(task, scores, TOP)):
        draw[q, selected] = -1.0
    return best(task, draw)


def _query_error(task: RecallTask, q: int, chosen: NDArray[np.intp]) -> float:
    views, index = task.views, int(task.queries[q])
    truth_points = views.points_camera[index]
    known = np.isfinite(truth_points[:, 0])
    if not known.any() or not len(chosen):
        return float("nan") if not known.any() else 1.0
    reach, colors = _predicted(task, index, task.keyframes[chosen])
    true_reach = np.linalg.norm(truth_points[known], axis=1)
    depth = np.minimum(np.abs(np.log(reach[known] / true_reach)) / _LOG_RANGE, 1.0)
    difference = np.linalg.norm(colors - views.descriptors[index, :, :3], axis=1)[known]
    return float(0.5 * depth.mean() + 0.5 * np.minimum(difference / _LIGHTNESS, 1.0).mean())


def _predicted(
    task: RecallTask, index: int, pictures: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(P,) ranges and (P, 3) mean L, a, b that the patches of some pictures predict for the view of another."""
    views = task.views
    T = np.linalg.inv(views.T_map_camera[index]) @ views.T_map_camera[pictures]
    points = np.einsum("fab,fpb->fpa", T[:, :3, :3], views.points_camera[pictures]) + T[:, None, :3, 3]
    own_reach = np.linalg.norm(views.points_camera[pictures], axis=2).ravel()
    points, colors = points.reshape(-1, 3), views.descriptors[pictures, :, :3].reshape(-1, 3).astype(np.float64)
    good = np.isfinite(points[:, 0])
    points, colors, own_reach = points[good], colors[good], own_reach[good]
    if not len(points):
        return np.full(PATCHES, 3.0), np.tile([0.6, 0.0, 0.0], (PATCHES, 1))
    reach = np.linalg.norm(points, axis=1)
    rays = patch_rays(views.camera).astype(np.float64)
    angle = np.arccos(np.clip(rays @ (points / np.maximum(reach, 1e-6)[:, None]).T, -1.0, 1.0))
    covers = angle <= _ANGLE * np.clip(own_reach / np.maximum(reach, 0.1), 0.7, 2.0)
    first = np.where(covers, reach, np.inf).min(axis=1)
    front = covers & (reach <= 1.15 * first[:, None] + 0.1)
    weight = front * np.exp(-((angle / _ANGLE) ** 2)) + 1e-12
    weight[~covers.any(axis=1)] = 1.0
    weight /= weight.sum(axis=1, keepdims=True)
    return np.exp(weight @ np.log(np.maximum(reach, 0.1))), weight @ colors
