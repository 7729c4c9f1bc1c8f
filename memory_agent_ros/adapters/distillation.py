"""Context distillation: what the model says with a document in its context, it shall say with an adapter and without.

The loss of Doc-to-LoRA (arXiv 2602.15902): cross-entropy against the teacher's most likely tokens where the answers
stand, mean over a question's tokens, over a document's questions, over documents. Beside it stand the plain next-token
loss (an ablation) and distillation by gradient steps on one document (what the network is to save).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.document import DocumentToLora
from memory_agent_ros.adapters.prompts import Prompts
from memory_agent_ros.adapters.rows import LoraRows, joined, with_bias


@dataclass(frozen=True)
class Lesson:
    """A document in chunks, and questions with answers.

    Attributes:
        chunks: texts.
        asked: (question, answer).
    """

    chunks: tuple[str, ...]
    asked: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """All chunks."""
        return " ".join(self.chunks)


@dataclass(frozen=True)
class DistillationConfig:
    """The loss.

    Attributes:
        kind: ``kl`` against the teacher, or ``next_token`` against the answers.
        top: how many of the teacher's tokens count.
        l1: weight of the mean absolute value of the rows.
    """

    kind: str = "kl"
    top: int = 16
    l1: float = 0.0


@dataclass(frozen=True, eq=False)
class Told:
    """Logits where answers stand.

    Attributes:
        logits: (N, vocabulary) float32.
        wanted: (N,) the answers' tokens.
        question: (N,) number of the question each belongs to.
    """

    logits: Tensor
    wanted: Tensor
    question: Tensor

    def right(self) -> Tensor:
        """(questions,) bool: every token of the answer is the likeliest one, given those before it."""
        count = int(self.question.max()) + 1
        wrong = (self.logits.argmax(dim=-1) != self.wanted).long()
        return torch.zeros(count, dtype=torch.long, device=wrong.device).index_add(0, self.question, wrong) == 0


def answered(
    adapted: AdaptedModel, prompts: Prompts, asked: Sequence[tuple[str | None, str, str]], rows: LoraRows | None
) -> Told:
    """What the model says where answers stand, with an adapter or without.

    Args:
        adapted: the model.
        prompts: of it.
        asked: (passage or None, question, answer).
        rows: one adapter for all, a batch with one for each question, or None.
    """
    ids, places = list[list[int]](), list[tuple[int, int]]()
    for number, (passage, question, answer) in enumerate(asked):
        before, after = prompts.asked(passage, question), prompts.answer(answer)
        places += [(number, len(before) + i) for i in range(len(after))]
        ids.append([*before, *after])
    length = max(map(len, ids))
    device = next(adapted.model.parameters()).device
    padded = torch.tensor([[*one, *[0] * (length - len(one))] for one in ids], device=device)
    line, column = torch.tensor(places, device=device).unbind(dim=1)
    with adapted.using(rows) as model:
        hidden = model.model(input_ids=padded, use_cache=False).last_hidden_state
        logits = model.lm_head(hidden[line, column - 1]).float()
    return Told(logits, padded[line, column], line)


def lesson_loss(
    network: DocumentToLora, lessons: Sequence[Lesson], config: DistillationConfig
) -> tuple[Tensor, dict[str, float]]:
    """The loss of documents and the figures of this batch: ``loss``, ``right``, ``l1``, ``norm`` of an adapter."""
    rows = network.chunk_rows([chunk for one in lessons for chunk in one.chunks])
    adapters = with_bias(joined(rows, [len(one.chunks) for one in lessons]), network.heads.bias())
    owners = torch.tensor([i for i, one in enumerate(lessons) for _ in one.asked], device=_first(rows).device)
    bare = [(None, question, answer) for one in lessons for question, answer in one.asked]
    student = answered(network.adapted, network.prompts, bare, adapters.pick(owners))
    if config.kind == "kl":
        with torch.no_grad():
            full = [(one.text, question, answer) for one in lessons for question, answer in one.asked]
            teacher = answered(network.adapted, network.prompts, full, None)
        each = from_teacher(student.logits, teacher.logits, config.top)
    else:
        each = torch.nn.functional.cross_entropy(student.logits, student.wanted, reduction="none")
    loss = _mean_by(_mean_by(each, student.question), owners).mean()
    l1 = torch.stack([t.abs().mean() for t in (*rows.down.values(), *rows.up.values())]).mean()
    figures = {
        "loss": float(loss.detach()),
        "right": float(student.right().float().mean()),
        "l1": float(l1.detach()),
        "norm": rows.one(0).map(Tensor.detach).norm(),
    }
    return loss + config.l1 * l1, figures


def from_teacher(student: Tensor, teacher: Tensor, top: int) -> Tensor:
    """(N, vocabulary) logits -> (N,) cross-entropy against the teacher's ``top`` likeliest tokens."""
    likely, tokens = teacher.log_softmax(dim=-1).topk(min(top, teacher.shape[-1]), dim=-1)
    return -(likely.exp() * student.log_softmax(dim=-1).gather(-1, tokens)).sum(dim=-1)


def distilled(
    adapted: AdaptedModel, prompts: Prompts, lesson: Lesson, *, rank: int = 8, steps: int = 100, rate: float = 1e-2
) -> tuple[LoraRows, float]:
    """An adapter of one document by gradient steps: plain LoRA, from nothing, on the lesson's own questions.

    Returns:
        the rows, and the seconds that it took.
    """
    started = time.perf_counter()
    start = adapted.nothing(rank)
    rows = start.map(lambda t: t.float().clone().requires_grad_())
    optimiser = torch.optim.Adam([*rows.down.values(), *rows.up.values()], lr=rate)
    with torch.no_grad():
        teacher = answered(adapted, prompts, [(lesson.text, q, a) for q, a in lesson.asked], None).logits
    for _ in range(steps):
        student = answered(adapted, prompts, [(None, q, a) for q, a in lesson.asked], rows)
        optimiser.zero_grad(set_to_none=True)
        from_teacher(student.logits, teacher, 16).mean().backward()
        optimiser.step()
    return rows.map(Tensor.detach), time.perf_counter() - started


def _mean_by(values: Tensor, group: Tensor) -> Tensor:
    """(N,) values and the group of each -> mean of each group."""
    count = int(group.max()) + 1
    total = torch.zeros(count, device=values.device).index_add(0, group, values)
    sizes = torch.zeros(count, device=values.device).index_add(0, group, torch.ones_like(values))
    return total / sizes.clamp(min=1.0)


def _first(rows: LoraRows) -> Any:
    return next(iter(rows.down.values()))
