"""Documents of facts as lessons, and how well a generated adapter answers them. Needs torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from memory_agent_ros.adapters.distillation import Lesson, answered
from memory_agent_ros.adapters.document import DocumentToLora
from memory_agent_ros.adapters.rows import joined, with_bias
from memory_agent_ros.evaluation.adapters.facts import FactDocument, FactFamily


def lesson_of(document: FactDocument, rng: np.random.Generator, questions: int) -> Lesson:
    """So many of its questions, or all where there are fewer."""
    chosen = rng.permutation(len(document.asked))[:questions].tolist()
    return Lesson(document.chunks, tuple((document.asked[i].question, document.asked[i].answer) for i in chosen))


def draw_lessons(
    family: FactFamily, seed: Sequence[int], split: str, chunks: int, count: int, questions: int
) -> list[Lesson]:
    """Lessons of documents with so many chunks."""
    rng = np.random.default_rng(list(seed))
    return [lesson_of(family.draw(rng, split, chunks), rng, questions) for _ in range(count)]


def generated_right(network: DocumentToLora, lessons: Sequence[Lesson], batch: int = 16) -> list[list[bool]]:
    """By lesson, which questions are answered word for word from the generated adapter alone."""
    out = list[list[bool]]()
    for start in range(0, len(lessons), batch):
        part = lessons[start : start + batch]
        with torch.no_grad():
            hits = iter(_right(network, part))
        out += [[next(hits) for _ in one.asked] for one in part]
    return out


def _right(network: DocumentToLora, lessons: Sequence[Lesson]) -> list[bool]:
    rows = network.chunk_rows([chunk for one in lessons for chunk in one.chunks])
    adapters = with_bias(joined(rows, [len(one.chunks) for one in lessons]), network.heads.bias())
    owners = [i for i, one in enumerate(lessons) for _ in one.asked]
    asked = [(None, question, answer) for one in lessons for question, answer in one.asked]
    found: list[bool] = answered(network.adapted, network.prompts, asked, adapters.pick(owners)).right().tolist()
    return found
