"""More ways to ask for times and changes."""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import Row
from memory_agent_ros.evaluation.training.practice.programs import (
    BEFORE,
    GONE_WHEN,
    IS_GONE,
    MOVED_WHEN,
    SEEN,
    WAS_MOVED,
    changed,
)

TIMES: tuple[Row, ...] = (
    ("[Last sighting|Last time seen]: {x}[?|.]", "one", SEEN),
    ("When did you see the {x} [the last time|most recently]?", "one", SEEN),
    ("How recently did you see the {x}?", "one", SEEN),
    ("[What|Which] time was it when you saw the {x} last?", "one", SEEN),
    ("How long is it that you saw the {x}?", "one", SEEN),
    ("When did the {x} change [its place|places]?", "moved", MOVED_WHEN),
    ("[What|At which] time did the {x} get [moved|a new place]?", "moved", MOVED_WHEN),
    ("When did [we|somebody|people] lose the {x}?", "gone", GONE_WHEN),
    ("When did you find out that the {x} was no longer there?", "gone", GONE_WHEN),
    ("When did the {x} get here?", "added", "changes(kind=added, thing={x}); answer(when, $1)"),
    ("When was {x:a} last seen {r:in}?", "kind_room", "find({x}, in={r}); last_seen($1); answer(when, $2)"),
)  # fmt: skip
CHANGES: tuple[Row, ...] = (
    ("[Any changes|Any news|Changes] [in|over] {d}?", "span", changed()),
    ("What [is|was] [different|new and what is gone] [compared with|since] {d}?", "span", changed()),
    ("What did people [move|put elsewhere] [in|during] {d}?", "span", changed("moved")),
    ("What [got lost|vanished|went away] [in|during] {d}?", "span", changed("gone")),
    ("What [arrived|came|was brought in] [in|during] {d}?", "span", changed("added")),
    ("[Number|Count] of things moved [in|during] {d}[?|.]", "span",
     "changes(since={d}, kind=moved); count($1); answer(number, $2)"),
    ("Did [anybody|somebody] move anything [in|during] {d}?", "span", changed("moved", "yes_no")),
    ("Did anything [disappear|vanish|go missing] [in|during] {d}?", "span", changed("gone", "yes_no")),
    ("Does the {x} stand somewhere else than it did?", "maybe_moved", WAS_MOVED),
    ("Did the {x} change [its place|places]?", "maybe_moved", WAS_MOVED),
    ("Did the {x} [disappear|go missing|vanish]?", "maybe_gone", IS_GONE),
    ("[Have we lost|Did we lose] the {x}?", "maybe_gone", IS_GONE),
    ("Do we still have the {x}?", "maybe_gone", "find({x}, state=present); answer(yes_no, $1)"),
    ("[Which|What] things [did we lose|got lost|vanished]?", "none", "find(anything, state=gone); answer(list, $1)"),
    ("Where did the {x} [come from|stand before]?", "moved", BEFORE),
    ("[Old|Previous|Earlier] place of the {x}?", "moved", BEFORE),
    ("[History|The history] of the {x}[?|, please.]", "touched", "find({x}); history($1); answer(changes, $2)"),
    ("What did {r} lose?", "room", "find(anything, in={r}, state=gone); answer(list, $1)"),
)  # fmt: skip
