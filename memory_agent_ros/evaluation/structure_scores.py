"""Rooms and relations of a memory against the simulator's truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from memory_agent_ros.evaluation.walks.walk import TrueObject, Walk
from memory_agent_ros.reasoning.matching import is_on, volume
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Room

_CELL_M = 0.05
#: A room is found from this overlap on, a door and an object from this distance, metres.
_SAME_IOU, _DOOR_M, _OBJECT_M = 0.5, 0.5, 0.5
#: A support with less room above it is a board inside its owner, metres.
_OPEN_M = 1.9

Carrier = tuple[int, RelationKind]


@dataclass(frozen=True)
class RoomScore:
    """Counts of one apartment; ``iou`` is the sum over true rooms of the overlap with their partner."""

    true: int
    found: int
    right: int
    named: int
    iou: float
    doors: int
    doors_told: int
    doors_right: int
    placed: int
    placed_right: int


def score_rooms(walk: Walk, rooms: Sequence[Room], owners: Mapping[int, TrueObject]) -> RoomScore:
    """Match rooms one to one by overlap, then everything that hangs on them.

    Args:
        walk: with the true rooms and doors.
        rooms: of the memory.
        owners: object id -> true object.
    """
    names = list(walk.rooms)
    overlap = overlaps([_rectangle(walk.rooms[n]) for n in names], [r.polygon for r in rooms])
    rows, columns = linear_sum_assignment(-overlap) if overlap.size else (np.zeros(0, int), np.zeros(0, int))
    partner = {names[i]: rooms[j] for i, j in zip(rows, columns, strict=True) if overlap[i, j] >= _SAME_IOU}
    stands = {i: r.id for r in rooms for i in r.object_ids}
    placed = {i: t for i, t in owners.items() if t.present}
    doors = {tuple(np.round(d.position_m, 6)) for r in rooms for d in r.doors}
    told = np.array(sorted(doors)).reshape(-1, 2)
    gaps = np.linalg.norm(walk.doors[:, None] - told[None], axis=2)
    at, by = linear_sum_assignment(gaps) if gaps.size else (np.zeros(0, int), np.zeros(0, int))
    return RoomScore(
        true=len(names),
        found=len(rooms),
        right=len(partner),
        named=sum(r.name.rstrip(" 0123456789") == name for name, r in partner.items()),
        iou=float(overlap[rows, columns].sum()),
        doors=len(walk.doors),
        doors_told=len(told),
        doors_right=int((gaps[at, by] <= _DOOR_M).sum()),
        placed=len(placed),
        placed_right=sum(t.room in partner and stands.get(i) == partner[t.room].id for i, t in placed.items()),
    )


def overlaps(true: Sequence[NDArray[np.float64]], found: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """IoU of polygons (N, 2), (true, found)."""
    every = np.concatenate([*true, *found]) if true or found else np.zeros((1, 2))
    low = every.min(axis=0) - 0.2
    size = np.ceil((every.max(axis=0) + 0.2 - low) / _CELL_M).astype(int)

    def mask(outline: NDArray[np.float64]) -> NDArray[np.bool_]:
        canvas = np.zeros((size[1], size[0]), dtype=np.uint8)
        cv2.fillPoly(canvas, [np.rint((outline - low) / _CELL_M - 0.5).astype(np.int32)], 1)
        return np.asarray(canvas, dtype=bool)

    a, b = ([mask(p) for p in outlines] for outlines in (true, found))
    return np.array([[(x & y).sum() / max((x | y).sum(), 1) for y in b] for x in a]).reshape(len(true), len(found))


def _rectangle(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, 2) lower and upper corner -> (4, 2) outline."""
    (x0, y0), (x1, y1) = corners
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])


def owners_of(objects: Sequence[MapObject], truth: Sequence[TrueObject]) -> dict[int, TrueObject]:
    """Object id -> the true object of its label that stands nearest, within half a metre; each true one once."""
    pairs = sorted(
        (float(np.linalg.norm(t.box.center - o.box.center)), o.id, n)
        for o in objects
        for n, t in enumerate(truth)
        if t.present and t.label == o.label
    )
    owners: dict[int, TrueObject] = {}
    used: set[int] = set()
    for distance, object_id, n in pairs:
        if distance <= _OBJECT_M and object_id not in owners and n not in used:
            owners[object_id] = truth[n]
            used.add(n)
    return owners


def true_carriers(walk: Walk) -> dict[int, Carrier]:
    """Instance id -> what the simulator put it on or into, by the heights of its supports (unedited first pass)."""
    from memory_agent_sim.furniture import furniture_shape
    from memory_agent_sim.layout import draw_layout

    layout = draw_layout(walk.split, walk.seed, walk.config.rooms)
    first = len(layout.objects) + len(layout.spares) + 1
    found = {}
    for n, thing in enumerate(layout.objects):
        if thing.furniture is not None:
            shape = furniture_shape(layout.furniture[thing.furniture].instance)
            support = min(shape.supports, key=lambda s: abs(s.z - thing.z))
            kind = RelationKind.ON if support.clearance >= _OPEN_M else RelationKind.INSIDE
            found[n + 1] = (first + thing.furniture, kind)
    return found


def score_carriers(
    told: Mapping[int, Carrier], owners: Mapping[int, TrueObject], truth: Mapping[int, Carrier]
) -> tuple[int, int, int]:
    """(right, told, true) of ``on`` and ``inside`` between objects that are both known."""
    ids = {i: t.id for i, t in owners.items()}
    known = set(ids.values())
    wanted = {(a, b, kind) for a, (b, kind) in truth.items() if a in known and b in known}
    claimed = {(ids[a], ids[b], kind) for a, (b, kind) in told.items() if a in ids and b in ids}
    return len(wanted & claimed), len(claimed), len(wanted)


def carriers_of(relations: Sequence[Relation]) -> dict[int, Carrier]:
    """What the memory says carries or contains each object."""
    return {
        r.subject_id: (r.object_id, r.kind)
        for r in relations
        if r.kind in (RelationKind.ON, RelationKind.INSIDE) and r.object_id is not None
    }


def carriers_by_boxes(objects: Sequence[MapObject]) -> dict[int, Carrier]:
    """The plain way, from boxes alone: on the smallest thing whose footprint and height fit."""
    found: dict[int, Carrier] = {}
    for thing in objects:
        hosts = [o for o in objects if is_on(thing, o)]
        if hosts:
            found[thing.id] = (min(hosts, key=volume).id, RelationKind.ON)
    return found
