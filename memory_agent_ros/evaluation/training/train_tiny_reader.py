"""``memory-agent train tiny-reader``: a tiny language model from nothing, until it reads facts in its context.

It learns the answers alone: to questions that follow a document, and, now and then, to questions without one, which it
can only guess. What it writes is the frozen base of the ``tiny`` size of every adapter. Needs torch and transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memory_agent_ros.adapters.prompts import sentences
from memory_agent_ros.evaluation.adapters.facts import FactFamily, words
from memory_agent_ros.evaluation.adapters.tiny_model import BEGIN, TinySize, new_model, save_tiny, tokenizer_of
from memory_agent_ros.evaluation.training.learning import Learner, Rhythm
from memory_agent_ros.evaluation.training.reader_examples import Example
from memory_agent_ros.evaluation.training.train_reader import predictions, whole_right

#: Steps between two checkpoints, and between two looks at ``val``.
CHECKPOINT_EVERY, LOOK_EVERY = 100, 250
_LOOKED = 200


@dataclass(frozen=True)
class TinyTraining:
    """What is trained and how.

    Attributes:
        seed: of data and weights.
        size: of the model.
        steps: at most.
        rate: highest learning rate; warmed up, then falls as a cosine to a twentieth.
        warm_up: steps.
        tokens: of a batch, padding included.
        enough: share right on ``val`` in context, at every number of chunks looked at, that ends the training; above 1
            it goes on to the end.
        clip: of the gradient's norm.
    """

    seed: int = 0
    size: TinySize = field(default_factory=TinySize)
    steps: int = 6000
    rate: float = 2e-3
    warm_up: int = 100
    tokens: int = 4096
    enough: float = 0.99
    clip: float = 1.0


@dataclass(frozen=True)
class Course:
    """A task family as the tiny model learns it.

    Attributes:
        words: its vocabulary.
        batch: (rng, share of the training that is done, tokens) -> examples of like length.
        looks: name -> examples of ``val`` that are looked at: in context, without.
        until: names of the looks that decide whether it has learnt enough.
    """

    words: Sequence[str]
    batch: Callable[[np.random.Generator, float, int], list[Example]]
    looks: dict[str, list[Example]]
    until: tuple[str, ...]


def encoded(tokenizer: Any, context: str | None, asked: Sequence[tuple[str, str]]) -> Example:
    """A context (or none) and questions with answers, one after the other; the answers' tokens are learnt."""
    ids, wanted = [BEGIN, *(tokenizer(context).input_ids if context else [])], list[int]()
    for question, answer in asked:
        ids += tokenizer(question).input_ids
        told = tokenizer(answer).input_ids
        wanted += range(len(ids), len(ids) + len(told))
        ids += told
    return Example(tuple(ids), tuple(wanted))


def repeated(tokenizer: Any, context: str, again: Sequence[str]) -> Example:
    """A context and some of its sentences again, every token of which is learnt: what teaches to look back at all."""
    ids, wanted = [BEGIN, *tokenizer(context).input_ids], list[int]()
    for sentence in again:
        told = tokenizer(sentence).input_ids
        wanted += range(len(ids) + 1, len(ids) + len(told))
        ids += told
    return Example(tuple(ids), tuple(wanted))


