"""``describe_view``: what only pictures show."""

from __future__ import annotations

import dataclasses

from memory_agent_ros.reasoning.calls import CallError
from memory_agent_ros.reasoning.confidence import object_confidence
from memory_agent_ros.reasoning.results import Result, ResultKind, joined_cited
from memory_agent_ros.reasoning.tools.finding import state_of
from memory_agent_ros.reasoning.tools.workspace import Workspace
from memory_agent_ros.records.answer import AnswerState

#: Observations of a thing whose pictures are looked at, best first.
LOOKED_AT = 3


def describe_view(space: Workspace, of: Result, aspect: str) -> Result:
    """What the stored pictures show of a thing: its colour, material, state, the text on it.

    Of several things the one that the memory is surest of is looked at. Without a reader of pictures, or where the
    pictures do not tell, the result is *unknown*.
    """
    if of.kind is ResultKind.ROOMS:
        raise CallError("describe_view needs things, not rooms")
    nothing = Result(ResultKind.ATTRIBUTE, "describe_view", of.things, aspect=aspect, name=of.name, cited=of.cited,
                     state=AnswerState.UNKNOWN, confidence=of.confidence)  # fmt: skip
    if not of.things:
        return _because(nothing, of.reason or "never seen")
    if space.looker is None:
        return _because(nothing, "no reader of pictures")
    best = max(of.best, key=lambda o: (object_confidence(o), -o.id))
    best = dataclasses.replace(best, evidence=best.evidence[:LOOKED_AT])
    text, sure = space.looker.look(best, aspect)
    if not text:
        return _because(nothing, "pictures do not show it")
    told = state_of((best,))
    sure *= object_confidence(best)
    return Result(ResultKind.ATTRIBUTE, "describe_view", (best,), aspect=aspect, text=text, name=best.label,
                  cited=joined_cited([best], of.cited), state=told, confidence=sure,
                  looked=best.evidence)  # fmt: skip


def _because(nothing: Result, reason: str) -> Result:

    return dataclasses.replace(nothing, reason=reason)
