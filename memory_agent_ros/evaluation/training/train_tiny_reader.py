"""``memory-agent train tiny-reader``: a tiny language model from nothing, until it reads facts in its context.

It learns the answers alone: to questions that follow a document, and, now and then, to questions without one, which it
can only guess. Sentences are thinned to the words that matter at first, "red mug shelf", and grow whole: what stood
beside a word is looked up after a minute of training, soon across a sentence too; with whole sentences from the start
it never was. What it writes is the frozen base of the ``tiny`` size of every adapter. Needs torch and transformers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memory_agent_ros.adapters.prompts import sentences
from memory_agent_ros.evaluation.adapters.facts import FactDocument, FactFamily, content_words, words
from memory_agent_ros.evaluation.adapters.tiny_model import (
    BEGIN,
    TinySize,
    begin_with,
    new_model,
    save_tiny,
    tokenizer_of,
)
from memory_agent_ros.evaluation.training.learning import Learner, Rhythm
from memory_agent_ros.evaluation.training.passages import Passage, answer_logits, answers_right, packed

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
        tokens: of a batch, about.
        enough: share right on ``val`` in context, at every number of chunks looked at, that ends the training; above 1
            it goes on to the end.
        clip: of the gradient's norm.
    """

    seed: int = 0
    size: TinySize = field(default_factory=TinySize)
    steps: int = 4000
    rate: float = 2e-3
    warm_up: int = 100
    tokens: int = 2048
    enough: float = 0.98
    clip: float = 1.0


@dataclass(frozen=True)
class Course:
    """A task family as the tiny model learns it.

    Attributes:
        words: its vocabulary.
        batch: (rng, share of the training that is done, tokens) -> passages.
        looks: name -> passages of ``val`` that are looked at: in context, without.
        until: names of the looks that decide whether it has learnt enough.
    """

    words: Sequence[str]
    batch: Callable[[np.random.Generator, float, int], list[Passage]]
    looks: dict[str, list[Passage]]
    until: tuple[str, ...]


def encoded(tokenizer: Any, context: str | None, asked: Sequence[tuple[str, str]]) -> Passage:
    """A context (or none) and questions with answers."""
    first = (BEGIN, *(tokenizer(context).input_ids if context else ()))
    pairs = ((tokenizer(question).input_ids, tokenizer(answer).input_ids) for question, answer in asked)
    return Passage(first, tuple((tuple(q), tuple(a)) for q, a in pairs))


def thinned(text: str, keep: float, kept: Set[str], rng: np.random.Generator) -> str:
    """A text without some of its words: of those not in ``kept`` a share of ``keep`` stays."""
    if keep >= 1.0:
        return text
    split = re.findall(r"\w+|[^\w\s]", text)
    return " ".join(word for word in split if word in kept or rng.random() < keep)


