"""``memory-agent train document-lora``: the network that writes a LoRA from a document.

It learns from a teacher that reads the document (context distillation), or from the answers themselves.

First documents of a few chunks of one fact each, from which it learns to tell facts apart; then whole ones: a quarter
of one chunk, a seventh of two, the rest of three to ``longest`` (Doc-to-LoRA, arXiv 2602.15902, has half of one chunk);
in the last part more of the long ones, whose chunks disturb each other most.
The base model stays frozen. Under ``torchrun`` every process draws its own documents. Needs torch, transformers and
peft.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.distillation import DistillationConfig, Lesson, lesson_loss
from memory_agent_ros.adapters.document import DocumentConfig, DocumentToLora, save_document_network
from memory_agent_ros.adapters.perceiver import ResamplerSize
from memory_agent_ros.adapters.prompts import Prompts
from memory_agent_ros.evaluation.adapters.fact_lessons import draw_lessons, generated_right
from memory_agent_ros.evaluation.adapters.facts import FactFamily
from memory_agent_ros.evaluation.training.distributed import Group
from memory_agent_ros.evaluation.training.learning import ALONE, Rhythm, WriterLearner

#: Documents by which it is known before training what enters the adapted layers.
_MEASURED = 64


@dataclass(frozen=True)
class DocumentTraining:
    """What is trained and how.

    Attributes:
        seed: of data and weights.
        network: how it is built.
        loss: how it is judged.
        family: what documents are drawn.
        documents, questions: of a batch, and of a document.
        single: share of the training with chunks of a single fact; ``few`` of them in a document at most.
        longest: most chunks of a document after that; 1 for no training with several chunks.
        long: share of the training after which four fifths of the documents have half of ``longest`` or more.
        rate: highest learning rate; warmed up, then falls as a cosine to a twentieth. The factors of B learn
            ``faster`` times as fast: they begin at zero and nothing else learns until they move.
        warm_up, clip, steps: of the updates.
        look_every: steps between two looks at ``val``.
        looks: numbers of chunks that are looked at.
        looked: documents of each.
    """

    seed: int = 0
    network: DocumentConfig = field(default_factory=DocumentConfig)
    loss: DistillationConfig = field(default_factory=DistillationConfig)
    family: FactFamily = field(default_factory=FactFamily)
    documents: int = 16
    questions: int = 4
    single: float = 0.2
    few: int = 4
    longest: int = 8
    long: float = 0.6
    rate: float = 1e-3
    faster: float = 10.0
    warm_up: int = 50
    clip: float = 0.3
    steps: int = 30_000
    look_every: int = 250
    looks: tuple[int, ...] = (1, 2, 4, 8)
    looked: int = 32


def settings_of(size: str, seed: int = 0) -> DocumentTraining:
    """What is trained for a size of base: ``embedded`` gets chunks of one fact, fewer documents and small steps.

    ``tiny`` learns from the answers: they are known, while its teacher errs in long documents and costs a fifth of the
    time; ``bench adapters --ablations`` compares.
    """
    if size == "tiny":
        return DocumentTraining(seed, DocumentConfig(chunk_tokens=40), DistillationConfig("next_token"))
    network = DocumentConfig(chunk_tokens=32, resampler=ResamplerSize(width=256), hidden=512)
    return DocumentTraining(
        seed, network, family=FactFamily(facts=(1, 1), sentences=2), documents=8, questions=1, longest=4,
        rate=2e-4, steps=4000, look_every=100, looks=(1, 2, 4), looked=16,
    )  # fmt: skip


def train_document_lora(
    training: DocumentTraining,
    adapted: AdaptedModel,
    prompts: Prompts,
    base: str,
    out: Path,
    *,
    minutes: float = 20.0,
    resume: bool = True,
    progress: bool = False,
    group: Group | None = None,
    about: Mapping[str, Any] | None = None,
) -> dict[str, float]:
    """Train until the steps or the minutes are used up; the best weights on ``val`` are written.

    Args:
        training: what and how.
        adapted: the frozen model.
        prompts: of it.
        base: its name.
        out: safetensors file; beside it logs and, while it trains, a checkpoint.
        minutes: longest time over all sittings.
        resume: go on from a checkpoint of the same settings.
        progress: show a bar.
        group: the processes that train together.
        about: told in the file beside the settings.

    Returns:
        the last figures on ``val``.
    """
    learner = _Learner(training, adapted, prompts, base, out, group or ALONE, about or {})
    rhythm = Rhythm(training.steps, log=50, keep=training.look_every, look=training.look_every)
    return learner.train("document-lora", rhythm, out.with_suffix(""), minutes, resume=resume, progress=progress)


class _Learner(WriterLearner):
    """The network and what it learns from."""

    training: DocumentTraining

    def __init__(
        self,
        training: DocumentTraining,
        adapted: AdaptedModel,
        prompts: Prompts,
        base: str,
        out: Path,
        group: Group,
        told: Mapping[str, Any],
    ) -> None:
        torch.manual_seed(training.seed)
        self.network = DocumentToLora(adapted, prompts, training.network, base)
        self.network.to(next(adapted.model.parameters()).device)
        measured = draw_lessons(training.family, (training.seed, 5), "train", 1, _MEASURED, 1)
        self.network.standardise([one.text for one in measured])
        super().__init__(training, self.network, group)
        self.out, self.told = out, told

    def lessons(self, share: float) -> list[Lesson]:
        """The batch of this step and process, drawn by their numbers, so that a resumed training draws the same."""
        settings, seed = self.training, (self.training.seed, self.step, self.group.rank, 3)
        rng, family, chunks = np.random.default_rng([*seed, 1]), settings.family, 1
        if settings.longest > 1 and share < settings.single:
            family, chunks = replace(family, facts=(1, 1), sentences=2), int(rng.integers(1, settings.few + 1))
        elif settings.longest > 1:
            one, two, few = (0.25, 0.4, 3) if share < settings.long else (0.1, 0.2, settings.longest // 2)
            draw, several = float(rng.random()), int(rng.integers(max(3, few), max(4, settings.longest + 1)))
            chunks = 1 if draw < one else 2 if draw < two else min(several, settings.longest)
        count = max(2, round(settings.documents / chunks**0.5))
        return draw_lessons(family, seed, "train", chunks, count, settings.questions)

    def learn(self, share: float) -> dict[str, float]:
        """One update."""
        self.network.train()
        device = self.parameters[0].device.type
        with torch.autocast(device, dtype=torch.bfloat16):
            loss, figures = lesson_loss(self.network, self.lessons(share), self.training.loss)
        norm, rate = self.update(loss, share)
        return {**figures, "gradient": norm, "rate": rate}

    def look(self, last: bool) -> dict[str, float]:
        """Exact match on ``val``."""
        settings = self.training
        self.network.eval()
        figures = {}
        for chunks in settings.looks if settings.longest > 1 else settings.looks[:1]:
            lessons = draw_lessons(settings.family, (17, chunks), "val", chunks, settings.looked, settings.questions)
            figures[f"exact_match@{chunks}"] = mean_right(generated_right(self.network, lessons))
        self.point(figures)
        return figures

    def finish(self) -> None:
        """Write the best weights."""
        self.network.load_state_dict(self.best[1])
        save_document_network(self.out, self.network, {**self.about(), **self.told})


def mean_right(right: Sequence[Sequence[bool]]) -> float:
    """Share of all questions."""
    return float(np.mean([hit for one in right for hit in one]))
