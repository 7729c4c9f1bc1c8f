"""More ways to ask what the families ask, for training only: short, spoken, indirect. No benchmark asks so."""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import Family
from memory_agent_ros.evaluation.training.practice.follow_ups import FOLLOW
from memory_agent_ros.evaluation.training.practice.looks_and_chains import CHAINS, LOOKS
from memory_agent_ros.evaluation.training.practice.nobody_knows import NEVER
from memory_agent_ros.evaluation.training.practice.when_and_what_changed import CHANGES, TIMES
from memory_agent_ros.evaluation.training.practice.where_and_how_many import COUNTS, LOCATE
from memory_agent_ros.evaluation.training.practice.which_and_how_far import COMPARES, RELATIONS

_TABLES = {
    "locate": LOCATE, "count": COUNTS, "compare": COMPARES, "relation": RELATIONS, "time": TIMES,
    "change": CHANGES, "attribute": LOOKS, "multi_hop": CHAINS, "unanswerable": NEVER,
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
        for n, (first, then, fills, program) in enumerate(FOLLOW, start=1)
    ),
)
