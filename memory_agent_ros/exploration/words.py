"""A robot's situation in words, for policies that read; choices are worded as the twin words them."""

from __future__ import annotations

from collections.abc import Mapping

from memory_agent_ros.exploration.situation import SituationWords
from memory_agent_ros.exploration.world_view import Known
from memory_agent_ros.records.decision import Candidate, CandidateKind
from memory_agent_ros.records.map_object import ObjectState

#: Remembered things that are told, those seen last.
_THINGS = 40


def situation_words(goal: str, known: Known, candidates: Mapping[int, Candidate], width: int) -> SituationWords:
    """What is remembered and what can be chosen.

    Args:
        goal: what is wanted.
        known: floor plan and memory.
        candidates: by column.
        width: columns there are.
    """
    latest = sorted(known.objects, key=lambda item: -item.last_seen_ns)[:_THINGS]
    things = [f"{item.label}{' (gone)' if item.state is ObjectState.GONE else ''}" for item in latest]
    rooms = [room.name for room in known.rooms]
    lines = f"Rooms: {', '.join(rooms) or 'none known'}.", f"Remembered: {', '.join(things) or 'nothing'}."
    return SituationWords(goal, lines, tuple(_what(candidates.get(column)) for column in range(width)))


def _what(candidate: Candidate | None) -> str:
    if candidate is None:
        return ""
    if candidate.kind is CandidateKind.STOP:
        return "stop here"
    what = f"look at the {candidate.label} in" if candidate.label else f"{candidate.kind} in"
    return f"{what} the {candidate.room or 'unknown room'}, {candidate.path_m:.1f} m away"
