"""More ways to compare, and to ask for what is on, beside, inside and near."""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import Row
from memory_agent_ros.evaluation.training.practice.programs import ALL_IN, FAR, NEXT, ON, compared

COMPARES: tuple[Row, ...] = (
    ("Do we have more {x:s} than {y:s}?", "two_kinds", compared("more", "yes_no")),
    ("Is the number of {x:s} [greater|higher|larger] than [that|the number] of {y:s}?", "two_kinds",
     compared("more", "yes_no")),
    ("Is the number of {x:s} [smaller|lower] than [that|the number] of {y:s}?", "two_kinds",
     compared("fewer", "yes_no")),
    ("[More|Which is more frequent:] {x:s} or {y:s}?", "two_kinds", compared("more", "which")),
    ("Is the number of {x:s} equal to [that|the number] of {y:s}?", "two_kinds", compared("equal", "yes_no")),
    ("[Does|Would] the {x} take up more space than the {y}?", "two", compared("larger", "yes_no")),
    ("Does the {x} [rise|reach] higher than the {y}?", "two", compared("taller", "yes_no")),
    ("Which [sighting|one] is [newer|more recent], the {x} or the {y}?", "two_apart", compared("later", "which")),
    ("Was the {x} seen after the {y}?", "two_apart", compared("later", "yes_no")),
    ("Was the {x} seen before the {y}?", "two_apart", compared("earlier", "yes_no")),
    ("Is {r} [fuller|more crowded] than {q}?", "two_rooms",
     "find(anything, in={r}); find(anything, in={q}); compare(more, $1, $2); answer(yes_no, $3)"),
    ("Does {r} have more {x:s} than {q}?", "kind_two_rooms",
     "find({x}, in={r}); find({x}, in={q}); compare(more, $1, $2); answer(yes_no, $3)"),
    ("What takes up most space {r:in}?", "room", "find(anything, in={r}); pick(largest, $1); answer(which, $2)"),
    ("[Name|Tell me] the [largest|biggest] room.", "none", "rooms(); pick(largest, $1); answer(which, $2)"),
    ("[Name|Tell me] the smallest room.", "none", "rooms(); pick(smallest, $1); answer(which, $2)"),
)  # fmt: skip
RELATIONS: tuple[Row, ...] = (
    ("What do you see on the {x}?", "on", ON),
    ("[Things|Objects|Everything] on the {x}[?|, please.]", "on", ON),
    ("What does the {x} have on it?", "on", ON),
    ("[What|Which things] did [somebody|people] put on the {x}?", "on", ON),
    ("What stands [beside|right beside|at the side of] the {x}?", "next_to", NEXT),
    ("What are the [neighbours|neighbors] of the {x}?", "next_to", NEXT),
    ("What does the {x} [contain|hold]?", "inside", "find({x}); relation(in, $1); answer(list, $2)"),
    ("[Look|Check] [under|below] the {x}: what is there?", "under", "find({x}); relation(under, $1); answer(list, $2)"),
    ("What do you know [near|around|in the surroundings of] the {x}?", "one_here",
     "find({x}); near($1); answer(list, $2)"),
    ("[Show me|What is] [everything|all] [up to|at most] {m} [away from|from] the {x}[.|?]", "near",
     "find({x}); near($1, {m}); answer(list, $2)"),
    ("Did you see the {y} on the {x}?", "maybe_on", "find({x}); relation(on, $1, thing={y}); answer(yes_no, $2)"),
    ("Is {y:a} [beside|right beside] the {x}?", "maybe_next_to",
     "find({x}); relation(next_to, $1, thing={y}); answer(yes_no, $2)"),
    ("[Measure|Work out] how far [apart|away from each other] the {x} and the {y} are.", "two", FAR),
    ("What height [has|is] the {x}?", "one_here", "find({x}); measure(height, $1); answer(number, $2)"),
    ("What is the width of the {x}?", "one_here", "find({x}); measure(width, $1); answer(number, $2)"),
    ("What is the length of the {x}?", "one_here", "find({x}); measure(length, $1); answer(number, $2)"),
    ("At what height above the floor is the {x}?", "one_here",
     "find({x}); measure(above_floor, $1); answer(number, $2)"),
    ("What does {r} [contain|hold|have in it]?", "room", ALL_IN),
    ("[List|Name|Show] [all objects|everything] {r:in}.", "room", ALL_IN),
    ("[List|Show me] the {x:s} {r:in}.", "kind_room", "find({x}, in={r}, state=present); answer(list, $1)"),
)  # fmt: skip