def fact_course(tokenizer: Any, family: FactFamily | None = None, longest: int = 8) -> Course:
    """The course of :mod:`~memory_agent_ros.evaluation.adapters.facts`: two chunks at most first, then ``longest``.

    At first half of the examples are sentences that come again, later few.
    """
    family = family or FactFamily(all_forms=True)

    def batch(rng: np.random.Generator, share: float, tokens: int) -> list[Example]:
        most = min(longest, 2 if share < 0.3 else 4 if share < 0.5 else longest)
        chunks, kind = int(rng.integers(1, most + 1)), float(rng.random())
        bare, again = kind < 0.04, kind > (0.5 if share < 0.4 else 0.9)
        out = list[Example]()
        for _ in range(max(1, tokens // (20 if bare else 60 * chunks))):
            document = family.draw(rng, "train", chunks)
            if again:
                lines = sentences(document.text)
                out.append(repeated(tokenizer, document.text, [lines[i] for i in rng.permutation(len(lines))[:8]]))
                continue
            chosen = rng.permutation(len(document.asked))[: 1 if bare else 8].tolist()
            asked = [(document.asked[i].question, document.asked[i].answer) for i in chosen]
            out.append(encoded(tokenizer, None if bare else document.text, asked))
        return out

    def look(chunks: int, bare: bool = False) -> list[Example]:
        rng = np.random.default_rng((11, chunks))
        out = list[Example]()
        for _ in range(_LOOKED):
            document = FactFamily().draw(rng, "val", chunks)
            one = document.asked[int(rng.integers(len(document.asked)))]
            out.append(encoded(tokenizer, None if bare else document.text, [(one.question, one.answer)]))
        return out

    looks = {f"in_context@{n}": look(n) for n in (1, 2, 4, 8)} | {"no_context": look(1, bare=True)}
    return Course(words(), batch, looks, tuple(n for n in looks if n.startswith("in_context")))


def train_tiny(
    training: TinyTraining,
    course: Callable[[Any], Course],
    vocabulary: Sequence[str],
    out: Path,
    *,
    minutes: float = 20.0,
    resume: bool = True,
    progress: bool = False,
) -> dict[str, float]:
    """Train until it reads well enough, or the steps or the minutes are used up; write the folder ``out``.

    Args:
        training: what and how.
        course: tokenizer -> the task family.
        vocabulary: its words.
        out: folder of the model; beside it, while it trains, a checkpoint, and logs.
        minutes: longest time over all sittings.
        resume: go on from a checkpoint of the same settings.
        progress: show a bar.

    Returns:
        the last figures on ``val``.
    """
    tokenizer = tokenizer_of(vocabulary)
    learner = _Learner(training, tokenizer, course(tokenizer), out)
    rhythm = Rhythm(training.steps, log=CHECKPOINT_EVERY, keep=CHECKPOINT_EVERY, look=LOOK_EVERY)
    return learner.train("tiny-reader", rhythm, out, minutes, resume=resume, progress=progress)


class _Learner(Learner):
    """The model and its lessons."""

    training: TinyTraining

    def __init__(self, training: TinyTraining, tokenizer: Any, lessons: Course, out: Path) -> None:
        self.model = new_model(len(tokenizer), training.size, training.seed)
        parameters = list(self.model.parameters())
        optimiser = torch.optim.AdamW(parameters, lr=training.rate, weight_decay=0.01, betas=(0.9, 0.98))
        super().__init__(training, parameters, optimiser)
        self.tokenizer, self.lessons, self.out = tokenizer, lessons, out

    def learn(self, share: float) -> dict[str, float]:
        """One update; its batch is that of its number, so that a resumed training draws what it would have drawn."""
        settings = self.training
        rng = np.random.default_rng((settings.seed, self.step))
        self.model.train()
        logits, wanted = predictions(self.model, self.lessons.batch(rng, share, settings.tokens))
        loss = torch.nn.functional.cross_entropy(logits, wanted)
        norm, rate = self.update(loss, share)
        right = float((logits.argmax(dim=-1) == wanted).float().mean())
        return {"loss": float(loss.detach()), "right": right, "norm": norm, "rate": rate}

    def look(self, last: bool) -> dict[str, float]:
        """Shares right on ``val``; the training ends if they are enough."""
        self.model.eval()
        looks = self.lessons.looks
        self.figures = {name: float(np.mean(whole_right(self.model, some, 4096))) for name, some in looks.items()}
        self.point(self.figures)
        self.done = min(self.figures[name] for name in self.lessons.until) >= self.training.enough
        return self.figures

    def finish(self) -> None:
        """The model as a folder."""
        about = {**self.about(), "size": asdict(self.training.size), "figures": self.figures}
        save_tiny(self.out, self.model, self.tokenizer, about)
