"""More ways to ask what no memory of the apartment can know."""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import Row
from memory_agent_ros.evaluation.training.practice.programs import unknown

NEVER: tuple[Row, ...] = (
    ("[Location|Place] of the {n}[?|, please.]", "never", unknown("where")),
    ("I [can't find|have lost|misplaced] [the|my] {n}.", "never", unknown("where")),
    ("[Guide|Take] me to the {n}.", "never", unknown("where")),
    ("[Number|Count] of {n:s}[?|.]", "never", unknown("number")),
    ("Do we have [any {n:s}|{n:a}]?", "never", unknown("yes_no")),
    ("Is there {n:a} {r:in}?", "never_on", unknown("yes_no")),
    ("[Colour|Color] of the {n}?", "never", unknown("attribute")),
    ("[Distance|How far is it] from the {n} to the {x}?", "never_one", unknown("number")),
    ("What stands beside the {n}?", "never", unknown("list")),
    ("What was the price of the {x}?", "one", unknown("number")),
    ("Who [does the {x} belong to|put the {x} there|broke the {x}]?", "one", unknown("describe")),
    ("[Why|For what reason] did [they|somebody] move the {x}?", "one", unknown("describe")),
    ("[Is|Will] the {x} [going to be|be] here next year?", "one", unknown("yes_no")),
    ("What is the {x} [called|good for|worth to us]?", "one", unknown("describe")),
    ("How [heavy|warm|loud] is the {x}?", "one", unknown("number")),
    ("How many {x:s} did you see {r:in}?", "never_room", unknown("number")),
    ("Is there {x:a} {r:in}?", "never_room", unknown("yes_no")),
    ("[List|Name] everything {r:in}.", "never_room", unknown("list")),
    ("Who [sleeps|lives|works] {r:in}?", "room", unknown("describe")),
    ("When will [anybody|somebody] use the {x}?", "one", unknown("when")),
    ("What does the label on the {x} say?", "one_here", "find({x}); describe_view($1, text); answer(attribute, $2)"),
)  # fmt: skip
