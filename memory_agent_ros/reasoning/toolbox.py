"""Executes calls: tool by tool over a memory, and at last the answer.

    box = Toolbox(memory, now_ns)
    results = [box.execute(parse_call("find(mug)"), [])]
    answer = box.answer(parse_call("answer(where, $1)"), results)

or all of it at once with :meth:`Toolbox.run`. The tools say exactly what they do:
:func:`~memory_agent_ros.reasoning.tools.finding.find`, ``rooms``, ``keep``, ``count`` (``tools/finding.py``), ``near``,
``relation``, ``measure`` (``tools/space.py``), ``pick``, ``compare`` (``tools/order.py``), ``last_seen``, ``history``,
``changes`` (``tools/time.py``), ``describe_view`` (``tools/looking.py``). What an answer tells is in
:mod:`~memory_agent_ros.reasoning.forms`. Every result says what it rests on; an answer cites observations of all of it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from memory_agent_ros.reasoning.calls import CallError, Reference, ToolCall, format_call
from memory_agent_ros.reasoning.confidence import mean, object_confidence
from memory_agent_ros.reasoning.entries import evidence_of, rounded
from memory_agent_ros.reasoning.forms import draft
from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.reasoning.results import Result, ResultKind, joined_cited
from memory_agent_ros.reasoning.rules import pictures
from memory_agent_ros.reasoning.tools import finding, looking, order, space, time
from memory_agent_ros.reasoning.tools.finding import state_of
from memory_agent_ros.reasoning.tools.workspace import Looker, Workspace
from memory_agent_ros.records.answer import Answer
from memory_agent_ros.records.map_object import MapObject

#: Observations cited of each thing; of long lists one each.
_EVIDENCE, _FEW_THINGS = 3, 4


class Toolbox:
    """The tools over one memory, for one question.

    Args:
        memory: what is asked; read as it is now, each part at most once.
        now_ns: the clock that "ago" and "since" refer to; the last time anything was looked at if None.
        looker: reads pictures for ``describe_view``; without one it is *unknown*.
        before: the things that the previous answer of the dialogue spoke of, ``$0``, or their ids; None without one.
        noun: what the question calls a thing that the memory does not hold, for sentences.
    """

    def __init__(
        self,
        memory: MemoryReader,
        now_ns: int | None = None,
        looker: Looker | None = None,
        before: Sequence[MapObject | int] | None = None,
        noun: str = "",
    ) -> None:
        self.space = Workspace(memory, now_ns, looker, noun)
        self._before = before

    def execute(self, call: ToolCall, results: Sequence[Result]) -> Result:
        """What a call gives, with the results of the calls before it.

        Raises:
            CallError: it names a result that there is not, is an answer, or asks for what its tool cannot do.
        """
        if call.is_answer:
            raise CallError("answer(...) ends the calls")
        arguments = {_PARAMETER.get(k, k): self._value(v, results) for k, v in call.arguments.items()}
        return _TOOLS[call.tool](self.space, arguments)

    def answer(self, call: ToolCall, results: Sequence[Result], calls: Sequence[ToolCall] = ()) -> Answer:
        """The answer that ends a list of calls; ``calls`` are those that led to it.

        Raises:
            CallError: it is no answer, names a result that there is not, or its form cannot tell of such a result.
        """
        if not call.is_answer:
            raise CallError(f"{call.tool} is no answer")
        result = self._result(call.arguments["of"], results)
        told = draft(self.space, str(call.arguments["form"]), result)
        cited = joined_cited(result.things if told.value not in (None, []) else (), result.cited, told.cited)
        told_by = (*result.looked, *evidence_of(cited, _EVIDENCE if len(cited) <= _FEW_THINGS else 1))
        evidence = tuple({(e.object_id, e.observation_id): e for e in told_by}.values())
        written = tuple(format_call(c) for c in (*calls, call))
        seen = [o.last_seen_ns for o in cited]
        details = {
            "now_ns": self.space.now_ns,
            "before": None if self._before is None else [o if isinstance(o, int) else o.id for o in self._before],
            "about": [o.id for o in result.things],
            "short": result.short,
            "last_seen_ns": [min(seen), max(seen)] if seen else [],
            "places": [[*rounded(s.center), round(s.radius_m, 3)] for s in result.spots],
        }
        answer = Answer(
            told.text, told.state, told.confidence, evidence, told.value, result.tool, calls=written, details=details
        )
        if told.pictures and result.spots:
            return pictures.with_pictures(self.space.memory, answer, result.spots)
        return answer

    def run(self, calls: Sequence[ToolCall]) -> tuple[Answer, list[Result]]:
        """A whole list of calls that ends with an answer: the answer, and the results before it.

        Raises:
            CallError: one of them cannot be executed, or the last one is no answer.
        """
        results: list[Result] = []
        for call in calls[:-1]:
            results.append(self.execute(call, results))
        if not calls:
            raise CallError("there is no call")
        return self.answer(calls[-1], results, calls[:-1]), results

    @functools.cached_property
    def _spoken_of(self) -> Result:
        """``$0``: the things of the previous answer, as they are now."""
        told = [self.space.by_id.get(o) if isinstance(o, int) else o for o in self._before or ()]
        things = tuple(o for o in told if o is not None)
        labels = {o.label for o in things}
        return Result(ResultKind.THINGS, "find", things, name=labels.pop() if len(labels) == 1 else "", cited=things,
                      state=state_of(things), confidence=mean([object_confidence(o) for o in things]))  # fmt: skip

    def _value(self, value: Any, results: Sequence[Result]) -> Any:
        return self._result(value, results) if isinstance(value, Reference) else value

    def _result(self, value: Any, results: Sequence[Result]) -> Result:
        if not isinstance(value, Reference):
            raise CallError(f"{value} is no result")
        if value.number == 0 and self._before is not None:
            return self._spoken_of
        if not 1 <= value.number <= len(results):
            raise CallError(f"there is no result {value}")
        return results[value.number - 1]


#: Parameters whose names are words of Python.
_PARAMETER = {"in": "room", "with": "other"}
_TOOLS: Mapping[str, Callable[[Workspace, Mapping[str, Any]], Result]] = {
    "find": lambda site, given: finding.find(site, **given),
    "rooms": lambda site, given: finding.rooms(site),
    "near": lambda site, given: space.near(site, **given),
    "relation": lambda site, given: space.relation(site, **given),
    "keep": lambda site, given: finding.keep(**given),
    "pick": lambda site, given: order.pick(site, **given),
    "count": lambda site, given: finding.count(**given),
    "last_seen": lambda site, given: time.last_seen(site, **given),
    "history": lambda site, given: time.history(site, **given),
    "changes": lambda site, given: time.changes(site, **given),
    "describe_view": lambda site, given: looking.describe_view(site, **given),
    "measure": lambda site, given: space.measure(site, **given),
    "compare": lambda site, given: order.compare(site, **given),
}
