"""The learned arms, trained at first use and kept in the user's cache; numbers of the baselines tuned with them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from memory_agent_ros.evaluation.training.train_encoder import training_pictures
from memory_agent_ros.evaluation.views.hand_built import appearance_cosine, frustum_overlap, pose_distance
from memory_agent_ros.evaluation.views.networks import ARMS, ArmNetwork, dense_scores, train_arm
from memory_agent_ros.evaluation.views.task import RecallTask, recall_at_5, recall_task
from memory_agent_ros.evaluation.walks.walk import cache_folder

_VERSION = 1


@dataclass(frozen=True)
class ArmsConfig:
    """How the arms are trained, all alike.

    Attributes:
        seeds: training seeds 0 to this.
        steps: of each training.
        apartments: walks of ``train``; ``val_apartments`` of ``val`` on which checkpoints and baselines are chosen.
        every: use every this many of a walk's pictures.
    """

    seeds: int = 3
    steps: int = 240
    apartments: int = 24
    val_apartments: int = 4
    every: int = 2


@dataclass(frozen=True)
class Tuned:
    """Numbers of the arms that learn nothing, best on ``val``."""

    pooled_appearance: bool
    metres_per_radian: float
    far_m: float
    dense_sharpness: float


def folder(config: ArmsConfig) -> Path:
    """Where the arms of a configuration are kept."""
    key = hashlib.sha256(json.dumps([_VERSION, asdict(config)]).encode()).hexdigest()[:12]
    return cache_folder().parent / "view_arms" / key


def trained_arms(config: ArmsConfig, *, progress: bool = False) -> tuple[dict[str, list[ArmNetwork]], Tuned]:
    """Arm -> networks by training seed, and the tuned numbers; what is not in the cache is trained first."""
    place = folder(config)
    place.mkdir(parents=True, exist_ok=True)
    wanted = [(arm, seed) for seed in range(config.seeds) for arm in ARMS]
    missing = [(arm, seed) for arm, seed in wanted if not (place / f"{arm}-{seed}.pt").exists()]
    tuned_at = place / "tuned.json"
    val: list[RecallTask] = []
    if missing or not tuned_at.exists():
        val = [recall_task("val", seed, progress=progress) for seed in range(config.val_apartments)]
    if missing:
        sets = training_pictures(config.apartments, config.every, progress=progress)
        for arm, seed in tqdm(missing, desc="train arms", disable=not progress):
            network, recall = train_arm(arm, seed, sets, val, config.steps, progress=progress)
            _save({"state": network.state_dict(), "val_recall_at_5": recall}, place / f"{arm}-{seed}.pt")
    networks: dict[str, list[ArmNetwork]] = {arm: [] for arm in ARMS}
    for arm, seed in wanted:
        network = ArmNetwork(arm)
        network.load_state_dict(torch.load(place / f"{arm}-{seed}.pt", weights_only=True)["state"])
        networks[arm].append(network.eval())
    if not tuned_at.exists():
        tuned_at.write_text(json.dumps(asdict(tune(val, networks["ray_point"]))))
    return networks, Tuned(**json.loads(tuned_at.read_text()))


def tune(val: Sequence[RecallTask], ray_point: Sequence[ArmNetwork]) -> Tuned:
    """The best of a few values of each arm's one number."""

    def mean(score: list[np.ndarray]) -> float:
        return float(np.nanmean([recall_at_5(task, s) for task, s in zip(val, score, strict=True)]))

    return Tuned(
        max((True, False), key=lambda p: mean([appearance_cosine(t, p) for t in val])),
        max((0.5, 1.0, 1.5, 2.0, 3.0, 4.0), key=lambda m: mean([pose_distance(t, m) for t in val])),
        max((2.0, 2.5, 3.0, 4.0, 6.0), key=lambda m: mean([frustum_overlap(t, m) for t in val])),
        max((3.0, 10.0, 30.0, 100.0), key=lambda m: mean([dense_scores(ray_point[0], t, m) for t in val])),
    )


def _save(state: object, path: Path) -> None:
    draft = path.with_suffix(".part")
    torch.save(state, draft)
    os.replace(draft, path)
