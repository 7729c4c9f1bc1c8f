"""The ``reid`` benchmark: does an embedding find the other crops of the same object under drift of light and detector?

Every arm has the same network on the same base vectors, the same small batches and steps, once per training seed;
``plain`` is the base alone. No object of the measured apartments was trained on. ``map`` is the mean average precision
of each crop among all of its apartment. Primary contrasts, named beforehand: ``map`` of the memory bank less that of
cross-entropy and of the in-batch term, at batches of eight; intervals are over training seeds and apartments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.statistics import Figure, Goal, crossed_figure, figure, mean

#: Trainings of each arm where no number is given.
TRAINING_SEEDS = 5


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: split of the apartments.
        seeds: apartments.
        jobs: not used: a training takes seconds.
        options: ``progress`` (bool), ``training_seeds`` (how many), ``training``
            (:class:`~memory_agent_ros.evaluation.training.train_reidentification.ReidentificationTraining`).
    """
    from memory_agent_ros.evaluation.training.train_reidentification import (
        LOSSES,
        ReidentificationTraining,
        base_embedder,
        fit,
        scene_scores,
        training_examples,
    )
    from memory_agent_ros.perception.embedders.reidentification import ReidentificationEmbedder

    usual = options.get("training") or ReidentificationTraining()
    count = int(options.get("training_seeds") or TRAINING_SEEDS)
    progress, base = bool(options.get("progress", False)), base_embedder(usual.base)
    tables: dict[str, list[list[float]]] = {loss: [] for loss in LOSSES}
    still: dict[str, list[list[float]]] = {loss: [] for loss in LOSSES}
    for seed in tqdm(range(count), desc=f"reid {split}", unit="seed", disable=not progress):
        examples = training_examples(replace(usual, seed=seed))
        for loss in LOSSES:
            weights = fit(replace(usual, seed=seed, loss=loss), examples).weights()
            embedder = ReidentificationEmbedder(base, weights)
            tables[loss].append(scene_scores(embedder, base, split, seeds, usual.drift))
            still[loss].append(scene_scores(embedder, base, split, seeds, None))
    plain = {d: np.array(scene_scores(None, base, split, seeds, usual.drift if d else None)) for d in (True, False)}
    drifting, calm = ({loss: np.array(t) for loss, t in which.items()} for which in (tables, still))
    arms = {
        "plain": {name: figure(plain[d][:, None].tolist(), mean) for name, d in (("map", True), ("map_still", False))},
        **{loss: _figures(drifting[loss], calm[loss]) for loss in LOSSES},
    }
    bank = drifting["memory_bank"]
    contrasts = {
        f"map_over_{other}": crossed_figure(bank - drifting[other], "", Goal("min", 0.0), comparisons=2)
        for other in LOSSES
        if other != "memory_bank"
    }
    contrasts["map_over_plain"] = crossed_figure(bank - plain[True][None])
    contrasts["map_still_over_plain"] = crossed_figure(calm["memory_bank"] - plain[False][None])
    details = [{"arm": loss, "map": t, "map_still": still[loss]} for loss, t in tables.items()]
    return Outcome(arms["memory_bank"] | contrasts, arms, details)


def _figures(drifting: NDArray[np.float64], still: NDArray[np.float64]) -> dict[str, Figure]:
    """``map`` under drift and in the light and boxes of the recording."""
    return {"map": crossed_figure(drifting), "map_still": crossed_figure(still)}
