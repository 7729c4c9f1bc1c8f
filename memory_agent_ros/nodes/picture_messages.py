"""Remembered pictures to messages and back."""

from __future__ import annotations

from memory_agent_msgs.msg import RecalledView as RecalledViewMessage
from memory_agent_msgs.srv import GetPicture
from memory_agent_ros.nodes.conversions import (
    camera_from_info,
    camera_info_message,
    matrix_from_pose,
    nanoseconds,
    pose_from_matrix,
    time_message,
)
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.recalled_view import RecalledView


def fill_picture(response: GetPicture.Response, keyframe: Keyframe) -> None:
    """Keyframe -> answer of the service; its patch features stay in the map."""
    stamp = time_message(keyframe.stamp_ns)
    response.header.stamp, response.header.frame_id = stamp, keyframe.frame_id
    response.map_revision = keyframe.map_revision
    response.camera_pose = pose_from_matrix(keyframe.T_map_camera)
    response.camera_info = camera_info_message(keyframe.camera, "", stamp)
    response.color.format, response.color.data = "jpeg", keyframe.jpeg
    response.color.header.stamp = stamp
    response.object_ids = list(keyframe.object_ids)


def keyframe_from_picture(keyframe_id: int, response: GetPicture.Response) -> Keyframe:
    """The inverse of :func:`fill_picture`, without patch features."""
    return Keyframe(
        keyframe_id,
        nanoseconds(response.header.stamp),
        camera_from_info(response.camera_info),
        matrix_from_pose(response.camera_pose),
        bytes(response.color.data),
        response.header.frame_id,
        int(response.map_revision),
        object_ids=tuple(int(i) for i in response.object_ids),
    )


def view_message(view: RecalledView) -> RecalledViewMessage:
    """Recalled view -> message."""
    return RecalledViewMessage(
        keyframe_id=view.keyframe_id, score=view.score, overlap=view.overlap, object_ids=list(view.object_ids)
    )


def view_from_message(message: RecalledViewMessage) -> RecalledView:
    """The inverse of :func:`view_message`."""
    ids = tuple(int(i) for i in message.object_ids)
    return RecalledView(int(message.keyframe_id), float(message.score), float(message.overlap), ids)
