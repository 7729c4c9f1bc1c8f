"""The ``views`` benchmark: from a wrong pose, recall the stored pictures that show what is seen there.

Two tours of each apartment, with changes between them. Keyframes are thinned by motion and coverage; pictures of the
second tour ask, told poses wrong by 0.5 m and 15 degrees RMS; the last 20 keyframes may not be recalled. A picture is
relevant if depth reprojection at the true poses finds at least 0.3 of the query's surface in it. The learned arms are
one small network with another code each, trained alike on ``train`` with three seeds, chosen on ``val``; they are
trained at first use and kept in the user's cache. The primary contrast is ``ray_point`` minus ``no_code``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.statistics import Figure, Goal
from memory_agent_ros.evaluation.views import hand_built
from memory_agent_ros.evaluation.views.downstream import downstream_error, random_frames, selected_excluded
from memory_agent_ros.evaluation.views.task import RecallTask, best, recall_at_5, recall_task, revisit_gain
from memory_agent_ros.evaluation.views.two_way import holm, two_way_figure
from memory_agent_ros.memory.encoder import Encoder
from memory_agent_ros.memory.tokens import Tokens, keyframe_tokens
from memory_agent_ros.memory.views.view_scores import view_keys, view_scores
from memory_agent_ros.records.errors import MissingExtraError

if TYPE_CHECKING:
    from memory_agent_ros.evaluation.views.networks import ArmNetwork
    from memory_agent_ros.evaluation.views.trained import ArmsConfig, Tuned

FIGURES = ("recall_at_5", "revisit_gain", "downstream_error")
#: Figures of one arm in one apartment, by training seed.
Numbers = dict[str, list[float]]
_MOVED_M = 2.0


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark; ``jobs`` is not used.

    Args:
        split: split of the apartments.
        seeds: apartments.
        jobs: ignored, one process.
        options: ``progress`` (bool), ``arms_config`` (:class:`ArmsConfig`).

    Raises:
        MissingExtraError: torch is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("the views benchmark needs PyTorch: pip install memory_agent_ros[models]") from error
    from memory_agent_ros.evaluation.views.trained import ArmsConfig, trained_arms

    torch.set_num_threads(1)
    progress = bool(options.get("progress", False))
    config: ArmsConfig = options.get("arms_config") or ArmsConfig()
    networks, tuned = trained_arms(config, progress=progress)
    rows, moved = [], []
    for seed in tqdm(seeds, desc=f"views {split}", unit="apartment", disable=not progress):
        task = recall_task(split, seed, progress=progress)
        rows.append(_apartment(task, seed, networks, tuned))
        moved.append(_moved(task, seed, networks))
    tables = {arm: {f: np.array([row[arm][f] for row in rows]) for f in FIGURES} for arm in rows[0]}
    arms = {arm: {f: two_way_figure(values) for f, values in table.items()} for arm, table in tables.items()}
    figures = _main_figures(tables, moved) | _cost_figures(networks["ray_point"][0])
    return Outcome(figures, arms, [{"seed": s, **row} for s, row in zip(seeds, rows, strict=True)])


def _apartment(
    task: RecallTask, seed: int, networks: Mapping[str, list[ArmNetwork]], tuned: Tuned
) -> dict[str, Numbers]:
    """Every arm's figures in one apartment."""
    from memory_agent_ros.evaluation.views.networks import dense_scores, scores

    plain: dict[str, Callable[[], NDArray[np.float64]]] = {
        "recency": lambda: hand_built.recency(task),
        "appearance_cosine": lambda: hand_built.appearance_cosine(task, tuned.pooled_appearance),
        "pose_distance": lambda: hand_built.pose_distance(task, tuned.metres_per_radian),
        "frustum_overlap": lambda: hand_built.frustum_overlap(task, tuned.far_m),
        "depth_reprojection": lambda: hand_built.depth_reprojection(task),
        "fixed_code": lambda: _public_scores(None, task),
    }
    shipped = Encoder.load_default()
    if shipped is not None:
        plain["shipped_encoder"] = lambda: _public_scores(shipped, task)
    out = {arm: _numbers(task, [score()]) for arm, score in plain.items()}
    learned = {arm: [scores(n, task) for n in same] for arm, same in networks.items()}
    learned["dense"] = [dense_scores(n, task, tuned.dense_sharpness) for n in networks["ray_point"]]
    out |= {arm: _numbers(task, per_seed) for arm, per_seed in learned.items()}
    chance = np.random.default_rng([seed, 3]).random((len(networks["ray_point"]), *task.allowed.shape))
    out["random_frames"] = _numbers(task, list(chance), [random_frames(task, n) for n in range(len(chance))])
    left = [selected_excluded(task, s, n) for n, s in enumerate(learned["ray_point"])]
    without = [
        np.where(_chosen(task, best(task, s)), -1.0, c) for s, c in zip(learned["ray_point"], chance, strict=True)
    ]
    out["selected_excluded"] = _numbers(task, without, left)
    return out


