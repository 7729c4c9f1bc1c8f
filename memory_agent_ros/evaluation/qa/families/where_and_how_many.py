"""Families of the classes ``locate`` and ``count``."""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import families_of

_WHERE, _ROOM = "find({x}); answer(where, $1)", "find({x}); answer(room, $1)"

LOCATE = families_of(
    "locate",
    seen=(
        ("[Where is|Where's] the {x}[| now| right now| at the moment]?", "one", _WHERE),
        ("[Can|Could] you [please |]tell me where the {x} is[|, please]?", "one", _WHERE),
        ("[I am|I'm] looking for the {x}.", "one", _WHERE),
        ("[Find|Locate] the {x}[| for me| please].", "one", _WHERE),
        ("In [which|what] room [is|would I find] the {x}?", "one_here", _ROOM),
        ("[Which|What] room is the {x} in[| now]?", "one_here", _ROOM),
        ("Where did you [last see|last notice|last spot] the {x}?", "one", _WHERE),
        ("[Tell me|Give me|I want to know] the [location|whereabouts|position] of the {x}.", "one", _WHERE),
        ("[Have you got|Do you have|Any chance you have] [any|an] idea where the {x} [is|might be|could be]?", "one",
         _WHERE),
        ("Where {r:in} is the {x}?", "one_room", "find({x}, in={r}); answer(where, $1)"),
        ("The {x}, where is it?", "one", _WHERE),
        ("Where are the {x:s}[|, please]?", "several", _WHERE),
        ("Where [should|can|do] I [go to find|look for|get] the {x}?", "one", _WHERE),
        ("[Show|Tell] me where the {x:s} are.", "several", _WHERE),
        ("In [which|what] rooms are there {x:s}?", "several", _ROOM),
        ("Where [do|would|can] I find {x:a}?", "kind", _WHERE),
        ("[I need|I want|Get me] the {x}; where [is it|did it go|do I find it]?", "one", _WHERE),
        ("[What|Which] room [has|holds|contains] the {x}?", "one_here", _ROOM),
        ("Do you know where the {x} [is|went|stands]?", "one", _WHERE),
        ("Where can I find the {x} that is on the {y}?", "carried",
         "find({y}); relation(on, $1, thing={x}); answer(where, $2)"),
        ("[Where is|Find] the {x} that stands {r:in}.", "one_room", "find({x}, in={r}); answer(where, $1)"),
    ),
    held_out=(
        ("If I wanted the {x}, where would I have to [go|look]?", "one", _WHERE),
        ("It's the {x} I'm after; [where might that be|whereabouts is it]?", "one", _WHERE),
        ("Someone asked me for the {x}, and I cannot [say|tell] where it is. Can you?", "one", _WHERE),
        ("The room with the {x} in it is which one?", "one_here", _ROOM),
        ("Would you happen to remember in which places the {x:s} are standing?", "several", _WHERE),
    ),
)  # fmt: skip

_COUNT = "find({x}); count($1); answer(number, $2)"
_COUNT_IN = "find({x}, in={r}); count($1); answer(number, $2)"
_ANY_IN = "find({x}, in={r}); answer(yes_no, $1)"
_ON = "find({x}); relation(on, $1); count($2); answer(number, $3)"

COUNT = families_of(
    "count",
    seen=(
        ("How many {x:s} are there[| in the apartment| here| in total| altogether]?", "kind", _COUNT),
        ("How many {x:s} are {r:in}?", "kind_room", _COUNT_IN),
        ("[Count|Please count] the {x:s}[| for me].", "kind", _COUNT),
        ("What is the [number|total number] of {x:s}?", "kind", _COUNT),
        ("How many {x:s} [do you know of|do you remember|did you see|have you found] {r:in}?", "kind_room", _COUNT_IN),
        ("Is there {x:a} {r:in}?", "kind_room", _ANY_IN),
        ("Are there any {x:s}[| here| in the apartment| left]?", "kind", "find({x}); answer(yes_no, $1)"),
        ("How many rooms [are there|does this place have|do you know of|have you found]?", "none",
         "rooms(); count($1); answer(number, $2)"),
        ("How many [things|objects|items] are on the {x}?", "on", _ON),
        ("How many {y:s} are on the {x}?", "maybe_on",
         "find({x}); relation(on, $1, thing={y}); count($2); answer(number, $3)"),
        ("How many [things|objects|items] are {r:in}?", "room",
         "find(anything, in={r}); count($1); answer(number, $2)"),
        ("[Give|Tell] me the number of {x:s} {r:in}.", "kind_room", _COUNT_IN),
        ("Does {r} [have|contain|hold] {x:a}?", "kind_room", _ANY_IN),
        ("How many {x:s} [have gone missing|have disappeared|are missing|are gone]?", "maybe_gone",
         "find({x}, state=gone); count($1); answer(number, $2)"),
        ("How many [things|objects|items] are within {m} of the {x}?", "near",
         "find({x}); near($1, {m}); count($2); answer(number, $3)"),
        ("[Have you seen|Did you see|Do you know of] any {x:s} {r:in}?", "kind_room", _ANY_IN),
        ("How many {x:s} can you [see|find|count][| in the apartment]?", "kind", _COUNT),
        ("[I'd like to know|Tell me] how many {x:s} there are[|, please].", "kind", _COUNT),
        ("How many [things|objects] [stand|are standing] next to the {x}?", "next_to",
         "find({x}); relation(next_to, $1); count($2); answer(number, $3)"),
        ("How many {y:s} are within {m} of the {x}?", "near_kind",
         "find({x}); near($1, {m}, thing={y}); count($2); answer(number, $3)"),
    ),
    held_out=(
        ("{r:in}, how many {x:s} [can be found|would one find]?", "kind_room", _COUNT_IN),
        ("The {x:s} {r:in}: how many of them are there?", "kind_room", _COUNT_IN),
        ("If you added up all the {x:s}, what would the sum be?", "kind", _COUNT),
        ("I wonder whether {r} has any {x:s} in it.", "kind_room", _ANY_IN),
        ("Of {x:s}, how many does {r} hold?", "kind_room", _COUNT_IN),
        ("On the {x} there are how many [things|objects] just now?", "on", _ON),
    ),
)  # fmt: skip
