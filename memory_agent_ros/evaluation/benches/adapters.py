"""The ``adapters`` benchmark: what a language model knows from a LoRA that was written from a document in one pass.

Arms: the frozen model without the document, with it in its context (the upper bound), with the generated adapter, with
an adapter distilled by gradient steps on the document's own questions, and with the retrieved chunk in its context.
Held out are things with colours, things with places, and ways to say and to ask. Primary contrast, named beforehand:
``effect`` = (generated - no context) / (in context - no context) over lengths of at most 8 chunks, which is what is
trained on; void where the difference below is less than 0.3. The networks are trained on ``train`` and kept in the
user's cache folder, so that an interrupted benchmark goes on where it was. Intervals of ``exact_match`` are over
training seeds and seeds of documents. Ablations (``ablations=True``) are exploratory: fewer seeds and minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from memory_agent_ros.adapters.relevance import EmbeddedRelevance
from memory_agent_ros.evaluation.adapters.bases import Base, base_of
from memory_agent_ros.evaluation.adapters.document_runs import ABLATIONS, MINUTES, cached_network
from memory_agent_ros.evaluation.adapters.document_scenes import (
    SceneConfig,
    base_scene,
    calibrated_gate,
    kv_bytes,
    network_scene,
)
from memory_agent_ros.evaluation.outcome import Outcome
from memory_agent_ros.evaluation.statistics import Figure, Goal, crossed_figure, figure, mean, median, ratio_of_sums
from memory_agent_ros.evaluation.training.train_document_lora import DocumentTraining, settings_of

#: Training seeds by size; and of an ablation, with its minutes.
SEEDS = {"tiny": 5, "embedded": 1}
ABLATION_SEEDS, ABLATION_MINUTES, TRAINED_LENGTH, SMALLEST_GAP = 3, 15.0, 8, 0.3
#: Goals by size; ``embedded`` on two cores.
_EFFECT, _EXACT = {"tiny": Goal("min", 0.8), "embedded": Goal("min", 0.3)}, {"tiny": Goal("min", 0.9)}
_BASE_ARMS = ("no_context", "in_context", "retrieval", "distilled")

Scenes = Sequence[Mapping[str, Any]]


def bench(split: str, seeds: range, jobs: int, options: Mapping[str, Any]) -> Outcome:
    """Run the benchmark.

    Args:
        split: of the combinations and ways to say.
        seeds: of documents.
        jobs: ignored: times are only worth something alone.
        options: ``size`` (tiny, embedded), ``minutes`` of each training, ``training_seeds``, ``ablations`` (bool),
            ``progress``; for tests ``base``, ``training``, ``scene`` and ``meaning`` (a text embedder).
    """
    torch.set_num_threads(1)
    size, progress = str(options.get("size") or "tiny"), bool(options.get("progress", False))
    base = options.get("base") or base_of(size, progress=progress)
    usual: DocumentTraining = options.get("training") or settings_of(size)
    scene: SceneConfig = options.get("scene") or _scene(size, usual)
    embedder = options.get("meaning") or _minilm()
    relevance = EmbeddedRelevance(embedder, calibrated_gate(scene.family, scene.gated, embedder))
    told = tqdm(seeds, desc=f"adapters {split} {size}", unit="seed", disable=not progress)
    bases = [base_scene(base, scene, relevance, embedder, split, seed) for seed in told]
    minutes = float(options.get("minutes") or MINUTES[size])
    count = int(options.get("training_seeds") or SEEDS[size])

    def networks(arm: str, many: int, long: float) -> list[Scenes]:
        out = list[Scenes]()
        for training_seed in range(many):
            network = cached_network(base, size, training_seed, long, arm, training=usual, progress=progress)
            out.append([network_scene(base, network, scene, relevance, split, seed) for seed in seeds])
        return out

    full = networks("full", count, minutes)
    arms = {arm: _base_figures(bases, arm) for arm in _BASE_ARMS}
    arms["generated"] = _generated(base, size, usual, bases, full)
    if options.get("ablations"):
        for arm in ABLATIONS:
            scenes = networks(arm, min(count, ABLATION_SEEDS), min(minutes, ABLATION_MINUTES))
            arms[arm] = _exact(scenes) | {"effect": _effect(bases, scenes)}
    details = [{"bases": bases, "networks": full, "gate": [relevance.gate.middle, relevance.gate.slope]}]
    return Outcome(arms["generated"], arms, details)


def _minilm() -> Any:
    from memory_agent_ros.perception.embedders.minilm import MiniLmEmbedder

    return MiniLmEmbedder.from_package()


def _scene(size: str, training: DocumentTraining) -> SceneConfig:
    if size == "tiny":
        return SceneConfig(size, training.family)
    return SceneConfig(size, training.family, (1, 2, 4, 8), documents=3, questions=2, distilled=(1,), steps=40)


def _base_figures(bases: Scenes, arm: str) -> dict[str, Figure]:
    lengths = bases[0]["right"].get(arm, {})
    out = {f"exact_match@{n}": figure([b["right"][arm][n] for b in bases], ratio_of_sums) for n in lengths}
    if arm == "distilled":
        for n in bases[0]["distil_s"]:
            out[f"distil_s@{n}"] = figure([[b["distil_s"][n]] for b in bases], median, "s")
    return out


def _generated(
    base: Base, size: str, training: DocumentTraining, bases: Scenes, networks: Sequence[Scenes]
) -> dict[str, Figure]:
    """The figures of what ships."""
    flat = [scene for scenes in networks for scene in scenes]
    largest = max(n for n in flat[0]["right"] if n <= TRAINED_LENGTH)
    out = _exact(networks, _EXACT.get(size))
    out["effect"] = _effect(bases, networks, _EFFECT[size])
    out["internalise_s"] = figure([[s["internalise_s"]] for s in flat], median, "s", Goal("max", 2.0))
    lengths = list(bases[0]["distil_s"])
    if lengths:
        pairs = [[b["distil_s"][n] / s["seconds"][n]] for s, b in _beside(networks, bases) for n in lengths[-1:]]
        out["speedup_over_distillation"] = figure(pairs, median, "", Goal("min", 20.0))
    bytes_, tokens = ([[s[name][largest]] for s in flat] for name in ("bytes", "tokens"))
    out["adapter_bytes"] = figure(bytes_, mean, "B")
    out["kv_bytes"] = figure([[kv_bytes(base.adapted, int(t[0]))] for t in tokens], mean, "B")
    out |= _sizes(base, training, flat)
    for name in ("gated", "ungated"):
        rows = [[*s["gate"]["without"], *s["gate"][name]] for s in flat]
        goal = Goal("max", 0.01) if name == "gated" else None
        out[f"interference_{name}"] = figure(rows, _drop, "", goal)
    out["gate_opens"] = figure([s["gate"]["opens"] for s in flat], ratio_of_sums, "", Goal("min", 0.95))
    return out


def _sizes(base: Base, training: DocumentTraining, flat: Scenes) -> dict[str, Figure]:
    """Rank times chunks over the model's width, the norm, and from which length of a chunk an adapter is smaller."""
    out, width, rank = dict[str, Figure](), int(base.adapted.model.config.hidden_size), training.network.rank
    for n in flat[0]["right"]:
        out[f"rank_over_width@{n}"] = figure([[rank * n / width]], mean)
        out[f"norm@{n}"] = figure([[s["norms"][n]] for s in flat], mean)
    row = next(base.adapted.model.parameters()).element_size()
    adapter = row * rank * sum(t.inputs + t.outputs for t in base.adapted.targets)
    out["smaller_above_tokens"] = figure([[adapter / kv_bytes(base.adapted, 1)]], mean, "tokens a chunk")
    return out


