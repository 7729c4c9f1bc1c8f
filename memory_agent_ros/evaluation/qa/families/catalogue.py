"""All families, and the split of them into those that may be trained on and those that never are."""

from __future__ import annotations

from memory_agent_ros.evaluation.qa.families.family import CLASSES, Family
from memory_agent_ros.evaluation.qa.families.follow_ups import DIALOGUE
from memory_agent_ros.evaluation.qa.families.looks_and_chains import ATTRIBUTE, MULTI_HOP
from memory_agent_ros.evaluation.qa.families.nobody_knows import UNANSWERABLE
from memory_agent_ros.evaluation.qa.families.when_and_what_changed import CHANGE, TIME
from memory_agent_ros.evaluation.qa.families.where_and_how_many import COUNT, LOCATE
from memory_agent_ros.evaluation.qa.families.which_and_how_far import COMPARE, RELATION

FAMILIES: tuple[Family, ...] = (
    *LOCATE, *COUNT, *COMPARE, *RELATION, *TIME, *CHANGE, *ATTRIBUTE, *MULTI_HOP, *UNANSWERABLE, *DIALOGUE,
)  # fmt: skip
#: Families that a reader may be trained on, and those that it never sees.
SEEN: tuple[Family, ...] = tuple(f for f in FAMILIES if not f.held_out)
HELD_OUT: tuple[Family, ...] = tuple(f for f in FAMILIES if f.held_out)
BY_NAME = {f.name: f for f in FAMILIES}


def of_class(klass: str, held_out: bool | None = None) -> tuple[Family, ...]:
    """Families of a class; seen and held-out ones if ``held_out`` is None."""
    assert klass in CLASSES
    return tuple(f for f in FAMILIES if f.klass == klass and held_out in (None, f.held_out))
