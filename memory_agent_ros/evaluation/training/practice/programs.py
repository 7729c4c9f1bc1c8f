"""Calls that several patterns share, with slots."""

from __future__ import annotations

WHERE, ROOM = "find({x}); answer(where, $1)", "find({x}); answer(room, $1)"
COUNT, COUNT_IN = "find({x}); count($1); answer(number, $2)", "find({x}, in={r}); count($1); answer(number, $2)"
ANY, ANY_IN = "find({x}); answer(yes_no, $1)", "find({x}, in={r}); answer(yes_no, $1)"
ON, NEXT = "find({x}); relation(on, $1); answer(list, $2)", "find({x}); relation(next_to, $1); answer(list, $2)"
ON_COUNT = "find({x}); relation(on, $1); count($2); answer(number, $3)"
ALL_IN = "find(anything, in={r}, state=present); answer(list, $1)"
FAR = "find({x}); find({y}); measure(distance, $1, $2); answer(number, $3)"
SEEN = "find({x}); last_seen($1); answer(when, $2)"
MOVED_WHEN, GONE_WHEN = (f"changes(kind={kind}, thing={{x}}); answer(when, $1)" for kind in ("moved", "gone"))
WAS_MOVED, IS_GONE = "changes(kind=moved, thing={x}); answer(yes_no, $1)", "find({x}, state=gone); answer(yes_no, $1)"
BEFORE = "find({x}); answer(where_before, $1)"
COLOUR, MATERIAL = (f"find({{x}}); describe_view($1, {a}); answer(attribute, $2)" for a in ("colour", "material"))
STATE = "find({x}); describe_view($1, state); answer(attribute, $2)"
NEAREST = "find({y}); find({x}); pick(nearest, $1, $2); "
MORE_ON = "find({x}); relation(on, $1); find({y}); relation(on, $3); compare(more, $2, $4); answer(yes_no, $5)"


def compared(by: str, form: str) -> str:
    """Two things compared."""
    return f"find({{x}}); find({{y}}); compare({by}, $1, $2); answer({form}, $3)"


def changed(kind: str = "", form: str = "changes") -> str:
    """What changed in a span of time."""
    return f"changes(since={{d}}{f', kind={kind}' if kind else ''}); answer({form}, $1)"


def unknown(form: str) -> str:
    """Nobody knows."""
    return f"find(nothing); answer({form}, $1)"
