"""What the slots of a family may hold in a world: things of which there is one, rooms that hold something, ...

Every function draws slots from a :class:`Scene`. Whether the answer then is worth asking for (not empty, not unknown)
is decided by executing the calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

from memory_agent_ros.evaluation.qa.families.scene import NoFillingError, Scene
from memory_agent_ros.evaluation.qa.families.template import Slot, Thing, Where
from memory_agent_ros.evaluation.qa.words import NEVER_ROOMS, NEVER_THINGS
from memory_agent_ros.records.event import EventKind
from memory_agent_ros.records.relation import RelationKind

Slots = dict[str, Slot]


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
    pool = s.several if s.several and s.rng.random() < 0.6 else s.labels
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
    pool = s.in_room(room) if s.rng.random() < 0.7 else s.labels
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
    pool = s.several if len(s.several) > 1 and s.rng.random() < 0.5 else s.labels
    first = s.one_of(pool)
    return {"x": Thing(first), "y": Thing(s.one_of([x for x in s.labels if x != first]))}


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
    return {"n": Thing(s.one_of([x for x in NEVER_THINGS if x not in s.labels]))}


def _never_room(s: Scene) -> Slots:
    return {"r": Where(s.one_of(NEVER_ROOMS)), "x": Thing(s.one_of(s.labels))}


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
