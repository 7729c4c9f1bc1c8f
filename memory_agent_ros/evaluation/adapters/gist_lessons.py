"""Apartments with questions about their gist as lessons, and what a model answers to them. Needs torch.

Answers are ranked among the closed set of their kind of question, in every arm alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.distillation import answered
from memory_agent_ros.adapters.memory import MemoryToLora
from memory_agent_ros.adapters.memory_reading import ChunkReading
from memory_agent_ros.adapters.prompts import Prompts
from memory_agent_ros.adapters.rows import LoraRows, joined, with_bias
from memory_agent_ros.evaluation.adapters.gist import CANDIDATES, Question, ask
from memory_agent_ros.evaluation.adapters.gist_worlds import GistSize, GistWorld, example
from memory_agent_ros.evaluation.adapters.look_bank import LookBank


@dataclass(frozen=True, eq=False)
class GistLesson:
    """An apartment and what is asked of it."""

    world: GistWorld
    questions: tuple[Question, ...]


def draw_gist_lessons(
    apartments: Sequence[Sequence[ChunkReading]],
    looks: LookBank,
    rng: np.random.Generator,
    count: int,
    questions: int,
    size: GistSize,
    *,
    held_out: bool = False,
) -> list[GistLesson]:
    """Lessons of random apartments of some; ``held_out`` asks in the held-out forms."""
    out = list[GistLesson]()
    while len(out) < count:
        world = example(apartments[int(rng.integers(len(apartments)))], rng, looks, size)
        asked = tuple(ask(world.gist, rng, held_out=held_out, limit=questions)) if world.readings else ()
        if asked:
            out.append(GistLesson(world, asked))
    return out


def generated_rows(maker: MemoryToLora, lessons: Sequence[GistLesson]) -> LoraRows:
    """A batch of adapters, one for each lesson's apartment, with the bias; it keeps the gradient."""
    rows = maker.network(maker.batch([r for one in lessons for r in one.world.readings]))
    return with_bias(joined(rows, [len(one.world.readings) for one in lessons]), maker.network.heads.bias())


def gist_loss(
    maker: MemoryToLora, adapted: AdaptedModel, prompts: Prompts, lessons: Sequence[GistLesson]
) -> tuple[Tensor, dict[str, float]]:
    """Cross-entropy of the true answers, given the question and the generated adapter alone.

    The truth is known here, and text could not teach what only pixels hold: there is no teacher that reads text.
    """
    rows = generated_rows(maker, lessons)
    owners = [i for i, one in enumerate(lessons) for _ in one.questions]
    asked = [(None, q.text, q.answer) for one in lessons for q in one.questions]
    told = answered(adapted, prompts, asked, rows.pick(owners))
    loss = functional.cross_entropy(told.logits, told.wanted)
    norm = rows.one(0).map(Tensor.detach).norm()
    return loss, {"loss": float(loss.detach()), "right": float(told.right().float().mean()), "norm": norm}


@torch.no_grad()
def ranked_right(
    adapted: AdaptedModel,
    prompts: Prompts,
    asked: Sequence[tuple[str | None, Question]],
    rows: LoraRows | None = None,
    owners: Sequence[int] | None = None,
    *,
    batch: int = 16,
) -> list[float]:
    """1.0 for each question whose true answer is the likeliest of its closed set, else 0.0.

    Args:
        adapted: the model.
        prompts: of it.
        asked: (passage or None, question).
        rows: a batch of adapters, or None; ``owners`` which of them each question is asked of.
        owners: as long as ``asked``.
        batch: questions in one pass.
    """
    return [float(p.argmax() == i) for p, i in ranked(adapted, prompts, asked, rows, owners, batch=batch)]


@torch.no_grad()
def ranked(
    adapted: AdaptedModel,
    prompts: Prompts,
    asked: Sequence[tuple[str | None, Question]],
    rows: LoraRows | None = None,
    owners: Sequence[int] | None = None,
    *,
    batch: int = 16,
) -> list[tuple[Tensor, int]]:
    """Per question the probabilities of its closed set, and the number of the true answer; see :func:`ranked_right`."""
    out = list[tuple[Tensor, int]]()
    device = next(adapted.model.parameters()).device
    for first in range(0, len(asked), batch):
        part = asked[first : first + batch]
        every = [(i, p, q, c) for i, (p, q) in enumerate(part, start=first) for c in CANDIDATES[q.kind]]
        if all(len(prompts.answer(c)) == 1 for _, _, _, c in every):  # one pass tells them all
            whose = None if owners is None else owners[first : first + len(part)]
            told = answered(adapted, prompts, [(p, q.text, q.answer) for p, q in part], _picked(rows, whose))
            logits = told.logits.log_softmax(dim=-1)
            scores = [logits[i, [prompts.answer(c)[0] for c in CANDIDATES[q.kind]]] for i, (_, q) in enumerate(part)]
        else:
            whose = None if owners is None else [owners[i] for i, _, _, _ in every]
            told = answered(adapted, prompts, [(p, q.text, c) for _, p, q, c in every], _picked(rows, whose))
            each = -functional.cross_entropy(told.logits, told.wanted, reduction="none")
            total = torch.zeros(len(every), device=device).index_add(0, told.question, each)
            scores = list(total.split([len(CANDIDATES[q.kind]) for _, q in part]))
        right = [CANDIDATES[q.kind].index(q.answer) for _, q in part]
        out += [(s.softmax(dim=-1).cpu(), i) for s, i in zip(scores, right, strict=True)]
    return out


def _picked(rows: LoraRows | None, owners: Sequence[int] | None) -> LoraRows | None:
    """An adapter for each question; one for all of them where nothing tells whose it is."""
    return rows if rows is None or owners is None else rows.pick(owners)
