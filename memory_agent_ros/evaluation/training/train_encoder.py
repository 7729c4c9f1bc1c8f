"""Joint training of the encoder on co-visibility of pictures and on association of detections. Needs torch.

Association takes part where both of these are there::

    memory_agent_ros.memory.association.learned_association: AssociationHead(dim),
        association_loss(encoder, head, batch) -> Tensor
    memory_agent_ros.evaluation.training.association_data: association_batches(seeds, seed) -> Iterator[batch]

Each step takes a batch of both tasks; one optimiser holds the encoder and both heads. The learning rate falls with the
share of steps or of minutes that is used up, whichever is larger.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from memory_agent_ros.evaluation.hardware import commit
from memory_agent_ros.evaluation.training.covisibility import Pictures, draw_batch, pictures
from memory_agent_ros.evaluation.views.networks import encoder_scores, view_products
from memory_agent_ros.evaluation.views.task import RecallTask, recall_at_5, recall_task
from memory_agent_ros.evaluation.views.view_set import view_set
from memory_agent_ros.evaluation.walks.walk import WalkConfig
from memory_agent_ros.memory.encoder import Encoder
from memory_agent_ros.memory.encoder_network import EncoderConfig, EncoderNetwork, view_loss

_DATA = "memory_agent_ros.evaluation.training.association_data"
_HEAD = "memory_agent_ros.memory.association.learned_association"
_CHECKPOINT_EVERY = 50


@dataclass(frozen=True)
class TrainConfig:
    """How the encoder is trained.

    Attributes:
        seed: of weights, batches and noise.
        steps, minutes: budget; the first that is used up ends the training.
        apartments: walks of ``train`` seeds 0 to this; ``val_apartments`` of ``val`` for the figures of the card.
        every: use every this many of a walk's pictures.
        queries, candidates: pictures of a batch.
        rate, decay: of AdamW.
        association_weight: of the association loss against that of co-visibility; 0 leaves association out.
    """

    seed: int = 0
    steps: int = 1200
    minutes: float = 20.0
    apartments: int = 24
    val_apartments: int = 4
    every: int = 2
    queries: int = 12
    candidates: int = 36
    rate: float = 1e-3
    decay: float = 0.01
    association_weight: float = 1.0


def train_encoder(config: TrainConfig, out: Path, *, resume: bool = True, progress: bool = False) -> dict[str, float]:
    """Train, write the weights to ``out`` and a card beside them; a checkpoint allows to go on after a break.

    Returns:
        figures on ``val``.
    """
    torch.set_num_threads(1)
    torch.manual_seed(config.seed)
    network, association = EncoderNetwork(EncoderConfig()), _association(config)
    parts = nn.ModuleDict({"encoder": network} | ({} if association is None else {"association": association.head}))
    optimizer = torch.optim.AdamW(parts.parameters(), lr=config.rate, weight_decay=config.decay)
    sets = training_pictures(config.apartments, config.every, progress=progress)
    checkpoint = out.with_suffix(".checkpoint.pt")
    step, spent = _restore(checkpoint, config, parts, optimizer) if resume else (0, 0.0)
    started = time.monotonic() - spent
    bar = tqdm(total=config.steps, initial=step, desc="train encoder", disable=not progress)
    while step < config.steps and time.monotonic() - started < 60.0 * config.minutes:
        used = max(step / config.steps, (time.monotonic() - started) / (60.0 * config.minutes))
        for group in optimizer.param_groups:
            group["lr"] = config.rate * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * used)))
        rng = np.random.default_rng([config.seed, step])
        losses = {"views": _view_loss(network, sets, config, rng)}
        if association is not None:
            losses["association"] = config.association_weight * association.loss(network)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        nn.utils.clip_grad_norm_(parts.parameters(), 1.0)
        optimizer.step()
        step += 1
        bar.update()
        bar.set_postfix({k: f"{v.item():.3f}" for k, v in losses.items()}, refresh=False)
        if step % _CHECKPOINT_EVERY == 0:
            _keep(checkpoint, config, parts, optimizer, step, time.monotonic() - started)
    bar.close()
    figures = _figures(network.eval(), config)
    _write(out, network, association, config, figures, step, time.monotonic() - started)
    checkpoint.unlink(missing_ok=True)
    return figures


def training_pictures(apartments: int, every: int, *, progress: bool = False) -> list[Pictures]:
    """Pictures of the ``train`` walks with the co-visibility of all pairs."""
    sets = []
    for seed in tqdm(range(apartments), desc="pictures", disable=not progress):
        views = view_set("train", seed, WalkConfig())
        sets.append(pictures(views, np.arange(0, len(views), every), pairs=True))
    return sets


@dataclass
class _Association:
    """The other task: its head, its endless batches, its loss."""

    head: nn.Module
    batches: Iterator[Any]
    compute: Callable[[EncoderNetwork, nn.Module, Any], Tensor]

    def loss(self, network: EncoderNetwork) -> Tensor:
        return self.compute(network, self.head, next(self.batches))


def _association(config: TrainConfig) -> _Association | None:
    if config.association_weight == 0 or any(importlib.util.find_spec(name) is None for name in (_DATA, _HEAD)):
        return None
    data, head = importlib.import_module(_DATA), importlib.import_module(_HEAD)
    batches = data.association_batches(range(config.apartments), config.seed)
    return _Association(head.AssociationHead(EncoderConfig().dim), iter(batches), head.association_loss)


def _view_loss(network: EncoderNetwork, sets: list[Pictures], config: TrainConfig, rng: np.random.Generator) -> Tensor:
    batch = draw_batch(sets[int(rng.integers(len(sets)))], rng, config.queries, config.candidates)
    return view_loss(view_products(network, batch), batch.covisible, batch.allowed)


def _figures(network: EncoderNetwork, config: TrainConfig) -> dict[str, float]:
    tasks: list[RecallTask] = [recall_task("val", seed) for seed in range(config.val_apartments)]
    recall = [recall_at_5(task, encoder_scores(network, task)) for task in tasks]
    return {"val_recall_at_5": float(np.nanmean(recall))} if tasks else {}


def _restore(path: Path, config: TrainConfig, parts: nn.ModuleDict, optimizer: Any) -> tuple[int, float]:
    """Step and seconds of a checkpoint of the same configuration, loaded; else nothing."""
    if not path.exists():
        return 0, 0.0
    state = torch.load(path, weights_only=True)
    if state["config"] != json.dumps(asdict(config)) or set(state["parts"]) != set(parts.state_dict()):
        return 0, 0.0
    parts.load_state_dict(state["parts"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"]), float(state["spent"])


def _keep(path: Path, config: TrainConfig, parts: nn.ModuleDict, optimizer: Any, step: int, spent: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {"config": json.dumps(asdict(config)), "parts": parts.state_dict(), "optimizer": optimizer.state_dict()}
    draft = path.with_suffix(".part")
    torch.save({**state, "step": step, "spent": spent}, draft)
    draft.replace(path)


def _write(
    out: Path,
    network: EncoderNetwork,
    association: _Association | None,
    config: TrainConfig,
    figures: dict[str, float],
    steps: int,
    seconds: float,
) -> None:
    others = {}
    if association is not None:
        others = {f"association.{k}": v.contiguous() for k, v in association.head.state_dict().items()}
    about = {"training": json.dumps(asdict(config)), "figures": json.dumps(figures), "commit": commit() or "unknown"}
    Encoder(network, {**about, "steps": str(steps), "seconds": f"{seconds:.0f}"}, others).save(out)
    write_card(out)


def write_card(weights: Path) -> None:
    """``encoder.md`` beside the weights, from what their metadata say."""
    encoder = Encoder.load(weights)
    about, training = encoder.about, json.loads(encoder.about["training"])
    joint = any(name.startswith("association.") for name in encoder.others)
    rows = [f"| {name} | {value:.3f} |" for name, value in json.loads(about["figures"]).items()]
    text = _CARD.format(
        tasks="co-visibility of pictures" + (" and association of detections" if joint else ""),
        association=_ASSOCIATION if joint else "",
        rows="\n".join(rows),
        parameters=sum(p.numel() for p in encoder.network.parameters()),
        **training,
        **{name: about[name] for name in ("seconds", "commit")},
        done=about["steps"],
    )
    weights.with_suffix(".md").write_text(text)


_ASSOCIATION = """- Association: frames of memories that ran through the same apartments with random errors of pose
  (none to about 25 cm) and detector (0 to 40 % misses on top), with the true instances as answers; its head is in the
  file too.
"""

_CARD = """# encoder.safetensors

The encoder of `memory_agent_ros/memory/encoder.py` with its view head,
trained on {tasks}.

- Data: walks through simulated apartments, `train` seeds 0 to {apartments} (half-open), rendered here; patches of the
  pictures and co-visibility by depth reprojection. Pose errors of 0.2 to 0.7 m and 5 to 20 degrees on queries, small
  ones on stored pictures; the map turned at random; a sixth of the queries without colours. No data of others.
{association}- Command:
  `memory-agent train encoder --seed {seed} --steps {steps} --minutes {minutes:g} --apartments {apartments} --out FILE`;
  {done} steps in {seconds} s on one shared core, at commit {commit}.
- Size: {parameters} parameters, float32.
- Licence: Apache-2.0, as the package.

| figure | value |
|---|---|
{rows}
"""
