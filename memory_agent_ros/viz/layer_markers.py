"""Markers of what lies over the objects in RViz: rooms, relations, trails, anchors, expected against seen.

Every layer has namespaces of its own, so that each can be switched on and off.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.boxes import corners
from memory_agent_ros.records.anchor import AnchorPose
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.residual import ViewResidual
from memory_agent_ros.records.room import Room
from memory_agent_ros.viz.layers import (
    ANCHOR_COLOR,
    MISSING_COLOR,
    NEW_COLOR,
    RELATION_COLORS,
    ROOM_COLOR,
    SEEN_COLOR,
    TRAIL_COLOR,
)
from memory_agent_ros.viz.markers import Color, Marker, point_markers
from memory_agent_ros.viz.trails import Trail

#: Namespaces of the two topics.
STRUCTURE_NAMESPACES = (
    "rooms", "room_names", "relations", "relation_labels", "trails", "anchors", "anchor_links",
)  # fmt: skip
EXPECTED_NAMESPACES = ("expected_seen", "expected_missing", "new")

_FLOOR_M, _LINE_M, _TEXT_M, _DASH_M = 0.02, 0.02, 0.1, 0.06
#: Corners of a box that its twelve edges join.
_EDGES = [(a, a | bit) for a in range(8) for bit in (1, 2, 4) if not a & bit]


def room_markers(rooms: Sequence[Room]) -> list[Marker]:
    """Outline of each room on the floor, and its name."""
    markers = []
    for room in rooms:
        outline = np.column_stack([room.polygon, np.full(len(room.polygon), _FLOOR_M)])
        segments = np.stack([outline, np.roll(outline, -1, axis=0)], axis=1).reshape(-1, 3)
        at = np.array([*room.center, _FLOOR_M])
        markers.append(_lines("rooms", room.id, segments, _rgba(ROOM_COLOR), 0.04))
        markers.append(_text("room_names", room.id, at, room.name, _rgba(ROOM_COLOR), 0.3))
    return markers


def relation_markers(relations: Iterable[Relation], objects: Sequence[MapObject]) -> list[Marker]:
    """A line between the objects of each relation, coloured by kind, with its name; rooms are drawn as rooms."""
    centers = {item.id: item.box.center for item in objects}
    by_kind: dict[RelationKind, list[NDArray[np.float64]]] = {}
    texts: list[Marker] = []
    for relation in relations:
        if relation.object_id is None or not {relation.subject_id, relation.object_id} <= set(centers):
            continue
        ends = [centers[relation.subject_id], centers[relation.object_id]]
        by_kind.setdefault(relation.kind, []).extend(ends)
        color = _rgba(RELATION_COLORS[relation.kind])
        texts.append(
            _text("relation_labels", len(texts), (ends[0] + ends[1]) / 2, str(relation.kind), color, 0.7 * _TEXT_M)
        )
    kinds = list(RelationKind)
    lines = [
        _lines("relations", kinds.index(kind), np.array(ends), _rgba(RELATION_COLORS[kind]), _LINE_M)
        for kind, ends in by_kind.items()
    ]
    return lines + texts


def trail_markers(trails: Iterable[Trail]) -> list[Marker]:
    """The way of each object that has moved."""
    return [
        _lines("trails", t.object_id, np.repeat(t.positions_m, 2, axis=0)[1:-1], _rgba(TRAIL_COLOR), 0.03)
        for t in trails
    ]


def anchor_markers(
    anchors: Mapping[int, AnchorPose], objects: Sequence[MapObject], hung_on: Mapping[int, int]
) -> list[Marker]:
    """Pose nodes as dots, and a line from each object to the one most of it hangs on.

    Args:
        anchors: poses by id.
        objects: of the map.
        hung_on: object id -> anchor id.
    """
    nodes = np.array([a.T_map_camera[:3, 3] for a in anchors.values()]).reshape(-1, 3)
    color = _rgba(ANCHOR_COLOR)
    markers = point_markers(nodes, "anchors", color, 0.06)
    ends = [
        end
        for item in objects
        if hung_on.get(item.id) in anchors
        for end in (item.box.center, anchors[hung_on[item.id]].T_map_camera[:3, 3])
    ]
    if ends:
        markers.append(_lines("anchor_links", 0, np.array(ends), (*color[:3], 0.5), 0.006))
    return markers


def expected_markers(residual: ViewResidual, objects: Sequence[MapObject], assignments: Sequence[int]) -> list[Marker]:
    """Boxes of one image's objects: expected and seen solid, expected and not seen dashed, seen and not expected.

    Args:
        residual: of the image.
        objects: of the map.
        assignments: per observation of that image the object it was put to, 0 for none.
    """
    boxes = {item.id: corners(item.box.center, item.box.size, item.box.yaw) for item in objects}
    markers = []
    for expected in residual.expected:
        if expected.object_id in boxes:
            box = boxes[expected.object_id]
            name, color = ("expected_seen", SEEN_COLOR) if expected.seen else ("expected_missing", MISSING_COLOR)
            lines = _box_lines(box) if expected.seen else _dashed(_box_lines(box))
            markers.append(_lines(name, expected.object_id, lines, _rgba(color), 0.012))
    shown = {e.object_id for e in residual.expected}
    unexpected = {assignments[i] for i in residual.unexpected if i < len(assignments)} - shown
    for object_id in sorted(unexpected & set(boxes)):
        markers.append(_lines("new", object_id, _box_lines(boxes[object_id]), _rgba(NEW_COLOR), 0.012))
    return markers


def fingerprint(markers: Iterable[Marker]) -> int:
    """A number that changes with anything that is drawn, to the millimetre."""
    value = 0
    for marker in markers:
        head = f"{marker.namespace} {marker.id} {marker.shape} {marker.text} {marker.color}"
        value = zlib.crc32(head.encode(), value)
        for array in (marker.position_m, marker.scale_m, marker.points_m):
            value = zlib.crc32(np.rint(array * 1000.0).astype(np.int64).tobytes(), value)
    return value


def _box_lines(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """(8, 3) corners -> (24, 3) ends of the edges."""
    return np.asarray(box[np.array(_EDGES).ravel()])


def _dashed(segments: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2 N, 3) ends of lines -> ends of their dashes."""
    out = []
    for start, end in segments.reshape(-1, 2, 3):
        count = max(1, round(float(np.linalg.norm(end - start)) / (2 * _DASH_M)))
        cuts = np.linspace(0.0, 1.0, 2 * count + 1)
        out += [start + (end - start) * share for share in cuts[:-1]]
    return np.array(out)


def _lines(namespace: str, marker_id: int, points: NDArray[np.float64], color: Color, width_m: float) -> Marker:
    return Marker(namespace, marker_id, "line_list", np.zeros(3), np.full(3, width_m), color, points_m=points)


def _text(namespace: str, marker_id: int, at: NDArray[np.float64], text: str, color: Color, height_m: float) -> Marker:
    return Marker(namespace, marker_id, "text", at, np.full(3, height_m), color, text=text)


def _rgba(color: str, alpha: float = 1.0) -> Color:
    red, green, blue = (int(color[i : i + 2], 16) / 255.0 for i in (1, 3, 5))
    return red, green, blue, alpha
