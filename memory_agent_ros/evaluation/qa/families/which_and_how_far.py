"""Families of the classes ``compare`` and ``relation``."""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import families_of


def _compared(by: str, form: str) -> str:
    return f"find({{x}}); find({{y}}); compare({by}, $1, $2); answer({form}, $3)"


COMPARE = families_of(
    "compare",
    seen=(
        ("Are there more {x:s} than {y:s}?", "two_kinds", _compared("more", "yes_no")),
        ("Are there fewer {x:s} than {y:s}?", "two_kinds", _compared("fewer", "yes_no")),
        ("[Which are there|What are there|Of which are there] more[| of], {x:s} or {y:s}?", "two_kinds",
         _compared("more", "which")),
        ("Is the {x} [larger|bigger] than the {y}?", "two", _compared("larger", "yes_no")),
        ("[Which is|Which one is|What is] [larger|bigger], the {x} or the {y}?", "two", _compared("larger", "which")),
        ("Is the {x} taller than the {y}?", "two", _compared("taller", "yes_no")),
        ("[Which of the two is|Which is|What is] taller, the {x} or the {y}?", "two", _compared("taller", "which")),
        ("Are the {x} and the {y} in the same room?", "two", _compared("same_room", "yes_no")),
        ("Is the {x} in the same room as the {y}?", "two", _compared("same_room", "yes_no")),
        ("[Which|What] did you see [more recently|last|later], the {x} or the {y}?", "two_apart",
         _compared("later", "which")),
        ("Did you see the {x} [later|more recently] than the {y}?", "two_apart", _compared("later", "yes_no")),
        ("Are there as many {x:s} as {y:s}?", "two_kinds", _compared("equal", "yes_no")),
        ("Is the {x} smaller than the {y}?", "two", _compared("smaller", "yes_no")),
        ("Is the {x} [shorter|lower] than the {y}?", "two", _compared("shorter", "yes_no")),
        ("Are there more [things|objects|items] {r:in} than {q:in}?", "two_rooms",
         "find(anything, in={r}); find(anything, in={q}); compare(more, $1, $2); answer(yes_no, $3)"),
        ("Did you see the {x} earlier than the {y}?", "two_apart", _compared("earlier", "yes_no")),
        ("Do {r} and {q} have [equally many|the same number of] {x:s}?", "kind_two_rooms",
         "find({x}, in={r}); find({x}, in={q}); compare(equal, $1, $2); answer(yes_no, $3)"),
        ("[Which is|What is] [smaller|the smaller one], the {x} or the {y}?", "two", _compared("smaller", "which")),
        ("Are there more {x:s} {r:in} than {q:in}?", "kind_two_rooms",
         "find({x}, in={r}); find({x}, in={q}); compare(more, $1, $2); answer(yes_no, $3)"),
        ("[Which is|What is] the [largest|biggest] [thing|object] {r:in}?", "room",
         "find(anything, in={r}); pick(largest, $1); answer(which, $2)"),
        ("Which room is the [largest|biggest]?", "none", "rooms(); pick(largest, $1); answer(which, $2)"),
        ("Which room is the smallest?", "none", "rooms(); pick(smallest, $1); answer(which, $2)"),
    ),
    held_out=(
        ("Between the {x} and the {y}, which one is [bigger|larger]?", "two", _compared("larger", "which")),
        ("Compared with the {y}, is the {x} taller?", "two", _compared("taller", "yes_no")),
        ("Do the {x} and the {y} share a room?", "two", _compared("same_room", "yes_no")),
        ("Would you say that {x:s} outnumber {y:s} here?", "two_kinds", _compared("more", "yes_no")),
        ("Of the {x} and the {y}, was it the {x} that you saw most recently?", "two_apart",
         _compared("later", "yes_no")),
        ("{x:s} and {y:s}: is it the former that there are more of?", "two_kinds", _compared("more", "yes_no")),
    ),
)  # fmt: skip


def _rel(kind: str) -> str:
    return f"find({{x}}); relation({kind}, $1); answer(list, $2)"


_NEAR = "find({x}); near($1); answer(list, $2)"
_WITHIN = "find({x}); near($1, {m}); answer(list, $2)"
_FAR = "find({x}); find({y}); measure(distance, $1, $2); answer(number, $3)"
_Y_ON_X = "find({x}); relation(on, $1, thing={y}); answer(yes_no, $2)"

RELATION = families_of(
    "relation",
    seen=(
        ("What is on the {x}[| now| right now]?", "on", _rel("on")),
        ("What [is lying|is standing|is sitting|lies|stands] on top of the {x}?", "on", _rel("on")),
        ("[Which|What] [things|objects] are next to the {x}?", "next_to", _rel("next_to")),
        ("What is [beside|right next to|directly beside] the {x}?", "next_to", _rel("next_to")),
        ("What is [inside|in] the {x}?", "inside", _rel("in")),
        ("What is [near|close to|around] the {x}?", "one_here", _NEAR),
        ("[What|Which things|Which objects] can be found within {m} of the {x}?", "near", _WITHIN),
        ("Is the {y} on the {x}?", "maybe_on", _Y_ON_X),
        ("Is there {y:a} next to the {x}?", "maybe_next_to",
         "find({x}); relation(next_to, $1, thing={y}); answer(yes_no, $2)"),
        ("How far is the {x} from the {y}?", "two", _FAR),
        ("What is the distance [between the {x} and the {y}|from the {x} to the {y}]?", "two", _FAR),
        ("What is [under|underneath|below|beneath] the {x}?", "under", _rel("under")),
        ("[Which|What] {y:s} are on the {x}?", "on", "find({x}); relation(on, $1, thing={y}); answer(list, $2)"),
        ("What is {r:in}?", "room", "find(anything, in={r}, state=present); answer(list, $1)"),
        ("[List|Name|Tell me] everything on the {x}.", "on", _rel("on")),
        ("How [tall|high] is the {x}?", "one_here", "find({x}); measure(height, $1); answer(number, $2)"),
        ("How wide is the {x}?", "one_here", "find({x}); measure(width, $1); answer(number, $2)"),
        ("How long is the {x}?", "one_here", "find({x}); measure(length, $1); answer(number, $2)"),
        ("How [high above|far above] the floor is the {x}?", "one_here",
         "find({x}); measure(above_floor, $1); answer(number, $2)"),
        ("[List|Name] the [things|objects] that are within {m} of the {x}.", "near", _WITHIN),
        ("Which {y:s} are [within|no more than] {m} [of|from] the {x}?", "near_kind",
         "find({x}); near($1, {m}, thing={y}); answer(list, $2)"),
        ("Does the {y} [stand|sit|lie] on the {x}?", "maybe_on", _Y_ON_X),
        ("[Which|What] [things|objects] are {r:in}?", "room",
         "find(anything, in={r}, state=present); answer(list, $1)"),
        ("Which {x:s} are {r:in}?", "kind_room", "find({x}, in={r}, state=present); answer(list, $1)"),
    ),
    held_out=(
        ("Could you go through the [things|objects] that the {x} is carrying?", "on", _rel("on")),
        ("The things that [stand|are] next to the {x} are what?", "next_to", _rel("next_to")),
        ("How many metres lie between the {x} and the {y}?", "two", _FAR),
        ("Name whatever the {x} [carries|has on it].", "on", _rel("on")),
        ("Were I to stand at the {x}, what would be within {m} of me?", "near", _WITHIN),
        ("Has the {x} got {y:a} on it?", "maybe_on", _Y_ON_X),
    ),
)  # fmt: skip
