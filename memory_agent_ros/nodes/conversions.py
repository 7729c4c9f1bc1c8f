"""Records to messages and back. Quaternions are x, y, z, w; geometry keeps its frame.

Numeric arrays cross through ``array.array``: filling one with ``frombytes`` is much faster than a list.
"""

from __future__ import annotations

import array
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point, Quaternion, Transform, TransformStamped, Vector3
from geometry_msgs.msg import Pose as PoseMessage
from numpy.typing import ArrayLike, NDArray
from sensor_msgs.msg import CameraInfo

from memory_agent_msgs.msg import Evidence as EvidenceMessage
from memory_agent_msgs.msg import MemoryEvent as MemoryEventMessage
from memory_agent_msgs.msg import MemoryObject as MemoryObjectMessage
from memory_agent_msgs.msg import Observation as ObservationMessage
from memory_agent_msgs.msg import OrientedBox as OrientedBoxMessage
from memory_agent_ros.geometry.se3 import Matrix, from_position_quaternion, to_position_quaternion
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.pose import Pose

# Time, points, poses.


def nanoseconds(time: Time) -> int:
    """Message time -> integer nanoseconds."""
    return int(time.sec) * 1_000_000_000 + int(time.nanosec)


def time_message(stamp_ns: int) -> Time:
    """Integer nanoseconds -> message time."""
    return Time(sec=stamp_ns // 1_000_000_000, nanosec=stamp_ns % 1_000_000_000)


def point_message(position_m: ArrayLike) -> Point:
    """(3,) metres -> Point."""
    x, y, z = (float(value) for value in np.asarray(position_m))
    return Point(x=x, y=y, z=z)


def point_from_message(point: Point | Vector3) -> NDArray[np.float64]:
    """Point or Vector3 -> (3,) metres."""
    return np.array([point.x, point.y, point.z], dtype=np.float64)


def pose_message(pose: Pose) -> PoseMessage:
    """Pose -> geometry_msgs/Pose (the frame goes into a header or a field of its own)."""
    x, y, z, w = (float(value) for value in pose.orientation_xyzw)
    return PoseMessage(position=point_message(pose.position_m), orientation=Quaternion(x=x, y=y, z=z, w=w))


def pose_from_message(message: PoseMessage, frame_id: str) -> Pose:
    """geometry_msgs/Pose -> Pose.

    Raises:
        BadInputError: ``pose_not_finite``.
    """
    return Pose(point_from_message(message.position), _quaternion(message.orientation), frame_id)


def matrix_from_pose(message: PoseMessage) -> Matrix:
    """geometry_msgs/Pose -> (4, 4); raises BadInputError ``pose_not_finite``."""
    pose = pose_from_message(message, "")
    return from_position_quaternion(pose.position_m, pose.orientation_xyzw)


def pose_from_matrix(T: Matrix) -> PoseMessage:
    """(4, 4) -> geometry_msgs/Pose."""
    position, quaternion = to_position_quaternion(T)
    return pose_message(Pose(position, quaternion))


def transform_from_message(message: Transform) -> Matrix:
    """geometry_msgs/Transform -> (4, 4).

    Raises:
        BadInputError: ``pose_not_finite`` for NaN, infinity or a zero quaternion.
    """
    pose = Pose(point_from_message(message.translation), _quaternion(message.rotation))
    return from_position_quaternion(pose.position_m, pose.orientation_xyzw)


def transform_stamped(parent: str, child: str, stamp: Time, T_parent_child: Matrix) -> TransformStamped:
    """One link for ``/tf`` or ``/tf_static``."""
    pose = pose_from_matrix(T_parent_child)
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id, message.header.stamp = parent, stamp
    message.transform.translation = Vector3(x=pose.position.x, y=pose.position.y, z=pose.position.z)
    message.transform.rotation = pose.orientation
    return message


def _quaternion(message: Quaternion) -> NDArray[np.float64]:
    return np.array([message.x, message.y, message.z, message.w], dtype=np.float64)


# Camera, boxes, arrays.


def camera_from_info(info: CameraInfo, *, rectified: bool = True) -> Camera:
    """CameraInfo -> Camera, from P (rectified images) or from K.

    Raises:
        BadInputError: ``camera_invalid`` for zero size or focal length (an unset camera_info).
    """
    P = np.array(info.p, dtype=np.float64).reshape(3, 4)[:, :3]
    K = np.array(info.k, dtype=np.float64).reshape(3, 3)
    return Camera(int(info.width), int(info.height), P if rectified and P[0, 0] > 0 else K)


def camera_info_message(camera: Camera, frame_id: str, stamp: Time) -> CameraInfo:
    """Camera -> CameraInfo of a rectified image (no distortion)."""
    info = CameraInfo(width=camera.width, height=camera.height, distortion_model="plumb_bob", d=[0.0] * 5)
    info.header.frame_id, info.header.stamp = frame_id, stamp
    info.k = camera.K.ravel()
    info.r = np.eye(3).ravel()
    info.p = np.hstack([camera.K, np.zeros((3, 1))]).ravel()
    return info


def box_message(box: OrientedBox) -> OrientedBoxMessage:
    """OrientedBox -> message."""
    x, y, z = (float(value) for value in box.size)
    return OrientedBoxMessage(center=point_message(box.center), size=Vector3(x=x, y=y, z=z), yaw=float(box.yaw))


def box_from_message(message: OrientedBoxMessage) -> OrientedBox:
    """Message -> OrientedBox."""
    return OrientedBox(point_from_message(message.center), point_from_message(message.size), float(message.yaw))


def floats(values: ArrayLike) -> array.array[float]:
    """Any float array -> flat float32 ``array.array`` for a ``float32[]`` field."""
    return array.array("f", np.asarray(values, dtype=np.float32).tobytes())


def _vector(values: Any) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


# Observations.


def observation_message(observation: Observation) -> ObservationMessage:
    """Observation -> message; the stamp and frame are those of the ObservationArray."""
    message = ObservationMessage(label=observation.label, score=float(observation.score))
    message.labels = list(observation.label_scores)
    message.label_scores = floats(list(observation.label_scores.values()))
    message.points = floats(observation.points_map)
    message.centroid = point_message(observation.centroid_map)
    message.covariance = np.asarray(observation.covariance, dtype=np.float64).ravel()
    message.box = box_message(observation.box)
    message.box_xyxy = np.asarray(observation.box_xyxy, dtype=np.float32)
    message.pixels, message.truncated = int(observation.pixels), bool(observation.truncated)
    message.embedding = floats([] if observation.embedding is None else observation.embedding)
    message.range_m = float(observation.range_m)
    return message


def observation_from_message(message: ObservationMessage, stamp_ns: int) -> Observation:
    """Message -> Observation.

    Raises:
        BadInputError: ``observation_not_finite`` or ``observation_points`` (length not a multiple of three).
    """
    points = _vector(message.points)
    if len(points) % 3:
        raise BadInputError("observation_points", f"{len(points)} numbers are not whole points; check the publisher")
    centroid = point_from_message(message.centroid)
    covariance = np.array(message.covariance, dtype=np.float64).reshape(3, 3)
    if not (np.isfinite(points).all() and np.isfinite(centroid).all() and np.isfinite(covariance).all()):
        raise BadInputError("observation_not_finite", f"observation of a {message.label!r} holds NaN or infinity")
    return Observation(
        stamp_ns=stamp_ns,
        label=message.label,
        score=float(message.score),
        label_scores=dict(zip(message.labels, (float(s) for s in message.label_scores), strict=False)),
        points_map=points.reshape(-1, 3),
        centroid_map=centroid,
        covariance=covariance,
        box=box_from_message(message.box),
        box_xyxy=_vector(message.box_xyxy),
        pixels=int(message.pixels),
        truncated=bool(message.truncated),
        embedding=_vector(message.embedding) if len(message.embedding) else None,
        range_m=float(message.range_m),
    )


# Evidence, events, objects.


def evidence_message(evidence: Evidence) -> EvidenceMessage:
    """Evidence -> message."""
    return EvidenceMessage(
        object_id=evidence.object_id,
        observation_id=evidence.observation_id,
        keyframe_id=evidence.keyframe_id,
        stamp=time_message(evidence.stamp_ns),
        frame_id=evidence.object_pose.frame_id,
        object_pose=pose_message(evidence.object_pose),
        camera_pose=pose_message(evidence.camera_pose),
        box_xyxy=np.asarray(evidence.box_xyxy, dtype=np.float32),
        score=float(evidence.score),
        map_revision=evidence.map_revision,
    )


def evidence_from_message(message: EvidenceMessage) -> Evidence:
    """Message -> Evidence."""
    return Evidence(
        object_id=int(message.object_id),
        observation_id=int(message.observation_id),
        keyframe_id=int(message.keyframe_id),
        stamp_ns=nanoseconds(message.stamp),
        object_pose=pose_from_message(message.object_pose, message.frame_id),
        camera_pose=pose_from_message(message.camera_pose, message.frame_id),
        box_xyxy=_vector(message.box_xyxy),
        score=float(message.score),
        map_revision=int(message.map_revision),
    )


def event_message(event: MemoryEvent, frame_id: str = "map") -> MemoryEventMessage:
    """MemoryEvent -> message."""
    message = MemoryEventMessage(id=event.id, kind=str(event.kind), object_id=event.object_id, label=event.label)
    message.header.frame_id, message.header.stamp = frame_id, time_message(event.stamp_ns)
    message.position = point_message(event.position_m)
    if event.previous_position_m is not None:
        message.has_previous_position, message.previous_position = True, point_message(event.previous_position_m)
    message.other_id = event.other_id or 0
    message.confidence, message.detail = float(event.confidence), event.detail
    return message


def event_from_message(message: MemoryEventMessage) -> MemoryEvent:
    """Message -> MemoryEvent.

    Raises:
        BadInputError: ``event_kind``.
    """
    if message.kind not in tuple(EventKind):
        raise BadInputError("event_kind", f"there are no events of kind {message.kind!r}")
    return MemoryEvent(
        kind=EventKind(message.kind),
        object_id=int(message.object_id),
        label=message.label,
        stamp_ns=nanoseconds(message.header.stamp),
        position_m=point_from_message(message.position),
        previous_position_m=point_from_message(message.previous_position) if message.has_previous_position else None,
        other_id=int(message.other_id) or None,
        confidence=float(message.confidence),
        detail=message.detail,
        id=int(message.id),
    )


def object_message(thing: MapObject, with_appearance: bool = False) -> MemoryObjectMessage:
    """MapObject -> message; surface points stay in the memory, its appearance unless it is asked for."""
    return MemoryObjectMessage(
        id=thing.id,
        label=thing.label,
        labels=list(thing.label_probs),
        label_probs=floats(list(thing.label_probs.values())),
        state=MemoryObjectMessage.STATE_GONE if thing.state == ObjectState.GONE else MemoryObjectMessage.STATE_PRESENT,
        presence=float(thing.presence),
        confirmed=bool(thing.confirmed),
        centroid=point_message(thing.centroid_map),
        covariance=np.asarray(thing.covariance, dtype=np.float64).ravel(),
        box=box_message(thing.box),
        observations=thing.observations,
        first_seen=time_message(thing.first_seen_ns),
        last_seen=time_message(thing.last_seen_ns),
        last_looked=time_message(thing.last_looked_ns),
        frame_id=thing.frame_id,
        map_revision=thing.map_revision,
        relevance=float(thing.relevance),
        evidence=[evidence_message(evidence) for evidence in thing.evidence],
        embedding=floats([] if thing.embedding is None or not with_appearance else thing.embedding),
    )


def object_from_message(message: MemoryObjectMessage) -> MapObject:
    """Message -> MapObject without surface points."""
    gone = message.state == MemoryObjectMessage.STATE_GONE
    return MapObject(
        id=int(message.id),
        label=message.label,
        label_probs=dict(zip(message.labels, (float(p) for p in message.label_probs), strict=False)),
        state=ObjectState.GONE if gone else ObjectState.PRESENT,
        presence=float(message.presence),
        confirmed=bool(message.confirmed),
        centroid_map=point_from_message(message.centroid),
        covariance=np.array(message.covariance, dtype=np.float64).reshape(3, 3),
        box=box_from_message(message.box),
        points_map=np.zeros((0, 3), dtype=np.float32),
        embedding=_vector(message.embedding) if len(message.embedding) else None,
        observations=int(message.observations),
        first_seen_ns=nanoseconds(message.first_seen),
        last_seen_ns=nanoseconds(message.last_seen),
        last_looked_ns=nanoseconds(message.last_looked),
        frame_id=message.frame_id,
        map_revision=int(message.map_revision),
        relevance=float(message.relevance),
        evidence=tuple(evidence_from_message(evidence) for evidence in message.evidence),
    )
