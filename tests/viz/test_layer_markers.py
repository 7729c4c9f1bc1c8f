"""Markers of rooms, relations, trails, anchors and of what was expected."""

from __future__ import annotations

import dataclasses

import numpy as np

from memory_agent_ros.records.anchor import AnchorPose
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.residual import ExpectedSighting, ViewResidual
from memory_agent_ros.records.room import Room
from memory_agent_ros.viz import layer_markers as lm
from memory_agent_ros.viz.trails import Trail
from tests.viz.conftest import SECOND

KITCHEN = Room(4, "kitchen", 0.9, np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 2.0]]), 3.0, np.array([2.0, 0.7]))


def sighting(object_id: int, observation: int | None) -> ExpectedSighting:
    return ExpectedSighting(object_id, np.zeros(4, np.float32), 1.0, 500.0, 1.0, 1.0, 0.9, 0.8, observation, 0.1)


def test_a_room_is_a_closed_outline_with_its_name() -> None:
    outline, name = lm.room_markers([KITCHEN])
    assert (outline.namespace, outline.id, outline.shape, name.text) == ("rooms", 4, "line_list", "kitchen")
    np.testing.assert_allclose(outline.points_m[0], outline.points_m[-1])
    np.testing.assert_allclose(outline.points_m[::2, :2], KITCHEN.polygon)


def test_relations_are_lines_of_one_marker_a_kind_with_labels(objects: list[MapObject]) -> None:
    relations = [
        Relation(RelationKind.ON, 2, 1, None, 0.0, 0.9),
        Relation(RelationKind.NEXT_TO, 1, 3, None, 0.4, 0.9),
        Relation(RelationKind.ON, 4, 1, None, 0.0, 0.9),
        Relation(RelationKind.IN, 2, None, 4, 0.0, 0.9),
        Relation(RelationKind.ON, 77, 1, None, 0.0, 0.9),
    ]
    markers = lm.relation_markers(relations, objects)
    lines = [m for m in markers if m.namespace == "relations"]
    assert [len(m.points_m) for m in lines] == [4, 2] and len({m.color for m in lines}) == 2
    np.testing.assert_allclose(lines[0].points_m[:2], [objects[1].box.center, objects[0].box.center])
    labels = [m for m in markers if m.namespace == "relation_labels"]
    assert [m.text for m in labels] == ["on", "next to", "on"] and len({m.id for m in labels}) == 3


def test_a_trail_leads_through_all_its_places() -> None:
    places = np.array([[0.0, 0, 0], [1.0, 0, 0], [1.0, 2.0, 0]])
    (marker,) = lm.trail_markers([Trail(3, "chair", places, np.arange(3) * SECOND)])
    np.testing.assert_allclose(marker.points_m, places[[0, 1, 1, 2]])


def test_objects_are_linked_to_the_anchor_they_hang_on(objects: list[MapObject]) -> None:
    T = np.eye(4)
    T[:3, 3] = (5.0, 6.0, 1.2)
    nodes, links = lm.anchor_markers({8: AnchorPose(SECOND, T)}, objects, {1: 8, 2: 99})
    assert (nodes.namespace, nodes.shape, links.namespace) == ("anchors", "sphere_list", "anchor_links")
    np.testing.assert_allclose(links.points_m, [objects[0].box.center, (5.0, 6.0, 1.2)])
    assert lm.anchor_markers({}, objects, {1: 8}) == []


def test_expected_is_solid_when_seen_dashed_when_not_and_new_apart(objects: list[MapObject]) -> None:
    residual = ViewResidual(
        SECOND, (sighting(1, 0), sighting(2, None), sighting(99, None)), np.array([1, 0, 0]), np.zeros(3), 1.0, 0.0
    )
    markers = lm.expected_markers(residual, objects, (1, 3, 0))
    assert [(m.namespace, m.id) for m in markers] == [("expected_seen", 1), ("expected_missing", 2), ("new", 3)]
    seen, missing, new = markers
    assert len(seen.points_m) == len(new.points_m) == 24 and len({m.color for m in markers}) == 3
    length = np.linalg.norm(missing.points_m[1::2] - missing.points_m[::2], axis=1).sum()
    assert np.isclose(length, 0.5 * 4 * objects[1].box.size.sum(), rtol=0.01), "dashes fill half of the edges"
    assert {m.namespace for m in markers} == set(lm.EXPECTED_NAMESPACES)


def test_the_fingerprint_notices_what_is_drawn_and_nothing_less() -> None:
    before = lm.fingerprint(lm.room_markers([KITCHEN]))
    assert before == lm.fingerprint(lm.room_markers([dataclasses.replace(KITCHEN, area_m2=9.0)]))
    moved = dataclasses.replace(KITCHEN, polygon=KITCHEN.polygon + 0.01)
    renamed = dataclasses.replace(KITCHEN, name="office")
    assert len({before, *(lm.fingerprint(lm.room_markers([r])) for r in (moved, renamed))}) == 3