def _numbers(
    task: RecallTask, per_seed: list[NDArray[np.float64]], chosen: list[list[NDArray[np.intp]]] | None = None
) -> Numbers:
    picked = chosen or [best(task, s) for s in per_seed]
    return {
        "recall_at_5": [recall_at_5(task, s) for s in per_seed],
        "revisit_gain": [revisit_gain(task, s) for s in per_seed],
        "downstream_error": [downstream_error(task, c) for c in picked],
    }


def _chosen(task: RecallTask, picked: list[NDArray[np.intp]]) -> NDArray[np.bool_]:
    """(Q, F) which pictures are picked."""
    out = np.zeros(task.allowed.shape, np.bool_)
    for row, columns in zip(out, picked, strict=True):
        row[columns] = True
    return out


def _public_scores(encoder: Encoder | None, task: RecallTask) -> NDArray[np.float64]:
    """(Q, F) scores by the memory's own function, as it ships."""

    def tokens(index: int, T: NDArray[np.float64]) -> Tokens:
        return keyframe_tokens(task.views.patches(index), T)

    stored = [tokens(int(i), task.views.T_map_camera[i]) for i in task.keyframes]
    keys = view_keys(encoder, stored)
    asking = [tokens(int(i), T) for i, T in zip(task.queries, task.T_told, strict=True)]
    return np.stack([view_scores(encoder, query, keys) for query in asking]).astype(np.float64)


def _moved(task: RecallTask, seed: int, networks: Mapping[str, list[ArmNetwork]]) -> dict[str, list[float]]:
    from memory_agent_ros.evaluation.views.networks import told_apart

    return {arm: [told_apart(n, task, _MOVED_M, seed) for n in networks[arm]] for arm in ("ray", "ray_point")}


def _main_figures(
    tables: Mapping[str, Mapping[str, NDArray[np.float64]]], moved: list[dict[str, list[float]]]
) -> dict[str, Figure]:
    ours = tables["ray_point"]
    figures = {name: two_way_figure(ours[name]) for name in FIGURES}
    primary = two_way_figure(ours["recall_at_5"] - tables["no_code"]["recall_at_5"], "", Goal("min", 0.0))
    figures["recall_gain@no_code"] = primary
    figures["primary_low"] = Figure(primary.low, float("nan"), float("nan"), "", Goal("min", 0.0))
    others = [a for a in tables if a not in ("ray_point", "no_code", "random_frames", "selected_excluded")]
    gains = {arm: ours["recall_at_5"] - tables[arm]["recall_at_5"] for arm in others}
    corrected = holm(gains)
    for arm, values in gains.items():
        figures[f"recall_gain@{arm}"] = two_way_figure(values)
        figures[f"holm_p@{arm}"] = Figure(corrected[arm], float("nan"), float("nan"))
    for arm in ("random_frames", "selected_excluded"):
        worse = tables[arm]["downstream_error"] - ours["downstream_error"]
        figures[f"downstream_worse@{arm}"] = two_way_figure(worse, "", Goal("min", 0.0))
    for arm, goal in (("ray", Goal("band", 0.5, 0.05)), ("ray_point", Goal("min", 0.95))):
        figures[f"told_apart_2m@{arm}"] = two_way_figure(np.array([row[arm] for row in moved]), "", goal)
    return figures


def _cost_figures(network: ArmNetwork) -> dict[str, Figure]:
    from memory_agent_ros.evaluation.views.scaling import costs, slope

    def plain(value: float, unit: str = "", goal: Goal | None = None) -> Figure:
        return Figure(value, float("nan"), float("nan"), unit, goal)

    measured = costs(network)
    figures = {}
    for cost in measured:
        figures[f"select_us@{cost.count}"] = plain(cost.select_us, "us")
        figures[f"sparse_ms@{cost.count}"] = plain(cost.sparse_ms, "ms")
        figures[f"dense_ms@{cost.count}"] = plain(cost.dense_ms, "ms")
        figures[f"key_kb@{cost.count}"] = plain(cost.key_bytes / 1024, "kB")
        figures[f"dense_kb@{cost.count}"] = plain(cost.dense_bytes / 1024, "kB")
    figures["sparse_read_kb"] = plain(measured[0].sparse_bytes / 1024, "kB")
    counts = [c.count for c in measured]
    figures["select_time_slope"] = plain(slope(counts, [c.select_us for c in measured]), "", Goal("max", 1.1))
    figures["sparse_time_slope"] = plain(slope(counts, [c.sparse_ms for c in measured]), "", Goal("max", 1.1))
    figures["key_bytes_slope"] = plain(slope(counts, [c.key_bytes for c in measured]), "", Goal("band", 1.0, 0.01))
    return figures
