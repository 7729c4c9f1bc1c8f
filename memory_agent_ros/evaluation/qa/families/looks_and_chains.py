"""Families of the classes ``attribute`` and ``multi_hop``."""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import families_of


def _look(aspect: str) -> str:
    return f"find({{x}}); describe_view($1, {aspect}); answer(attribute, $2)"


def _look_in(aspect: str) -> str:
    return f"find({{x}}, in={{r}}); describe_view($1, {aspect}); answer(attribute, $2)"


_COLOUR, _MATERIAL, _STATE = _look("colour"), _look("material"), _look("state")

ATTRIBUTE = families_of(
    "attribute",
    seen=(
        ("What [colour|color] is the {x}?", "colour", _COLOUR),
        ("What is the [colour|color] of the {x}?", "colour", _COLOUR),
        ("What is the {x} made of?", "material", _MATERIAL),
        ("Which [colour|color] does the {x} have?", "colour", _COLOUR),
        ("[Can|Could] you tell me [what|which] [colour|color] the {x} is?", "colour", _COLOUR),
        ("[What|Which] material is the {x}?", "material", _MATERIAL),
        ("What [colour|color] is the {x} {r:in}?", "colour_room", _look_in("colour")),
        ("[Describe|Name|Tell me] the [colour|color] of the {x}.", "colour", _COLOUR),
        ("What [sort|kind] of material is the {x} made [from|of]?", "material", _MATERIAL),
        ("What [colour|color] is the {y} on the {x}?", "colour_on",
         "find({x}); relation(on, $1, thing={y}); describe_view($2, colour); answer(attribute, $3)"),
        ("[Tell|Please tell] me what the {x} is made of.", "material", _MATERIAL),
        ("In [what|which] [colour|color] is the {x}?", "colour", _COLOUR),
        ("[From|Out of|Of] what material is the {x} made?", "material", _MATERIAL),
        ("Is the {x} upright or [lying on its side|tipped over]?", "state", _STATE),
        ("What is the {x} {r:in} made of?", "material_room", _look_in("material")),
        ("How is the {x} [standing|lying], upright or on its side?", "state", _STATE),
        ("The {x} is [what|which] [colour|color]?", "colour", _COLOUR),
    ),
    held_out=(
        ("As for [colour|color], what is the {x} like?", "colour", _COLOUR),
        ("If you had to paint the {x} again, which [colour|color] would match?", "colour", _COLOUR),
        ("The {x} consists of which material?", "material", _MATERIAL),
        ("I want to know the [colour|color] that the {x} has.", "colour", _COLOUR),
        ("Has the {x} fallen over, or does it stand upright?", "state", _STATE),
    ),
)  # fmt: skip

_NEAREST = "find({y}); find({x}); pick(nearest, $1, $2); "

MULTI_HOP = families_of(
    "multi_hop",
    seen=(
        ("How many [things|objects|items] are on the {x} {r:in}?", "on_room",
         "find({x}, in={r}); relation(on, $1); count($2); answer(number, $3)"),
        ("What is next to the {y} on the {x}?", "on",
         "find({x}); relation(on, $1, thing={y}); relation(next_to, $2); answer(list, $3)"),
        ("In [which|what] room is the {y} [nearest|closest] to the {x}?", "several_two",
         _NEAREST + "answer(room, $3)"),
        ("What is next to the [largest|biggest] {x}?", "several",
         "find({x}); pick(largest, $1); relation(next_to, $2); answer(list, $3)"),
        ("How far is the {x} from the [nearest|closest] {y}?", "several_two",
         _NEAREST + "measure(distance, $2, $3); answer(number, $4)"),
        ("[Which|What] [things|objects] are within {m} of both the {x} and the {y}?", "near_close",
         "find({x}); near($1, {m}); find({y}); near($3, {m}); keep($2, $4); answer(list, $5)"),
        ("Are there more [things|objects] on the {x} than on the {y}?", "two_carriers",
         "find({x}); relation(on, $1); find({y}); relation(on, $3); compare(more, $2, $4); answer(yes_no, $5)"),
        ("What is on the {y} that is next to the {x}?", "next_to_carrier",
         "find({x}); relation(next_to, $1, thing={y}); relation(on, $2); answer(list, $3)"),
        ("How wide is the [largest|biggest] [thing|object] {r:in}?", "room",
         "find(anything, in={r}); pick(largest, $1); measure(width, $2); answer(number, $3)"),
        ("Which [things|objects] that were moved are now {r:in}?", "moved_to",
         "find(anything, in={r}); changes(kind=moved); keep($1, $2); answer(list, $3)"),
        ("When did you last see the {y} on the {x}?", "on",
         "find({x}); relation(on, $1, thing={y}); last_seen($2); answer(when, $3)"),
        ("What [colour|color] is the {y} [nearest|closest] to the {x}?", "several_two",
         _NEAREST + "describe_view($3, colour); answer(attribute, $4)"),
        ("Where is the {y} [farthest|furthest] from the {x}?", "several_two",
         "find({y}); find({x}); pick(farthest, $1, $2); answer(where, $3)"),
        ("How many of the [things|objects] on the {x} were moved?", "on",
         "find({x}); relation(on, $1); changes(kind=moved); keep($2, $3); count($4); answer(number, $5)"),
        ("Where was the {y} that is now on the {x} before?", "on_moved",
         "find({x}); relation(on, $1, thing={y}); answer(where_before, $2)"),
        ("What is on the {x} that [stands|is] {r:in}?", "on_room",
         "find({x}, in={r}); relation(on, $1); answer(list, $2)"),
        ("Where is the {y} [nearest|closest] to the {x}?", "several_two", _NEAREST + "answer(where, $3)"),
        ("What is the [largest|biggest] [thing|object] on the {x}?", "on",
         "find({x}); relation(on, $1); pick(largest, $2); answer(which, $3)"),
        ("What [colour|color] is the [largest|biggest] {x}?", "several",
         "find({x}); pick(largest, $1); describe_view($2, colour); answer(attribute, $3)"),
        ("Which of the [things|objects] {r:in} is [nearest|closest] to the {x}?", "one_room",
         "find({x}); find(anything, in={r}); pick(nearest, $2, $1); answer(which, $3)"),
    ),
    held_out=(
        ("Among the {y:s}, take the one closest to the {x}: what is next to it?", "several_two",
         _NEAREST + "relation(next_to, $3); answer(list, $4)"),
        ("There is {y:a} on the {x}; what is within {m} of it?", "near_on",
         "find({x}); relation(on, $1, thing={y}); near($2, {m}); answer(list, $3)"),
        ("Does the {x} carry more [things|objects] than the {y} does?", "two_carriers",
         "find({x}); relation(on, $1); find({y}); relation(on, $3); compare(more, $2, $4); answer(yes_no, $5)"),
        ("Starting at the {x}, how many metres is it to whichever {y} is closest?", "several_two",
         _NEAREST + "measure(distance, $2, $3); answer(number, $4)"),
        ("Looking only at what was moved, which of it is {r:in} now?", "moved_to",
         "find(anything, in={r}); changes(kind=moved); keep($1, $2); answer(list, $3)"),
        ("Counting just what stands on the {x} {r:in}, how many things is that?", "on_room",
         "find({x}, in={r}); relation(on, $1); count($2); answer(number, $3)"),
    ),
)  # fmt: skip
