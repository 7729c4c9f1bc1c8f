"""More ways to ask for looks, and questions in several steps."""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import Row
from memory_agent_ros.evaluation.training.practice.programs import COLOUR, MATERIAL, MORE_ON, NEAREST, STATE

LOOKS: tuple[Row, ...] = (
    ("[Colour|Color] of the {x}[?|, please.]", "colour", COLOUR),
    ("Do you [know|remember] [what|which] [colour|color] the {x} [has|is]?", "colour", COLOUR),
    ("How is the {x} [coloured|painted]?", "colour", COLOUR),
    ("[Material|What is the material] of the {x}?", "material", MATERIAL),
    ("[What|Which stuff] did they make the {x} [of|from]?", "material", MATERIAL),
    ("Does the {x} stand [upright|straight] or [lie|is it lying] on its side?", "state", STATE),
    ("Did the {x} tip over?", "state", STATE),
    ("[Colour|Color] of the {x} {r:in}?", "colour_room",
     "find({x}, in={r}); describe_view($1, colour); answer(attribute, $2)"),
    ("What [colour|color] has the {y} that [lies|stands|is] on the {x}?", "colour_on",
     "find({x}); relation(on, $1, thing={y}); describe_view($2, colour); answer(attribute, $3)"),
)  # fmt: skip
CHAINS: tuple[Row, ...] = (
    ("[Count|How many are] the things on the {x} that [is|stands] {r:in}[.|?]", "on_room",
     "find({x}, in={r}); relation(on, $1); count($2); answer(number, $3)"),
    ("What stands beside the {y} [that is|lying] on the {x}?", "on",
     "find({x}); relation(on, $1, thing={y}); relation(next_to, $2); answer(list, $3)"),
    ("Which {y} is [nearest|closest] to the {x}, and in which room?", "several_two", NEAREST + "answer(room, $3)"),
    ("[Find|Show me] the {y} [nearest|closest] to the {x}.", "several_two", NEAREST + "answer(where, $3)"),
    ("Which {y} is [farthest|furthest] away from the {x}, and where?", "several_two",
     "find({y}); find({x}); pick(farthest, $1, $2); answer(where, $3)"),
    ("How many metres is the nearest {y} away from the {x}?", "several_two",
     NEAREST + "measure(distance, $2, $3); answer(number, $4)"),
    ("[Name|List] what is beside the [largest|biggest] {x}.", "several",
     "find({x}); pick(largest, $1); relation(next_to, $2); answer(list, $3)"),
    ("What is [at most|no more than] {m} away from the {x} and also from the {y}?", "near_close",
     "find({x}); near($1, {m}); find({y}); near($3, {m}); keep($2, $4); answer(list, $5)"),
    ("Is the {x} [fuller|more loaded] than the {y}?", "two_carriers", MORE_ON),
    ("What does the {y} beside the {x} have on it?", "next_to_carrier",
     "find({x}); relation(next_to, $1, thing={y}); relation(on, $2); answer(list, $3)"),
    ("What is the width of the [largest|biggest] thing {r:in}?", "room",
     "find(anything, in={r}); pick(largest, $1); measure(width, $2); answer(number, $3)"),
    ("What {r:in} has been moved?", "moved_to",
     "find(anything, in={r}); changes(kind=moved); keep($1, $2); answer(list, $3)"),
    ("When was the {y} on the {x} last seen?", "on",
     "find({x}); relation(on, $1, thing={y}); last_seen($2); answer(when, $3)"),
    ("[Colour|Color] of the {y} [nearest|closest] to the {x}?", "several_two",
     NEAREST + "describe_view($3, colour); answer(attribute, $4)"),
    ("[Colour|Color] of the [largest|biggest] {x}?", "several",
     "find({x}); pick(largest, $1); describe_view($2, colour); answer(attribute, $3)"),
    ("How many things that are on the {x} had another place before?", "on",
     "find({x}); relation(on, $1); changes(kind=moved); keep($2, $3); count($4); answer(number, $5)"),
    ("The {y} on the {x}: where did it stand before?", "on_moved",
     "find({x}); relation(on, $1, thing={y}); answer(where_before, $2)"),
    ("Which thing on the {x} is the [largest|biggest]?", "on",
     "find({x}); relation(on, $1); pick(largest, $2); answer(which, $3)"),
    ("[Name|Which is] the thing {r:in} that is [nearest|closest] to the {x}[.|?]", "one_room",
     "find({x}); find(anything, in={r}); pick(nearest, $2, $1); answer(which, $3)"),
)  # fmt: skip
