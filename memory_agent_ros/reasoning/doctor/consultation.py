"""The doctor's consultation: the question is asked again, and its course examined."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from memory_agent_ros.reasoning.calls import CallError, parse_call
from memory_agent_ros.reasoning.doctor.doctor import Doctor, Records
from memory_agent_ros.reasoning.doctor.expected import Expected
from memory_agent_ros.reasoning.doctor.stages import Diagnosis
from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.reasoning.reasoner import Reasoner
from memory_agent_ros.reasoning.rules.questions import QuestionNotUnderstoodError
from memory_agent_ros.reasoning.toolbox import Toolbox
from memory_agent_ros.records.answer import Answer


class Examinable(MemoryReader, Records, Protocol):
    """A memory that can be asked and examined."""


def consult(
    memory: Examinable,
    question: str,
    expected: Sequence[Expected],
    now_ns: int | None,
    reasoner: Reasoner | None = None,
) -> tuple[str, Diagnosis]:
    """What is answered now, and why that is wrong.

    Args:
        memory: the map.
        question: what was asked.
        expected: what a right answer rests on.
        now_ns: the clock of "ago".
        reasoner: who answers; templates and tools alone if None.
    """
    doctor = Doctor(memory)
    try:
        answer = (reasoner or Reasoner(memory)).answer(question, now_ns)
    except QuestionNotUnderstoodError as error:
        return str(error), doctor.diagnose(expected, ())
    claimed = {e.object_id for e in answer.evidence}
    return answer.text, doctor.diagnose(expected, retrieved(memory, answer, now_ns), claimed)


def retrieved(memory: MemoryReader, answer: Answer, now_ns: int | None) -> frozenset[int]:
    """Ids of all objects that the calls of an answer brought."""
    cited = frozenset(e.object_id for e in answer.evidence)
    if not answer.calls:
        return cited
    try:
        _, results = Toolbox(memory, now_ns).run([parse_call(text) for text in answer.calls])
    except CallError:  # it spoke of a dialogue that is over
        return cited
    return cited | {o.id for r in results for o in (*r.things, *r.cited)}
