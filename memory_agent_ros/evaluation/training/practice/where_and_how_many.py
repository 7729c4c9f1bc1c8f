"""More ways to ask for places and numbers."""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import Row
from memory_agent_ros.evaluation.training.practice.programs import ANY, ANY_IN, COUNT, COUNT_IN, ON_COUNT, ROOM, WHERE

LOCATE: tuple[Row, ...] = (
    ("[Location|Place|Whereabouts] of the {x}[?|, please.]", "one", WHERE),
    ("{x} location?", "one", WHERE),
    ("I [can't find|have lost|misplaced|am missing] [the|my|our] {x}[.|. Help!|; any hint?]", "one", WHERE),
    ("[Guide|Lead|Take|Point|Direct] me to the {x}.", "one", WHERE),
    ("[Please find|Find] out where [the|my|our] {x} [is|could be|has been put|ended up].", "one", WHERE),
    ("Did you come across [the|my|our] {x}, and [where|at which spot]?", "one", WHERE),
    ("[What is|What's|Give me] the place where [you have seen|you saw|you found] the {x}?", "one", WHERE),
    ("Who can tell where [the|my] {x} [is|lies]? You?", "one", WHERE),
    ("[Which|What] part of the [apartment|flat|home] is the {x} in?", "one_here", ROOM),
    ("[Name|Tell me] the room [that|which] the {x} is [in|kept in].", "one_here", ROOM),
    ("To [which|what] room [do I|must I|should I] go [for|to get] the {x}?", "one_here", ROOM),
    ("[All|Every one of] the {x:s}: where [are they|do they stand]?", "several", WHERE),
    ("[Point out|Locate] [all|all of] the {x:s}.", "several", WHERE),
    ("[Which|What] rooms have {x:s} in them?", "several", ROOM),
    ("[The|My] {x} should be {r:in}; where exactly?", "one_room", "find({x}, in={r}); answer(where, $1)"),
    ("At what spot {r:in} [is|did you see] the {x}?", "one_room", "find({x}, in={r}); answer(where, $1)"),
    ("[Where's|Find] the {x} lying on the {y}[?|.]", "carried",
     "find({y}); relation(on, $1, thing={x}); answer(where, $2)"),
)  # fmt: skip
COUNTS: tuple[Row, ...] = (
    ("[Number|Amount|Count] of {x:s}[?|.|, please.]", "kind", COUNT),
    ("How many {x:s} [do we have|do we own|does the apartment have|exist|did you come across]?", "kind", COUNT),
    ("What number of {x:s} [did you see|do you remember|are there]?", "kind", COUNT),
    ("[Number|Count] of {x:s} {r:in}[?|.|, please.]", "kind_room", COUNT_IN),
    ("How many {x:s} [stand|lie|are kept|did you see] {r:in}?", "kind_room", COUNT_IN),
    ("[Check|See|Find out|Look up] [if|whether] there [is|was] {x:a} {r:in}.", "kind_room", ANY_IN),
    ("Is {x:a} to be found {r:in}?", "kind_room", ANY_IN),
    ("{x:s} {r:in}, [yes or no|are there any]?", "kind_room", ANY_IN),
    ("[Do we have|Do we own|Is there|Did you find] [any {x:s}|{x:a}][| at all| somewhere]?", "kind", ANY),
    ("[Can|Could] you say how many rooms [there are|we have]?", "none", "rooms(); count($1); answer(number, $2)"),
    ("[Number|Count] of rooms[?|.]", "none", "rooms(); count($1); answer(number, $2)"),
    ("How much stuff [is|lies|sits] on the {x}?", "on", ON_COUNT),
    ("[Count|Add up] [what is|everything that is|the things] on the {x}.", "on", ON_COUNT),
    ("How many of the {y:s} [are|lie|stand] on the {x}?", "maybe_on",
     "find({x}); relation(on, $1, thing={y}); count($2); answer(number, $3)"),
    ("[Count|Add up] [everything|all things|all objects] {r:in}.", "room",
     "find(anything, in={r}); count($1); answer(number, $2)"),
    ("How full is {r}: how many things [are|stand] there?", "room",
     "find(anything, in={r}); count($1); answer(number, $2)"),
    ("How many {x:s} [did we lose|got lost|are no longer there]?", "maybe_gone",
     "find({x}, state=gone); count($1); answer(number, $2)"),
    ("[Count|Number of] things within {m} of the {x}[.|, please.]", "near",
     "find({x}); near($1, {m}); count($2); answer(number, $3)"),
    ("How many things are beside the {x}?", "next_to",
     "find({x}); relation(next_to, $1); count($2); answer(number, $3)"),
    ("Around the {x}, in a circle of {m}, how many {y:s} are there?", "near_kind",
     "find({x}); near($1, {m}, thing={y}); count($2); answer(number, $3)"),
)  # fmt: skip
