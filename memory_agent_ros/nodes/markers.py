"""Marker records and coloured points as messages for RViz."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Pose as PoseMessage
from geometry_msgs.msg import Quaternion
from numpy.typing import NDArray
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker as MarkerMessage
from visualization_msgs.msg import MarkerArray

from memory_agent_ros.geometry.se3 import quaternion_from_yaw
from memory_agent_ros.nodes.conversions import point_message
from memory_agent_ros.nodes.image_conversion import payload
from memory_agent_ros.viz.markers import Marker

_SHAPES = {
    "cube": MarkerMessage.CUBE,
    "text": MarkerMessage.TEXT_VIEW_FACING,
    "line_list": MarkerMessage.LINE_LIST,
    "sphere_list": MarkerMessage.SPHERE_LIST,
}


def marker_array(markers: Sequence[Marker], frame_id: str, stamp: Time) -> MarkerArray:
    """The whole picture in one message: it deletes what was shown before, so nothing stale stays behind."""
    header = Header(frame_id=frame_id, stamp=stamp)
    clear = MarkerMessage(header=header, action=MarkerMessage.DELETEALL)
    return MarkerArray(markers=[clear, *(_message(marker, header) for marker in markers)])


def point_cloud(points_m: NDArray[np.float32], rgb: NDArray[np.uint8], frame_id: str, stamp: Time) -> PointCloud2:
    """(N, 3) metres and (N, 3) uint8 RGB -> cloud with ``x``, ``y``, ``z``, ``rgb`` as RViz reads them."""
    records = np.zeros(len(points_m), dtype=[("xyz", "<f4", 3), ("bgra", "u1", 4)])
    records["xyz"] = points_m
    records["bgra"][:, :3] = rgb[:, ::-1]
    cloud = PointCloud2(height=1, width=len(points_m), point_step=16, row_step=16 * len(points_m), is_dense=True)
    cloud.header = Header(frame_id=frame_id, stamp=stamp)
    cloud.fields = [
        PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
        for i, name in enumerate(("x", "y", "z", "rgb"))
    ]
    cloud.data = payload(records.view(np.uint8))
    return cloud


def _message(marker: Marker, header: Header) -> MarkerMessage:
    x, y, z, w = (float(value) for value in quaternion_from_yaw(marker.yaw))
    message = MarkerMessage(header=header, ns=marker.namespace, id=marker.id, type=_SHAPES[marker.shape])
    message.action = MarkerMessage.ADD
    message.pose = PoseMessage(position=point_message(marker.position_m), orientation=Quaternion(x=x, y=y, z=z, w=w))
    message.scale.x, message.scale.y, message.scale.z = (float(value) for value in marker.scale_m)
    message.color = _color(marker.color)
    message.text = marker.text
    message.points = [point_message(point) for point in marker.points_m]
    message.colors = [_color(color) for color in marker.colors]
    return message


def _color(rgba: Sequence[float] | NDArray[np.float64]) -> ColorRGBA:
    red, green, blue, alpha = (float(value) for value in rgba)
    return ColorRGBA(r=red, g=green, b=blue, a=alpha)
