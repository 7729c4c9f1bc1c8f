"""Families of the classes ``time`` and ``change``."""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import families_of

_SEEN = "find({x}); last_seen($1); answer(when, $2)"


def _noticed(kind: str) -> str:
    return f"changes(kind={kind}, thing={{x}}); answer(when, $1)"


TIME = families_of(
    "time",
    seen=(
        ("When did you last see the {x}?", "one", _SEEN),
        ("How long ago did you [see|last see|notice] the {x}?", "one", _SEEN),
        ("When was the {x} [last seen|seen last|last spotted]?", "one", _SEEN),
        ("When was the {x} moved?", "moved", _noticed("moved")),
        ("When did the {x} [disappear|go missing|vanish]?", "gone", _noticed("gone")),
        ("At what time did you last [see|notice|spot] the {x}?", "one", _SEEN),
        ("Since when has the {x} been [gone|missing]?", "gone", _noticed("gone")),
        ("When did you last see {x:a} {r:in}?", "kind_room", "find({x}, in={r}); last_seen($1); answer(when, $2)"),
        ("How much time has passed since you last saw the {x}?", "one", _SEEN),
        ("When did you notice that the {x} had been moved?", "moved", _noticed("moved")),
        ("[Tell me|I want to know|Please say] when you last saw the {x}.", "one", _SEEN),
        ("When was the last time [that |]you saw the {x}?", "one", _SEEN),
        ("How long has the {x} been [missing|gone]?", "gone", _noticed("gone")),
        ("How long ago was the {x} [moved|put somewhere else]?", "moved", _noticed("moved")),
        ("When did [a|the] new {x} [appear|show up|arrive]?", "added", _noticed("added")),
        ("When did you notice that the {x} was [gone|missing]?", "gone", _noticed("gone")),
        ("When did [someone|somebody|anybody] [move|take away] the {x}?", "moved", _noticed("moved")),
        ("When did you last see one of the {x:s}?", "several", _SEEN),
    ),
    held_out=(
        ("The {x}: when was that last in view?", "one", _SEEN),
        ("Do you remember when it was that the {x} got moved?", "moved", _noticed("moved")),
        ("For how long have you not seen the {x}?", "one", _SEEN),
        ("Your last [sighting|glimpse] of the {x} was when?", "one", _SEEN),
        ("By now, how long is it since the {x} went missing?", "gone", _noticed("gone")),
    ),
)  # fmt: skip

_BEFORE = "find({x}); answer(where_before, $1)"
_WAS_MOVED = "changes(kind=moved, thing={x}); answer(yes_no, $1)"
_IS_GONE = "find({x}, state=gone); answer(yes_no, $1)"

CHANGE = families_of(
    "change",
    seen=(
        ("What [has changed|changed] [in|during|over] {d}?", "span", "changes(since={d}); answer(changes, $1)"),
        ("What was moved [in|during] {d}?", "span", "changes(since={d}, kind=moved); answer(changes, $1)"),
        ("Has the {x} been moved?", "maybe_moved", _WAS_MOVED),
        ("Did [anyone|anybody|someone] move the {x}?", "maybe_moved", _WAS_MOVED),
        ("What is [missing|gone|no longer there]?", "none", "find(anything, state=gone); answer(list, $1)"),
        ("[Which|What] [things|objects] [have disappeared|have gone missing|went missing] [in|during] {d}?", "span",
         "changes(since={d}, kind=gone); answer(changes, $1)"),
        ("Where was the {x} before[| it was moved]?", "moved", _BEFORE),
        ("What [has been added|is new|has appeared] [in|over|during] {d}?", "span",
         "changes(since={d}, kind=added); answer(changes, $1)"),
        ("Is the {x} gone?", "maybe_gone", _IS_GONE),
        ("How many [things|objects] were moved [in|during] {d}?", "span",
         "changes(since={d}, kind=moved); count($1); answer(number, $2)"),
        ("Is the {x} still there?", "maybe_gone", "find({x}, state=present); answer(yes_no, $1)"),
        ("What [happened|has happened] to the {x}?", "touched", "find({x}); history($1); answer(changes, $2)"),
        ("Where did the {x} use to be?", "moved", _BEFORE),
        ("Has anything been moved [in|during] {d}?", "span", "changes(since={d}, kind=moved); answer(yes_no, $1)"),
        ("[Did any {x:s} disappear|Have any {x:s} gone missing]?", "maybe_gone", _IS_GONE),
        ("How many [things|objects] [have disappeared|are gone|went missing] [in|over] {d}?", "span",
         "changes(since={d}, kind=gone); count($1); answer(number, $2)"),
        ("[Which|What] [things|objects] were [moved|put somewhere else] [in|over] {d}?", "span",
         "changes(since={d}, kind=moved); answer(changes, $1)"),
        ("Is the {x} [missing|no longer there]?", "maybe_gone", _IS_GONE),
        ("Where did the {x} stand [earlier|originally|at first]?", "moved", _BEFORE),
        ("[Tell me|Show me|Report] what [has changed|changed] [in|over] {d}.", "span",
         "changes(since={d}); answer(changes, $1)"),
        ("Which [things|objects] are [missing|gone] from {r}?", "room",
         "find(anything, in={r}, state=gone); answer(list, $1)"),
    ),
    held_out=(
        ("From where was the {x} [moved|taken away]?", "moved", _BEFORE),
        ("Looking back over {d}, what is different?", "span", "changes(since={d}); answer(changes, $1)"),
        ("Is it true that somebody moved the {x}?", "maybe_moved", _WAS_MOVED),
        ("Of the things you knew, which are no longer there?", "none", "find(anything, state=gone); answer(list, $1)"),
        ("The former place of the {x} was where?", "moved", _BEFORE),
        ("Can I still count on the {x} being there?", "maybe_gone", "find({x}, state=present); answer(yes_no, $1)"),
    ),
)  # fmt: skip
