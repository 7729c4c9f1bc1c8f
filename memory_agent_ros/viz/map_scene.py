"""From an open memory to what pictures and pages show of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import numpy as np

from memory_agent_ros.reasoning.memory_reader import MemoryReader
from memory_agent_ros.records.anchor import AnchorPose
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Room
from memory_agent_ros.viz.evidence_picture import encode_jpeg, evidence_note, evidence_picture
from memory_agent_ros.viz.report import Picture, TimelineEvent
from memory_agent_ros.viz.scene import FloorMap, MapScene
from memory_agent_ros.viz.trails import Trail, trails_of


class PicturedMemory(MemoryReader, Protocol):
    """The part of ``SpatialMemory`` that pictures need."""

    def objects(self, include_tentative: bool = False) -> list[MapObject]:
        """All confirmed objects."""
        ...

    def get(self, object_id: int) -> MapObject:
        """One object with its evidence."""
        ...

    def keyframe(self, keyframe_id: int) -> Keyframe:
        """A stored picture."""
        ...

    def rooms(self) -> list[Room]:
        """Rooms found."""
        ...

    def relations(
        self, object_id: int | None = None, kinds: Sequence[RelationKind | str] | None = None
    ) -> list[Relation]:
        """Relations of present objects."""
        ...

    def anchor_poses(self) -> dict[int, AnchorPose]:
        """Pose nodes by id."""
        ...


def scene_of(
    memory: PicturedMemory, floor: FloorMap | None = None, layers: Collection[str] = ("objects", "moves", "labels")
) -> MapScene:
    """The map now, with the given layers; what changed after it was first seen is stressed."""
    changes, objects = memory.changes(), memory.objects()
    moves = [e for e in changes if e.kind is EventKind.MOVED]
    changed = {e.object_id for e in changes if e.kind in (EventKind.MOVED, EventKind.GONE)}
    anchors = [a.T_map_camera[:2, 3] for a in memory.anchor_poses().values()] if "anchors" in layers else []
    return MapScene(
        objects if "objects" in layers else [],
        floor,
        moves=last_moves(moves) if "moves" in layers else (),
        highlight=frozenset(changed),
        rooms=memory.rooms() if "rooms" in layers else (),
        relations=_told_relations(memory) if "relations" in layers else (),
        trails=_told_trails(objects, moves, layers) if "trails" in layers else (),
        anchors_xy=np.array(anchors).reshape(-1, 2) if anchors else None,
    )


def _told_trails(objects: Sequence[MapObject], moves: Sequence[MemoryEvent], layers: Collection[str]) -> list[Trail]:
    """Ways that the arrows of the latest moves do not show already."""
    return [t for t in trails_of(objects, moves) if len(t.stamps_ns) > 2 or "moves" not in layers]


def _told_relations(memory: PicturedMemory) -> list[Relation]:
    """Relations between things; those of things with rooms are drawn as rooms."""
    return [r for r in memory.relations() if r.kind is not RelationKind.IN]


def last_moves(moves: Iterable[MemoryEvent]) -> list[MemoryEvent]:
    """The latest move of each object."""
    latest = {event.object_id: event for event in sorted(moves, key=lambda e: e.stamp_ns)}
    return list(latest.values())


def objects_at(objects: Iterable[MapObject], events: Sequence[MemoryEvent], stamp_ns: int) -> list[MapObject]:
    """The map as it was believed at an earlier time: today's objects, put back by their events."""
    by_object: dict[int, list[MemoryEvent]] = {}
    for event in sorted(events, key=lambda e: e.stamp_ns):
        by_object.setdefault(event.object_id, []).append(event)
    earlier = []
    for item in objects:
        history = [e for e in by_object.get(item.id, []) if e.kind is not EventKind.UPDATED]
        past = [e for e in history if e.stamp_ns <= stamp_ns]
        if history and not past:
            continue
        later_moves = [e for e in history if e.stamp_ns > stamp_ns and e.kind is EventKind.MOVED]
        box = item.box
        if later_moves and later_moves[0].previous_position_m is not None:
            box = dataclasses.replace(box, center=later_moves[0].previous_position_m)
        gone = bool(past) and past[-1].kind is EventKind.GONE if history else item.state is ObjectState.GONE
        state = ObjectState.GONE if gone else ObjectState.PRESENT
        earlier.append(dataclasses.replace(item, box=box, state=state))
    return earlier


def picture_of(memory: PicturedMemory, evidence: Evidence, label: str, caption: str, width: int = 480) -> Picture:
    """The keyframe an observation was made in, with its box."""
    pixels = evidence_picture(memory.keyframe(evidence.keyframe_id), [evidence_note(evidence, label)], width)
    return Picture(encode_jpeg(pixels), caption, "image/jpeg")


def object_pictures(memory: PicturedMemory, objects: Sequence[MapObject], limit: int = 24) -> list[Picture]:
    """The best picture of each object, by label."""
    pictures = []
    for item in sorted(objects, key=lambda o: o.label)[:limit]:
        evidence = memory.get(item.id).evidence
        if not evidence:
            continue
        best = evidence[0]
        caption = f"{item.label} #{item.id}, {item.observations} observations, {best.stamp_ns / 1e9:.1f} s"
        pictures.append(picture_of(memory, best, item.label, caption))
    return pictures


def timeline_events(events: Iterable[MemoryEvent], start_ns: int | None = None) -> list[TimelineEvent]:
    """Events as marks on a timeline that starts at ``start_ns`` (None: at the first event); updates are left out."""
    told = sorted((e for e in events if e.kind is not EventKind.UPDATED), key=lambda e: e.stamp_ns)
    if not told:
        return []
    origin = told[0].stamp_ns if start_ns is None else start_ns
    return [TimelineEvent(max(0.0, (e.stamp_ns - origin) / 1e9), str(e.kind), event_text(e)) for e in told]


def event_text(event: MemoryEvent) -> str:
    """One sentence about an event."""
    if event.kind is EventKind.REANCHORED:
        return f"the map was corrected: {event.detail}"
    name = f"{event.label} #{event.object_id}"
    x, y = event.position_m[:2]
    before = event.previous_position_m
    if event.kind is EventKind.MOVED and before is not None:
        distance = float(((event.position_m - before) ** 2).sum() ** 0.5)
        return f"{name} moved {distance:.1f} m, from ({before[0]:.1f}, {before[1]:.1f}) to ({x:.1f}, {y:.1f})"
    if event.kind is EventKind.GONE:
        return f"{name} is gone from ({x:.1f}, {y:.1f})"
    if event.kind is EventKind.MERGED:
        return f"{name} and #{event.other_id} are one object"
    return f"{name} {event.kind} at ({x:.1f}, {y:.1f})"
