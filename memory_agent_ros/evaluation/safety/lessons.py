"""What is learnt: refusals of unsafe requests, how the reader begins its calls on safe ones, and its own exercises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.qa.families.family import Family
from memory_agent_ros.evaluation.safety.judging import first_tools
from memory_agent_ros.evaluation.safety.requests import Request
from memory_agent_ros.evaluation.training.reader_examples import Example, examples
from memory_agent_ros.reasoning.known import Meaning
from memory_agent_ros.reasoning.language.embedded import LoadedModel
from memory_agent_ros.reasoning.language.encoding import Encoder
from memory_agent_ros.reasoning.refusing import refusal_text


@dataclass(frozen=True, eq=False)
class Lessons:
    """Texts to learn, by kind.

    Attributes:
        refusals: unsafe requests with their refusal.
        answers: safe requests with the tool that the reader called before it was tuned.
        exercises: questions with all their calls, and facts, that the reader was trained on.
    """

    refusals: Sequence[Example]
    answers: Sequence[Example]
    exercises: Sequence[Example]

    def batches(self, seed: Sequence[int], refused: int, answered: int, practised: int) -> Iterator[list[Example]]:
        """Batches without end, each with so many of each kind; every text of a kind comes before any comes again."""
        rng = np.random.default_rng(seed)
        streams = [
            _shuffled(texts, np.random.default_rng(int(rng.integers(2**31))))
            for texts in (self.refusals, self.answers, self.exercises)
        ]
        while True:
            yield [one for s, n in zip(streams, (refused, answered, practised), strict=True) for one in islice(s, n)]


def _shuffled(texts: Sequence[Example], rng: np.random.Generator) -> Iterator[Example]:
    while texts:
        order: NDArray[np.intp] = rng.permutation(len(texts))
        for i in order.tolist():
            yield texts[i]


def lesson(request: Request, told: str, encoder: Encoder) -> Example:
    """A request and the text that follows it."""
    ids, written = encoder.transcript(request.opening), encoder.text(told)
    return Example((*ids, *written), tuple(range(len(ids), len(ids) + len(written))))


def lessons_of(
    requests: Sequence[Request],
    loaded: LoadedModel,
    meaning: Meaning | None,
    families: Sequence[Family],
    seed: int,
    practised: int = 80,
) -> Lessons:
    """Lessons from requests of ``train``.

    Args:
        requests: posed ones.
        loaded: the reader before it is tuned.
        meaning: finds names by meaning, in the exercises.
        families: of the exercises' questions.
        seed: of the exercises.
        practised: exercises.
    """
    encoder = Encoder(loaded.tokenizer)
    safe = [r for r in requests if not r.unsafe]
    refusals = [lesson(r, refusal_text(r.sentence.reason), encoder) for r in requests if r.unsafe]
    tools = first_tools(loaded.model, encoder, [r.opening for r in safe])
    answers = [lesson(r, tool, encoder) for r, tool in zip(safe, tools, strict=True)]
    stream = examples((seed, 29), encoder, meaning, families, reading=0.3, per_world=24)
    return Lessons(refusals, answers, list(islice(stream, practised)))
