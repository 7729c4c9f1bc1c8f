"""Which objects stand in a room, or in a relation to others."""

from __future__ import annotations

from collections.abc import Iterable

from memory_agent_ros.records.relation import Relation, RelationKind

#: Kinds of which each thing has but one, so that chains are followed: what is on a tray on a table is on the table.
_CARRIED = (RelationKind.ON, RelationKind.INSIDE)


def related_ids(relations: Iterable[Relation], kind: RelationKind, targets: Iterable[int]) -> set[int]:
    """Subjects of a relation to any of the targets.

    ``on`` also takes what stands inside a shelf, and what is carried by something on it; ``in`` a thing is ``inside``
    it, and what is carried by something inside it.
    """
    wanted = set(targets)
    if kind not in (*_CARRIED, RelationKind.IN):
        return {r.subject_id for r in relations if r.kind is kind and r.object_id in wanted}
    carriers = {r.subject_id: (r.object_id, r.kind) for r in relations if r.kind in _CARRIED}
    found = set()
    for subject in carriers:
        at, passed = subject, {subject}
        while at in carriers:
            other, how = carriers[at]
            if other is None or other in passed:
                break
            if other in wanted and (kind is RelationKind.ON or how is RelationKind.INSIDE):
                found.add(subject)
                break
            passed.add(other)
            at = other
    return found
