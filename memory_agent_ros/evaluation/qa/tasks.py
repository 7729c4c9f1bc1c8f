"""The tasks of an apartment: questions of all classes, half of them from held-out families, and OpenEQA's manner.

A task is kept only if it is fair: its answer is the same in all readings of what the robot was shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memory_agent_ros.evaluation.qa.families.catalogue import of_class
from memory_agent_ros.evaluation.qa.families.family import CLASSES, Family
from memory_agent_ros.evaluation.qa.families.in_openeqas_manner import OPENEQA
from memory_agent_ros.evaluation.qa.sample import Asked, Sample, execute, sample_of, told_of
from memory_agent_ros.evaluation.qa.scoring import RoomKey, right
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.evaluation.qa.walk_world import WalkWorld
from memory_agent_ros.reasoning.calls import CallError
from memory_agent_ros.records.map_object import MapObject

#: Questions of each apartment: from the classes in turn, and from the patterns in OpenEQA's manner.
TASKS, OPENEQA_TASKS = 15, 8
_TRIES = 40


@dataclass(frozen=True, eq=False)
class Task:
    """One question about an apartment.

    Attributes:
        number: within the apartment.
        sample: the question with its calls and its truth.
    """

    number: int
    sample: Sample

    @property
    def form(self) -> str:
        """Form of the answer."""
        return form_of(self.sample.asked)

    @property
    def openeqa(self) -> bool:
        """Whether it is one of those in OpenEQA's manner, which no class counts."""
        return self.sample.klass not in CLASSES


def form_of(asked: Asked) -> str:
    """Form of the answer that a question asks for."""
    return str(asked.calls[-1].arguments["form"])


def tasks_of(world: WalkWorld, seed: int) -> list[Task]:
    """The tasks of an apartment, the same ones at every call.

    Each class gives one or two; which families of it, held-out or seen ones, goes by the seed in turn. Patterns in
    OpenEQA's manner follow each other from apartment to apartment, so that all are used before any comes again.
    """
    rng = np.random.default_rng([abs(seed), 4711])
    chosen: list[Sample] = []
    for n in range(TASKS):
        place = seed * TASKS + n
        klass, held_out = CLASSES[place % len(CLASSES)], bool((place // len(CLASSES)) % 2)
        sample = _drawn(rng, world, of_class(klass, held_out), {s.asked.question for s in chosen})
        if sample is not None:
            chosen.append(sample)
    patterns = [OPENEQA[(seed * OPENEQA_TASKS + n) % len(OPENEQA)] for n in range(len(OPENEQA))]
    manner: list[Sample] = []
    for pattern in patterns:
        if len(manner) == OPENEQA_TASKS:
            break
        sample = _drawn(rng, world, (pattern,), {s.asked.question for s in manner}, tries=6)
        if sample is not None:
            manner.append(sample)
    return [Task(n, s) for n, s in enumerate([*chosen, *manner])]


def _drawn(
    rng: np.random.Generator, world: WalkWorld, families: Sequence[Family], known: set[str], tries: int = _TRIES
) -> Sample | None:
    for _ in range(tries):
        sample = sample_of(rng, world.truth, families[int(rng.integers(len(families)))])
        if sample is not None and sample.asked.question not in known and is_fair(sample, world.readings):
            return sample
    return None


def is_fair(sample: Sample, readings: Sequence[TruthMemory]) -> bool:
    """Whether a question, and the one before it, have the same answer however the truth is read."""
    for reading in readings:
        try:
            told = None
            if sample.before is not None:
                told = _same(sample.before, reading)
            if (sample.before is not None and told is None) or _same(sample.asked, reading, told) is None:
                return False
        except CallError:
            return False
    return True


def _same(
    asked: Asked, reading: TruthMemory, before: Sequence[MapObject] | None = None
) -> tuple[MapObject, ...] | None:
    """The things that the answer in another reading speaks of; None if it is another answer."""
    answer, results = execute(asked.calls, reading, before)
    rooms = reading.rooms()
    same = right(answer, asked.truth, form_of(asked), RoomKey(rooms, rooms))
    return told_of(asked.calls, results) if same else None
