"""More ways to ask what the families ask, for training only: short, spoken, indirect. No benchmark asks so."""

from __future__ import annotations

import re

import numpy as np

from memory_agent_ros.evaluation.qa.families.family import Family

_WHERE, _ROOM = "find({x}); answer(where, $1)", "find({x}); answer(room, $1)"
_COUNT, _COUNT_IN = "find({x}); count($1); answer(number, $2)", "find({x}, in={r}); count($1); answer(number, $2)"
_ANY, _ANY_IN = "find({x}); answer(yes_no, $1)", "find({x}, in={r}); answer(yes_no, $1)"
_ON, _NEXT = "find({x}); relation(on, $1); answer(list, $2)", "find({x}); relation(next_to, $1); answer(list, $2)"
_ON_COUNT = "find({x}); relation(on, $1); count($2); answer(number, $3)"
_ALL_IN = "find(anything, in={r}, state=present); answer(list, $1)"
_FAR = "find({x}); find({y}); measure(distance, $1, $2); answer(number, $3)"
_SEEN = "find({x}); last_seen($1); answer(when, $2)"
_MOVED_WHEN, _GONE_WHEN = (f"changes(kind={kind}, thing={{x}}); answer(when, $1)" for kind in ("moved", "gone"))
_WAS_MOVED, _IS_GONE = "changes(kind=moved, thing={x}); answer(yes_no, $1)", "find({x}, state=gone); answer(yes_no, $1)"
_BEFORE = "find({x}); answer(where_before, $1)"
_COLOUR, _MATERIAL = (f"find({{x}}); describe_view($1, {a}); answer(attribute, $2)" for a in ("colour", "material"))
_STATE = "find({x}); describe_view($1, state); answer(attribute, $2)"
_NEAREST = "find({y}); find({x}); pick(nearest, $1, $2); "
_MORE_ON = "find({x}); relation(on, $1); find({y}); relation(on, $3); compare(more, $2, $4); answer(yes_no, $5)"


def _compared(by: str, form: str) -> str:
    return f"find({{x}}); find({{y}}); compare({by}, $1, $2); answer({form}, $3)"


def _changed(kind: str = "", form: str = "changes") -> str:
    return f"changes(since={{d}}{f', kind={kind}' if kind else ''}); answer({form}, $1)"


def _unknown(form: str) -> str:
    return f"find(nothing); answer({form}, $1)"