@dataclass(frozen=True)
class FactCourse:
    """How documents of facts grow over a training.

    Attributes:
        family: what documents are drawn.
        bare: until this share of the training, only the words that matter stand in a document.
        whole: from this share on, most are whole; between, more and more of their words are.
        facts: of a document, at least and at most, while it is one chunk.
        several: from this share on, documents have up to ``longest`` chunks.
        longest: most chunks.
        thinned: share of batches that are thinned by a share of their own, to the end.
        unasked: share of batches of questions without a document.
    """

    family: FactFamily = field(default_factory=lambda: FactFamily(all_forms=True))
    bare: float = 0.06
    whole: float = 0.35
    facts: tuple[int, int] = (2, 5)
    several: float = 0.5
    longest: int = 8
    thinned: float = 0.15
    unasked: float = 0.04

    def batch(self, tokenizer: Any, rng: np.random.Generator, share: float, tokens: int) -> list[Passage]:
        """Passages of one kind, so many tokens in all, about."""
        if rng.random() < self.unasked:
            return [self._unasked(tokenizer, rng) for _ in range(max(1, tokens // 12))]
        keep = min(1.0, max(0.0, (share - self.bare) / max(1e-6, self.whole - self.bare)))
        keep = float(rng.random()) if rng.random() < self.thinned else keep
        chunks = int(rng.integers(1, self.longest + 1)) if share >= self.several else 1
        out, used = list[Passage](), 0
        while used < tokens:
            out.append(self._passage(tokenizer, rng, self._document(rng, chunks, keep), keep))
            used += len(out[-1])
        return out

    def _document(self, rng: np.random.Generator, chunks: int, keep: float) -> FactDocument:
        if chunks > 1:
            return self.family.draw(rng, "train", chunks)
        count = int(rng.integers(self.facts[0], self.facts[1] + 1))
        noise = int(rng.integers(0, 3)) if keep > 0.3 else 0
        return replace(self.family, facts=(count, count), sentences=count + noise).draw(rng, "train", 1)

    def _passage(self, tokenizer: Any, rng: np.random.Generator, document: FactDocument, keep: float) -> Passage:
        kept = content_words()
        lines = (thinned(line, keep, kept, rng) for line in sentences(document.text))
        chosen = [document.asked[i] for i in rng.permutation(len(document.asked))[:8].tolist()]
        asked = [(thinned(one.question, keep, kept, rng), one.answer) for one in chosen]
        return encoded(tokenizer, " ".join(line for line in lines if line.strip(" .")), asked)

    def _unasked(self, tokenizer: Any, rng: np.random.Generator) -> Passage:
        one = self.family.draw(rng, "train", 1).asked[0]
        return encoded(tokenizer, None, [(one.question, one.answer)])


def fact_course(tokenizer: Any, course: FactCourse | None = None) -> Course:
    """The course of :mod:`~memory_agent_ros.evaluation.adapters.facts`."""
    settings = course or FactCourse()

    def batch(rng: np.random.Generator, share: float, tokens: int) -> list[Passage]:
        return settings.batch(tokenizer, rng, share, tokens)

    def look(chunks: int, bare: bool = False) -> list[Passage]:
        rng = np.random.default_rng((11, chunks))
        out = list[Passage]()
        for _ in range(_LOOKED):
            document = replace(settings.family, all_forms=False).draw(rng, "val", chunks)
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
    start: Path | None = None,
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
        start: a tiny model of the same size, whose layers and words it begins with; random ones by default.
        minutes: longest time over all sittings.
        resume: go on from a checkpoint of the same settings.
        progress: show a bar.

    Returns:
        the last figures on ``val``.
    """
    tokenizer = tokenizer_of(vocabulary)
    learner = _Learner(training, tokenizer, course(tokenizer), out, start)
    rhythm = Rhythm(training.steps, log=CHECKPOINT_EVERY, keep=CHECKPOINT_EVERY, look=LOOK_EVERY)
    return learner.train("tiny-reader", rhythm, out, minutes, resume=resume, progress=progress)


class _Learner(Learner):
    """The model and its lessons."""

    training: TinyTraining

    def __init__(self, training: TinyTraining, tokenizer: Any, lessons: Course, out: Path, start: Path | None) -> None:
        self.model = new_model(len(tokenizer), training.size, training.seed)
        if start:
            begin_with(self.model, tokenizer, start)
        parameters = list(self.model.parameters())
        optimiser = torch.optim.AdamW(parameters, lr=training.rate, weight_decay=0.01, betas=(0.9, 0.98))
        super().__init__(training, parameters, optimiser)
        self.tokenizer, self.lessons, self.out, self.start = tokenizer, lessons, out, start

    def learn(self, share: float) -> dict[str, float]:
        """One update; its batch is that of its number, so that a resumed training draws what it would have drawn."""
        settings = self.training
        rng = np.random.default_rng((settings.seed, self.step))
        self.model.train()
        logits, wanted = answer_logits(self.model, packed(self.lessons.batch(rng, share, settings.tokens)))
        loss = torch.nn.functional.cross_entropy(logits, wanted)
        norm, rate = self.update(loss, share)
        right = float((logits.argmax(dim=-1) == wanted).float().mean())
        return {"loss": float(loss.detach()), "right": right, "norm": norm, "rate": rate}

    def look(self, last: bool) -> dict[str, float]:
        """Shares right on ``val``; the training ends if they are enough."""
        self.model.eval()
        looks = self.lessons.looks
        self.figures = {name: float(np.mean(answers_right(self.model, some))) for name, some in looks.items()}
        self.point(self.figures)
        self.done = min(self.figures[name] for name in self.lessons.until) >= self.training.enough
        return self.figures

    def finish(self) -> None:
        """The model as a folder."""
        about = {
            **self.about(), "size": asdict(self.training.size), "figures": self.figures,
            "start": self.start and self.start.name,
        }  # fmt: skip
        save_tiny(self.out, self.model, self.tokenizer, about)
