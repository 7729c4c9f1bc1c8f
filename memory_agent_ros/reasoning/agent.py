"""The loop from a question to its answer: the model writes a call, code executes it, until a call answers.

What a call gives, and why it failed, stands under it for the model to go on with. The loop ends with ``answer(...)``,
after 30 calls, when time is up, or when the model repeats itself; then the best that is known is told, with the reason.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from memory_agent_ros.reasoning.calls import (
    ANYTHING,
    MAX_CALLS,
    NOTHING,
    TOOLS,
    CallError,
    Kind,
    Reference,
    ToolCall,
    format_call,
)
from memory_agent_ros.reasoning.calls import call as checked
from memory_agent_ros.reasoning.citing import needed
from memory_agent_ros.reasoning.language.model import Emission, EntityNames, LanguageModel, LanguageModelError
from memory_agent_ros.reasoning.names import plain
from memory_agent_ros.reasoning.results import Result, ResultKind, unknown
from memory_agent_ros.reasoning.toolbox import Toolbox
from memory_agent_ros.reasoning.transcript import RESULT_CHARS, Transcript
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.errors import BadInputError

#: The same call so often, or so many calls that failed, and the model is going round in circles.
_REPEATS, _FAILURES = 3, 6
#: What is told of a result when the model did not say.
_LIKELY_FORM = {
    ResultKind.THINGS: "where",
    ResultKind.ROOMS: "list",
    ResultKind.NUMBER: "number",
    ResultKind.TIME: "when",
    ResultKind.TRUTH: "yes_no",
    ResultKind.EVENTS: "changes",
    ResultKind.ATTRIBUTE: "attribute",
}


class Stopped(enum.StrEnum):
    """Why a question was not answered by its last call."""

    TIME = "out_of_time"
    CALLS = "out_of_calls"
    LOOP = "going_round"
    MODEL = "model_failed"


_REASONS = {
    Stopped.TIME: "my time for it ran out",
    Stopped.CALLS: "it takes more steps than I may take",
    Stopped.LOOP: "I was going round in circles",
    Stopped.MODEL: "the language model failed",
}

#: Told of each call as it happens: its number from 1, the call, what it gave in a line.
OnCall = Callable[[int, ToolCall, str], None]


@dataclass
class _Course:
    """The course of one question."""

    transcript: Transcript
    calls: list[ToolCall] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    emissions: list[Emission] = field(default_factory=list)
    failures: int = 0

    def add(self, call: ToolCall, result: Result, line: str) -> None:
        self.calls.append(call)
        self.results.append(result)
        self.transcript = self.transcript.after(call, line)


class Agent:
    """Answers questions with a language model.

    Args:
        model: writes the calls.
        budget_s: wall seconds for a question; a call under way is not broken off.
        most_calls: calls for a question.
        clock: seconds, for tests.
    """

    def __init__(
        self,
        model: LanguageModel,
        budget_s: float = 20.0,
        most_calls: int = MAX_CALLS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._model = model
        self._budget_s = budget_s
        self._most_calls = most_calls
        self._clock = clock

    def answer(self, transcript: Transcript, names: EntityNames, box: Toolbox, on_call: OnCall | None = None) -> Answer:
        """The answer to a transcript's question.

        Args:
            transcript: the question with its known names.
            names: names that calls may hold; a call that holds another fails.
            box: executes calls.
            on_call: told of each call; what it raises ends the question.

        Raises:
            LanguageModelError: the model failed at the first call.
        """
        course = _Course(transcript)
        until = self._clock() + self._budget_s
        while True:
            stopped = self._stopped(course, until)
            if stopped:
                return self._best(course, box, stopped)
            try:
                emission = self._model.next_call(course.transcript, names)
            except LanguageModelError:
                if not course.calls:
                    raise
                return self._best(course, box, Stopped.MODEL)
            course.emissions.append(emission)
            number = len(course.calls)
            done = _take(course, emission.call, names, box)
            if on_call is not None and len(course.calls) > number:
                line = done.details["short"] if done else course.transcript.turns[-1].result
                on_call(len(course.calls), emission.call, line)
            if done is not None:
                return self._with_course(done, course)

    def _stopped(self, course: _Course, until: float) -> Stopped | None:
        if len(course.calls) >= self._most_calls:
            return Stopped.CALLS
        if course.failures >= _FAILURES or _repeats(course.calls) >= _REPEATS:
            return Stopped.LOOP
        return Stopped.TIME if self._clock() >= until else None

    def _best(self, course: _Course, box: Toolbox, stopped: Stopped) -> Answer:
        """What the last call that gave something is about; unknown if none did."""
        useful = [n for n, r in enumerate(course.results, 1) if r.state is not AnswerState.UNKNOWN]
        for number in reversed(useful):
            ends = ToolCall("answer", {"form": _LIKELY_FORM[course.results[number - 1].kind], "of": Reference(number)})
            try:
                answer = box.answer(ends, course.results, course.calls)
            except CallError:
                continue
            course.calls.append(ends)
            text = f"{answer.text} But {_REASONS[stopped]}, so this may not be what you asked for."
            details = {**answer.details, "stopped": str(stopped)}
            doubt = 0.5 * answer.confidence
            return self._with_course(dataclasses.replace(answer, text=text, confidence=doubt, details=details), course)
        details = {"now_ns": box.space.now_ns, "about": [], "short": "not known", "stopped": str(stopped)}
        text = f"I do not know: {_REASONS[stopped]}."
        return self._with_course(Answer(text, AnswerState.UNKNOWN, 0.5, details=details), course)

    def _with_course(self, answer: Answer, course: _Course) -> Answer:
        """With the calls that it rests on, and with what says how sure the model was."""
        calls = tuple(format_call(c) for c in needed(course.calls)) if answer.calls else ()
        sure = {
            "memory": float(answer.confidence),
            "calls": math.exp(min(0.0, sum(e.log_prob for e in course.emissions))),
            "mass": min((e.mass for e in course.emissions), default=1.0),
        }
        details = {
            **answer.details,
            "model": self._model.name,
            "steps": [f"{format_call(t.call)} = {t.result}" for t in course.transcript.turns],
            "tokens": sum(e.tokens for e in course.emissions),
            "confidence": sure,
        }
        return dataclasses.replace(answer, calls=calls, confidence=math.prod(sure.values()), details=details)


def _take(course: _Course, call: ToolCall, names: EntityNames, box: Toolbox) -> Answer | None:
    """Execute a call: the answer if it is one, else its result is added, or the reason why there is none."""
    before = next((n for n, c in enumerate(course.calls, 1) if c == call), None)
    try:
        checked(call.tool, **call.arguments)
    except CallError:
        course.failures += 1  # it cannot even be written down
        return None
    try:
        check_names(call, names)
        if call.is_answer:
            answer = box.answer(call, course.results, course.calls)
            course.calls.append(call)
            return answer
        if before is not None:
            course.add(call, course.results[before - 1], f"as result {before}: {course.results[before - 1].short}")
            return None
        result = box.execute(call, course.results)
    except (CallError, BadInputError) as error:  # the memory may have changed meanwhile
        course.failures += 1
        reason = plain(str(error), RESULT_CHARS)
        course.add(call, unknown(call.tool, ResultKind.THINGS, reason), f"error: {reason}")
        return None
    course.add(call, result, result.short)
    return None


def _repeats(calls: Sequence[ToolCall]) -> int:
    """How often the call was made that was made most often."""
    written = [format_call(c) for c in calls]
    return max((written.count(text) for text in set(written)), default=0)


def check_names(call: ToolCall, names: EntityNames) -> None:
    """A call may only name what the memory holds now, whoever wrote it.

    Raises:
        CallError: it names something else.
    """
    for parameter in TOOLS[call.tool].parameters:
        value = call.arguments.get(parameter.name)
        if value is None or parameter.kind not in (Kind.THING, Kind.ROOM):
            continue
        allowed = names.rooms if parameter.kind is Kind.ROOM else names.things
        if value not in (ANYTHING, NOTHING) and value not in allowed:
            raise CallError(f"the memory holds no {parameter.kind} {value}")
