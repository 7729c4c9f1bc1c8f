"""More ways to go on in a dialogue: question, follow-up, fillings of both, calls of the follow-up."""

from __future__ import annotations

from memory_agent_ros.evaluation.training.practice.programs import NEXT

ASKED_WHERE = ("[Where is the {x}?|Where's the {x}?|I am looking for the {x}.]", "find({x}); answer(where, $1)")
ASKED_ON = ("[What is on the {x}?|List everything on the {x}.]", "find({x}); relation(on, $1); answer(list, $2)")
ASKED_COUNT = ("[How many {x:s} are there?|Count the {x:s}.]", "find({x}); count($1); answer(number, $2)")
ASKED_NEXT = ("[What is next to the {x}?|What is beside the {x}?]", NEXT)
FOLLOW = (
    (ASKED_WHERE, "[And its|Its|What about its] [colour|color]?", "colour",
     "describe_view($0, colour); answer(attribute, $1)"),
    (ASKED_WHERE, "[And its|Its] material?", "material", "describe_view($0, material); answer(attribute, $1)"),
    (ASKED_WHERE, "[What are its neighbours|What stands beside it|And beside it]?", "next_to",
     "relation(next_to, $0); answer(list, $1)"),
    (ASKED_WHERE, "When [was it last seen|was it seen last]?", "one", "last_seen($0); answer(when, $1)"),
    (ASKED_WHERE, "[What is the distance|Distance] to the {y}?", "two",
     "find({y}); measure(distance, $0, $1); answer(number, $2)"),
    (ASKED_ON, "[Number|How many in all]?", "on", "count($0); answer(number, $1)"),
    (ASKED_NEXT, "[Number|How many in all]?", "next_to", "count($0); answer(number, $1)"),
    (ASKED_ON, "[And the|What is the] [largest|biggest] of [them|these]?", "on",
     "pick(largest, $0); answer(which, $1)"),
    (ASKED_WHERE, "Did [anybody|somebody] move it?", "maybe_moved",
     "changes(kind=moved); keep($1, $0); answer(yes_no, $2)"),
    (ASKED_WHERE, "[And on|On] it, what is there?", "on", "relation(on, $0); answer(list, $1)"),
    (ASKED_COUNT, "[Show me|Tell me] where [they|these] are.", "several", "answer(where, $0)"),
    (ASKED_WHERE, "[And earlier|And before]?", "moved", "answer(where_before, $0)"),
    (ASKED_WHERE, "[Which|What] room[|, exactly]?", "one_here", "answer(room, $0)"),
    (ASKED_WHERE, "[And where is|What about] the {y}?", "two", "find({y}); answer(where, $1)"),
    (ASKED_COUNT, "[And how many|How about] {y:s}?", "two_kinds", "find({y}); count($1); answer(number, $2)"),
    (ASKED_WHERE, "What is its height?", "one_here", "measure(height, $0); answer(number, $1)"),
    (ASKED_WHERE, "[And around|Around] it, up to {m}?", "near", "near($0, {m}); answer(list, $1)"),
    (ASKED_NEXT, "Which one did you see most recently?", "next_to", "pick(latest, $0); answer(which, $1)"),
    (ASKED_WHERE, "Its history?", "touched", "history($0); answer(changes, $1)"),
)  # fmt: skip
