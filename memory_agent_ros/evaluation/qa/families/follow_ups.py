"""Families of the class ``dialogue``: a question and its answer, then one that speaks of it."""

from __future__ import annotations

from dataclasses import replace

from memory_agent_ros.evaluation.qa.families.family import Family

_WHERE = ("[Where is the {x}|Can you find the {x}|Where did you last see the {x}]?", "find({x}); answer(where, $1)")
_ON = ("What is on the {x}?", "find({x}); relation(on, $1); answer(list, $2)")
_COUNT = ("How many {x:s} are there?", "find({x}); count($1); answer(number, $2)")
_COUNT_IN = ("How many {x:s} are {r:in}?", "find({x}, in={r}); count($1); answer(number, $2)")
_LAST = ("When did you last see the {x}?", "find({x}); last_seen($1); answer(when, $2)")
_NEXT = ("What is next to the {x}?", "find({x}); relation(next_to, $1); answer(list, $2)")
_MOVED = ("What was moved in {d}?", "changes(since={d}, kind=moved); answer(changes, $1)")

#: First question, follow-up, fillings of both, calls of the follow-up.
_SEEN = (
    (_WHERE, "[And what|What|Now what] is next to it?", "next_to", "relation(next_to, $0); answer(list, $1)"),
    (_WHERE, "[And what|What] [colour|color] is it?", "colour", "describe_view($0, colour); answer(attribute, $1)"),
    (_WHERE, "[And when|When] did you last see it?", "one", "last_seen($0); answer(when, $1)"),
    (_WHERE, "How far is it from the {y}?", "two", "find({y}); measure(distance, $0, $1); answer(number, $2)"),
    (_ON, "How many are [they|those|these]?", "on", "count($0); answer(number, $1)"),
    (_ON, "Which of them is the [largest|biggest]?", "on", "pick(largest, $0); answer(which, $1)"),
    (_WHERE, "Has it been moved?", "maybe_moved", "changes(kind=moved); keep($1, $0); answer(yes_no, $2)"),
    (_WHERE, "[And what|What] is on it?", "on", "relation(on, $0); answer(list, $1)"),
    (_COUNT, "[And where|Where] are they?", "several", "answer(where, $0)"),
    (_ON, "Is one of them {y:a}?", "maybe_on", "find({y}); keep($0, $1); answer(yes_no, $2)"),
    (_WHERE, "[And where|Where] was it before?", "moved", "answer(where_before, $0)"),
    (_WHERE, "What is within {m} of it?", "near", "near($0, {m}); answer(list, $1)"),
    (_MOVED, "In which rooms are these [things|objects] now?", "span", "answer(room, $0)"),
    (_WHERE, "And the {y}?", "two", "find({y}); answer(where, $1)"),
    (_COUNT, "And {y:s}?", "two_kinds", "find({y}); count($1); answer(number, $2)"),
    (_COUNT_IN, "And {q:in}?", "kind_two_rooms", "find({x}, in={q}); count($1); answer(number, $2)"),
    (_LAST, "[And where|Where] was that?", "one", "answer(where, $0)"),
    (_WHERE, "What is it made of?", "material", "describe_view($0, material); answer(attribute, $1)"),
    (_NEXT, "How many [things|objects] is that?", "next_to", "count($0); answer(number, $1)"),
    (_WHERE, "How [tall|high] is it?", "one_here", "measure(height, $0); answer(number, $1)"),
    (_WHERE, "[And in|In] which room is that?", "one_here", "answer(room, $0)"),
    (_WHERE, "What [happened|has happened] to it?", "touched", "history($0); answer(changes, $1)"),
    (_NEXT, "Which of them did you see last?", "next_to", "pick(latest, $0); answer(which, $1)"),
    (_LAST, "And the {y}?", "two", "find({y}); last_seen($1); answer(when, $2)"),
)  # fmt: skip
_HELD_OUT = (
    (_WHERE, "What else is there beside it?", "next_to", "relation(next_to, $0); answer(list, $1)"),
    (_WHERE, "How long is it since you saw that?", "one", "last_seen($0); answer(when, $1)"),
    (_ON, "Could you count them for me?", "on", "count($0); answer(number, $1)"),
    (_WHERE, "That one: which material is it?", "material", "describe_view($0, material); answer(attribute, $1)"),
    (_WHERE, "Same question for the {y}.", "two", "find({y}); answer(where, $1)"),
    (_WHERE, "From the {y}, how many metres is that?", "two",
     "find({y}); measure(distance, $0, $1); answer(number, $2)"),
)  # fmt: skip

_TABLE = (*((False, n, row) for n, row in enumerate(_SEEN, 1)), *((True, n, row) for n, row in enumerate(_HELD_OUT, 1)))
DIALOGUE = tuple(
    replace(
        Family(f"dialogue_{'h' if held else ''}{n:0{1 if held else 2}d}", "dialogue", then, fills, program, first),
        held_out=held,
    )
    for held, n, (first, then, fills, program) in _TABLE
)
