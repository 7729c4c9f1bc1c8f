"""``near``, ``relation``, ``measure``: what is where, and how far, long and high."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.rectangles import rectangle_corners, rectangle_gaps
from memory_agent_ros.reasoning import wording
from memory_agent_ros.reasoning.calls import ANYTHING, NOTHING, CallError
from memory_agent_ros.reasoning.confidence import mean, object_confidence
from memory_agent_ros.reasoning.matching import ALL
from memory_agent_ros.reasoning.names import plain
from memory_agent_ros.reasoning.results import Result, ResultKind, joined_cited, unknown
from memory_agent_ros.reasoning.rules import pictures
from memory_agent_ros.reasoning.tools.finding import state_of
from memory_agent_ros.reasoning.tools.workspace import Workspace, ordered
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.relation import RelationKind

#: Without a number, near is within so many metres.
NEAR_M = 1.0
#: Relations that follow the chain of what carries what.
_CARRIED = (RelationKind.ON, RelationKind.INSIDE)


def gaps_m(a: Sequence[MapObject], b: Sequence[MapObject]) -> NDArray[np.float64]:
    """(A, B) distances between upright boxes, metres; 0 where they touch or overlap.

    Footprint and height are independent, so the distance is that of the footprints and that of the heights, squared
    and added.
    """
    i, j = (x.reshape(-1) for x in np.meshgrid(range(len(a)), range(len(b)), indexing="ij"))
    flat = rectangle_gaps(_corners(a)[i], _corners(b)[j])
    (low_a, high_a), (low_b, high_b) = _heights(a), _heights(b)
    up = np.maximum(0.0, np.maximum(low_a[i] - high_b[j], low_b[j] - high_a[i]))
    return np.asarray(np.hypot(flat, up).reshape(len(a), len(b)))


def centre_distances_m(a: Sequence[MapObject], b: Sequence[MapObject]) -> NDArray[np.float64]:
    """(A, B) distances between the centres of boxes, metres."""
    return np.asarray(np.linalg.norm(_centers(a)[:, None] - _centers(b)[None], axis=2))


def _centers(things: Sequence[MapObject]) -> NDArray[np.float64]:
    return np.array([o.box.center for o in things], dtype=np.float64).reshape(-1, 3)


def _corners(things: Sequence[MapObject]) -> NDArray[np.float64]:
    sizes = np.array([o.box.size[:2] for o in things], dtype=np.float64).reshape(-1, 2)
    return rectangle_corners(_centers(things)[:, :2], sizes, np.array([o.box.yaw for o in things], dtype=np.float64))


def _heights(things: Sequence[MapObject]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    middle, half = _centers(things)[:, 2], np.array([o.box.size[2] for o in things], dtype=np.float64) / 2
    return middle - half, middle + half


def _anchors(tool: str, of: Result) -> Result | list[MapObject]:
    """The present things to look around, or the result that there are none."""
    if of.kind is ResultKind.ROOMS:
        raise CallError(f"{tool} needs things, not rooms")
    if of.state is AnswerState.UNKNOWN:
        return unknown(tool, ResultKind.THINGS, of.reason or "never seen", of)
    if of.present:
        return of.present
    state = AnswerState.GONE if of.things or of.state is AnswerState.GONE else AnswerState.SEEN
    reason = f"{plain(of.name or 'it')} is gone" if of.things else "nothing to look around"
    return Result(ResultKind.THINGS, tool, cited=of.cited, state=state, confidence=of.confidence, reason=reason)


def _the(things: Sequence[MapObject]) -> str:
    labels = {o.label for o in things}
    noun = things[0].label if len(labels) == 1 else "thing"
    return f"the {noun}" if len(things) == 1 else f"the {len(things)} {wording.plural(noun)}"


def near(space: Workspace, around: Result, metres: float | None = None, thing: str | None = None) -> Result:
    """Present things within so many metres (1) of any present one of others, the others left out, nearest first.

    The distance is that of a thing's surface to the other's box. With ``thing`` only things of that kind. Around things
    that are all gone there is nothing, and the result is *gone*.
    """
    anchors = _anchors("near", around)
    if isinstance(anchors, Result):
        return anchors
    if thing == NOTHING:
        return unknown("near", ResultKind.THINGS, "never seen")
    radius = NEAR_M if metres is None else metres
    label = None if thing in (None, ANYTHING) else thing
    own = {o.id for o in around.things}
    found = {
        o.id: dataclasses.replace(o, relevance=1.0)  # there it tells the distance
        for anchor in anchors
        for o in space.memory.near(object_id=anchor.id, radius_m=radius, label=label, limit=ALL)
        if o.id not in own
    }
    where = f"within {radius:g} m of {_the(anchors)}"
    spots = tuple(pictures.spot_of_object(a, radius) for a in anchors)
    return _placed(
        space, "near", nearest_first(ordered(list(found.values())), anchors), anchors, around, label, where, spots
    )


def nearest_first(things: Sequence[MapObject], to: Sequence[MapObject]) -> tuple[MapObject, ...]:
    """By the gap to the nearest of the others, by the distance of centres where gaps are equal, then by id."""
    if not things or not to:
        return tuple(things)
    gap, middle = gaps_m(things, to).min(axis=1), centre_distances_m(things, to).min(axis=1)
    order = sorted(range(len(things)), key=lambda k: (round(float(gap[k]), 3), float(middle[k]), things[k].id))
    return tuple(things[k] for k in order)


def _placed(
    space: Workspace,
    tool: str,
    found: Sequence[MapObject],
    anchors: Sequence[MapObject],
    of: Result,
    label: str | None,
    where: str,
    spots: tuple[pictures.Spot, ...],
    between: Sequence[MapObject] = (),
) -> Result:
    """Things at a place, with what the place is told by; none of a kind that was never seen is *unknown*."""
    elsewhere = () if label is None or found else tuple(space.memory.find(label, limit=1))
    if label is not None and not found and not elsewhere:
        return unknown(tool, ResultKind.THINGS, "never seen")
    sure = mean([object_confidence(o) for o in [*found, *anchors[:1]]])
    name = "" if label is None else (found[0].label if found else plain(label))
    told = state_of(tuple(found)) if found else AnswerState.SEEN
    return Result(ResultKind.THINGS, tool, tuple(found), name=name, where=where, spots=spots, state=told,
                  cited=joined_cited(found, of.cited, between, elsewhere), confidence=sure,
                  reason="" if found else plain(f"none {where}", 60))  # fmt: skip


def relation(space: Workspace, kind: str, of: Result, thing: str | None = None) -> Result:
    """Present things that are on, in, under or next to any present one of others.

    ``on`` and ``in`` follow what carries what: a bowl on a tray on a table is on the table. ``in`` of rooms is what
    stands in them. With ``thing`` only things of that kind.

    Raises:
        CallError: ``on``, ``under`` or ``next_to`` a room.
    """
    if thing == NOTHING:
        return unknown("relation", ResultKind.THINGS, "never seen")
    label = None if thing in (None, ANYTHING) else thing
    if of.kind is ResultKind.ROOMS and kind == "in":
        return _in_rooms(space, of, label)
    anchors = _anchors("relation", of)
    if isinstance(anchors, Result):
        return anchors
    how = RelationKind(kind.replace("_", " "))
    own = {o.id for o in of.things}
    ids = [o.id for o in anchors]
    found = [o for o in space.memory.find(label, relation=(how, ids), limit=ALL) if o.id not in own]
    between = _carriers(space, found, own) if how in (*_CARRIED, RelationKind.IN) else []
    said = str(RelationKind.INSIDE if how is RelationKind.IN else how)
    where = f"{said} {_the(anchors)}"
    spots = tuple(pictures.spot_of_object(a) for a in anchors)
    return _placed(space, "relation", ordered(found), anchors, of, label, where, spots, between)


def _carriers(space: Workspace, found: Sequence[MapObject], targets: set[int]) -> list[MapObject]:
    """What stands between things and the ones that they are on: the tray of a bowl on a tray on a table."""
    carrier = {r.subject_id: r.object_id for r in space.relations if r.kind in _CARRIED and r.object_id is not None}
    told = {o.id for o in found} | targets
    between: dict[int, None] = {}
    for obj in found:
        at, passed = carrier.get(obj.id), {obj.id}
        while at is not None and at not in targets and at not in passed:
            passed.add(at)
            if at not in told:
                between[at] = None
            at = carrier.get(at)
    return [space.by_id[i] for i in between if i in space.by_id]


def _in_rooms(space: Workspace, of: Result, label: str | None) -> Result:
    found = [
        o for room in of.rooms for o in space.memory.find(label, room=room.id, state=ObjectState.PRESENT, limit=ALL)
    ]
    where = f"in {wording.joined([wording.room_name(r) for r in of.rooms])}"
    spots = tuple(pictures.spot_of_room(r) for r in of.rooms)
    return _placed(space, "relation", ordered(found), [], of, label, where, spots)


def measure(space: Workspace, what: str, of: Result, to: Result | None = None) -> Result:
    """Metres of a thing, or between two.

    ``distance`` is the smallest gap between boxes of the two results, 0 where they touch. ``height`` is the vertical
    edge of the box, ``length`` its longer and ``width`` its shorter horizontal edge, ``above_floor`` how high its
    underside lies. Of several things the largest is measured. Present things are measured, gone ones as they stood if
    none is present.

    Raises:
        CallError: a distance without ``to``, or things are needed where rooms are given.
    """
    if what == "distance" and to is None:
        raise CallError("measure(distance, ...) needs a second result")
    sides = [of] if to is None or what != "distance" else [of, to]
    for side in sides:
        if side.kind is ResultKind.ROOMS:
            raise CallError("measure needs things, not rooms")
        if not side.things:
            state = AnswerState.UNKNOWN if side.state is AnswerState.UNKNOWN else side.state
            cited, reason = joined_cited(*(s.cited for s in sides)), side.reason or "nothing to measure"
            return Result(ResultKind.NUMBER, "measure", cited=cited, unit="m", state=state,
                          confidence=side.confidence, reason=reason)  # fmt: skip
    if len(sides) == 2:
        a, b = sides[0].best, sides[1].best
        gap = gaps_m(a, b)
        row, column = np.unravel_index(
            int(np.lexsort((centre_distances_m(a, b).ravel(), gap.round(3).ravel()))[0]), gap.shape
        )
        chosen, metres = [a[int(row)], b[int(column)]], float(gap[row, column])
    else:
        chosen = [max(of.best, key=lambda o: (float(np.prod(o.box.size)), -o.id))]
        metres = _edge(what, chosen[0])
    told = AnswerState.SEEN if all(o.state is ObjectState.PRESENT for o in chosen) else AnswerState.GONE
    sure = float(np.prod([object_confidence(o) for o in chosen]))
    cited = joined_cited(chosen, *(s.cited for s in sides))
    return Result(ResultKind.NUMBER, "measure", tuple(chosen), number=metres, unit="m", name=chosen[0].label,
                  aspect=what, cited=cited, state=told, confidence=sure)  # fmt: skip


def _edge(what: str, obj: MapObject) -> float:
    size = obj.box.size
    edges = {
        "height": size[2],
        "length": max(size[:2]),
        "width": min(size[:2]),
        "above_floor": max(0.0, obj.box.center[2] - size[2] / 2),
    }
    return float(edges[what])
