"""Whether an answer is the true one: typed values compared by code, no model as judge.

Things are the same if they are called the same and stand within half a metre of each other; rooms if they overlap most;
counts, truths and looks if they are equal; metres within a tenth or 15 cm; times within a minute or a fiftieth of how
long ago it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from memory_agent_ros.evaluation.structure_scores import overlaps
from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.records.answer import Answer, AnswerState
from memory_agent_ros.records.room import Room

#: Things are the same within this distance, metres.
SAME_M = 0.5
METRES, METRES_SHARE = 0.15, 0.10
SECONDS, SECONDS_SHARE = 60.0, 0.02

Entry = Mapping[str, Any]


class RoomKey:
    """Which room of a memory is which true room, by overlap of their floors.

    Args:
        told: rooms of the memory that answered.
        true: rooms of the truth.
    """

    def __init__(self, told: Sequence[Room], true: Sequence[Room]) -> None:
        shared = overlaps([r.polygon for r in true], [r.polygon for r in told])
        rows, columns = linear_sum_assignment(-shared) if shared.size else ((), ())
        self._true = {told[j].id: true[i].id for i, j in zip(rows, columns, strict=True) if shared[i, j] > 0.0}

    def __call__(self, room_id: int) -> int:
        """Id of the true room, or one that no true room has."""
        return int(self._true.get(room_id, -1 - room_id))


def abstains(answer: Answer) -> bool:
    """Whether an answer says that it is not known."""
    return answer.state is AnswerState.UNKNOWN


def right(answer: Answer, truth: Answer, form: str, rooms: RoomKey) -> bool:
    """Whether an answer is the true one; of what is unknown only "unknown" is right, and nowhere else.

    Args:
        answer: what was told.
        truth: of the same form.
        form: of the answer, one of :data:`~memory_agent_ros.reasoning.calls.FORMS`.
        rooms: of the memory that answered.
    """
    if truth.state is AnswerState.UNKNOWN or abstains(answer):
        return truth.state is AnswerState.UNKNOWN and abstains(answer)
    return same_value(answer.value, truth.value, form, rooms)


def same_value(told: Any, true: Any, form: str, rooms: RoomKey) -> bool:
    """Whether two values of a form say the same."""
    if told is None or true is None:
        return told is None and true is None
    if form == "yes_no":
        return bool(told) is bool(true)
    if form == "number":
        return _same_number(told, true)
    if form == "attribute":
        return isinstance(told, Mapping) and str(told.get("text", "")).lower() == str(true["text"]).lower()
    if form == "when":
        return _same_time(told, true)
    if form == "which":
        return _same_pick(told, true, rooms)
    if not isinstance(told, Mapping | list):
        return False  # yes or a number where things were asked for
    told, true = _listed(told), _listed(true)
    if _are_rooms(true) or _are_rooms(told):
        return _room_ids(told, rooms) == _room_ids(true, None)
    if form == "room":
        return _rooms_of(told, rooms) == _rooms_of(true, None)
    if form == "changes":
        return _same_things(told, true, "kind")
    if form == "where":
        return _same_things(_that_count(told), _that_count(true), "state")
    return _same_things(told, true)


def _listed(value: Any) -> list[Entry]:
    return [value] if isinstance(value, Mapping) else [v for v in value if isinstance(v, Mapping)]


def _same_number(told: Any, true: Any) -> bool:
    if not isinstance(told, int | float) or isinstance(told, bool):
        return False
    if isinstance(true, float):
        return abs(told - true) <= max(METRES, METRES_SHARE * abs(true))
    return bool(told == true)


def _same_time(told: Any, true: Entry) -> bool:
    if not isinstance(told, Mapping) or "stamp_ns" not in told:
        return False
    close = max(SECONDS, SECONDS_SHARE * float(true["seconds_ago"]))
    same = normal_label(str(told.get("label", ""))) == normal_label(str(true["label"]))
    return same and abs(int(told["stamp_ns"]) - int(true["stamp_ns"])) <= close * 1e9


def _same_pick(told: Any, true: Entry, rooms: RoomKey) -> bool:
    if not isinstance(told, Mapping):
        return False
    if "object" in true:
        return "object" in told and _same_things([told], [true])
    if "id" in true:
        return "id" in told and rooms(int(told["id"])) == int(true["id"])
    same = normal_label(str(told.get("label", ""))) == normal_label(str(true["label"]))
    return same and _same_number(told.get("number"), true["number"])


def _are_rooms(entries: Sequence[Entry]) -> bool:
    return any("object" not in e and "id" in e for e in entries)


def _room_ids(entries: Sequence[Entry], key: RoomKey | None) -> set[int]:
    ids = {int(e["id"]) for e in entries if "id" in e}
    return ids if key is None else {key(i) for i in ids}


def _rooms_of(entries: Sequence[Entry], key: RoomKey | None) -> set[int]:
    """Rooms that things are said to stand in, of present ones if there are any."""
    ids = {int(e["room"]["id"]) for e in _that_count(entries) if e.get("room")}
    return ids if key is None else {key(i) for i in ids}


def _that_count(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Present things; gone ones if there are no others."""
    return [e for e in entries if e.get("state", "present") == "present"] or entries


def _same_things(told: Sequence[Entry], true: Sequence[Entry], *also: str) -> bool:
    """Whether two lists hold the same things, one to one."""
    if len(told) != len(true):
        return False
    if not true:
        return True
    apart = np.array([[_apart(a, b, also) for b in true] for a in told])
    rows, columns = linear_sum_assignment(np.minimum(apart, 1e3))
    return bool((apart[rows, columns] <= SAME_M).all())


def _apart(a: Entry, b: Entry, also: Sequence[str]) -> float:
    """Distance of two things, infinite if they are called differently."""
    if normal_label(str(a.get("label", ""))) != normal_label(str(b.get("label", ""))):
        return np.inf
    if any(a.get(name) != b.get(name) for name in also) or "position_m" not in a:
        return np.inf
    return float(np.linalg.norm(np.subtract(a["position_m"], b["position_m"])))
