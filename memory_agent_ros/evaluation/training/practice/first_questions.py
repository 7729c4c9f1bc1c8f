"""First questions of dialogues, with their calls."""

from __future__ import annotations

from memory_agent_ros.evaluation.training.practice.programs import (
    ALL_IN,
    ANY_IN,
    COLOUR,
    COUNT_IN,
    FAR,
    IS_GONE,
    NEAREST,
    NEXT,
    ROOM,
    SEEN,
    WAS_MOVED,
    WHERE,
    changed,
    compared,
)

ASKED_WHERE = (
    "[Where is the {x}?|Where's the {x}?|I am looking for the {x}.|Find the {x}.|Do you know where the {x} is?]",
    WHERE,
)
ASKED_ON = ("[What is on the {x}?|List everything on the {x}.]", "find({x}); relation(on, $1); answer(list, $2)")
ASKED_COUNT = ("[How many {x:s} are there?|Count the {x:s}.]", "find({x}); count($1); answer(number, $2)")
ASKED_NEXT = ("[What is next to the {x}?|What is beside the {x}?]", NEXT)
ASKED_COUNT_IN = ("[How many {x:s} are {r:in}?|Count the {x:s} {r:in}.|Number of {x:s} {r:in}?]", COUNT_IN)
ASKED_ANY_IN = ("[Is there {x:a} {r:in}?|{r:in}, is there {x:a}?]", ANY_IN)
ASKED_ALL_IN = ("[What is {r:in}?|List everything {r:in}.]", ALL_IN)
ASKED_SEEN = ("[When was the {x} last seen?|When did you last see the {x}?]", SEEN)
ASKED_MOVED = ("[Was the {x} moved?|Has somebody moved the {x}?]", WAS_MOVED)
ASKED_GONE = ("[Is the {x} gone?|Is the {x} missing?]", IS_GONE)
ASKED_CHANGED = ("[What changed in {d}?|What has changed in {d}?]", changed())
ASKED_MOVED_IN = ("[What was moved in {d}?|Which things were moved in {d}?]", changed("moved"))
ASKED_ADDED_IN = ("[What was added in {d}?|What is new in {d}?]", changed("added"))
ASKED_COLOUR = ("[What colour is the {x}?|Which color does the {x} have?]", COLOUR)
ASKED_LARGER = (
    "[Which is larger, the {x} or the {y}?|What is bigger, the {x} or the {y}?]",
    compared("larger", "which"),
)
ASKED_MORE = ("[Are there more {x:s} than {y:s}?|Do you see more {x:s} than {y:s}?]", compared("more", "yes_no"))
ASKED_INSIDE = ("[What is in the {x}?|What is inside the {x}?]", "find({x}); relation(in, $1); answer(list, $2)")
ASKED_NEAR = (
    "[What is within {m} of the {x}?|List what is within {m} of the {x}.]",
    "find({x}); near($1, {m}); answer(list, $2)",
)
ASKED_FAR = ("[How far is the {x} from the {y}?|What is the distance from the {x} to the {y}?]", FAR)
ASKED_HEIGHT = (
    "[How tall is the {x}?|What is the height of the {x}?]",
    "find({x}); measure(height, $1); answer(number, $2)",
)
ASKED_ROOM = ("[Which room is the {x} in?|In which room is the {x}?]", ROOM)
ASKED_BIGGEST = (
    "[Which {x} is the largest?|What is the largest {x}?]",
    "find({x}); pick(largest, $1); answer(which, $2)",
)
ASKED_NEAREST = (
    "[Which {y} is nearest to the {x}?|What is the nearest {y} to the {x}?]",
    NEAREST + "answer(which, $3)",
)
