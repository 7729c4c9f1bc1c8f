"""The frozen models that robot-language tasks are asked of: tiny, trained from nothing here, or embedded. Needs torch.

The tiny one practises every form of the tasks, each attribute drawn for itself, and is never told which form is wanted:
it can write them all, and which one it writes is chance. A quarter of the steps have prompts that begin with the
description of some other task, so the words of descriptions and prompts that hold one are nothing new to it, though
they mean nothing yet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from memory_agent_ros.evaluation.adapters.text_tasks import Command, Task, all_words, draw_command, draw_task, prompt
from memory_agent_ros.evaluation.adapters.text_words import FIELDS
from memory_agent_ros.evaluation.adapters.tiny_model import TinySize, load_tiny, new_model, save_tiny, tokenizer_of
from memory_agent_ros.evaluation.hardware import commit
from memory_agent_ros.evaluation.training.reader_examples import Example
from memory_agent_ros.evaluation.training.train_reader import predictions
from memory_agent_ros.reasoning.language.embedded import LoadedModel, load_embedded, reader_adapter

#: Share of practice's batches whose prompts begin with a description, of whatever task.
_TOLD = 0.25


@dataclass(frozen=True)
class Practice:
    """How the tiny model is trained.

    Attributes:
        seed: of weights and texts.
        size: of the model.
        steps: of training.
        copying: of them; until then some attributes of a text are those of repeating the command, fewer and fewer.
        batch: texts of a step, a third as many where descriptions make them long.
        rate: highest learning rate; it falls as a cosine.
    """

    seed: int = 0
    size: TinySize = field(default_factory=lambda: TinySize(width=64, layers=4, heads=4, inner=192, window=256))
    steps: int = 3500
    copying: int = 1200
    batch: int = 64
    rate: float = 4e-3


#: Steps of repeating alone.
_REPEATED = 200
#: A task that repeats the command.
_REPEAT = {
    "dialect": "plain", "language": "english", "report": "+".join(FIELDS), "order": "forward", "opening": "",
    "closing": "",
}  # fmt: skip


def example(tokenizer: Any, told: str, answer: str, described: str = "") -> Example:
    """A prompt with its answer as token ids; the answer and the end are learnt.

    Args:
        tokenizer: of transformers.
        told: the prompt, without what stands in ``described``.
        answer: what is to follow.
        described: text before the prompt that is learnt too, as text.
    """
    begin = [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
    before, asked, said = (_ids(tokenizer, text) for text in (described, told, f" {answer}"))
    ids = (*begin, *before, *asked, *said, tokenizer.eos_token_id)
    first, start = len(begin), len(ids) - len(said) - 1
    return Example(ids, (*range(max(first, 1), first + len(before)), *range(start, len(ids))))


def question(tokenizer: Any, task: Task, command: Command, description: str = "") -> Example:
    """A command of a task with its right answer."""
    return example(tokenizer, prompt(command, description), task.answer(command))


def _ids(tokenizer: Any, text: str) -> list[int]:
    found: list[int] = tokenizer.encode(text, add_special_tokens=False) if text.strip() else []
    return found


def practice_texts(tokenizer: Any, practice: Practice, first: int = 0) -> Iterator[list[Example]]:
    """Endless batches for the tiny model, the same ones for each number of a step.

    At first it repeats commands, which is learnt in some 200 steps; then more and more attributes of each text are
    drawn and fewer are those of repeating.
    """
    while True:
        rng, count = np.random.default_rng([practice.seed, first]), practice.batch
        kept = 1.0 - max(0.0, first - _REPEATED) / max(1, practice.copying - _REPEATED)
        told = rng.random() < _TOLD
        batch = []
        for _ in range(count // 3 if told else count):
            command, described = draw_command(rng), f"{draw_task(rng).description(rng)} " if told else ""
            easy = {name: value for name, value in _REPEAT.items() if rng.random() < kept}
            task = replace(draw_task(rng), **easy)
            batch.append(example(tokenizer, prompt(command), task.answer(command), described))
        yield batch
        first += 1


def tiny_base(practice: Practice, folder: Path, *, progress: bool = False) -> LoadedModel:
    """The trained tiny model out of a folder; trained now if it is not there."""
    if not (folder / "about.json").is_file():
        _practise(practice, folder, progress)
    return load_tiny(folder)


def embedded_base(*, progress: bool = False) -> LoadedModel:
    """The embedded model with its reader LoRA merged."""
    return load_embedded(reader_adapter(), progress=progress)


def _practise(practice: Practice, folder: Path, progress: bool) -> None:
    tokenizer = tokenizer_of(sorted(set(all_words())))
    model = new_model(len(tokenizer), practice.size, practice.seed).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=practice.rate, betas=(0.9, 0.98), weight_decay=0.01)
    texts = practice_texts(tokenizer, practice)
    loss = torch.zeros(())
    with tqdm(total=practice.steps, desc="practise", unit="step", disable=not progress) as bar:
        for step in range(practice.steps):
            share = step / practice.steps
            for group in optimiser.param_groups:
                group["lr"] = practice.rate * cosine(step, share)
            logits, wanted = predictions(model, next(texts))
            loss = torch.nn.functional.cross_entropy(logits, wanted)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            bar.update()
            if step % 20 == 0:
                bar.set_postfix(loss=f"{float(loss.detach()):.3f}", refresh=False)
    about = {"practice": asdict(practice), "loss": float(loss.detach()), "commit": commit() or "unknown"}
    save_tiny(folder, model.eval(), tokenizer, about)


def cosine(step: int, share: float, warm_up: int = 50) -> float:
    """Factor of the learning rate."""
    return min(1.0, (step + 1) / warm_up) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0))))


def right_answers(model: Any, examples: Sequence[Example]) -> Tensor:
    """(N,) bool, of which examples greedy decoding writes the whole answer; the batch as it stands."""
    with torch.no_grad():
        logits, wanted = predictions(model, examples)
    hits = logits.argmax(dim=-1) == wanted
    return torch.stack([part.all() for part in hits.split([len(one.wanted) for one in examples])])
