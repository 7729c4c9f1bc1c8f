"""Random lists of calls that fit together, over the names of a memory."""

from __future__ import annotations

import random
from collections.abc import Sequence

from memory_agent_ros.reasoning.calls import FORMS, TOOLS, Argument, CallError, Kind, Parameter, Reference, ToolCall
from memory_agent_ros.reasoning.names import names_of
from memory_agent_ros.reasoning.results import Result
from memory_agent_ros.reasoning.toolbox import Toolbox
from memory_agent_ros.records.answer import Answer


def random_answers(toolbox: Toolbox, seed: int, count: int) -> list[Answer]:
    """Answers to that many random lists of calls; calls that a tool refuses are left out."""
    rng = random.Random(seed)
    names = names_of(toolbox.space.memory)
    found: list[Answer] = []
    while len(found) < count:
        calls: list[ToolCall] = []
        results: list[Result] = []
        for _ in range(rng.randint(1, 5)):
            tool = rng.choice(["find", "find", *[t for t in TOOLS if t != "answer"]])
            call = _call(tool, names.things, names.rooms, len(results), rng)
            if call is None:
                continue
            try:
                results.append(toolbox.execute(call, results))
                calls.append(call)
            except CallError:
                continue
        if not results:
            continue
        ends = ToolCall("answer", {"form": rng.choice(FORMS), "of": Reference(len(results))})
        try:
            found.append(toolbox.answer(ends, results, calls))
        except CallError:
            continue
    return found


def _call(tool: str, things: Sequence[str], rooms: Sequence[str], results: int, rng: random.Random) -> ToolCall | None:
    arguments: dict[str, Argument] = {}
    for parameter in TOOLS[tool].parameters:
        if parameter.optional and rng.random() < 0.6:
            continue
        value = _argument(parameter, things, rooms, results, rng)
        if value is None:
            if parameter.optional:
                continue
            return None
        arguments[parameter.name] = value
    return ToolCall(tool, arguments)


def _argument(
    parameter: Parameter, things: Sequence[str], rooms: Sequence[str], results: int, rng: random.Random
) -> Argument | None:
    if parameter.kind is Kind.THING:
        return rng.choice([*things, *things, "anything", "anything", "nothing"])
    if parameter.kind is Kind.ROOM:
        return rng.choice(list(rooms)) if rooms else None
    if parameter.kind is Kind.NUMBER:
        return rng.choice([0.3, 1.0, 2.5, 40.0, 600.0])
    if parameter.kind is Kind.CHOICE:
        return rng.choice(parameter.choices)
    return Reference(rng.randint(1, results)) if results else None
