"""Families of the class ``unanswerable``: things never there, what no memory can know, rooms that do not exist."""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import families_of


def _unknown(form: str) -> str:
    return f"find(nothing); answer({form}, $1)"


UNANSWERABLE = families_of(
    "unanswerable",
    seen=(
        ("[Where is|Where's] the {n}?", "never", _unknown("where")),
        ("How many {n:s} are there[| here| in the apartment]?", "never", _unknown("number")),
        ("What [colour|color] is the {n}?", "never", _unknown("attribute")),
        ("When did you last see the {n}?", "never", _unknown("when")),
        ("[Can|Could] you tell me where the {n} is?", "never", _unknown("where")),
        ("What is on the {n}?", "never", _unknown("list")),
        ("How far is the {n} from the {x}?", "never_one", _unknown("number")),
        ("Who [owns|bought|brought] the {x}?", "one", _unknown("describe")),
        ("How much [did the {x} cost|does the {x} weigh]?", "one", _unknown("number")),
        ("Why is the {x} {r:in}?", "one_room", _unknown("describe")),
        ("What is {r:in}?", "never_room", _unknown("list")),
        ("How many {x:s} are {r:in}?", "never_room", _unknown("number")),
        ("Where will the {x} be [tomorrow|next week|next month]?", "one", _unknown("where")),
        ("[Who|Which person] moved the {x}?", "one", _unknown("describe")),
        ("What does the {x} [smell|feel] like?", "one", _unknown("describe")),
        ("What is written on the {x}?", "one_here", "find({x}); describe_view($1, text); answer(attribute, $2)"),
        ("Is the {n} [larger|bigger] than the {x}?", "never_one", _unknown("yes_no")),
        ("When did [I|we|my sister] [buy|get|order] the {x}?", "one", _unknown("when")),
        ("What was the temperature {r:in} [yesterday|last night]?", "room", _unknown("number")),
        ("What [colour|color] is the {y} on the {x}?", "empty_place",
         "find({x}); relation(on, $1, thing={y}); describe_view($2, colour); answer(attribute, $3)"),
        ("How old is the {x}?", "one", _unknown("number")),
        ("Is the {x} [expensive|second-hand|borrowed|a present]?", "one", _unknown("yes_no")),
        ("What is next to the {n}?", "never", _unknown("list")),
        ("In [which|what] room is the {n}?", "never", _unknown("room")),
        ("Where was the {n} before?", "never", _unknown("where_before")),
        ("Has the {n} been moved?", "never", _unknown("yes_no")),
        ("What is the {n} made of?", "never", _unknown("attribute")),
        ("[I am|I'm] looking for the {n}.", "never", _unknown("where")),
        ("What [brand|make] is the {x}?", "one", _unknown("describe")),
        ("How many people were {r:in} [yesterday|this morning]?", "room", _unknown("number")),
        ("Who [was|has been] {r:in}?", "room", _unknown("describe")),
        ("Where {r:in} is the {x}?", "never_room", _unknown("where")),
    ),
    held_out=(
        ("Somebody left {n:a} here; where might it be?", "never", _unknown("where")),
        ("Would you mind telling me how much the {x} is worth?", "one", _unknown("number")),
        ("Since when has the {n} been {r:in}?", "never_on", _unknown("when")),
        ("Which guest [brought along|used] the {x}?", "one", _unknown("describe")),
        ("{r:in}, what is standing around?", "never_room", _unknown("list")),
        ("The {x}, is it anybody's favourite?", "one", _unknown("yes_no")),
        ("If I wanted the {n}, where would I have to go?", "never", _unknown("where")),
    ),
)  # fmt: skip
