"""Whether a free text says the true answer: for arms that have no tools and so no typed values.

The text gets the benefit of the doubt: of a place its room or what carries it is enough, of a list the names alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from memory_agent_ros.evaluation.qa.scoring import METRES, METRES_SHARE
from memory_agent_ros.memory.association.labels import tokens
from memory_agent_ros.records.answer import Answer, AnswerState

_NUMBERS = {
    "no": 0, "none": 0, "nothing": 0, "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
_UNKNOWN = re.compile(
    r"\b(?:unknown|not known|do(?:es)? not know|don't know|never seen|not seen|cannot (?:say|tell)|can't (?:say|tell)|"
    r"no idea|not sure)\b|^\W*$",
    re.IGNORECASE,
)
_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0, "week": 604_800.0}
_TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?|\ban?|[a-z]+)\s+(second|minute|hour|day|week)s?\b", re.IGNORECASE)
#: Times in words are rounded: as told they may be off by this share.
_ROUNDED = 0.25


def text_abstains(text: str) -> bool:
    """Whether a text says that it is not known, or nothing."""
    return bool(_UNKNOWN.search(text))


def text_right(text: str, truth: Answer, form: str) -> bool:
    """Whether a text says what is true; of what is unknown only "I do not know" is right, and nowhere else."""
    if truth.state is AnswerState.UNKNOWN or text_abstains(text):
        return truth.state is AnswerState.UNKNOWN and text_abstains(text)
    value = truth.value
    if form == "yes_no":
        return _said_first(text, ("yes", "no")) == ("yes" if value else "no")
    if form == "number":
        return _number_right(text, value)
    if form == "attribute":
        return _names(text, str(value["text"]))
    if form == "when":
        return _time_right(text, float(value["seconds_ago"]))
    if form == "which":
        return value is not None and _names(text, str(value["label"]))
    entries = [value] if isinstance(value, Mapping) else list(value or ())
    if form in ("where", "where_before", "room"):
        return bool(entries) and all(_place_right(text, e) for e in entries)
    if not entries:
        return _said_first(text, ("no", "none", "nothing")) != ""
    return all(_names(text, str(e.get("label", e.get("name", "")))) for e in entries)


def _said_first(text: str, words: Sequence[str]) -> str:
    said = re.findall(r"[a-z]+", text.lower())
    return said[0] if said and said[0] in words else ""


def _names(text: str, name: str) -> bool:
    """Whether a text holds a name, singular or plural."""
    said, wanted = tokens(text), tokens(name)
    return any(said[i : i + len(wanted)] == wanted for i in range(len(said))) if wanted else False


def _number_right(text: str, value: Any) -> bool:
    found = re.search(r"\d+(?:\.\d+)?", text)
    words = [w for w in re.findall(r"[a-z]+", text.lower()) if w in _NUMBERS]
    if found is None and not words:
        return False
    told = float(found[0]) if found is not None else float(_NUMBERS[words[0]])
    if isinstance(value, float):
        return abs(told - value) <= max(METRES, METRES_SHARE * abs(value))
    return bool(told == value)


def _time_right(text: str, seconds: float) -> bool:
    told = 0.0
    for count, unit in _TIME.findall(text):
        number = 1.0 if count.lower() in ("a", "an") else float(_NUMBERS.get(count.lower(), 0) or _float(count))
        told += number * _UNITS[unit.lower()]
    return told > 0.0 and abs(told - seconds) <= max(60.0, _ROUNDED * seconds)


def _float(text: str) -> float:
    return float(text) if re.fullmatch(r"[0-9.]+", text) else 0.0


def _place_right(text: str, entry: Mapping[str, Any]) -> bool:
    room, relation = entry.get("room"), entry.get("relation")
    named = [str(p[key]) for p, key in ((room, "name"), (relation, "label")) if isinstance(p, Mapping) and p.get(key)]
    return any(_names(text, name) for name in named)
