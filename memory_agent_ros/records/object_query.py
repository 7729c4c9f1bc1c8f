"""What is asked of the memory: a thing, where it is, and what it is to other things; nested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.relation import RelationKind


@dataclass(frozen=True)
class ObjectQuery:
    """Things by name, room and relation: "mugs in the kitchen on the counter".

    Attributes:
        name: a label (any case, singular or plural) or, if there is none such, free text; "" is everything.
        room: id or name of a room, or None.
        relation: (kind, other thing), or None.
    """

    name: str = ""
    room: str | int | None = None
    relation: tuple[RelationKind | str, RelationTarget] | None = None


#: The other thing of a relation: a name, an object id, several ids, or a query of its own.
RelationTarget = str | int | Sequence[int] | ObjectQuery


def relation_kind(kind: RelationKind | str) -> RelationKind:
    """The kind of a name ("next_to" and "next to" are the same).

    Raises:
        BadInputError: ``relation_unknown``.
    """
    name = str(kind).strip().lower().replace("_", " ")
    if name not in tuple(RelationKind):
        known = ", ".join(RelationKind)
        raise BadInputError("relation_unknown", f"a relation is one of {known}; got {kind!r}")
    return RelationKind(name)
