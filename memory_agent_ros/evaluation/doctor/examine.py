"""What the doctor says of runs with a planted failure, and of runs that fail by themselves."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memory_agent_ros.evaluation.doctor.breaking import WAYS, Hiding, broken_run, stored_as
from memory_agent_ros.evaluation.doctor.healthy import Case, HealthyRun, answered, draw_case, is_right, truth_of
from memory_agent_ros.evaluation.sessions.world import FURNITURE, SessionNoise
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.reasoning.doctor.consultation import retrieved
from memory_agent_ros.reasoning.doctor.doctor import Doctor
from memory_agent_ros.reasoning.doctor.stages import Stage
from memory_agent_ros.reasoning.reasoner import Reasoner
from memory_agent_ros.reasoning.results import Result
from memory_agent_ros.reasoning.rules.questions import QuestionNotUnderstoodError
from memory_agent_ros.records.answer import Answer, AnswerState

#: Draws of a question, and tries to break a run, before an apartment is given up.
_DRAWS, _TRIES = 400, 8
#: Rooms of a run that fails by itself.
_NATURAL_ROOMS = 3


@dataclass(frozen=True)
class Examined:
    """One wrong answer.

    Attributes:
        planted: the stage that was broken; None where nothing was.
        way: how.
        named: the stage that the doctor named.
        question, why: what was asked, and what the doctor says.
    """

    planted: Stage | None
    way: str
    named: Stage
    question: str
    why: str


def planted_failures(split: str, seed: int, per_stage: int) -> list[Examined]:
    """Broken runs in one apartment: ``per_stage`` of each stage, as far as the apartment allows."""
    rng = np.random.default_rng([abs(seed), 31])
    run = HealthyRun.draw(split, seed)
    with tempfile.TemporaryDirectory() as folder, run.remember(Path(folder) / "healthy.map") as memory:
        cases = _breakable(run, memory, rng, per_stage * len(Stage))
        found: list[Examined] = []
        for stage, ways in WAYS.items():
            for number in range(per_stage):
                way = ways[(number + seed) % len(ways)]
                examined = _one(run, cases, stage, way, memory, rng)
                if examined is not None:
                    found.append(examined)
    return found


def _breakable(run: HealthyRun, memory: SpatialMemory, rng: np.random.Generator, most: int) -> list[tuple[Case, int]]:
    """Questions that are answered rightly and rest on things stored as they are; each with one that it hangs on."""
    doctor, found = Doctor(memory), list[tuple[Case, int]]()
    for _ in range(_DRAWS):
        case = draw_case(run, rng)
        told = None if case is None else answered(memory, case.asked.calls, run.truth.now_ns)
        if case is None or told is None or not is_right(told[0], case, memory, run.truth):
            continue
        healthy = doctor.diagnose(list(case.expected.values()), _ids(told[1]), _claimed(told[0]))
        if any(finding.stage for finding in healthy.findings):
            continue
        found += [(case, i) for i in case.expected if _hangs_on(run, case, i, memory)][:2]
        if len(found) >= most:
            break
    return found


def _hangs_on(run: HealthyRun, case: Case, target: int, memory: SpatialMemory) -> bool:
    """Whether the answer is wrong without a thing."""
    stored = stored_as(memory, case, target)
    if stored is None:
        return False
    without = answered(Hiding(memory, stored.id), case.asked.calls, run.truth.now_ns)
    return without is None or not is_right(without[0], case, memory, run.truth)


def _one(
    run: HealthyRun, cases: Sequence[tuple[Case, int]], stage: Stage, way: str, memory: SpatialMemory,
    rng: np.random.Generator,
) -> Examined | None:  # fmt: skip
    for _ in range(_TRIES if cases else 0):
        case, target = cases[int(rng.integers(len(cases)))]
        with tempfile.TemporaryDirectory() as folder:
            broken = broken_run(run, case, target, way, memory, Path(folder), rng)
            if broken is None:
                continue
            try:
                if is_right(broken.answer, case, broken.memory, run.truth):
                    continue
                expected = list(case.expected.values())
                diagnosis = Doctor(broken.memory).diagnose(expected, broken.retrieved, _claimed(broken.answer))
                return Examined(stage, way, diagnosis.stage, case.asked.question, diagnosis.why)
            finally:
                if broken.memory is not memory:
                    broken.memory.close()
    return None


def natural_failures(split: str, seed: int, questions: int) -> tuple[int, list[Examined]]:
    """How many questions were asked, and the wrong answers: a noisy detector, rooms not visited, templates alone."""
    rng = np.random.default_rng([abs(seed), 32])
    run = HealthyRun.draw(split, seed, SessionNoise(), _NATURAL_ROOMS)
    furniture = range(FURNITURE, FURNITURE + len(run.apartment.layout.furniture))
    run.truth = truth_of(run.apartment, {*run.apartment.standing, *furniture}, run.shots)
    asked, wrong = 0, list[Examined]()
    with tempfile.TemporaryDirectory() as folder, run.remember(Path(folder) / "noisy.map") as memory:
        reasoner, doctor = Reasoner(memory, think="never"), Doctor(memory)
        for _ in range(_DRAWS):
            case = draw_case(run, rng)
            if case is None:
                continue
            asked += 1
            answer, brought = _reasoned(reasoner, memory, case, run.truth.now_ns)
            if not is_right(answer, case, memory, run.truth):
                diagnosis = doctor.diagnose(list(case.expected.values()), brought, _claimed(answer))
                wrong.append(Examined(None, "", diagnosis.stage, case.asked.question, diagnosis.why))
            if asked == questions:
                break
    return asked, wrong


def _reasoned(reasoner: Reasoner, memory: SpatialMemory, case: Case, now_ns: int) -> tuple[Answer, frozenset[int]]:
    """What templates and tools answer, and the objects that reached the answer."""
    try:
        answer = reasoner.answer(case.asked.question, now_ns)
    except QuestionNotUnderstoodError:
        return Answer("I do not understand.", AnswerState.UNKNOWN, 0.0), frozenset()
    return answer, retrieved(memory, answer, now_ns)


def _ids(results: Sequence[Result]) -> frozenset[int]:
    return frozenset(o.id for r in results for o in (*r.things, *r.cited))


def _claimed(answer: Answer) -> frozenset[int]:
    return frozenset(e.object_id for e in answer.evidence)
