"""Follows the things that an answer should rest on through the memory's records, from the camera to the answer.

A thing passes: its place was looked at; it was detected, under its name; it is stored, where it was seen and as what it
was seen; it was retrieved for the question; the answer used it. The stage of a wrong answer is the first that lost a
thing that the right answer needs (cf. arXiv 2603.02473, which tells retrieval from use).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.outlines import room_at
from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.reasoning.doctor.expected import Expected
from memory_agent_ros.reasoning.doctor.stages import Diagnosis, Finding, Stage
from memory_agent_ros.records.answer import AnswerState
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.room import Room
from memory_agent_ros.records.sighting import Sighting

#: An object is an expected thing if it stands at most so far from it, metres.
SAME_M = 0.5
#: Detections this near are of the same thing, whatever they are called; the half edge of a place, metres.
_SAME_PLACE_M, _PLACE_M = 0.2, 0.1
#: The middle of something large is never in view: then what is around it tells, if this share of it was seen.
_SHARE = 0.5
_TURNS = np.arange(8) * np.pi / 4
_AROUND_M = np.concatenate(
    [np.stack([r * np.cos(_TURNS), r * np.sin(_TURNS), np.full(8, up)], axis=1) for r, up in ((0.4, 0.0), (0.25, 0.4))]
)


class Records(Protocol):
    """What the doctor reads: a memory with its log."""

    def objects(self, include_tentative: bool = False) -> list[MapObject]:
        """All stored objects."""
        ...

    def observed_near(self, center: NDArray[np.float64], radius_m: float = 0.5) -> list[Sighting]:
        """Logged observations near a point."""
        ...

    def state_at(self, place: int | NDArray[np.float64], since_ns: int = 0, radius_m: float = 0.1) -> AnswerState:
        """Whether a place was looked at, and what was there."""
        ...

    def rooms(self) -> list[Room]:
        """Rooms."""
        ...


class Doctor:
    """Says which stage failed.

    Args:
        records: the memory.
        same_m: how far a stored object may be from where the thing is.
    """

    def __init__(self, records: Records, same_m: float = SAME_M) -> None:
        self._records = records
        self._same_m = same_m
        self._objects = {o.id: o for o in records.objects(include_tentative=True)}
        self._rooms = records.rooms()

    def diagnose(
        self, expected: Sequence[Expected], retrieved: Collection[int], claimed: Collection[int] = ()
    ) -> Diagnosis:
        """The stage that made an answer wrong.

        Args:
            expected: all things that the right answer rests on.
            retrieved: ids of the objects that reached whoever formed the answer.
            claimed: ids of the objects that the answer cites.
        """
        findings, taken = [], set[int]()
        for thing in expected:
            findings.append(self._follow(thing, taken))
            taken.add(findings[-1].object_id)
        labels = {normal_label(thing.label) for thing in expected}
        lost = {normal_label(t.label) for t, f in zip(expected, findings, strict=True) if f.stage is not None}
        for object_id in sorted(set(claimed) - taken):
            extra = self._extra(object_id, labels, lost)
            if extra is not None:
                findings.append(extra)
        for stage in Stage:
            first = next((f for f in findings if f.stage is stage), None)
            if first is not None:
                return Diagnosis(stage, f"{first.thing}: {first.why}", tuple(findings))
        return self._after_storage(findings, {*retrieved, *claimed})

    def _after_storage(self, findings: Sequence[Finding], retrieved: Collection[int]) -> Diagnosis:
        missing = [f for f in findings if f.object_id and f.object_id not in retrieved]
        if missing:
            why = f"{missing[0].thing}: stored as object {missing[0].object_id}, but no call or fact brought it"
            return Diagnosis(Stage.NOT_RETRIEVED, why, tuple(findings))
        why = "all that it takes is stored and was retrieved; the answer did not follow from it"
        return Diagnosis(Stage.NOT_USED, why, tuple(findings))

    # -- one thing ----------------------------------------------------------------------------------------------------

    def _follow(self, thing: Expected, taken: Collection[int]) -> Finding:
        """What became of a thing, from its store backwards to the camera."""
        like = [o for o in self._stored(thing) if o.id not in taken]
        wanted = ObjectState.GONE if thing.gone else ObjectState.PRESENT
        right = [o for o in like if o.state is wanted and o.confirmed]
        if right:
            return Finding(str(thing), None, "stored as it is", self._nearest(right, thing).id)
        if thing.gone and like:
            return self._not_noticed(thing, self._nearest(like, thing))
        seen = self._sightings(thing)
        own = [s for s in seen if normal_label(s.label) == normal_label(thing.label)]
        same_place = [s for s in seen if s not in own and self._distance(s.position_m, thing) <= _SAME_PLACE_M]
        if own and len(own) >= len(same_place):
            return self._badly_stored(thing, own)
        if own or same_place:
            called = ", ".join(f"{n} x {name}" for name, n in Counter(s.label for s in same_place).most_common(3))
            return Finding(str(thing), Stage.DETECTED_WRONG, f"detected there as {called}", same_place[-1].object_id)
        if self._looked_at(thing):
            return Finding(str(thing), Stage.DETECTED_WRONG, "its place was looked at, and nothing was detected there")
        return Finding(str(thing), Stage.NEVER_SEEN, "its place was never looked at")

    def _badly_stored(self, thing: Expected, own: Sequence[Sighting]) -> Finding:
        """It was detected under its name, and yet it is not stored as it is."""
        object_id = Counter(s.object_id for s in own).most_common(1)[0][0]
        seen = f"detected {len(own)} times as {thing.label}"
        obj = self._objects.get(object_id)
        if obj is None:
            why = f"{seen}, but its object {object_id} is not stored any more"
        elif not obj.confirmed:
            why = f"{seen}, which was too little to confirm object {object_id}"
        elif normal_label(obj.label) != normal_label(thing.label):
            why = f"{seen}, but it was put to object {object_id}, {obj.label}"
        elif obj.state is ObjectState.GONE:
            why = f"{seen}, but object {object_id} is believed gone"
        else:
            x, y, z = obj.box.center
            why = f"{seen}, but object {object_id} is stored at ({x:.1f}, {y:.1f}, {z:.1f}) m"
        return Finding(str(thing), Stage.STORED_WRONG, why, object_id)

    def _not_noticed(self, thing: Expected, obj: MapObject) -> Finding:
        """It is gone, and the memory believes it is there."""
        since = thing.since_ns or obj.last_seen_ns
        later = [s for s in self._sightings(thing) if s.object_id == obj.id and s.stamp_ns > since]
        if thing.since_ns and later:
            return Finding(str(thing), Stage.DETECTED_WRONG, "it is gone, but was detected there since", obj.id)
        if obj.last_looked_ns > since:
            why = f"its place was looked at since and object {obj.id} is still believed present"
            return Finding(str(thing), Stage.STORED_WRONG, why, obj.id)
        return Finding(str(thing), Stage.NEVER_SEEN, "nobody has looked at its place since it left", obj.id)

    def _extra(self, object_id: int, labels: Collection[str], lost: Collection[str]) -> Finding | None:
        """An object of an expected kind that the answer cites and the world does not hold; None if it is no surprise.

        Where a thing of its kind was lost, it is that thing at another place, and the thing's own finding counts.
        """
        obj = self._objects.get(object_id)
        if obj is None or (labels and normal_label(obj.label) not in labels) or normal_label(obj.label) in lost:
            return None
        name = f"extra {obj.label} {obj.id}"
        twin = next((o for o in self._objects.values() if _twins(o, obj, self._same_m)), None)
        if twin is not None:
            return Finding(name, Stage.STORED_WRONG, f"the same thing as object {twin.id}, stored twice", object_id)
        seen = [s for s in self._records.observed_near(obj.box.center, self._same_m) if s.object_id == obj.id]
        own = sum(normal_label(s.label) == normal_label(obj.label) for s in seen)
        if own * 2 >= len(seen) and own:
            return Finding(name, Stage.DETECTED_WRONG, f"detected {own} times where there is none", object_id)
        return Finding(name, Stage.STORED_WRONG, "stored where, or as what, it was never detected", object_id)

    # -- places -------------------------------------------------------------------------------------------------------

    def _stored(self, thing: Expected) -> list[MapObject]:
        same = [o for o in self._objects.values() if normal_label(o.label) == normal_label(thing.label)]
        return [o for o in same if self._is_at(o.box.center, thing)]

    def _is_at(self, position_m: NDArray[np.float64], thing: Expected) -> bool:
        if thing.position_m is not None:
            return self._distance(position_m, thing) <= self._same_m
        room = room_at(self._rooms, position_m)
        return not thing.room or (room is not None and room.name.lower() == thing.room.lower())

    def _distance(self, position_m: NDArray[np.float64], thing: Expected) -> float:
        if thing.position_m is None:
            return 0.0
        n = len(thing.position_m)
        return float(np.linalg.norm(position_m[:n] - thing.position_m))

    def _nearest(self, objects: Sequence[MapObject], thing: Expected) -> MapObject:
        return min(objects, key=lambda o: (self._distance(o.box.center, thing), o.id))

    def _sightings(self, thing: Expected) -> list[Sighting]:
        center, radius = self._reach(thing)
        found = self._records.observed_near(center, radius)
        return [
            s for s in found if s.stamp_ns >= thing.since_ns * (not thing.gone) and self._is_at(s.position_m, thing)
        ]

    def _reach(self, thing: Expected) -> tuple[NDArray[np.float64], float]:
        """A ball that holds all places where the thing may be."""
        if thing.position_m is None:
            return np.zeros(3), 1.0e6
        if len(thing.position_m) == 2:
            return np.array([*thing.position_m, 1.0]), 2.0 + self._same_m
        return np.asarray(thing.position_m, dtype=np.float64), self._same_m

    def _looked_at(self, thing: Expected) -> bool:
        """Whether its place, or for want of one its room, was looked at since it is there."""
        if thing.position_m is None:
            return not thing.room or any(r.name.lower() == thing.room.lower() for r in self._rooms)
        heights = [float(thing.position_m[2])] if len(thing.position_m) == 3 else [0.1, 0.5, 0.9, 1.3]
        middles = [np.array([*thing.position_m[:2], height]) for height in heights]
        if any(self._known(place, thing.since_ns) for place in middles):
            return True
        around = [self._known(middles[0] + offset, thing.since_ns) for offset in _AROUND_M]
        return sum(around) >= _SHARE * len(around)

    def _known(self, place: NDArray[np.float64], since_ns: int) -> bool:
        return self._records.state_at(place, since_ns, _PLACE_M) is not AnswerState.UNKNOWN


def _twins(one: MapObject, other: MapObject, same_m: float) -> bool:
    """Whether two objects are one thing by name and place."""
    near = float(np.linalg.norm(one.box.center - other.box.center)) <= same_m
    return (
        one.id != other.id
        and one.confirmed
        and one.state is other.state
        and near
        and (normal_label(one.label) == normal_label(other.label))
    )
