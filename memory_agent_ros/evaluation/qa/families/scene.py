"""A world as fillings see it: what there is one of, which rooms hold what, what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from memory_agent_ros.evaluation.qa.families.template import Said
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.relation import Relation, RelationKind

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_SPANS = (
    *((f"the last {n} minutes", n * _MINUTE) for n in (5, 10, 15, 20, 30, 45)),
    ("the last half hour", 30 * _MINUTE), ("the last hour", _HOUR), ("the past hour", _HOUR),
    *((f"the last {n} hours", n * _HOUR) for n in (2, 3, 4, 5, 6, 8, 10, 12, 18)),
    ("the past two hours", 2 * _HOUR), ("the past three hours", 3 * _HOUR), ("the past twelve hours", 12 * _HOUR),
    ("the last day", _DAY), ("the past day", _DAY), ("the last 24 hours", _DAY), ("the past two days", 2 * _DAY),
    *((f"the last {n} days", n * _DAY) for n in (2, 3, 4, 5, 6)),
    ("the past three days", 3 * _DAY), ("the last week", 7 * _DAY), ("the past week", 7 * _DAY),
)  # fmt: skip
_METRES = (
    ("half a metre", "0.5"), ("0.5 m", "0.5"), ("one metre", "1"), ("1 m", "1"), ("a metre", "1"), ("1.5 m", "1.5"),
    ("1.5 metres", "1.5"), ("two metres", "2"), ("2 m", "2"), ("2.5 metres", "2.5"), ("three metres", "3"),
    ("3 m", "3"),
)  # fmt: skip
#: A span must end so far from any change, as a share of itself.
_CLEAR = 0.15


class NoFillingError(Exception):
    """The world holds nothing that fits the slots."""


class Scene:
    """A world as fillings see it."""

    def __init__(self, world: TruthMemory, rng: np.random.Generator) -> None:
        self.world, self.rng = world, rng

    def one_of(self, choices: Sequence[str]) -> str:
        """Any of them.

        Raises:
            NoFillingError: there are none.
        """
        if not choices:
            raise NoFillingError
        return choices[int(self.rng.integers(len(choices)))]

    @cached_property
    def labels(self) -> list[str]:
        """All kinds, there or gone."""
        return list(self.world.labels())

    @cached_property
    def single(self) -> dict[str, int]:
        """Label -> id, of the kinds of which there is or was but one."""
        counts = self.world.labels()
        return {t.solid.label: i for i, t in self.world.things.items() if counts[t.solid.label] == 1}

    @cached_property
    def here(self) -> list[str]:
        """Kinds of which there was only one, and it is there."""
        return sorted(label for label, i in self.single.items() if not self.world.things[i].gone)

    @cached_property
    def missing(self) -> list[str]:
        """Kinds of which there was only one, and it is gone."""
        return sorted(label for label, i in self.single.items() if self.world.things[i].gone)

    @cached_property
    def several(self) -> list[str]:
        """Kinds of which two or more are there."""
        counts = Counter(t.solid.label for t in self.world.things.values() if not t.gone)
        return sorted(label for label, n in counts.items() if n > 1)

    @cached_property
    def rooms(self) -> list[str]:
        """Rooms that hold something and of whose name there is no second one ("bedroom", "bedroom 2")."""
        names = [r.name for r in self.world.rooms() if r.object_ids]
        return [n for n in names if not any(o != n and o.startswith(f"{n} ") for o in names)]

    def in_room(self, name: str) -> list[str]:
        """Kinds of which one stands in a room."""
        ids = {i for r in self.world.rooms() if r.name == name for i in r.object_ids}
        return sorted({self.world.things[i].solid.label for i in ids})

    def tied(self, kind: RelationKind) -> list[Relation]:
        """Relations of a kind to things of which there is but one."""
        singles = set(self.single.values())
        return [r for r in self._relations if r.kind is kind and r.object_id in singles]

    @cached_property
    def _relations(self) -> list[Relation]:
        return self.world.relations()

    def label(self, object_id: int | None) -> str:
        """What a thing is called."""
        assert object_id is not None
        return self.world.things[object_id].solid.label

    def happened(self, kind: EventKind) -> list[str]:
        """Single things that something happened to after the first visit."""
        ids = {e.object_id for e in self.later(kind)}
        return sorted(label for label, i in self.single.items() if i in ids)

    def later(self, kind: EventKind) -> list[MemoryEvent]:
        """What happened after the first visit."""
        first = min((e.stamp_ns for e in self.world.changes()), default=0) + 1800 * 10**9
        return [e for e in self.world.changes(first) if e.kind is kind]

    def span(self) -> Said:
        """A time back from now that no change lies near the end of."""
        ages = [(self.world.now_ns - e.stamp_ns) / 1e9 for e in self.world.changes()]
        first = max(ages, default=0.0)
        clear = [
            (words, s)
            for words, s in _SPANS
            if s < 0.9 * first and all(abs(age - s) > _CLEAR * s for age in ages) and any(age < s for age in ages)
        ]
        if not clear:
            raise NoFillingError
        words, seconds = clear[int(self.rng.integers(len(clear)))]
        return Said(words, str(seconds))

    def metres(self) -> Said:
        """A distance in words."""
        return Said(*_METRES[int(self.rng.integers(len(_METRES)))])
