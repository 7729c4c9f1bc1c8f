"""Answers from adapters alone: the language model reads nothing but the question.

The adapter that is most relevant to a question is put into the model, at most a few chunks of it; possible answers are
ranked by their likelihood behind the question, whose keys and values are computed once.

A language model has its prejudices, and is sure of them: of an answer it can be no surer than of what the adapter adds
to what the frozen model would have said. An adapter that changes nothing is as sure as chance.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from memory_agent_ros.adapters.adapter import Adapter, Chunk
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.library import AdapterLibrary
from memory_agent_ros.adapters.rows import LoraRows, concatenate
from memory_agent_ros.attention.cached import CachedModel
from memory_agent_ros.records.recall import Recall


class Relevance(Protocol):
    """Tells whether a question is about what chunks were made from."""

    def of(self, question: str, keys: Sequence[Tensor | None]) -> list[float]:
        """Probability that what is asked is in each chunk, [0, 1], from the chunks' keys, (N, D) each."""
        ...


class Wording(Protocol):
    """How questions and answers are written for the language model."""

    def question(self, text: str) -> list[int]:
        """Token ids of a question up to where the answer begins."""
        ...

    def answer(self, text: str) -> list[int]:
        """Token ids of an answer with its end."""
        ...

    def text(self, ids: Sequence[int]) -> str:
        """What token ids say."""
        ...

    def ends(self, ids: Sequence[int]) -> bool:
        """Whether an answer is complete."""
        ...


@dataclass(frozen=True)
class ClosedBookConfig:
    """How adapters are asked.

    Attributes:
        most_chunks: most chunks of an adapter that are put in together, the most relevant ones: what chunks change
            adds up, and beyond what the hypernetwork was trained on it is noise.
        batch: choices that are scored in one pass.
        tokens: most tokens of an answer that is written freely.
    """

    most_chunks: int = 8
    batch: int = 64
    tokens: int = 24


@dataclass(frozen=True, eq=False)
class _Found:
    adapter: Adapter
    chunks: tuple[Chunk, ...]  # most relevant first
    relevance: float


class ClosedBook:
    """Asks the adapters of a library. Threads take turns.

    Args:
        adapted: the language model.
        wording: writes for it.
        base: its name; adapters for another one are not asked.
        library: of adapters.
        relevance: of questions to chunks.
        config: how they are asked.
        allowed: which chunks may be asked now; all by default.
    """

    def __init__(
        self,
        adapted: AdaptedModel,
        wording: Wording,
        base: str,
        library: AdapterLibrary,
        relevance: Relevance,
        config: ClosedBookConfig | None = None,
        allowed: Callable[[Chunk], bool] | None = None,
    ) -> None:
        self._adapted, self._wording, self._base = adapted, wording, base
        self._library, self._relevance = library, relevance
        self._config = config or ClosedBookConfig()
        self._allowed = allowed or (lambda chunk: True)
        self._lock = threading.Lock()

    def relevance(self, question: str) -> float | None:
        """Probability that what is asked was written into an adapter; None where there is none for this model."""
        found = self._found(question)
        return None if found is None else found.relevance

    def recall(self, question: str, choices: Sequence[str] = ()) -> Recall | None:
        """What the most relevant adapter answers; None where there is none for this model.

        Args:
            question: English.
            choices: possible answers; without any the model writes one.
        """
        found = self._found(question)
        if found is None:
            return None
        sources = tuple(chunk.source for chunk in found.chunks)
        if not choices:
            text, share = self._written(question, found)
            return Recall(text, share, found.relevance, sources)
        told, guessed = (self.log_likelihoods(question, choices, rows) for rows in (_rows(found), None))
        shares, best = told.softmax(dim=0), int(told.argmax())
        added = (told - guessed).softmax(dim=0)
        probabilities = dict(zip(choices, shares.tolist(), strict=True))
        return Recall(choices[best], float(min(shares[best], added[best])), found.relevance, sources, probabilities)

    def log_likelihoods(self, question: str, choices: Sequence[str], rows: LoraRows | None) -> Tensor:
        """(C,) log-likelihoods of choices under an adapter, or under the frozen model."""
        prompt = self._wording.question(question)
        texts = [self._wording.answer(choice) for choice in choices]
        with self._lock, self._adapted.using(rows) as model:
            reader, heard = CachedModel(model), list[Tensor]()
            for start in range(0, len(texts), self._config.batch):
                heard += reader.continuations(prompt, texts[start : start + self._config.batch])
        return torch.stack([h.sum() for h in heard])

    def _written(self, question: str, found: _Found) -> tuple[str, float]:
        prompt, sure = self._wording.question(question), list[float]()
        ids = list(prompt)
        with self._lock, self._adapted.using(_rows(found)) as model:
            reader = CachedModel(model)
            while len(ids) - len(prompt) < self._config.tokens and not self._wording.ends(ids[len(prompt) :]):
                likely = reader.logits(ids)[-1].log_softmax(dim=-1)
                ids.append(int(likely.argmax()))
                sure.append(float(likely.max()))
        with self._lock, self._adapted.using(None) as model:
            (guessed,) = CachedModel(model).continuations(prompt, [ids[len(prompt) :]])
        added = float(torch.tensor(sure).mean().exp() - guessed.mean().exp())
        return self._wording.text(ids[len(prompt) :]).strip(), max(0.0, added)

    def _found(self, question: str) -> _Found | None:
        """The adapter with the most relevant chunk."""
        best = None
        for adapter in self._library.adapters().values():
            chunks = [c for c in adapter.chunks if adapter.base == self._base and self._allowed(c)]
            if not chunks:
                continue
            scores = self._relevance.of(question, [c.keys for c in chunks])
            order = sorted(range(len(chunks)), key=lambda i: -scores[i])[: self._config.most_chunks]
            found = _Found(adapter, tuple(chunks[i] for i in order), scores[order[0]])
            if best is None or found.relevance > best.relevance:
                best = found
        return best


def _rows(found: _Found) -> LoraRows:
    """Of the chunks in their order in the adapter, with its bias once."""
    chosen = {c.name for c in found.chunks}
    rows = [c.rows for c in found.adapter.chunks if c.name in chosen]
    return concatenate([*rows, *([found.adapter.bias] if found.adapter.bias else [])])
