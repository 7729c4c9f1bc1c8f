"""Layers of the picture: names, rooms, relations, trails, anchors."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Polygon

from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Room
from memory_agent_ros.viz.layers import (
    ANCHOR_COLOR,
    DEFAULT_LAYERS,
    LAYERS,
    RELATION_COLORS,
    ROOM_COLOR,
    TRAIL_COLOR,
    parse_layers,
)
from memory_agent_ros.viz.scene import MapScene, scene_bounds
from memory_agent_ros.viz.topdown import map_figure
from memory_agent_ros.viz.trails import trails_of
from tests.viz.conftest import SECOND

KITCHEN = Room(1, "kitchen", 0.9, np.array([[-1.0, -1.0], [6.0, -1.0], [6.0, 4.0], [-1.0, 4.0]]), 35.0, np.ones(2))
ON = Relation(RelationKind.ON, 2, 1, None, 0.0, 0.9)
IN = Relation(RelationKind.IN, 2, None, 1, 0.0, 0.9)


def move(second: int, start: tuple[float, float, float], end: tuple[float, float, float]) -> MemoryEvent:
    return MemoryEvent(EventKind.MOVED, 3, "chair", second * SECOND, np.array(end), np.array(start), id=second)


def lines_of(axes: object, color: str) -> list[np.ndarray]:
    return [np.asarray(line.get_xydata()) for line in axes.lines if to_hex(line.get_color()) == color]  # type: ignore[attr-defined]


def test_layers_by_name() -> None:
    assert parse_layers(None) == set(DEFAULT_LAYERS) and parse_layers("all") == set(LAYERS)
    assert parse_layers(" rooms, relations ") == {"rooms", "relations"}
    for wrong in ("walls", "rooms,walls", ""):
        with pytest.raises(BadInputError, match="choose from rooms") as error:
            parse_layers(wrong)
        assert error.value.reason == "unknown_layer"


def test_a_trail_leads_over_all_places_to_where_the_object_is(objects: list[MapObject]) -> None:
    events = [move(50, (2.0, 2.5, 0.4), (9.0, 9.0, 0.4)), move(40, (0.0, 0.0, 0.4), (2.0, 2.5, 0.4))]
    (trail,) = trails_of(objects, events)
    assert (trail.object_id, trail.label) == (3, "chair")
    np.testing.assert_allclose(trail.positions_m[:2], [[0.0, 0.0, 0.4], [2.0, 2.5, 0.4]])
    np.testing.assert_allclose(trail.positions_m[-1], objects[2].box.center)
    assert trail.stamps_ns.tolist() == [3 * SECOND, 40 * SECOND, 50 * SECOND]
    assert trails_of(objects[:2], events) == []


def test_rooms_relations_trails_and_anchors_are_drawn_where_they_are(objects: list[MapObject]) -> None:
    trails = trails_of(objects, [move(40, (0.0, 0.0, 0.4), (2.0, 2.5, 0.4))])
    anchors = np.array([[0.5, 0.5], [1.5, 3.0]])
    scene = MapScene(objects, rooms=[KITCHEN], relations=[ON, IN], trails=trails, anchors_xy=anchors)
    axes = map_figure({"": scene}, labels=False).axes[0]
    rooms = [p for p in axes.patches if isinstance(p, Polygon) and to_hex(p.get_edgecolor()) == ROOM_COLOR]
    np.testing.assert_allclose(rooms[0].get_xy()[:4], KITCHEN.polygon)
    assert [t.get_text() for t in axes.texts] == ["kitchen"]
    relation = [line for line in lines_of(axes, RELATION_COLORS[RelationKind.ON]) if len(line) == 2]
    np.testing.assert_allclose(relation, [[objects[1].box.center[:2], objects[0].box.center[:2]]])
    assert not lines_of(axes, RELATION_COLORS[RelationKind.IN])[1:], "a room is no object: no line"
    assert any(len(line) == 2 and np.allclose(line[0], [0, 0]) for line in lines_of(axes, TRAIL_COLOR))
    assert any(np.allclose(line, anchors) for line in lines_of(axes, ANCHOR_COLOR) if line.shape == anchors.shape)
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["on (dot: what is on)"]


def test_a_rooms_name_keeps_away_from_the_objects(objects: list[MapObject]) -> None:
    middle = dataclasses.replace(
        objects[0], box=dataclasses.replace(objects[0].box, center=np.array([*KITCHEN.center, 0.4]))
    )
    axes = map_figure({"": MapScene([middle], rooms=[KITCHEN])}, labels=False).axes[0]
    assert np.linalg.norm(np.array(axes.texts[0].get_position()) - KITCHEN.center) > 1.0


def test_rooms_belong_to_what_is_shown() -> None:
    x0, x1, y0, y1 = scene_bounds(MapScene([], rooms=[KITCHEN]))
    assert x0 <= -1 and x1 >= 6 and y0 <= -1 and y1 >= 4