def _exact(networks: Sequence[Scenes], goal: Goal | None = None) -> dict[str, Figure]:
    out = {}
    for n in networks[0][0]["right"]:
        table = np.array([[s["right"][n][0] / max(1, s["right"][n][1]) for s in scenes] for scenes in networks])
        out[f"exact_match@{n}"] = crossed_figure(table, "", goal if n <= TRAINED_LENGTH else None)
    return out


def _effect(bases: Scenes, networks: Sequence[Scenes], goal: Goal | None = None) -> Figure:
    """Rows of (generated, no context, in context) shares of each seed of documents, or of each training seed."""
    rows = [[_share(s["right"]), *_bounds(b)] for s, b in _beside(networks, bases)]
    if len(networks) > 1:
        rows = np.array(rows).reshape(len(networks), len(bases), 3).mean(axis=1).tolist()
    return figure(rows, _of_bounds, "", goal)


def _bounds(scene: Mapping[str, Any]) -> tuple[float, float]:
    return _share(scene["right"]["no_context"]), _share(scene["right"]["in_context"])


def _share(right: Mapping[int, Sequence[int]]) -> float:
    """Over the lengths that were trained on."""
    counted = np.array([v for n, v in right.items() if n <= TRAINED_LENGTH], dtype=np.float64).sum(axis=0)
    return float(counted[0] / counted[1])


def _of_bounds(data: NDArray[np.float64]) -> float:
    generated, without, within = data.mean(axis=0)
    return float((generated - without) / (within - without)) if within - without >= SMALLEST_GAP else float("nan")


def _drop(data: NDArray[np.float64]) -> float:
    """How much less is right with an adapter: rows of (hits, asked) without and with."""
    total = data.sum(axis=0)
    return float(total[0] / total[1] - total[2] / total[3]) if total[1] and total[3] else float("nan")


def _beside(networks: Sequence[Scenes], bases: Scenes) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    return [(s, b) for scenes in networks for s, b in zip(scenes, bases, strict=True)]
