"""``memory-agent train document-lora``: the network that writes a LoRA from a document, by context distillation.

First documents of one chunk, then of several, as Doc-to-LoRA (arXiv 2602.15902) does: half of one chunk, an eighth of
two, the rest of three to ``longest``. The base model stays frozen. Under ``torchrun`` every process draws its own
documents. Needs torch, transformers and peft.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm import tqdm

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.distillation import DistillationConfig, Lesson, lesson_loss
from memory_agent_ros.adapters.document import DocumentConfig, DocumentToLora, save_document_network
from memory_agent_ros.adapters.perceiver import ResamplerSize
from memory_agent_ros.adapters.prompts import Prompts
from memory_agent_ros.evaluation.adapters.fact_lessons import draw_lessons, generated_right
from memory_agent_ros.evaluation.adapters.facts import FactFamily
from memory_agent_ros.evaluation.hardware import commit
from memory_agent_ros.evaluation.training.distributed import Group
from memory_agent_ros.evaluation.training.logs import Logs


@dataclass(frozen=True)
class DocumentTraining:
    """What is trained and how.

    Attributes:
        seed: of data and weights.
        network: how it is built.
        loss: how it is judged.
        family: what documents are drawn.
        documents, questions: of a batch, and of a document.
        single: share of the training with documents of one chunk.
        longest: most chunks of a document after that; 1 for no training with several chunks.
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
    documents: int = 32
    questions: int = 3
    single: float = 0.6
    longest: int = 8
    rate: float = 1e-3
    faster: float = 10.0
    warm_up: int = 50
    clip: float = 0.3
    steps: int = 8000
    look_every: int = 250
    looks: tuple[int, ...] = (1, 2, 4, 8)
    looked: int = 32


def settings_of(size: str, seed: int = 0) -> DocumentTraining:
    """What is trained for a size of base: ``embedded`` gets chunks of one fact, fewer documents and small steps."""
    if size == "tiny":
        return DocumentTraining(seed, DocumentConfig(chunk_tokens=40))
    network = DocumentConfig(chunk_tokens=32, resampler=ResamplerSize(width=256), hidden=512)
    return DocumentTraining(
        seed, network, family=FactFamily(facts=(1, 1), sentences=2), documents=8, questions=1, single=0.7, longest=4,
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
    group = group or Group()
    learner = _Learner(training, adapted, prompts, base, group)
    checkpoint = out.with_suffix(".checkpoint.pt")
    if resume:
        learner.restore(checkpoint)
    group.same(learner.parameters)
    started = time.monotonic() - learner.spent
    bar = tqdm(
        total=training.steps, initial=learner.step, desc="train document-lora", unit="step",
        disable=not (progress and group.first),
    )  # fmt: skip
    logs = Logs(out.with_suffix(f".logs{'' if group.first else group.rank}"), "document-lora", "steps", not resume)
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
        learner.write(out, minutes, about or {})
        checkpoint.unlink(missing_ok=True)
    group.wait()
    return last


class _Learner:
    """The network, the optimiser, and how far they are."""

    def __init__(
        self, training: DocumentTraining, adapted: AdaptedModel, prompts: Prompts, base: str, group: Group
    ) -> None:
        torch.manual_seed(training.seed)
        self.training, self.group = training, group
        self.network = DocumentToLora(adapted, prompts, training.network, base)
        device = next(adapted.model.parameters()).device
        self.network.to(device)
        fast = [p for n, p in self.network.named_parameters() if ".scale_up." in n]
        slow = [p for n, p in self.network.named_parameters() if ".scale_up." not in n]
        self.parameters = [*slow, *fast]
        groups = [{"params": slow, "faster": 1.0}, {"params": fast, "faster": training.faster}]
        self.optimiser = torch.optim.AdamW(groups, lr=training.rate, weight_decay=0.0, betas=(0.9, 0.98))
        self.step, self.spent = 0, 0.0
        self.curve: list[dict[str, float]] = []
        self.best: tuple[float, dict[str, Any]] = (-1.0, {})

    def share(self, seconds: float, minutes: float) -> float:
        """How much of the training is done, alike in all processes."""
        return self.group.agree(max(self.step / self.training.steps, seconds / (60.0 * minutes)))

    def lessons(self, share: float) -> list[Lesson]:
        """The batch of this step and process, drawn by their numbers, so that a resumed training draws the same."""
        settings, seed = self.training, (self.training.seed, self.step, self.group.rank, 3)
        chunks = 1
        if settings.longest > 1 and share >= settings.single:
            draw = float(np.random.default_rng([*seed, 1]).random())
            several = int(np.random.default_rng([*seed, 2]).integers(3, max(4, settings.longest + 1)))
            chunks = 1 if draw < 0.5 else 2 if draw < 0.625 else min(several, settings.longest)
        count = max(2, round(settings.documents / chunks**0.5))
        return draw_lessons(settings.family, seed, "train", chunks, count, settings.questions)

    def learn(self, share: float) -> dict[str, float]:
        """One update."""
        settings = self.training
        warm = min(1.0, (self.step + 1) / settings.warm_up)
        rate = settings.rate * warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))
        for one in self.optimiser.param_groups:
            one["lr"] = rate * one["faster"]
        self.network.train()
        loss, figures = lesson_loss(self.network, self.lessons(share), settings.loss)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.group.average(self.parameters)
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, settings.clip)
        self.optimiser.step()
        self.step += 1
        return {**figures, "gradient": float(norm), "rate": rate}

    def look(self) -> dict[str, float]:
        """Exact match on ``val``; the weights are kept if their mean is the best so far."""
        settings = self.training
        self.network.eval()
        figures = {}
        for chunks in settings.looks if settings.longest > 1 else settings.looks[:1]:
            lessons = draw_lessons(settings.family, (17, chunks), "val", chunks, settings.looked, settings.questions)
            figures[f"exact_match@{chunks}"] = mean_right(generated_right(self.network, lessons))
        self.curve.append({"steps": float(self.step), "seconds": round(self.spent, 1), **figures})
        mean = float(np.mean(list(figures.values())))
        if mean >= self.best[0]:
            self.best = mean, copy.deepcopy(self.network.state_dict())
        return figures

    def write(self, out: Path, minutes: float, about: Mapping[str, Any]) -> None:
        """The best weights, a card and the curve."""
        self.network.load_state_dict(self.best[1])
        told = {
            "training": asdict(self.training), "minutes": minutes, "steps": self.step, "seconds": round(self.spent, 1),
            "processes": self.group.size, "commit": commit() or "unknown", "curve": self.curve, **about,
        }  # fmt: skip
        save_document_network(out, self.network, told)

    def keep(self, path: Path) -> None:
        """Everything needed to go on."""
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {
            "training": self._settings(), "step": self.step, "spent": self.spent, "curve": self.curve,
            "network": self.network.state_dict(), "optimiser": self.optimiser.state_dict(), "best": list(self.best),
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
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])

    def _settings(self) -> str:
        return json.dumps(asdict(self.training))


def mean_right(right: Sequence[Sequence[bool]]) -> float:
    """Share of all questions."""
    return float(np.mean([hit for one in right for hit in one]))
