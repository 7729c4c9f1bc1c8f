"""A memory that knows the truth: the oracle of the question benchmark, and worlds to train a reader in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.evaluation.qa.true_structure import TrueStructure
from memory_agent_ros.evaluation.qa.visits import Sighting, TrueThing
from memory_agent_ros.geometry.se3 import quaternion_from_yaw, to_position_quaternion
from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.memory.indexes.queries import TextMatcher, box_distance, in_region, points_to_box
from memory_agent_ros.memory.structure.select import related_ids
from memory_agent_ros.perception.protocols import TextEmbedder
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.object_query import ObjectQuery, RelationTarget, relation_kind
from memory_agent_ros.records.pose import Pose
from memory_agent_ros.records.recalled_view import RecalledView
from memory_agent_ros.records.region import Region
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Room, rooms_called

#: Observations an object carries.
_EVIDENCE = 3
_TEXT_THRESHOLD = 0.3


class TruthMemory:
    """What a perfect memory would answer; reads like ``SpatialMemory``.

    Args:
        things: by id.
        events: oldest first.
        structure: rooms of the apartment.
        now_ns: when questions are asked.
        pictures: gives a stored picture by id; None if there are none.
        attributes: by thing and aspect ("colour", "material", "state") what is true of it.
        text_embedder: for free text; words alone without one.
    """

    def __init__(
        self,
        things: Mapping[int, TrueThing],
        events: Sequence[MemoryEvent],
        structure: TrueStructure,
        now_ns: int,
        pictures: Callable[[int], Keyframe] | None = None,
        attributes: Mapping[int, Mapping[str, str]] | None = None,
        text_embedder: TextEmbedder | None = None,
    ) -> None:
        self.things = dict(sorted(things.items()))
        self.now_ns = now_ns
        self.attributes = dict(attributes or {})
        self._events = list(events)
        self._structure = structure
        self._pictures = pictures
        self._records: dict[int, MapObject] = {}
        self._matcher = TextMatcher(text_embedder, _TEXT_THRESHOLD)

    @property
    def last_stamp_ns(self) -> int:
        """When questions are asked: nothing was seen later."""
        return self.now_ns

    # ------------------------------------------------------------------ MemoryReader

    def find(
        self,
        label: str | None = None,
        *,
        text: str | None = None,
        region: Region | None = None,
        state: ObjectState | None = None,
        limit: int = 20,
        room: str | int | None = None,
        relation: tuple[RelationKind | str, RelationTarget] | None = None,
    ) -> list[MapObject]:
        """See :class:`~memory_agent_ros.reasoning.memory_reader.MemoryReader`."""
        things = [t for t in self.things.values() if label is None or self._called(t, label)]
        relevance = dict.fromkeys((t.solid.id for t in things), 1.0)
        if text is not None:
            found = self._matcher.relevance(text, {t.solid.label for t in things})
            relevance = {t.solid.id: found[t.solid.label] for t in things if t.solid.label in found}
        things = [t for t in things if t.solid.id in relevance]
        if region is not None:
            things = [t for t in things if in_region(t.solid.box.center, region)]
        if state is not None:
            things = [t for t in things if t.gone is (state is ObjectState.GONE)]
        chosen = self._selected([t.solid.id for t in things], room, relation)
        ranked = sorted(
            (t for t in things if t.solid.id in chosen), key=lambda t: (-relevance[t.solid.id], t.gone, t.solid.id)
        )
        return [self._record(t, relevance[t.solid.id]) for t in ranked[: max(limit, 0)]]

    def labels(self) -> dict[str, int]:
        """See :class:`~memory_agent_ros.reasoning.memory_reader.MemoryReader`."""
        return self._labels

    def rooms(self) -> list[Room]:
        """Rooms by id."""
        return self._rooms

    def room_of(self, object_id: int) -> Room | None:
        """The room a thing stands in, or stood in."""
        place = self._thing(object_id).solid.box.center
        room_id = int(self._structure.locate(place[None])[0])
        return next((r for r in self._rooms if r.id == room_id), None)

    def room_at(self, position_m: NDArray[np.float64]) -> Room | None:
        """The room that a (3,) point lies in."""
        room_id = int(self._structure.locate(np.asarray(position_m, dtype=np.float64)[None])[0])
        return next((r for r in self._rooms if r.id == room_id), None)

    def relations(
        self, object_id: int | None = None, kinds: Sequence[RelationKind | str] | None = None
    ) -> list[Relation]:
        """Relations of things that are there."""
        wanted = set(RelationKind) if kinds is None else {relation_kind(k) for k in kinds}
        found = [r for r in self._relations if r.kind in wanted]
        if object_id is None:
            return found
        own = self._thing(object_id).solid.id
        return [r for r in found if own in (r.subject_id, r.object_id)]

    def near(
        self,
        center: NDArray[np.float64] | None = None,
        *,
        object_id: int | None = None,
        radius_m: float = 1.0,
        label: str | None = None,
        limit: int = 20,
    ) -> list[MapObject]:
        """Things that are there within a radius of a point or of another's surface, nearest first."""
        if (center is None) == (object_id is None):
            raise BadInputError("near_needs_place", "give either a center (3,) or an object_id")
        others = [t for t in self.things.values() if not t.gone and (label is None or self._called(t, label))]
        if object_id is not None:
            own = self._thing(object_id)
            others = [t for t in others if t.solid.id != object_id and _apart(own, t) <= radius_m]
            gaps = [_gap(own, t) for t in others]
        else:
            point = np.asarray(center, dtype=np.float64).reshape(3)
            gaps = [box_distance(t.solid.box, point) for t in others]
        close = sorted(
            ((d, t) for d, t in zip(gaps, others, strict=True) if d <= radius_m), key=lambda dt: (dt[0], dt[1].solid.id)
        )
        return [self._record(t, 1.0 - d / (radius_m + 1e-9)) for d, t in close[: max(limit, 0)]]

    def last_seen(self, label: str | None = None, *, text: str | None = None) -> MapObject | None:
        """The matching thing that was seen last."""
        found = self.find(label, text=text, limit=len(self.things))
        return max(found, key=lambda o: (o.last_seen_ns, o.relevance), default=None)

    def count(self, label: str | None = None, *, text: str | None = None, region: Region | None = None) -> int:
        """How many matching things are there."""
        return len(self.find(label, text=text, region=region, state=ObjectState.PRESENT, limit=len(self.things)))

    def history(self, object_id: int) -> list[MemoryEvent]:
        """Events of one thing, oldest first."""
        self._thing(object_id)
        return [e for e in self._events if e.object_id == object_id]

    def changes(self, since_ns: int = 0) -> list[MemoryEvent]:
        """Events at or after a stamp, oldest first."""
        return [e for e in self._events if e.stamp_ns >= since_ns]

    def recall_place(self, center: NDArray[np.float64], radius_m: float = 1.0, k: int = 5) -> list[RecalledView]:
        """Pictures of the things within a radius of a point, those that show most of them first."""
        if self._pictures is None:
            return []
        point = np.asarray(center, dtype=np.float64).reshape(3)
        near = [t for t in self.things.values() if box_distance(t.solid.box, point) <= radius_m]
        shows: dict[int, list[int]] = {}
        for thing in near:
            for sighting in thing.sightings[-_EVIDENCE:]:
                shows.setdefault(sighting.keyframe_id, []).append(thing.solid.id)
        best = sorted(shows.items(), key=lambda item: (-len(item[1]), item[0]))[:k]
        return [RecalledView(i, float(len(ids)), len(ids) / len(near), tuple(sorted(ids))) for i, ids in best]

    # ------------------------------------------------------------------ beyond it

    def objects(self) -> list[MapObject]:
        """All things, present and gone, by id."""
        return [self._record(t, 1.0) for t in self.things.values()]

    def get(self, object_id: int) -> MapObject:
        """One thing by id."""
        return self._record(self._thing(object_id), 1.0)

    def keyframe(self, keyframe_id: int) -> Keyframe:
        """One stored picture.

        Raises:
            BadInputError: ``unknown_keyframe``.
        """
        if self._pictures is None:
            raise BadInputError("unknown_keyframe", f"no picture {keyframe_id}: this world was never rendered")
        return self._pictures(keyframe_id)

    def holding(self, things: Mapping[int, TrueThing]) -> TruthMemory:
        """The same rooms with other things in them, and no history."""
        return TruthMemory(things, (), self._structure, self.now_ns)

    # ------------------------------------------------------------------ insides

    @cached_property
    def _labels(self) -> dict[str, int]:
        return dict(sorted(Counter(t.solid.label for t in self.things.values()).items()))

    @cached_property
    def _rooms(self) -> list[Room]:
        return self._structure.rooms([t.solid for t in self.things.values() if not t.gone])

    @cached_property
    def _relations(self) -> list[Relation]:
        return self._structure.relations([t.solid for t in self.things.values() if not t.gone])

    def _thing(self, object_id: int) -> TrueThing:
        if object_id not in self.things:
            raise BadInputError("unknown_object", f"no object {object_id} in the map; list them with find()")
        return self.things[object_id]

    def _called(self, thing: TrueThing, label: str) -> bool:
        return _normal(thing.solid.label) == _normal(label)

    def _selected(
        self,
        ids: Iterable[int],
        room: str | int | None,
        relation: tuple[RelationKind | str, RelationTarget] | None,
    ) -> set[int]:
        """Ids of those that stand in a room and in a relation."""
        chosen = set(ids)
        if room is not None and chosen:
            wanted = {r.id for r in rooms_called(self._rooms, room)}
            ordered = sorted(chosen)
            at = self._structure.locate(np.array([self.things[i].solid.box.center for i in ordered]))
            chosen = {i for i, room_id in zip(ordered, at.tolist(), strict=True) if room_id in wanted}
        if relation is not None and chosen:
            chosen &= related_ids(self._relations, relation_kind(relation[0]), self._named(relation[1]))
        return chosen

    def _named(self, target: RelationTarget) -> set[int]:
        if isinstance(target, int):
            return {self._thing(target).solid.id}
        query = ObjectQuery(target) if isinstance(target, str) else target
        if not isinstance(query, ObjectQuery):
            return {self._thing(i).solid.id for i in query}
        present = self.find(
            query.name or None, state=ObjectState.PRESENT, room=query.room, relation=query.relation, limit=10**6
        )
        return {o.id for o in present}

    def _record(self, thing: TrueThing, relevance: float) -> MapObject:
        if thing.solid.id not in self._records:
            self._records[thing.solid.id] = _as_object(thing)
        found = self._records[thing.solid.id]
        return found if relevance == 1.0 else replace(found, relevance=relevance)


