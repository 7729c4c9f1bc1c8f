"""What the reader learns from: transcripts with their calls, and facts with questions and short answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from memory_agent_ros.evaluation.qa.families.catalogue import SEEN
from memory_agent_ros.evaluation.qa.families.family import Family
from memory_agent_ros.evaluation.qa.random_worlds import draw_world
from memory_agent_ros.evaluation.qa.sample import Asked, NoSampleError, Sample, draw_sample
from memory_agent_ros.evaluation.training.practice.rewording import reworded
from memory_agent_ros.evaluation.training.reader_exercises import Exercise, exercises
from memory_agent_ros.reasoning.calls import ToolCall
from memory_agent_ros.reasoning.known import Meaning, opening
from memory_agent_ros.reasoning.language.encoding import Encoder
from memory_agent_ros.reasoning.names import MemoryNames, names_of
from memory_agent_ros.reasoning.transcript import Transcript, context_text

#: Of the families that may be trained on, every so many-th is left out: what settings are chosen by.
_LEFT_OUT = 12


@dataclass(frozen=True)
class Example:
    """One text.

    Attributes:
        ids: token ids.
        wanted: numbers of the tokens that are learnt.
    """

    ids: tuple[int, ...]
    wanted: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Dialogue:
    """A question as the model meets it, with the calls that answer it.

    Attributes:
        opening: the transcript before the first call.
        calls: the last one is the answer.
        results: of the calls before it, a line each.
        names: of the memory it is asked of.
        family: where the question comes from.
    """

    opening: Transcript
    calls: tuple[ToolCall, ...]
    results: tuple[str, ...]
    names: MemoryNames
    family: str


def practised() -> tuple[tuple[Family, ...], tuple[Family, ...]]:
    """Families that are trained on, and those of the same pool that are left out to choose settings by."""
    out = tuple(f for n, f in enumerate(SEEN) if n % _LEFT_OUT == _LEFT_OUT // 2)
    return tuple(f for f in SEEN if f not in out), out


def dialogue_of(sample: Sample, names: MemoryNames, meaning: Meaning | None, question: str | None = None) -> Dialogue:
    """A drawn question as the model meets it."""
    earlier = None if sample.before is None else (sample.before.question, sample.before.truth.text)
    start = opening(question or sample.asked.question, names, meaning, earlier)
    return Dialogue(start, sample.asked.calls, _lines(sample.asked), names, sample.family)


def encoded_dialogue(one: Dialogue, encoder: Encoder) -> Example:
    """The tokens of the calls are learnt; what is given (question, names, results) is read."""
    ids = encoder.transcript(one.opening)
    wanted: list[int] = []
    for number, call in enumerate(one.calls):
        written = encoder.call(call)
        wanted += range(len(ids), len(ids) + len(written))
        ids += written
        if number < len(one.results):
            ids += encoder.result(one.results[number])
    return Example(tuple(ids), tuple(wanted))


def encoded_exercise(one: Exercise, encoder: Encoder) -> Example:
    """The tokens of the answers and the ends of their lines are learnt."""
    ids, wanted = list(encoder.text(context_text(one.facts, one.question))), list[int]()
    for number, answer in enumerate((one.answer, *(a for _, a in one.more))):
        if number:
            ids += encoder.text(f"Question: {one.more[number - 1][0]}\nAnswer:")
        told = encoder.text(f" {answer}") + encoder.text("\n")
        wanted += range(len(ids), len(ids) + len(told))
        ids += told
    return Example(tuple(ids), tuple(wanted))


def examples(
    seed: Sequence[int],
    encoder: Encoder,
    meaning: Meaning | None,
    families: Sequence[Family],
    reading: float = 0.3,
    per_world: int = 40,
    split: str = "train",
) -> Iterator[Example]:
    """Examples without end, from worlds of a split.

    Args:
        seed: of the draws.
        encoder: of the model's tokenizer.
        meaning: finds names by meaning; now and then a world goes without.
        families: of questions.
        reading: share of facts with questions.
        per_world: examples of a world before the next one is drawn.
        split: of apartments.
    """
    rng = np.random.default_rng(seed)
    draw = balanced(families)
    while True:
        world = draw_world(rng, split)
        names, finds = names_of(world), meaning if rng.random() < 0.85 else None
        read = int(rng.binomial(per_world, reading))
        for exercise in exercises(rng, world, read, together=int(rng.integers(1, 5))):
            yield encoded_exercise(exercise, encoder)
        for _ in range(per_world - read):
            try:
                sample = draw_sample(rng, world, draw(rng))
            except NoSampleError:
                continue
            question = reworded(sample.asked.question, rng)
            yield encoded_dialogue(dialogue_of(sample, names, finds, question), encoder)


def balanced(families: Sequence[Family]) -> Callable[[np.random.Generator], Sequence[Family]]:
    """Classes come alike often, but those with more families somewhat more so."""
    classes: dict[str, list[Family]] = {}
    for family in families:
        classes.setdefault(family.klass, []).append(family)
    names = sorted(classes)
    weight = np.sqrt([len(classes[n]) for n in names])
    weight /= weight.sum()
    return lambda rng: classes[names[int(rng.choice(len(names), p=weight))]]


def _lines(asked: Asked) -> tuple[str, ...]:
    return tuple(result.short for result in asked.results)
