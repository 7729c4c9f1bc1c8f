"""``memory-agent train memory-lora``: the network that writes a LoRA from the memory's own tokens.

Random histories of apartments of the ``train`` split, under random names and with looks from crops of rendered
apartments; the base model and the shared encoder stay frozen. One room first, several later. Under ``torchrun`` every
process draws its own apartments. Needs torch, transformers, peft and the simulator.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.memory import MemoryToLora
from memory_agent_ros.adapters.memory_network import MemoryNetworkSize
from memory_agent_ros.adapters.memory_reading import ChunkReading
from memory_agent_ros.adapters.prompts import Prompts
from memory_agent_ros.evaluation.adapters.gist import QUESTIONS, TOLD_IN_TEXT
from memory_agent_ros.evaluation.adapters.gist_lessons import (
    GistLesson,
    draw_gist_lessons,
    generated_rows,
    gist_loss,
    ranked_right,
)
from memory_agent_ros.evaluation.adapters.gist_worlds import GistSize, lived_in
from memory_agent_ros.evaluation.adapters.look_bank import LookBank, look_bank
from memory_agent_ros.evaluation.hardware import commit
from memory_agent_ros.evaluation.training.distributed import Group
from memory_agent_ros.evaluation.training.logs import Logs


@dataclass(frozen=True)
class MemoryTraining:
    """What is trained and how.

    Attributes:
        seed: of data and weights.
        network: how large it is.
        size: how much of an apartment an example holds.
        apartments: of ``train``; a sixth as many of ``val`` are looked at.
        crops: apartments of ``train`` whose crops give looks; a third as many of ``val``.
        lessons, questions: of a batch, and of a lesson.
        single: share of the training with one room in a lesson.
        rate: highest learning rate; warmed up, then falls as a cosine to a twentieth. The factors of B learn
            ``faster`` times as fast: they begin at zero and nothing else learns until they move.
        warm_up, clip, steps: of the updates.
        look_every: steps between two looks at ``val``; ``looked`` lessons each.
    """

    seed: int = 0
    network: MemoryNetworkSize = field(default_factory=MemoryNetworkSize)
    size: GistSize = field(default_factory=GistSize)
    apartments: int = 240
    crops: int = 24
    lessons: int = 16
    questions: int = 6
    single: float = 0.3
    rate: float = 1e-3
    faster: float = 10.0
    warm_up: int = 50
    clip: float = 1.0
    steps: int = 20_000
    look_every: int = 250
    looked: int = 60


@dataclass(frozen=True, eq=False)
class GistData:
    """Apartments and looks of both splits."""

    train: Sequence[Sequence[ChunkReading]]
    train_looks: LookBank
    val: Sequence[Sequence[ChunkReading]]
    val_looks: LookBank


def gist_data(training: MemoryTraining, *, progress: bool = False) -> GistData:
    """Made once, in some minutes, and kept in the user's cache."""
    return GistData(
        lived_in("train", training.apartments, progress=progress),
        look_bank("train", training.crops, progress=progress),
        lived_in("val", max(training.apartments // 6, 1), progress=progress),
        look_bank("val", max(training.crops // 3, 1), progress=progress),
    )


def train_memory_lora(
    training: MemoryTraining,
    adapted: AdaptedModel,
    tokenizer: Any,
    prompts: Prompts,
    base: str,
    data: GistData,
    out: Path,
    *,
    minutes: float = 20.0,
    resume: bool = True,
    progress: bool = False,
    group: Group | None = None,
) -> dict[str, float]:
    """Train until the steps or the minutes are used up; the best weights on ``val`` are written.

    Args:
        training: what and how.
        adapted: the frozen model.
        tokenizer: of it; ``prompts`` how it is asked; ``base`` its name.
        prompts: see ``tokenizer``.
        base: see ``tokenizer``.
        data: what it learns from.
        out: safetensors file; beside it logs and, while it trains, a checkpoint.
        minutes: longest time over all sittings.
        resume: go on from a checkpoint of the same settings.
        progress: show a bar.
        group: the processes that train together.

    Returns:
        the last figures on ``val``.
    """
    group = group or Group()
    learner = _Learner(training, adapted, tokenizer, prompts, base, data, group)
    checkpoint = out.with_suffix(".checkpoint.pt")
    if resume:
        learner.restore(checkpoint)
    group.same(learner.parameters)
    started, last = time.monotonic() - learner.spent, dict[str, float]()
    hidden = not (progress and group.first)
    bar = tqdm(total=training.steps, initial=learner.step, desc="train memory-lora", unit="step", disable=hidden)
    logs = Logs(out.with_suffix(f".logs{'' if group.first else group.rank}"), "memory-lora", "steps", not resume)
    with logs, bar:
        while (share := learner.share(time.monotonic() - started, minutes)) < 1.0:
            figures = learner.learn(share)
            bar.update()
            bar.set_postfix(loss=f"{figures['loss']:.3f}", right=f"{figures['right']:.2f}", refresh=False)
            learner.spent = time.monotonic() - started
            if learner.step % 50 == 0:
                logs.write(learner.step, figures)
            if learner.step % training.look_every == 0:
                logs.write(learner.step, learner.look())
                if group.first:
                    learner.keep(checkpoint)
        learner.spent = time.monotonic() - started
        last = learner.look()
        logs.write(learner.step, last)
    if group.first:
        learner.write(out, minutes)
        checkpoint.unlink(missing_ok=True)
    group.wait()
    return last


class _Learner:
    """The network, the optimiser, and how far they are."""

    def __init__(
        self,
        training: MemoryTraining,
        adapted: AdaptedModel,
        tokenizer: Any,
        prompts: Prompts,
        base: str,
        data: GistData,
        group: Group,
    ) -> None:
        self.training, self.adapted, self.prompts, self.data, self.group = training, adapted, prompts, data, group
        self.maker = MemoryToLora.new(adapted, tokenizer, training.network, training.seed, base=base)
        network = self.maker.network.to(next(adapted.model.parameters()).device)
        fast = [p for n, p in network.named_parameters() if ".scale_up." in n]
        slow = [p for n, p in network.named_parameters() if ".scale_up." not in n]
        self.parameters = [*slow, *fast]
        groups = [{"params": slow, "faster": 1.0}, {"params": fast, "faster": training.faster}]
        self.optimiser = torch.optim.AdamW(groups, lr=training.rate, weight_decay=0.0, betas=(0.9, 0.98))
        self.step, self.spent = 0, 0.0
        self.curve: list[dict[str, float]] = []
        self.best: tuple[float, dict[str, Any]] = (-1.0, {})

    def share(self, seconds: float, minutes: float) -> float:
        """How much of the training is done, alike in all processes."""
        return self.group.agree(max(self.step / self.training.steps, seconds / (60.0 * minutes)))

    def lessons(self, share: float) -> list[GistLesson]:
        """The batch of this step and process, drawn by their numbers, so that a resumed training draws the same."""
        settings, data = self.training, self.data
        rng = np.random.default_rng([settings.seed, self.step, self.group.rank, 4])
        rooms = 1 if share < settings.single else settings.size.rooms
        size = GistSize(rooms, settings.size.kinds)
        return draw_gist_lessons(data.train, data.train_looks, rng, settings.lessons, settings.questions, size)

    def learn(self, share: float) -> dict[str, float]:
        """One update."""
        settings = self.training
        warm = min(1.0, (self.step + 1) / settings.warm_up)
        rate = settings.rate * warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))
        for one in self.optimiser.param_groups:
            one["lr"] = rate * one["faster"]
        self.maker.network.train()
        loss, figures = gist_loss(self.maker, self.adapted, self.prompts, self.lessons(share))
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.group.average(self.parameters)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, settings.clip)
        self.optimiser.step()
        self.step += 1
        return {**figures, "gradient": float(norm), "rate": rate}

    @torch.no_grad()
    def look(self) -> dict[str, float]:
        """Share of right answers on ``val`` by kind of question; weights are kept if their mean is the best so far."""
        settings, data = self.training, self.data
        self.maker.network.eval()
        rng = np.random.default_rng(23)
        lessons = draw_gist_lessons(
            data.val, data.val_looks, rng, settings.looked, settings.questions, settings.size, held_out=True
        )
        hits: dict[str, list[float]] = {kind: [] for kind in QUESTIONS}
        for first in range(0, len(lessons), settings.lessons):
            part = lessons[first : first + settings.lessons]
            asked = [(None, q) for one in part for q in one.questions]
            owners = [i for i, one in enumerate(part) for _ in one.questions]
            right = ranked_right(self.adapted, self.prompts, asked, generated_rows(self.maker, part), owners)
            for (_, question), hit in zip(asked, right, strict=True):
                hits[question.kind].append(hit)
        told = [h for kind in TOLD_IN_TEXT for h in hits[kind]]
        figures = {f"val_{kind}": float(np.mean(found)) for kind, found in hits.items() if found}
        figures["val_gist"] = float(np.mean(told))
        self.curve.append({"steps": float(self.step), "seconds": round(self.spent, 1), **figures})
        mean = float(np.mean(list(figures.values())))
        if mean >= self.best[0]:
            self.best = mean, copy.deepcopy(self.maker.network.state_dict())
        return figures

    def write(self, out: Path, minutes: float) -> None:
        """The best weights with how they came about."""
        self.maker.network.load_state_dict(self.best[1])
        told = {
            "training": asdict(self.training), "minutes": minutes, "steps": self.step, "seconds": round(self.spent, 1),
            "processes": self.group.size, "commit": commit() or "unknown", "curve": self.curve, "base": self.maker.base,
        }  # fmt: skip
        self.maker.about = {name: json.dumps(value) for name, value in told.items()}
        self.maker.save(out)

    def keep(self, path: Path) -> None:
        """Everything needed to go on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "training": self._settings(), "step": self.step, "spent": self.spent, "curve": self.curve,
            "network": self.maker.network.state_dict(), "optimiser": self.optimiser.state_dict(),
            "best": list(self.best),
        }  # fmt: skip
        draft = path.with_suffix(".part")
        torch.save(state, draft)
        draft.replace(path)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint, if there is one of the same settings."""
        if not path.exists():
            return
        state = torch.load(path, weights_only=True)
        if state["training"] != self._settings():
            return
        self.step, self.spent, self.curve = state["step"], state["spent"], state["curve"]
        self.best = (state["best"][0], state["best"][1])
        self.maker.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])

    def _settings(self) -> str:
        return json.dumps(asdict(self.training))