_normal = lru_cache(maxsize=4096)(normal_label)


def _as_object(thing: TrueThing) -> MapObject:
    solid = thing.solid
    stamps = [s.stamp_ns for s in thing.sightings]
    return MapObject(
        solid.id,
        solid.label,
        {solid.label: 1.0},
        ObjectState.GONE if thing.gone else ObjectState.PRESENT,
        0.0 if thing.gone else 1.0,
        True,
        solid.box.center,
        1e-4 * np.eye(3),
        solid.box,
        solid.cloud,
        None,
        len(stamps),
        stamps[0],
        stamps[-1],
        max(thing.last_looked_ns, stamps[-1]),
        evidence=_evidence(solid.id, solid.box, thing.sightings, thing.moved_at),
    )


def _evidence(object_id: int, box: OrientedBox, sightings: Sequence[Sighting], moved_at: int) -> tuple[Evidence, ...]:
    """The last observation, then those that show it best where it stands now."""
    pose = Pose(box.center, quaternion_from_yaw(box.yaw))
    last = len(sightings) - 1
    best = sorted(range(moved_at, last), key=lambda n: (-sightings[n].score, -sightings[n].stamp_ns))
    found = []
    for n in [last, *best[: _EVIDENCE - 1]]:
        one = sightings[n]
        camera = Pose(*to_position_quaternion(one.T_map_camera))
        found.append(
            Evidence(
                object_id, object_id * 10_000 + n + 1, one.keyframe_id, one.stamp_ns, pose, camera, one.box_xyxy, 1.0
            )
        )
    return tuple(found)


def _gap(a: TrueThing, b: TrueThing) -> float:
    """Smallest distance of one's points to the other's box, metres; as the memory measures it."""
    return min(points_to_box(a.solid.cloud, b.solid.box), points_to_box(b.solid.cloud, a.solid.box))


def _apart(a: TrueThing, b: TrueThing) -> float:
    """A distance that two things have at least, metres."""
    far = float(np.linalg.norm(a.solid.box.center - b.solid.box.center))
    return far - float(np.linalg.norm(a.solid.box.size) + np.linalg.norm(b.solid.box.size)) / 2