_LOCATE = (
    ("[Location|Place|Whereabouts] of the {x}[?|, please.]", "one", _WHERE),
    ("{x} location?", "one", _WHERE),
    ("I [can't find|have lost|misplaced|am missing] [the|my|our] {x}[.|. Help!|; any hint?]", "one", _WHERE),
    ("[Guide|Lead|Take|Point|Direct] me to the {x}.", "one", _WHERE),
    ("[Please find|Find] out where [the|my|our] {x} [is|could be|has been put|ended up].", "one", _WHERE),
    ("Did you come across [the|my|our] {x}, and [where|at which spot]?", "one", _WHERE),
    ("[What is|What's|Give me] the place where [you have seen|you saw|you found] the {x}?", "one", _WHERE),
    ("Who can tell where [the|my] {x} [is|lies]? You?", "one", _WHERE),
    ("[Which|What] part of the [apartment|flat|home] is the {x} in?", "one_here", _ROOM),
    ("[Name|Tell me] the room [that|which] the {x} is [in|kept in].", "one_here", _ROOM),
    ("To [which|what] room [do I|must I|should I] go [for|to get] the {x}?", "one_here", _ROOM),
    ("[All|Every one of] the {x:s}: where [are they|do they stand]?", "several", _WHERE),
    ("[Point out|Locate] [all|all of] the {x:s}.", "several", _WHERE),
    ("[Which|What] rooms have {x:s} in them?", "several", _ROOM),
    ("[The|My] {x} should be {r:in}; where exactly?", "one_room", "find({x}, in={r}); answer(where, $1)"),
    ("At what spot {r:in} [is|did you see] the {x}?", "one_room", "find({x}, in={r}); answer(where, $1)"),
    ("[Where's|Find] the {x} lying on the {y}[?|.]", "carried",
     "find({y}); relation(on, $1, thing={x}); answer(where, $2)"),
)  # fmt: skip
_COUNTS = (
    ("[Number|Amount|Count] of {x:s}[?|.|, please.]", "kind", _COUNT),
    ("How many {x:s} [do we have|do we own|does the apartment have|exist|did you come across]?", "kind", _COUNT),
    ("What number of {x:s} [did you see|do you remember|are there]?", "kind", _COUNT),
    ("[Number|Count] of {x:s} {r:in}[?|.|, please.]", "kind_room", _COUNT_IN),
    ("How many {x:s} [stand|lie|are kept|did you see] {r:in}?", "kind_room", _COUNT_IN),
    ("[Check|See|Find out|Look up] [if|whether] there [is|was] {x:a} {r:in}.", "kind_room", _ANY_IN),
    ("Is {x:a} to be found {r:in}?", "kind_room", _ANY_IN),
    ("{x:s} {r:in}, [yes or no|are there any]?", "kind_room", _ANY_IN),
    ("[Do we have|Do we own|Is there|Did you find] [any {x:s}|{x:a}][| at all| somewhere]?", "kind", _ANY),
    ("[Can|Could] you say how many rooms [there are|we have]?", "none", "rooms(); count($1); answer(number, $2)"),
    ("[Number|Count] of rooms[?|.]", "none", "rooms(); count($1); answer(number, $2)"),
    ("How much stuff [is|lies|sits] on the {x}?", "on", _ON_COUNT),
    ("[Count|Add up] [what is|everything that is|the things] on the {x}.", "on", _ON_COUNT),
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
_COMPARES = (
    ("Do we have more {x:s} than {y:s}?", "two_kinds", _compared("more", "yes_no")),
    ("Is the number of {x:s} [greater|higher|larger] than [that|the number] of {y:s}?", "two_kinds",
     _compared("more", "yes_no")),
    ("Is the number of {x:s} [smaller|lower] than [that|the number] of {y:s}?", "two_kinds",
     _compared("fewer", "yes_no")),
    ("[More|Which is more frequent:] {x:s} or {y:s}?", "two_kinds", _compared("more", "which")),
    ("Is the number of {x:s} equal to [that|the number] of {y:s}?", "two_kinds", _compared("equal", "yes_no")),
    ("[Does|Would] the {x} take up more space than the {y}?", "two", _compared("larger", "yes_no")),
    ("Does the {x} [rise|reach] higher than the {y}?", "two", _compared("taller", "yes_no")),
    ("Which [sighting|one] is [newer|more recent], the {x} or the {y}?", "two_apart", _compared("later", "which")),
    ("Was the {x} seen after the {y}?", "two_apart", _compared("later", "yes_no")),
    ("Was the {x} seen before the {y}?", "two_apart", _compared("earlier", "yes_no")),
    ("Is {r} [fuller|more crowded] than {q}?", "two_rooms",
     "find(anything, in={r}); find(anything, in={q}); compare(more, $1, $2); answer(yes_no, $3)"),
    ("Does {r} have more {x:s} than {q}?", "kind_two_rooms",
     "find({x}, in={r}); find({x}, in={q}); compare(more, $1, $2); answer(yes_no, $3)"),
    ("What takes up most space {r:in}?", "room", "find(anything, in={r}); pick(largest, $1); answer(which, $2)"),
    ("[Name|Tell me] the [largest|biggest] room.", "none", "rooms(); pick(largest, $1); answer(which, $2)"),
    ("[Name|Tell me] the smallest room.", "none", "rooms(); pick(smallest, $1); answer(which, $2)"),
)  # fmt: skip
_RELATIONS = (
    ("What do you see on the {x}?", "on", _ON),
    ("[Things|Objects|Everything] on the {x}[?|, please.]", "on", _ON),
    ("What does the {x} have on it?", "on", _ON),
    ("[What|Which things] did [somebody|people] put on the {x}?", "on", _ON),
    ("What stands [beside|right beside|at the side of] the {x}?", "next_to", _NEXT),
    ("What are the [neighbours|neighbors] of the {x}?", "next_to", _NEXT),
    ("What does the {x} [contain|hold]?", "inside", "find({x}); relation(in, $1); answer(list, $2)"),
    ("[Look|Check] [under|below] the {x}: what is there?", "under", "find({x}); relation(under, $1); answer(list, $2)"),
    ("What do you know [near|around|in the surroundings of] the {x}?", "one_here",
     "find({x}); near($1); answer(list, $2)"),
    ("[Show me|What is] [everything|all] [up to|at most] {m} [away from|from] the {x}[.|?]", "near",
     "find({x}); near($1, {m}); answer(list, $2)"),
    ("Did you see the {y} on the {x}?", "maybe_on", "find({x}); relation(on, $1, thing={y}); answer(yes_no, $2)"),
    ("Is {y:a} [beside|right beside] the {x}?", "maybe_next_to",
     "find({x}); relation(next_to, $1, thing={y}); answer(yes_no, $2)"),
    ("[Measure|Work out] how far [apart|away from each other] the {x} and the {y} are.", "two", _FAR),
    ("What height [has|is] the {x}?", "one_here", "find({x}); measure(height, $1); answer(number, $2)"),
    ("What is the width of the {x}?", "one_here", "find({x}); measure(width, $1); answer(number, $2)"),
    ("What is the length of the {x}?", "one_here", "find({x}); measure(length, $1); answer(number, $2)"),
    ("At what height above the floor is the {x}?", "one_here",
     "find({x}); measure(above_floor, $1); answer(number, $2)"),
    ("What does {r} [contain|hold|have in it]?", "room", _ALL_IN),
    ("[List|Name|Show] [all objects|everything] {r:in}.", "room", _ALL_IN),
    ("[List|Show me] the {x:s} {r:in}.", "kind_room", "find({x}, in={r}, state=present); answer(list, $1)"),
)  # fmt: skip
_TIMES = (
    ("[Last sighting|Last time seen]: {x}[?|.]", "one", _SEEN),
    ("When did you see the {x} [the last time|most recently]?", "one", _SEEN),
    ("How recently did you see the {x}?", "one", _SEEN),
    ("[What|Which] time was it when you saw the {x} last?", "one", _SEEN),
    ("How long is it that you saw the {x}?", "one", _SEEN),
    ("When did the {x} change [its place|places]?", "moved", _MOVED_WHEN),
    ("[What|At which] time did the {x} get [moved|a new place]?", "moved", _MOVED_WHEN),
    ("When did [we|somebody|people] lose the {x}?", "gone", _GONE_WHEN),
    ("When did you find out that the {x} was no longer there?", "gone", _GONE_WHEN),
    ("When did the {x} get here?", "added", "changes(kind=added, thing={x}); answer(when, $1)"),
    ("When was {x:a} last seen {r:in}?", "kind_room", "find({x}, in={r}); last_seen($1); answer(when, $2)"),
)  # fmt: skip
_CHANGES = (
    ("[Any changes|Any news|Changes] [in|over] {d}?", "span", _changed()),
    ("What [is|was] [different|new and what is gone] [compared with|since] {d}?", "span", _changed()),
    ("What did people [move|put elsewhere] [in|during] {d}?", "span", _changed("moved")),
    ("What [got lost|vanished|went away] [in|during] {d}?", "span", _changed("gone")),
    ("What [arrived|came|was brought in] [in|during] {d}?", "span", _changed("added")),
    ("[Number|Count] of things moved [in|during] {d}[?|.]", "span",
     "changes(since={d}, kind=moved); count($1); answer(number, $2)"),
    ("Did [anybody|somebody] move anything [in|during] {d}?", "span", _changed("moved", "yes_no")),
    ("Did anything [disappear|vanish|go missing] [in|during] {d}?", "span", _changed("gone", "yes_no")),
    ("Does the {x} stand somewhere else than it did?", "maybe_moved", _WAS_MOVED),
    ("Did the {x} change [its place|places]?", "maybe_moved", _WAS_MOVED),
    ("Did the {x} [disappear|go missing|vanish]?", "maybe_gone", _IS_GONE),
    ("[Have we lost|Did we lose] the {x}?", "maybe_gone", _IS_GONE),
    ("Do we still have the {x}?", "maybe_gone", "find({x}, state=present); answer(yes_no, $1)"),
    ("[Which|What] things [did we lose|got lost|vanished]?", "none", "find(anything, state=gone); answer(list, $1)"),
    ("Where did the {x} [come from|stand before]?", "moved", _BEFORE),
    ("[Old|Previous|Earlier] place of the {x}?", "moved", _BEFORE),
    ("[History|The history] of the {x}[?|, please.]", "touched", "find({x}); history($1); answer(changes, $2)"),
    ("What did {r} lose?", "room", "find(anything, in={r}, state=gone); answer(list, $1)"),
)  # fmt: skip
_LOOKS = (
    ("[Colour|Color] of the {x}[?|, please.]", "colour", _COLOUR),
    ("Do you [know|remember] [what|which] [colour|color] the {x} [has|is]?", "colour", _COLOUR),
    ("How is the {x} [coloured|painted]?", "colour", _COLOUR),
    ("[Material|What is the material] of the {x}?", "material", _MATERIAL),
    ("[What|Which stuff] did they make the {x} [of|from]?", "material", _MATERIAL),
    ("Does the {x} stand [upright|straight] or [lie|is it lying] on its side?", "state", _STATE),
    ("Did the {x} tip over?", "state", _STATE),
    ("[Colour|Color] of the {x} {r:in}?", "colour_room",
     "find({x}, in={r}); describe_view($1, colour); answer(attribute, $2)"),
    ("What [colour|color] has the {y} that [lies|stands|is] on the {x}?", "colour_on",
     "find({x}); relation(on, $1, thing={y}); describe_view($2, colour); answer(attribute, $3)"),
)  # fmt: skip
_CHAINS = (
    ("[Count|How many are] the things on the {x} that [is|stands] {r:in}[.|?]", "on_room",
     "find({x}, in={r}); relation(on, $1); count($2); answer(number, $3)"),
    ("What stands beside the {y} [that is|lying] on the {x}?", "on",
     "find({x}); relation(on, $1, thing={y}); relation(next_to, $2); answer(list, $3)"),
    ("Which {y} is [nearest|closest] to the {x}, and in which room?", "several_two", _NEAREST + "answer(room, $3)"),
    ("[Find|Show me] the {y} [nearest|closest] to the {x}.", "several_two", _NEAREST + "answer(where, $3)"),
    ("Which {y} is [farthest|furthest] away from the {x}, and where?", "several_two",
     "find({y}); find({x}); pick(farthest, $1, $2); answer(where, $3)"),
    ("How many metres is the nearest {y} away from the {x}?", "several_two",
     _NEAREST + "measure(distance, $2, $3); answer(number, $4)"),
    ("[Name|List] what is beside the [largest|biggest] {x}.", "several",
     "find({x}); pick(largest, $1); relation(next_to, $2); answer(list, $3)"),
    ("What is [at most|no more than] {m} away from the {x} and also from the {y}?", "near_close",
     "find({x}); near($1, {m}); find({y}); near($3, {m}); keep($2, $4); answer(list, $5)"),
    ("Is the {x} [fuller|more loaded] than the {y}?", "two_carriers", _MORE_ON),
    ("What does the {y} beside the {x} have on it?", "next_to_carrier",
     "find({x}); relation(next_to, $1, thing={y}); relation(on, $2); answer(list, $3)"),
    ("What is the width of the [largest|biggest] thing {r:in}?", "room",
     "find(anything, in={r}); pick(largest, $1); measure(width, $2); answer(number, $3)"),
    ("What {r:in} has been moved?", "moved_to",
     "find(anything, in={r}); changes(kind=moved); keep($1, $2); answer(list, $3)"),
    ("When was the {y} on the {x} last seen?", "on",
     "find({x}); relation(on, $1, thing={y}); last_seen($2); answer(when, $3)"),
    ("[Colour|Color] of the {y} [nearest|closest] to the {x}?", "several_two",
     _NEAREST + "describe_view($3, colour); answer(attribute, $4)"),
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
_NEVER = (
    ("[Location|Place] of the {n}[?|, please.]", "never", _unknown("where")),
    ("I [can't find|have lost|misplaced] [the|my] {n}.", "never", _unknown("where")),
    ("[Guide|Take] me to the {n}.", "never", _unknown("where")),
    ("[Number|Count] of {n:s}[?|.]", "never", _unknown("number")),
    ("Do we have [any {n:s}|{n:a}]?", "never", _unknown("yes_no")),
    ("Is there {n:a} {r:in}?", "never_on", _unknown("yes_no")),
    ("[Colour|Color] of the {n}?", "never", _unknown("attribute")),
    ("[Distance|How far is it] from the {n} to the {x}?", "never_one", _unknown("number")),
    ("What stands beside the {n}?", "never", _unknown("list")),
    ("What was the price of the {x}?", "one", _unknown("number")),
    ("Who [does the {x} belong to|put the {x} there|broke the {x}]?", "one", _unknown("describe")),
    ("[Why|For what reason] did [they|somebody] move the {x}?", "one", _unknown("describe")),
    ("[Is|Will] the {x} [going to be|be] here next year?", "one", _unknown("yes_no")),
    ("What is the {x} [called|good for|worth to us]?", "one", _unknown("describe")),
    ("How [heavy|warm|loud] is the {x}?", "one", _unknown("number")),
    ("How many {x:s} did you see {r:in}?", "never_room", _unknown("number")),
    ("Is there {x:a} {r:in}?", "never_room", _unknown("yes_no")),
    ("[List|Name] everything {r:in}.", "never_room", _unknown("list")),
    ("Who [sleeps|lives|works] {r:in}?", "room", _unknown("describe")),
    ("When will [anybody|somebody] use the {x}?", "one", _unknown("when")),
    ("What does the label on the {x} say?", "one_here", "find({x}); describe_view($1, text); answer(attribute, $2)"),
)  # fmt: skip
_ASKED_WHERE = ("[Where is the {x}?|Where's the {x}?|I am looking for the {x}.]", "find({x}); answer(where, $1)")
_ASKED_ON = ("[What is on the {x}?|List everything on the {x}.]", "find({x}); relation(on, $1); answer(list, $2)")
_ASKED_COUNT = ("[How many {x:s} are there?|Count the {x:s}.]", "find({x}); count($1); answer(number, $2)")
_ASKED_NEXT = ("[What is next to the {x}?|What is beside the {x}?]", _NEXT)
_FOLLOW = (
    (_ASKED_WHERE, "[And its|Its|What about its] [colour|color]?", "colour",
     "describe_view($0, colour); answer(attribute, $1)"),
    (_ASKED_WHERE, "[And its|Its] material?", "material", "describe_view($0, material); answer(attribute, $1)"),
    (_ASKED_WHERE, "[What are its neighbours|What stands beside it|And beside it]?", "next_to",
     "relation(next_to, $0); answer(list, $1)"),
    (_ASKED_WHERE, "When [was it last seen|was it seen last]?", "one", "last_seen($0); answer(when, $1)"),
    (_ASKED_WHERE, "[What is the distance|Distance] to the {y}?", "two",
     "find({y}); measure(distance, $0, $1); answer(number, $2)"),
    (_ASKED_ON, "[Number|How many in all]?", "on", "count($0); answer(number, $1)"),
    (_ASKED_NEXT, "[Number|How many in all]?", "next_to", "count($0); answer(number, $1)"),
    (_ASKED_ON, "[And the|What is the] [largest|biggest] of [them|these]?", "on",
     "pick(largest, $0); answer(which, $1)"),
    (_ASKED_WHERE, "Did [anybody|somebody] move it?", "maybe_moved",
     "changes(kind=moved); keep($1, $0); answer(yes_no, $2)"),
    (_ASKED_WHERE, "[And on|On] it, what is there?", "on", "relation(on, $0); answer(list, $1)"),
    (_ASKED_COUNT, "[Show me|Tell me] where [they|these] are.", "several", "answer(where, $0)"),
    (_ASKED_WHERE, "[And earlier|And before]?", "moved", "answer(where_before, $0)"),
    (_ASKED_WHERE, "[Which|What] room[|, exactly]?", "one_here", "answer(room, $0)"),
    (_ASKED_WHERE, "[And where is|What about] the {y}?", "two", "find({y}); answer(where, $1)"),
    (_ASKED_COUNT, "[And how many|How about] {y:s}?", "two_kinds", "find({y}); count($1); answer(number, $2)"),
    (_ASKED_WHERE, "What is its height?", "one_here", "measure(height, $0); answer(number, $1)"),
    (_ASKED_WHERE, "[And around|Around] it, up to {m}?", "near", "near($0, {m}); answer(list, $1)"),
    (_ASKED_NEXT, "Which one did you see most recently?", "next_to", "pick(latest, $0); answer(which, $1)"),
    (_ASKED_WHERE, "Its history?", "touched", "history($0); answer(changes, $1)"),
)  # fmt: skip

_TABLES = {
    "locate": _LOCATE, "count": _COUNTS, "compare": _COMPARES, "relation": _RELATIONS, "time": _TIMES,
    "change": _CHANGES, "attribute": _LOOKS, "multi_hop": _CHAINS, "unanswerable": _NEVER,
}  # fmt: skip
#: For training; as families, but of no split of the benchmark.
PRACTICE: tuple[Family, ...] = (
    *(
        Family(f"practice_{klass}_{n:02d}", klass, *row)
        for klass, rows in _TABLES.items()
        for n, row in enumerate(rows, start=1)
    ),
    *(
        Family(f"practice_dialogue_{n:02d}", "dialogue", then, fills, program, first)
        for n, (first, then, fills, program) in enumerate(_FOLLOW, start=1)
    ),
)

_BEFORE_QUESTION = (
    "Hello, ", "Hi. ", "Please, ", "Tell me: ", "Please tell me: ", "Quick question: ", "Let me ask you: ", "Robot, ",
    "I have a question. ", "One more thing: ", "Listen: ", "By the way, ", "OK. ", "So, ", "Now, ", "Sorry, ",
    "Just to be sure: ", "Excuse me, ", "From what you have seen: ", "According to your memory, ",
    "As far as you know, ",
)  # fmt: skip
_AFTER_QUESTION = (
    " Please.", " Thanks.", " Thank you.", " Answer briefly.", " I need to know.", " Do you know?", " Tell me.",
    " As far as you know.", " Be exact.", " I forgot.", " Just wondering.",
)  # fmt: skip


def reworded(question: str, rng: np.random.Generator) -> str:
    """A question as it is, or with words around it, or written carelessly."""
    if rng.random() < 0.25:
        before = _BEFORE_QUESTION[int(rng.integers(len(_BEFORE_QUESTION)))]
        keeps = before[-2] in ".:" and rng.random() < 0.5
        question = before + (question if keeps else question[:1].lower() + question[1:])
    if rng.random() < 0.12:
        question += _AFTER_QUESTION[int(rng.integers(len(_AFTER_QUESTION)))]
    if rng.random() < 0.12:
        question = re.sub(r"[?.!,:;]+$", "", question)
    if rng.random() < 0.12:
        question = question.lower()
    return question
