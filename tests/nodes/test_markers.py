from __future__ import annotations

import dataclasses

import numpy as np
from builtin_interfaces.msg import Time
from visualization_msgs.msg import Marker as MarkerMessage

from memory_agent_ros.nodes.markers import marker_array, point_cloud
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.viz.markers import GONE_COLOR, colored_points, label_color, object_markers, point_markers


def thing(object_id, **changes):
    made = MapObject(
        id=object_id,
        label="mug",
        label_probs={"mug": 1.0},
        state=ObjectState.PRESENT,
        presence=0.9,
        confirmed=True,
        centroid_map=np.array([1.0, 2.0, 0.5]),
        covariance=np.eye(3),
        box=OrientedBox(np.array([1.0, 2.0, 0.5]), np.array([0.4, 0.2, 0.0]), 0.6),
        points_map=np.full((5, 3), object_id, np.float32),
        embedding=None,
        observations=3,
        first_seen_ns=0,
        last_seen_ns=0,
        last_looked_ns=0,
    )
    return dataclasses.replace(made, **changes)


def test_present_is_coloured_gone_is_grey_tentative_is_not_shown():
    markers = object_markers([thing(1), thing(2, state=ObjectState.GONE), thing(3, confirmed=False)])
    by_key = {(m.namespace, m.id): m for m in markers}
    assert set(by_key) == {("boxes", 1), ("labels", 1), ("boxes", 2), ("labels", 2)}
    assert by_key["boxes", 1].color == label_color("mug", 0.45)
    assert by_key["boxes", 2].color == GONE_COLOR
    assert (by_key["labels", 1].text, by_key["labels", 2].text) == ("mug 1", "mug 2 (gone)")
    assert (by_key["boxes", 1].scale_m > 0).all()


def test_message_clears_what_was_shown_and_keeps_geometry():
    array = marker_array(object_markers([thing(1)]), "map", Time(sec=4))
    clear, box, text = array.markers
    assert clear.action == MarkerMessage.DELETEALL
    assert (box.ns, box.id, box.type, text.type) == ("boxes", 1, MarkerMessage.CUBE, MarkerMessage.TEXT_VIEW_FACING)
    assert box.header.frame_id == "map" and box.header.stamp.sec == 4
    np.testing.assert_allclose([box.pose.position.x, box.pose.orientation.z], [1.0, np.sin(0.3)])
    np.testing.assert_allclose([box.scale.x, box.scale.y], [0.4, 0.2])


def test_points_of_present_objects_only_and_their_colour_bytes():
    points, rgb = colored_points([thing(1), thing(2, state=ObjectState.GONE)])
    assert points.shape == (5, 3) and (points == 1).all()
    cloud = point_cloud(points, rgb, "map", Time())
    records = np.frombuffer(cloud.data, dtype=[("xyz", "<f4", 3), ("rgb", "<u4")])
    np.testing.assert_array_equal(records["xyz"], points)
    red, green, blue = (int(value) for value in rgb[0])
    assert records["rgb"][0] == red << 16 | green << 8 | blue
    assert cloud.row_step == len(cloud.data) == 16 * cloud.width


def test_nothing_to_show():
    points, rgb = colored_points([])
    assert point_cloud(points, rgb, "map", Time()).width == 0
    assert point_markers(np.zeros((0, 3)), "frontiers", (1.0, 0.0, 0.0, 1.0)) == []
    spheres = marker_array(point_markers(np.ones((2, 3)), "frontiers", (1.0, 0.0, 0.0, 1.0)), "map", Time()).markers[1]
    assert spheres.type == MarkerMessage.SPHERE_LIST and len(spheres.points) == 2
