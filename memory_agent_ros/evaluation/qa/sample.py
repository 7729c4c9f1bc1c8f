"""Questions with the calls that answer them and the true answer, drawn from families over a world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memory_agent_ros.evaluation.qa.families.family import Family
from memory_agent_ros.evaluation.qa.families.fillings import filled
from memory_agent_ros.evaluation.qa.families.scene import NoFillingError, Scene
from memory_agent_ros.evaluation.qa.families.template import Slot, called, written
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.reasoning.calls import CallError, Reference, ToolCall, check_references, parse_call
from memory_agent_ros.reasoning.results import Result
from memory_agent_ros.reasoning.toolbox import Toolbox
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.errors import MemoryAgentError
from memory_agent_ros.records.map_object import MapObject

#: Share of the answers "none" and "0" that are kept, and most things that a list may hold.
_EMPTY_KEPT, _MOST_THINGS = 0.25, 12
_TRIES = 12


class NoSampleError(MemoryAgentError):
    """No family fits the world."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A question with the calls that answer it.

    Attributes:
        question: as a person asks it.
        calls: the last one is the answer.
        results: of the calls before it, on the memory it was drawn from.
        truth: the answer there.
    """

    question: str
    calls: tuple[ToolCall, ...]
    results: tuple[Result, ...]
    truth: Answer

    @property
    def told(self) -> tuple[MapObject, ...]:
        """The things that the answer speaks of: what "it" and "they" stand for in the next question."""
        return told_of(self.calls, self.results)


@dataclass(frozen=True, eq=False)
class Sample:
    """A drawn question.

    Attributes:
        klass, family, held_out: where it comes from.
        asked: the question.
        before: the previous question of a dialogue, or None.
    """

    klass: str
    family: str
    held_out: bool
    asked: Asked
    before: Asked | None = None


class TruthLooker:
    """Reads looks from the truth instead of pictures."""

    def __init__(self, memory: TruthMemory) -> None:
        self._memory = memory

    def look(self, obj: MapObject, aspect: str) -> tuple[str, float]:
        """What is true of a thing, and that it is sure; "" where there is no one answer."""
        return self._memory.attributes.get(obj.id, {}).get(aspect, ""), 1.0


def draw_sample(rng: np.random.Generator, world: TruthMemory, families: Sequence[Family]) -> Sample:
    """A question of a random family of those given, with its answer in the world.

    Raises:
        NoSampleError: after many tries none of the families fits.
    """
    for _ in range(_TRIES):
        family = families[int(rng.integers(len(families)))]
        sample = sample_of(rng, world, family)
        if sample is not None:
            return sample
    raise NoSampleError(f"none of {len(families)} families fits this world")


def sample_of(rng: np.random.Generator, world: TruthMemory, family: Family) -> Sample | None:
    """A question of one family, or None if the world holds nothing to ask for or the answer is not worth it."""
    try:
        slots = filled(family.fills, Scene(world, rng))
        before = None
        if family.first[0]:
            before = _asked(written(family.first[0], slots, rng), calls_of(family.first[1], slots), world)
            if not _worth_asking(before.truth, "dialogue", rng):
                return None
        told = None if before is None else before.told
        asked = _asked(written(family.template, slots, rng), calls_of(family.program, slots, True), world, told)
    except (NoFillingError, CallError):
        return None
    if not _worth_asking(asked.truth, "unanswerable" if family.unanswerable else family.klass, rng):
        return None
    return Sample(family.klass, family.name, family.held_out, asked, before)


def calls_of(program: str, slots: dict[str, Slot], dialogue: bool = False) -> tuple[ToolCall, ...]:
    """Calls of a program with its slots filled."""
    calls = tuple(parse_call(text) for text in called(program, slots))
    check_references(calls, dialogue)
    return calls


def execute(
    calls: Sequence[ToolCall], memory: TruthMemory, before: Sequence[MapObject] | None = None
) -> tuple[Answer, list[Result]]:
    """What calls give in a world of which the truth is known.

    Raises:
        CallError: one of them cannot be executed there.
    """
    return Toolbox(memory, memory.now_ns, TruthLooker(memory), before).run(calls)


def told_of(calls: Sequence[ToolCall], results: Sequence[Result]) -> tuple[MapObject, ...]:
    """The things that the answer at the end of some calls speaks of."""
    of = calls[-1].arguments["of"]
    assert isinstance(of, Reference)
    return results[of.number - 1].things if of.number else ()


def _asked(
    question: str, calls: tuple[ToolCall, ...], world: TruthMemory, before: Sequence[MapObject] | None = None
) -> Asked:
    answer, results = execute(calls, world, before)
    return Asked(question, calls, tuple(results), answer)


def _worth_asking(truth: Answer, klass: str, rng: np.random.Generator) -> bool:
    """Whether a question of a class should have such an answer."""
    if klass == "unanswerable":
        return truth.state is AnswerState.UNKNOWN
    if truth.state is AnswerState.UNKNOWN or truth.value is None:
        return False
    if isinstance(truth.value, list) and len(truth.value) > _MOST_THINGS:
        return False
    empty = truth.value == [] or (truth.value == 0 and truth.value is not False)
    return not empty or rng.random() < _EMPTY_KEPT
