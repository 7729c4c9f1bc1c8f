"""Sentences that mean one list of calls, word by word: measuring, comparing, picking, looks, changes.

``{x}`` and ``{y}`` are things, ``{r}`` is a room, each with or without an article; all other words must stand as they
are written here, ``[a|b]`` for a choice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_X, _XY = "find({x}); ", "find({x}); find({y}); "


@dataclass(frozen=True)
class PlainForm:
    """A sentence and the calls that it means.

    Attributes:
        pattern: of the question in lower case without its question mark, with groups of the slots.
        program: calls with slots, one after the other with semicolons between.
    """

    pattern: re.Pattern[str]
    program: str


def _pattern(sentence: str) -> re.Pattern[str]:
    text = re.sub(r"\[([^]]*)\]", lambda m: f"(?:{m[1]})", sentence)
    for slot in "xyr":
        text = text.replace(f"{{{slot}}}", rf"(?:(?:the|a|an|my|your|our|any) )?(?P<{slot}>[^,]+?)")
    return re.compile(text)


_SENTENCES: tuple[tuple[str, str], ...] = (
    ("what [colou?r] [is|has|are] {x}", _X + "describe_view($1, colour); answer(attribute, $2)"),
    ("what [colou?r] does {x} have", _X + "describe_view($1, colour); answer(attribute, $2)"),
    ("what is the [colou?r] of {x}", _X + "describe_view($1, colour); answer(attribute, $2)"),
    ("what [is|are] {x} made [of|from]", _X + "describe_view($1, material); answer(attribute, $2)"),
    ("[what|which] material is {x}(?: made of)?", _X + "describe_view($1, material); answer(attribute, $2)"),
    ("what is written on {x}", _X + "describe_view($1, text); answer(attribute, $2)"),
    ("what does {x} say", _X + "describe_view($1, text); answer(attribute, $2)"),
    ("how far is {x} [from|away from] {y}", _XY + "measure(distance, $1, $2); answer(number, $3)"),
    ("how far apart are {x} and {y}", _XY + "measure(distance, $1, $2); answer(number, $3)"),
    ("what is the distance between {x} and {y}", _XY + "measure(distance, $1, $2); answer(number, $3)"),
    ("how [high|tall] is {x}", _X + "measure(height, $1); answer(number, $2)"),
    ("how wide is {x}", _X + "measure(width, $1); answer(number, $2)"),
    ("how long is {x}", _X + "measure(length, $1); answer(number, $2)"),
    ("how high above the floor is {x}", _X + "measure(above_floor, $1); answer(number, $2)"),
    ("is {x} [larger|bigger] than {y}", _XY + "compare(larger, $1, $2); answer(yes_no, $3)"),
    ("is {x} smaller than {y}", _XY + "compare(smaller, $1, $2); answer(yes_no, $3)"),
    ("is {x} taller than {y}", _XY + "compare(taller, $1, $2); answer(yes_no, $3)"),
    ("is {x} shorter than {y}", _XY + "compare(shorter, $1, $2); answer(yes_no, $3)"),
    ("[which|what] is [larger|bigger],? {x} or {y}", _XY + "compare(larger, $1, $2); answer(which, $3)"),
    ("[which|what] is smaller,? {x} or {y}", _XY + "compare(smaller, $1, $2); answer(which, $3)"),
    ("[which|what] is taller,? {x} or {y}", _XY + "compare(taller, $1, $2); answer(which, $3)"),
    ("are there more {x} than {y}", _XY + "compare(more, $1, $2); answer(yes_no, $3)"),
    ("are there fewer {x} than {y}", _XY + "compare(fewer, $1, $2); answer(yes_no, $3)"),
    ("are there as many {x} as {y}", _XY + "compare(equal, $1, $2); answer(yes_no, $3)"),
    ("are {x} and {y} in the same room", _XY + "compare(same_room, $1, $2); answer(yes_no, $3)"),
    ("is {x} in the same room as {y}", _XY + "compare(same_room, $1, $2); answer(yes_no, $3)"),
    ("[which|what] {x} is [nearest|closest] to {y}", _XY + "pick(nearest, $1, $2); answer(which, $3)"),
    ("[which|what] {x} is [farthest|furthest] from {y}", _XY + "pick(farthest, $1, $2); answer(which, $3)"),
    ("where is the {x} [nearest|closest] to {y}", _XY + "pick(nearest, $1, $2); answer(where, $3)"),
    ("what is [nearest|closest] to {x}", "find(anything); find({x}); pick(nearest, $1, $2); answer(which, $3)"),
    ("[which|what] is the [largest|biggest] {x}", _X + "pick(largest, $1); answer(which, $2)"),
    ("[which|what] is the smallest {x}", _X + "pick(smallest, $1); answer(which, $2)"),
    ("[which|what] room is the [largest|biggest]", "rooms(); pick(largest, $1); answer(which, $2)"),
    ("[which|what] room is the smallest", "rooms(); pick(smallest, $1); answer(which, $2)"),
    ("which is the [largest|biggest] room", "rooms(); pick(largest, $1); answer(which, $2)"),
    ("which is the smallest room", "rooms(); pick(smallest, $1); answer(which, $2)"),
    ("where was {x} before", _X + "answer(where_before, $1)"),
    ("[has|have] {x} (?:been )?moved", "changes(kind=moved, thing={x}); answer(yes_no, $1)"),
    ("was {x} moved", "changes(kind=moved, thing={x}); answer(yes_no, $1)"),
    ("did {x} move", "changes(kind=moved, thing={x}); answer(yes_no, $1)"),
    ("when was {x} moved", "changes(kind=moved, thing={x}); answer(when, $1)"),
    ("is {x} [gone|missing]", "find({x}, state=gone); answer(yes_no, $1)"),
    ("what (?:has been |was )?moved", "changes(kind=moved); answer(changes, $1)"),
    ("what is [gone|missing]", "find(anything, state=gone); answer(list, $1)"),
    ("what happened to {x}", _X + "history($1); answer(changes, $2)"),
    ("are there any {x} in {r}", "find({x}, in={r}); answer(yes_no, $1)"),
    ("[does|do] {r} have {x}", "find({x}, in={r}); answer(yes_no, $1)"),
)  # fmt: skip

#: Tried in order.
PLAIN_FORMS = tuple(PlainForm(_pattern(sentence), program) for sentence, program in _SENTENCES)
