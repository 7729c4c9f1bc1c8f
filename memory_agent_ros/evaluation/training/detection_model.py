"""Fit P(detected | size, occlusion, range, truncation) on walks of the split ``train`` and write it with its card.

The examples are the memory's own expectations: every confirmed object that should be in view of an image, and whether
it was detected. The walks have one pass, so everything stands where it was. Pose errors and extra misses are drawn per
walk, so that the model fits the middle of what detectors do; a running memory learns the rest as an offset.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.evaluation.calibration import expected_calibration_error, reliability
from memory_agent_ros.evaluation.hardware import commit
from memory_agent_ros.evaluation.walks.noise import PoseNoise
from memory_agent_ros.evaluation.walks.replay import Detections
from memory_agent_ros.evaluation.walks.walk import WalkConfig, record_walk
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.presence.detection_model import FEATURES, DetectionModel, features, sigmoid
from memory_agent_ros.memory.spatial_memory import SpatialMemory

MISSES = (0.0, 0.1, 0.2, 0.3)
POSES = ((0.0, 0.0), (0.05, 1.0), (0.1, 2.0))
WALK = WalkConfig(rooms=4)


@dataclass(frozen=True, eq=False)
class Examples:
    """Looks at objects that stand where they are remembered.

    Attributes:
        inputs: (N, 6) of :func:`~memory_agent_ros.memory.presence.detection_model.features`.
        seen: (N,) whether each was detected.
        told: (N,) what the running memory had said.
    """

    inputs: NDArray[np.float64]
    seen: NDArray[np.bool_]
    told: NDArray[np.float64]


def collect(split: str, seeds: range, *, progress: bool = False) -> Examples:
    """Examples from one walk per seed."""
    rows: list[tuple[float, float, float, float]] = []
    seen, told = [], []
    for seed in tqdm(seeds, desc="walks", unit="walk", disable=not progress):
        rng = np.random.default_rng([seed % 2**32, 5])
        position, rotation = POSES[int(rng.integers(len(POSES)))]
        detections = Detections(record_walk(split, seed, WALK), seed=seed)
        with SpatialMemory.open(None, MemoryConfig()) as memory:
            for step in detections.replay(PoseNoise(position, rotation, seed=seed), float(rng.choice(MISSES))):
                memory.observe(step.frame, step.observations)
                residual = memory.last_residual
                assert residual is not None
                for e in residual.expected:
                    rows.append((e.pixels, e.visible_share, e.in_image, e.range_m))
                    seen.append(e.seen)
                    told.append(e.p_detect)
    columns = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    return Examples(features(*columns), np.array(seen, dtype=bool), np.array(told))


def train(out: Path, seeds: range, *, progress: bool = False) -> dict[str, object]:
    """Fit, write the coefficients to ``out`` with their card, return what was written."""
    examples = collect("train", seeds, progress=progress)
    model = DetectionModel.fit(examples.inputs, examples.seen)
    p = sigmoid(model.logits(examples.inputs))
    bins = reliability(p, examples.seen)
    card = {
        "about": "Log-odds that a detector reports an object that stands where it is remembered; see "
        "memory_agent_ros/memory/presence/detection_model.py for the inputs. No picture and no person's data went in.",
        "trained_by": f"memory-agent train detection-model --seed {seeds.start} --apartments {len(seeds)}",
        "data": "simulated apartments of the split train, ground-truth detector with its default noise",
        "commit": commit(),
        "licence": "Apache-2.0",
        "examples": len(p),
        "detected_share": round(float(examples.seen.mean()), 4),
        "ece_on_training_examples": round(expected_calibration_error(bins), 4),
        "log_loss": round(float(-np.log(np.where(examples.seen, p, 1.0 - p)).mean()), 4),
        "log_loss_of_a_constant": round(_entropy(float(examples.seen.mean())), 4),
        "coefficients": {n: round(float(v), 5) for n, v in zip(FEATURES, model.coefficients, strict=True)},
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return card


def _entropy(p: float) -> float:
    return float(-(p * np.log(p) + (1.0 - p) * np.log(1.0 - p)))
