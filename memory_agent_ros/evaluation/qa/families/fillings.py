"""What the slots of a family may hold in a world: things of which there is one, rooms that hold something, ...

Every function draws slots from a :class:`Scene`. Whether the answer then is worth asking for (not empty, not unknown)
is decided by executing the calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from memory_agent_ros.evaluation.qa.families.template import Said, Slot, Thing, Where
from memory_agent_ros.evaluation.qa.truth_memory import TruthMemory
from memory_agent_ros.evaluation.qa.words import NEVER_ROOMS, NEVER_THINGS
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.relation import Relation, RelationKind

Slots = dict[str, Slot]

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
    def single(self) -> dict[str, int]:
        """Label -> id, of the kinds of which there is or was but one."""
        counts = Counter(t.solid.label for t in self.world.things.values())
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


def _one(s: Scene) -> Slots:
    """One thing; now and then a gone one."""
    pool = s.missing if s.missing and s.rng.random() < 0.15 else s.here
    return {"x": Thing(s.one_of(pool))}


def _one_here(s: Scene) -> Slots:
    return {"x": Thing(s.one_of(s.here))}


def _gone(s: Scene) -> Slots:
    return {"x": Thing(s.one_of(s.missing))}


def _moved(s: Scene) -> Slots:
    return {"x": Thing(s.one_of([x for x in s.happened(EventKind.MOVED) if x in s.here]))}


def _added(s: Scene) -> Slots:
    """A kind of which one came after the first visit, and is there."""
    ids = {e.object_id for e in s.later(EventKind.ADDED)}
    return {"x": Thing(s.one_of(sorted({s.label(i) for i in ids if not s.world.things[i].gone})))}


def _maybe_moved(s: Scene) -> Slots:
    return _moved(s) if s.rng.random() < 0.55 else _one_here(s)


def _maybe_gone(s: Scene) -> Slots:
    return _gone(s) if s.rng.random() < 0.55 else _one_here(s)


def _touched(s: Scene) -> Slots:
    """Something that was moved, or is gone."""
    return {"x": Thing(s.one_of(s.happened(EventKind.MOVED) + s.missing))}


def _kind(s: Scene) -> Slots:
    pool = s.several if s.several and s.rng.random() < 0.6 else s.world.labels
    return {"x": Thing(s.one_of(pool))}


def _several(s: Scene) -> Slots:
    return {"x": Thing(s.one_of(s.several))}


def _room(s: Scene) -> Slots:
    return {"r": Where(s.one_of(s.rooms))}


def _two_rooms(s: Scene) -> Slots:
    first = s.one_of(s.rooms)
    return {"r": Where(first), "q": Where(s.one_of([r for r in s.rooms if r != first]))}


def _one_room(s: Scene) -> Slots:
    """One thing and the room it stands in."""
    room = s.one_of(s.rooms)
    return {"x": Thing(s.one_of([x for x in s.in_room(room) if x in s.here])), "r": Where(room)}


def _kind_room(s: Scene) -> Slots:
    room = s.one_of(s.rooms)
    pool = s.in_room(room) if s.rng.random() < 0.7 else s.world.labels
    return {"x": Thing(s.one_of(pool)), "r": Where(room)}


def _kind_two_rooms(s: Scene) -> Slots:
    return {**_two_rooms(s), "x": Thing(s.one_of(s.several))}


def _two(s: Scene) -> Slots:
    first = s.one_of(s.here)
    return {"x": Thing(first), "y": Thing(s.one_of([x for x in s.here if x != first]))}


def _two_apart(s: Scene) -> Slots:
    """Two things that were last seen minutes apart."""
    slots = _two(s)
    stamps = [s.world.things[s.single[t.label]].sightings[-1].stamp_ns for t in slots.values() if isinstance(t, Thing)]
    if abs(stamps[0] - stamps[1]) < 120 * 10**9:
        raise NoFillingError
    return slots


def _close(s: Scene) -> Slots:
    """Two things of one room."""
    inside = _one_room(s)
    room = inside["r"]
    assert isinstance(room, Where)
    others = [x for x in s.in_room(room.name) if x in s.here and Thing(x) != inside["x"]]
    return {"x": inside["x"], "y": Thing(s.one_of(others))}


def _next_to_carrier(s: Scene) -> Slots:
    """A thing, and what stands next to it and carries something."""
    carriers = {r.object_id for r in s.world.relations(kinds=("on",))}
    found = [r for r in s.tied(RelationKind.NEXT_TO) if r.subject_id in carriers]
    one = s.one_of([f"{s.label(r.object_id)}|{s.label(r.subject_id)}" for r in found])
    x, _, y = one.partition("|")
    return {"x": Thing(x), "y": Thing(y)}


def _on_moved(s: Scene) -> Slots:
    """A carrier, and what was moved and now is on it."""
    moved = {e.object_id for e in s.world.changes() if e.kind is EventKind.MOVED}
    found = [r for r in s.tied(RelationKind.ON) if r.subject_id in moved]
    one = s.one_of([f"{s.label(r.object_id)}|{s.label(r.subject_id)}" for r in found])
    x, _, y = one.partition("|")
    return {"x": Thing(x), "y": Thing(y)}


def _carried(s: Scene) -> Slots:
    slots = _tied(RelationKind.ON)(s)
    return {"x": slots["y"], "y": slots["x"]}


def _two_kinds(s: Scene) -> Slots:
    pool = s.several if len(s.several) > 1 and s.rng.random() < 0.5 else s.world.labels
    first = s.one_of(pool)
    return {"x": Thing(first), "y": Thing(s.one_of([x for x in s.world.labels if x != first]))}


def _tied(kind: RelationKind) -> Callable[[Scene], Slots]:
    """A thing that others are tied to in some way, and the kind of one of them."""

    def fill(s: Scene) -> Slots:
        found = s.tied(kind)
        if not found:
            raise NoFillingError
        one = found[int(s.rng.integers(len(found)))]
        return {"x": Thing(s.label(one.object_id)), "y": Thing(s.label(one.subject_id))}

    return fill


def _maybe_tied(kind: RelationKind) -> Callable[[Scene], Slots]:
    """The same, but half of the time the second one is of another kind."""
    fill_tied = _tied(kind)

    def fill(s: Scene) -> Slots:
        slots = fill_tied(s)
        x = slots["x"]
        assert isinstance(x, Thing)
        return slots if s.rng.random() < 0.5 else {"x": x, "y": Thing(s.one_of([k for k in s.here if k != x.label]))}

    return fill


def _tied_room(s: Scene) -> Slots:
    """Something that carries things, with its room, which has but one of its kind."""
    carriers = [r for r in s.world.relations(kinds=("on",)) if r.object_id is not None]
    room = s.one_of(s.rooms)
    inside = next(r for r in s.world.rooms() if r.name == room)
    counts = Counter(s.label(i) for i in inside.object_ids)
    fit = sorted({s.label(r.object_id) for r in carriers if r.object_id in inside.object_ids})
    return {"x": Thing(s.one_of([x for x in fit if counts[x] == 1])), "r": Where(room)}


def _two_carriers(s: Scene) -> Slots:
    found = sorted({s.label(r.object_id) for r in s.tied(RelationKind.ON)})
    first = s.one_of(found)
    return {"x": Thing(first), "y": Thing(s.one_of([x for x in found if x != first]))}


def _several_one(s: Scene) -> Slots:
    """One thing, and a kind of which there are several."""
    return {"x": Thing(s.one_of(s.here)), "y": Thing(s.one_of(s.several))}


def _with_metres(fill: Callable[[Scene], Slots]) -> Callable[[Scene], Slots]:
    return lambda s: {**fill(s), "m": s.metres()}


def _span(s: Scene) -> Slots:
    return {"d": s.span()}


def _moved_to(s: Scene) -> Slots:
    """A room into which something was moved."""
    ids = {e.object_id for e in s.world.changes() if e.kind is EventKind.MOVED}
    return {"r": Where(s.one_of([r.name for r in s.world.rooms() if ids & set(r.object_ids) and r.name in s.rooms]))}


def _looks(aspect: str, fill: Callable[[Scene], Slots] = _one_here, slot: str = "x") -> Callable[[Scene], Slots]:
    """Things whose look is known."""

    def fill_known(s: Scene) -> Slots:
        for _ in range(8):
            slots = fill(s)
            thing = slots[slot]
            assert isinstance(thing, Thing)
            known = s.world.attributes.get(s.single.get(thing.label, 0), {})
            if aspect in known:
                return slots
        raise NoFillingError

    return fill_known


def _never(s: Scene) -> Slots:
    return {"n": Thing(s.one_of([x for x in NEVER_THINGS if x not in s.world.labels]))}


def _never_room(s: Scene) -> Slots:
    return {"r": Where(s.one_of(NEVER_ROOMS)), "x": Thing(s.one_of(s.world.labels))}


def _empty_place(s: Scene) -> Slots:
    """A carrier, and the kind of a thing that is not on it."""
    x = s.one_of(sorted({s.label(r.object_id) for r in s.tied(RelationKind.ON)}))
    on = {s.label(r.subject_id) for r in s.tied(RelationKind.ON) if s.label(r.object_id) == x}
    return {"x": Thing(x), "y": Thing(s.one_of([k for k in s.here if k not in on and k != x]))}


#: Name -> how slots are drawn.
FILLINGS: Mapping[str, Callable[[Scene], Slots]] = {
    "none": lambda s: {},
    "one": _one,
    "one_here": _one_here,
    "gone": _gone,
    "moved": _moved,
    "added": _added,
    "maybe_moved": _maybe_moved,
    "maybe_gone": _maybe_gone,
    "touched": _touched,
    "kind": _kind,
    "several": _several,
    "room": _room,
    "two_rooms": _two_rooms,
    "one_room": _one_room,
    "kind_room": _kind_room,
    "kind_two_rooms": _kind_two_rooms,
    "two": _two,
    "two_kinds": _two_kinds,
    "on": _tied(RelationKind.ON),
    "maybe_on": _maybe_tied(RelationKind.ON),
    "inside": _tied(RelationKind.INSIDE),
    "under": _tied(RelationKind.UNDER),
    "next_to": _tied(RelationKind.NEXT_TO),
    "maybe_next_to": _maybe_tied(RelationKind.NEXT_TO),
    "on_room": _tied_room,
    "two_carriers": _two_carriers,
    "several_two": _several_one,
    "carried": _carried,
    "two_apart": _two_apart,
    "on_moved": _on_moved,
    "next_to_carrier": _next_to_carrier,
    "near": _with_metres(_one_here),
    "near_close": _with_metres(_close),
    "near_kind": _with_metres(lambda s: {**_one_here(s), "y": Thing(s.one_of(s.several))}),
    "near_on": _with_metres(_tied(RelationKind.ON)),
    "span": _span,
    "moved_to": _moved_to,
    "colour": _looks("colour"),
    "colour_room": _looks("colour", _one_room),
    "colour_on": _looks("colour", _tied(RelationKind.ON), "y"),
    "material": _looks("material"),
    "material_room": _looks("material", _one_room),
    "state": _looks("state"),
    "never": _never,
    "never_one": lambda s: {**_never(s), **_one_here(s)},
    "never_on": lambda s: {**_never(s), **_room(s)},
    "never_room": _never_room,
    "empty_place": _empty_place,
}


def filled(name: str, scene: Scene) -> Slots:
    """Slots by a name of :data:`FILLINGS`, or "label:mug": that kind of thing, if there is one.

    Raises:
        NoFillingError: the world holds nothing that fits.
    """
    head, _, label = name.partition(":")
    if head != "label":
        return FILLINGS[name](scene)
    if label not in (*scene.here, *scene.several):
        raise NoFillingError
    return {"x": Thing(label)}
