"""Examinations in robot-language tasks: held-out wordings and commands, whole answers compared. Needs torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.evaluation.adapters.text_models import question, right_answers
from memory_agent_ros.evaluation.adapters.text_tasks import Command, Task, commands, draw_tasks

#: Questions asked in one pass.
_BATCH = 64
#: Held-out tasks of each kind, and trained ones, in one examination.
_HELD_OUT = {"combination": 20, "attribute": 12}
_TRAINED = 16
KINDS = (*_HELD_OUT, "trained")


@dataclass(frozen=True)
class Exam:
    """Tasks to be examined.

    Attributes:
        tasks: held-out ones and trained ones.
        kinds: of each task: ``combination`` or ``attribute`` (held out), ``trained``.
        descriptions: of each task, with held-out wordings.
        commands: that every task gets, none of them in training.
    """

    tasks: tuple[Task, ...]
    kinds: tuple[str, ...]
    descriptions: tuple[tuple[str, ...], ...]
    commands: tuple[Command, ...]

    @property
    def pairs(self) -> list[tuple[int, str]]:
        """(number of the task, description), task by task."""
        return [(i, text) for i, texts in enumerate(self.descriptions) for text in texts]

    def swapped(self) -> Exam:
        """Each task under the descriptions of the next one."""
        return replace(self, descriptions=(*self.descriptions[1:], self.descriptions[0]))

    def by_kind(self, values: NDArray[np.float64]) -> dict[str, list[float]]:
        """(tasks,) values, those of each kind."""
        return {k: [v for v, own in zip(values.tolist(), self.kinds, strict=True) if own == k] for k in KINDS}


#: Numbers of an examination's tasks and descriptions, alike many -> an adapter for each, one for all, or None.
Adapters = Callable[[Sequence[int], Sequence[str]], LoraRows | None]


def exam(split: str, library: Sequence[Task], descriptions: int = 2, count: int = 6) -> Exam:
    """The examination of a split; but for the trained tasks it is the same for every training seed.

    Args:
        split: of the held-out tasks, wordings' draws and commands.
        library: trained tasks; the first ones are asked too.
        descriptions: of each task.
        count: commands of each.
    """
    seed = 100 + ("train", "val", "test").index(split)
    tasks = {kind: draw_tasks(f"{split} {kind}", number, seed) for kind, number in _HELD_OUT.items()}
    tasks["trained"] = list(library[:_TRAINED])
    rng = np.random.default_rng([seed, 7])
    told = {t: tuple(t.description(rng, held_out=True) for _ in range(descriptions)) for k in KINDS for t in tasks[k]}
    kinds = tuple(kind for kind in KINDS for _ in tasks[kind])
    return Exam(tuple(told), kinds, tuple(told.values()), tuple(commands(count, seed, held_out=True)))


def scores(
    adapted: AdaptedModel, tokenizer: Any, asked: Exam, adapters: Adapters, *, in_prompt: bool = False
) -> NDArray[np.float64]:
    """(tasks,) share of whole answers that are right.

    Args:
        adapted: the model.
        tokenizer: its own.
        asked: the examination.
        adapters: what the model answers with.
        in_prompt: put the description before the command.
    """
    right = np.zeros(len(asked.tasks))
    per_pass, pairs = max(1, _BATCH // len(asked.commands)), asked.pairs
    for first in range(0, len(pairs), per_pass):
        part = pairs[first : first + per_pass]
        examples = [
            question(tokenizer, asked.tasks[i], command, text if in_prompt else "")
            for i, text in part
            for command in asked.commands
        ]
        owner = torch.arange(len(part)).repeat_interleave(len(asked.commands))
        with torch.no_grad():
            rows = adapters([i for i, _ in part], [text for _, text in part])
            if rows is not None and rows.batch is not None:
                rows = rows.pick(owner)
            with adapted.using(rows) as model:
                hits = right_answers(model, examples).reshape(len(part), -1)
        for (i, _), got in zip(part, hits.float().mean(dim=1).tolist(), strict=True):
            right[i] += got
    share: NDArray[np.float64] = right / np.array([len(texts) for texts in asked.descriptions])
    return share
