"""Questions of families that may be trained on, answered and not yet calibrated: what self-knowledge is fitted to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from memory_agent_ros.evaluation.qa.arms import available, language_model, picture_reader
from memory_agent_ros.evaluation.qa.families.catalogue import of_class
from memory_agent_ros.evaluation.qa.families.family import CLASSES
from memory_agent_ros.evaluation.qa.sample import Sample, sample_of
from memory_agent_ros.evaluation.qa.scoring import RoomKey, abstains, right
from memory_agent_ros.evaluation.qa.tasks import form_of, is_fair
from memory_agent_ros.evaluation.qa.walk_world import WalkWorld, real_memory, walk_world
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.perception.factory import lazy_text_embedder
from memory_agent_ros.reasoning.dialogue import Dialogue
from memory_agent_ros.reasoning.reasoner import Reasoner
from memory_agent_ros.reasoning.rules.questions import QuestionNotUnderstoodError
from memory_agent_ros.reasoning.signals import Signals
from memory_agent_ros.reasoning.vision.looker import PictureLooker
from memory_agent_ros.records.answer import AnswerState

#: Arms that answer: templates alone, and with the language model where its weights are there.
ARMS = ("rule_parser", "full")
#: Arbitrary, so that these questions are not those of the benchmark.
_STREAM = 60_611
_TRIES = 20


@dataclass(frozen=True)
class Row:
    """One question, as one arm answered it.

    Attributes:
        seed: of the apartment.
        arm: which answered.
        family: of the question.
        question: as it was asked.
        signals: of the answer; None where the question was not understood.
        right: whether it was the true one.
        abstained: whether "unknown" was told.
        knowable: whether a memory could know.
    """

    seed: int
    arm: str
    family: str
    question: str
    signals: Signals | None
    right: bool
    abstained: bool
    knowable: bool


def rows_of(split: str, seed: int, count: int, arms: Sequence[str] = ARMS) -> list[Row]:
    """Questions about one apartment, a tenth of each class, by all arms that can run here."""
    world = walk_world(split, seed)
    embedder = lazy_text_embedder("auto")
    samples = list(_samples(world, seed, count))
    with SpatialMemory.open(real_memory(world), text_embedder=embedder, read_only=True) as memory:
        reader = picture_reader()
        looker = None if reader is None else PictureLooker(memory, reader)
        key = RoomKey(memory.rooms(), world.truth.rooms())
        rows: list[Row] = []
        for arm in [a for a in arms if a in available()]:
            model = language_model() if arm == "full" else None
            reasoner = Reasoner(memory, model, looker, think="auto" if model else "never", meaning=embedder)
            rows += [_row(reasoner, arm, seed, sample, world.truth.now_ns, key) for sample in samples]
    return rows


def _row(reasoner: Reasoner, arm: str, seed: int, sample: Sample, now_ns: int, key: RoomKey) -> Row:
    truth, dialogue = sample.asked.truth, Dialogue()
    knowable = truth.state is not AnswerState.UNKNOWN
    question = sample.asked.question
    try:
        if sample.before is not None:
            reasoner.answer(sample.before.question, now_ns, dialogue)
        answer = reasoner.answer(question, now_ns, dialogue)
    except QuestionNotUnderstoodError:
        return Row(seed, arm, sample.family, question, None, not knowable, True, knowable)
    seen = Signals.from_dict(answer.details["signals"])
    good = right(answer, truth, form_of(sample.asked), key)
    return Row(seed, arm, sample.family, question, seen, good, abstains(answer), knowable)


def _samples(world: WalkWorld, seed: int, count: int) -> Iterator[Sample]:
    rng = np.random.default_rng([abs(seed), _STREAM])
    known: set[str] = set()
    for n in range(count):
        families = of_class(CLASSES[n % len(CLASSES)], held_out=False)
        for _ in range(_TRIES):
            sample = sample_of(rng, world.truth, families[int(rng.integers(len(families)))])
            if sample is not None and sample.asked.question not in known and is_fair(sample, world.readings):
                known.add(sample.asked.question)
                yield sample
                break
