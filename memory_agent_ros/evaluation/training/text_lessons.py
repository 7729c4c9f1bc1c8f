"""Lessons in robot-language tasks for anything that gives adapters: through the frozen model. Needs torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.adapters.text import TextEmbedder, description_vectors
from memory_agent_ros.evaluation.adapters.text_models import cosine, question
from memory_agent_ros.evaluation.adapters.text_tasks import Task, draw_command
from memory_agent_ros.evaluation.training.distributed import Group
from memory_agent_ros.evaluation.training.learning import ALONE, update
from memory_agent_ros.evaluation.training.reader_examples import Example
from memory_agent_ros.evaluation.training.train_reader import predictions


@dataclass(frozen=True)
class Lesson:
    """A batch.

    Attributes:
        tasks: (G,) numbers of tasks in the library.
        vectors: (G, D) of one description of each.
        owner: (N,) for each example the number of its task within the batch.
        examples: with right answers.
    """

    tasks: Tensor
    vectors: Tensor
    owner: Tensor
    examples: list[Example]


@dataclass(frozen=True)
class Pace:
    """How lessons go.

    Attributes:
        seed: of the lessons.
        steps: at most.
        tasks: of a lesson.
        commands: for each of them.
        rate: highest learning rate; it falls as a cosine.
        clip: of the gradient's norm.
    """

    seed: int = 0
    steps: int = 2000
    tasks: int = 16
    commands: int = 4
    rate: float = 1e-3
    clip: float = 1.0


Rows = Callable[[Lesson], LoraRows]


def lessons(
    library: Sequence[Task],
    tokenizer: Any,
    embedder: TextEmbedder,
    pace: Pace,
    first: int = 0,
    in_prompt: bool = False,
    rank: int = 0,
) -> Iterator[Lesson]:
    """Endless lessons, the same ones for each number of a step.

    Args:
        library: trained tasks.
        tokenizer: of the frozen model.
        embedder: of descriptions.
        pace: sizes and seed.
        first: step to begin with.
        in_prompt: put the description before the command too.
        rank: of this process among those that teach together; each has lessons of its own.
    """
    while True:
        rng = np.random.default_rng([pace.seed, first, rank])
        numbers = rng.choice(len(library), min(pace.tasks, len(library)), replace=False)
        chosen = [library[i] for i in numbers.tolist()]
        told = [task.description(rng) for task in chosen]
        examples = [
            question(tokenizer, task, draw_command(rng), text if in_prompt else "")
            for task, text in zip(chosen, told, strict=True)
            for _ in range(pace.commands)
        ]
        owner = torch.arange(len(chosen)).repeat_interleave(pace.commands)
        yield Lesson(torch.from_numpy(numbers), torch.from_numpy(description_vectors(embedder, told)), owner, examples)
        first += 1


class Teacher:
    """Teaches whatever gives rows, step by step.

    Args:
        adapted: the frozen model.
        rows: of a lesson; a batch has one adapter for each example.
        parameters: what is learnt.
        pace: how.
        group: the processes that teach together.
    """

    def __init__(
        self,
        adapted: AdaptedModel,
        rows: Rows,
        parameters: Sequence[nn.Parameter],
        pace: Pace,
        group: Group = ALONE,
    ) -> None:
        self.adapted, self.rows, self.parameters, self.pace = adapted, rows, list(parameters), pace
        self.group = group
        self.optimiser = torch.optim.AdamW(self.parameters, lr=pace.rate, betas=(0.9, 0.98), weight_decay=0.0)
        self.step = 0

    def learn(self, lesson: Lesson, share: float) -> dict[str, float]:
        """One update.

        Args:
            lesson: the batch.
            share: of the training that is over.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = self.pace.rate * cosine(self.step, share)
        with self.adapted.using(self.rows(lesson)) as model:
            logits, wanted = predictions(model, lesson.examples)
        loss = torch.nn.functional.cross_entropy(logits, wanted)
        norm = update(loss, self.parameters, self.optimiser, self.pace.clip, self.group)
        self.step += 1
        return {"loss": float(loss.detach()), "norm": norm}


def teach(teacher: Teacher, course: Iterator[Lesson], title: str, *, minutes: float, progress: bool) -> float:
    """Teach until the steps or the minutes are used up.

    Returns:
        the seconds that it took.
    """
    started, steps = time.monotonic(), teacher.pace.steps
    with tqdm(total=steps, desc=title, unit="step", disable=not progress) as bar:
        while (share := max(teacher.step / steps, (time.monotonic() - started) / (60.0 * minutes))) < 1.0:
            figures = teacher.learn(next(course), share)
            bar.update()
            bar.set_postfix(loss=f"{figures['loss']:.3f}", refresh=False)
    return time.monotonic() - started


class Library(nn.Module):
    """An adapter of its own for each task, all taught together; each begins as LoRA does.

    Args:
        start: rows of all of them at the beginning.
        count: tasks.
    """

    def __init__(self, start: LoraRows, count: int) -> None:
        super().__init__()
        self._names, self._scale = tuple(start.down), start.scale
        self.down = nn.ParameterList(start.down[n].detach().expand(count, -1, -1).clone() for n in self._names)
        self.up = nn.ParameterList(start.up[n].detach().expand(count, -1, -1).clone() for n in self._names)

    def forward(self) -> LoraRows:
        """All adapters, a batch."""
        down, up = dict(zip(self._names, self.down, strict=True)), dict(zip(self._names, self.up, strict=True))
        return LoraRows(down, up, self._scale)
