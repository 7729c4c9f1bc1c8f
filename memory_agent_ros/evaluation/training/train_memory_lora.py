"""``memory-agent train memory-lora``: the network that writes a LoRA from the memory's own tokens.

Random histories of apartments of the ``train`` split, under random names and with looks from crops of rendered
apartments; the base model and the shared encoder stay frozen. One room first, several later. Under ``torchrun`` every
process draws its own apartments. Needs torch, transformers, peft and the simulator.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

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
from memory_agent_ros.evaluation.training.distributed import Group
from memory_agent_ros.evaluation.training.learning import ALONE, Rhythm, WriterLearner

#: Apartments by which it is known before training what enters the adapted layers.
_MEASURED = 64


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
    maker = MemoryToLora.new(adapted, tokenizer, prompts, training.network, training.seed, base=base)
    maker.network.to(next(adapted.model.parameters()).device)
    learner = _Learner(training, maker, adapted, prompts, data, out, group or ALONE)
    rhythm = Rhythm(training.steps, log=50, keep=training.look_every, look=training.look_every)
    return learner.train("memory-lora", rhythm, out.with_suffix(""), minutes, resume=resume, progress=progress)


class _Learner(WriterLearner):
    """The network and what it learns from."""

    training: MemoryTraining

    def __init__(
        self,
        training: MemoryTraining,
        maker: MemoryToLora,
        adapted: AdaptedModel,
        prompts: Prompts,
        data: GistData,
        out: Path,
        group: Group,
    ) -> None:
        super().__init__(training, maker.network, group)
        self.maker, self.adapted, self.prompts, self.data, self.out = maker, adapted, prompts, data, out
        rng = np.random.default_rng([training.seed, 5])
        measured = draw_gist_lessons(data.train, data.train_looks, rng, _MEASURED, 1, training.size)
        maker.network.standardise(maker.batch([r for one in measured for r in one.world.readings]))

    def lessons(self, share: float) -> list[GistLesson]:
        """The batch of this step and process, drawn by their numbers, so that a resumed training draws the same."""
        settings, data = self.training, self.data
        rng = np.random.default_rng([settings.seed, self.step, self.group.rank, 4])
        rooms = 1 if share < settings.single else settings.size.rooms
        size = GistSize(rooms, settings.size.kinds)
        return draw_gist_lessons(data.train, data.train_looks, rng, settings.lessons, settings.questions, size)

    def learn(self, share: float) -> dict[str, float]:
        """One update."""
        self.maker.network.train()
        with torch.autocast(self.parameters[0].device.type, dtype=torch.bfloat16):
            loss, figures = gist_loss(self.maker, self.adapted, self.prompts, self.lessons(share))
        norm, rate = self.update(loss, share)
        return {**figures, "gradient": norm, "rate": rate}

    @torch.no_grad()
    def look(self, last: bool) -> dict[str, float]:
        """Share of right answers on ``val`` by kind of question."""
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
        self.point(figures)
        return figures

    def finish(self) -> None:
        """Write the best weights with how they came about."""
        self.maker.network.load_state_dict(self.best[1])
        told = {**self.about(), "base": self.maker.base}
        self.maker.about = {name: json.dumps(value) for name, value in told.items()}
        self.maker.save(self.out)
