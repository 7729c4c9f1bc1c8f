"""Closed-book recall of planted things: adapters beside a map that hold where they are, asked before and after.

No trained hypernetwork ships, so nothing is written here in one pass: the rows of each chunk are fitted by gradient to
a small frozen model of random weights until it answers where the chunk's thing stands. The library, the relevance of
chunks, the gate and the erasure are the product's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from memory_agent_ros.adapters.adapter import Adapter, Chunk
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.closed_book import ClosedBook, ClosedBookConfig
from memory_agent_ros.adapters.distillation import answered
from memory_agent_ros.adapters.library import AdapterLibrary
from memory_agent_ros.adapters.relevance import EmbeddedRelevance, calibrated, chunk_keys, content_words
from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.evaluation.adapters.tiny_model import TinySize, new_model, tiny_prompts, tokenizer_of
from memory_agent_ros.evaluation.exploration.text.encoding import WIDTH, TextVectors
from memory_agent_ros.internalising import PromptedWording
from memory_agent_ros.reasoning.internalised import closed_book_answer
from memory_agent_ros.reasoning.names import MemoryNames
from memory_agent_ros.records.source import Source

if TYPE_CHECKING:
    from memory_agent_ros.adapters.prompts import Prompts

#: Possible answers; name of the model and of the adapter.
ROOMS = ("kitchen", "hall", "bedroom", "study", "cellar", "attic", "porch", "garage")
BASE, NAME = "random", "recall"
_SIZE = TinySize(width=64, layers=2, heads=2, inner=128)
_RANK, _STEPS, _RATE = 4, 200, 0.02


class _Meaning:
    """Sums of hashed words as vectors: no weights, and made-up names are as good as others."""

    dimension = WIDTH

    def __init__(self) -> None:
        self._vectors = TextVectors()

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """N texts -> (N, D) unit vectors."""
        return self._vectors.of(texts)


class PlantedRecall:
    """An adapter with a chunk for each of some things, and a closed book that asks it.

    Args:
        folder: of the adapters of the map.
        names: id of an object -> its name, all of them different.
        seed: of the model's weights and of the rooms that are taught.
    """

    def __init__(self, folder: Path, names: Mapping[int, str], seed: int) -> None:
        self._names = dict(names)
        rng = np.random.default_rng([seed, 17])
        self._rooms = {i: str(rng.choice(ROOMS)) for i in names}
        words = [w for name in names.values() for w in name.split()]
        tokenizer = tokenizer_of([*words, *ROOMS, "where", "is", "the", "?"])
        model = new_model(len(tokenizer), _SIZE, seed)
        self._adapted, prompts = AdaptedModel(model), tiny_prompts(tokenizer)
        meaning = _Meaning()
        self._library = AdapterLibrary(folder)
        chunks = {i: self._taught(prompts, meaning, i) for i in names}
        self._library.put(NAME, Adapter(tuple(chunks.values()), None, BASE))
        plain = EmbeddedRelevance(meaning)
        scores = {(i, j): plain.scores(self._question(i), [c.keys])[0] for i in names for j, c in chunks.items()}
        gate = calibrated([s for (i, j), s in scores.items() if i == j], [s for (i, j), s in scores.items() if i != j])
        relevance = EmbeddedRelevance(meaning, gate)
        one = ClosedBookConfig(most_chunks=1)  # so that what one chunk tells does not hang on which others there are
        wording = PromptedWording(prompts, tokenizer)
        self._book = ClosedBook(self._adapted, wording, BASE, self._library, relevance, one)

    def answers(self) -> dict[int, tuple[str, float] | None]:
        """What is answered of each thing and how surely, None for *unknown*."""
        said: dict[int, tuple[str, float] | None] = {}
        for object_id in self._names:
            answer = closed_book_answer(self._book, self._question(object_id), MemoryNames(rooms=ROOMS))
            told = answer.details["knowledge"]["deed"] == "answer"
            said[object_id] = (str(answer.value), answer.confidence) if told else None
        return said

    def right(self, answers: Mapping[int, tuple[str, float] | None]) -> int:
        """How many of the answers are what was taught."""
        return sum(said is not None and said[0] == self._rooms[i] for i, said in answers.items())

    def chunks_of(self, object_ids: Sequence[int]) -> int:
        """Chunks in any adapter of the library that were made from one of these."""
        ids = {str(i) for i in object_ids}
        return sum(bool(ids & set(c.source.object_ids)) for a in self._library.adapters().values() for c in a.chunks)

    def _question(self, object_id: int) -> str:
        return f"where is the {self._names[object_id]} ?"

    def _taught(self, prompts: Prompts, meaning: _Meaning, object_id: int) -> Chunk:
        """The chunk of one thing."""
        name, room = self._names[object_id], self._rooms[object_id]
        rows = self._fitted(prompts, self._question(object_id), room)
        source = Source("memory", f"place of {object_id}", str(object_id), 0, (str(object_id),), "gradient")
        keys = chunk_keys(f"{' '.join(content_words(name))}. {room}.", meaning)
        return Chunk(f"chunk {object_id}", rows, source, keys)

    def _fitted(self, prompts: Prompts, question: str, answer: str) -> LoraRows:
        start = self._adapted.nothing(_RANK)
        rows = start.map(lambda t: t.clone().requires_grad_())
        optimiser = torch.optim.Adam([*rows.down.values(), *rows.up.values()], lr=_RATE)
        for _ in range(_STEPS):
            told = answered(self._adapted, prompts, [(None, question, answer)], rows)
            loss = torch.nn.functional.cross_entropy(told.logits, told.wanted)
            if float(loss.detach()) < 0.01:
                break
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return rows.map(torch.Tensor.detach)
