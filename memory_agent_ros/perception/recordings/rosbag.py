"""rosbag2 folders and MCAP files: colour and depth paired by stamp, pose at the image stamp."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.se3 import Matrix, from_position_quaternion
from memory_agent_ros.geometry.transform_tree import TransformTree
from memory_agent_ros.perception.image_decoding import (
    decode_color,
    decode_compressed_color,
    decode_compressed_depth,
    decode_depth,
)
from memory_agent_ros.perception.recordings.bag_source import BagSource
from memory_agent_ros.perception.recordings.bag_topics import BagTopics, choose_topics
from memory_agent_ros.perception.recordings.recording import RecordingOptions
from memory_agent_ros.perception.recordings.upright import estimate_upright
from memory_agent_ros.perception.rectification import Rectifier, make_rectifier
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.frame import Frame

_WORLDS = ("map", "odom", "world")
_WAITING = 30


@dataclass(frozen=True)
class _Survey:
    topics: BagTopics
    tree: TransformTree
    rectifier: Rectifier
    depth_camera: Camera | None
    camera_frame: str


class RosbagRecording:
    """Frames of a rosbag2 folder, ``.mcap`` or ``.db3`` file.

    Poses and intrinsics are read in a first pass, so TF that was recorded late is found. A ``PoseStamped`` or
    ``PoseWithCovarianceStamped`` topic is taken as the pose of the colour camera's optical frame. Depth must be aligned
    to colour; a depth image in another frame whose transform is not identity is refused as ``depth_unaligned``.
    """

    def __init__(self, path: Path, options: RecordingOptions) -> None:
        self.path = path
        self.name = path.stem
        self.refused: Counter[str] = Counter()
        self._options = options
        self._source = BagSource(path)
        self._survey: _Survey | None = None

    def __len__(self) -> int:
        topics = choose_topics(self._source.topics, self._source.counts, self._options)
        pictures = -(-self._source.counts[topics.color] // self._options.stride)
        return min(pictures, self._options.limit) if self._options.limit else pictures

    def __iter__(self) -> Iterator[Frame]:
        frames = self._frames()
        if self._options.upright:
            sample = list(islice(self._frames(), 0, 120, 5))
            if not sample:
                raise BadInputError("recording_empty", f"no picture of {self.path} can be used: {dict(self.refused)}")
            T = estimate_upright(sample)
            frames = (_moved(f, T) for f in frames)
        return islice(frames, self._options.limit)

    def _frames(self) -> Iterator[Frame]:
        self.refused = Counter()
        survey = self._survey = self._survey or self._look()
        world = self._world_frame(survey)
        last_ns = -1
        for index, (color, depth) in enumerate(self._pairs(survey.topics)):
            if index % self._options.stride:
                continue
            try:
                frame = self._build(survey, world, color, depth)
                if frame.stamp_ns <= last_ns:
                    raise BadInputError("stamp_back", "time runs back")
            except BadInputError as error:
                self.refused[error.reason] += 1
                continue
            last_ns = frame.stamp_ns
            yield frame

    def _pairs(self, topics: BagTopics) -> Iterator[tuple[Any, Any]]:
        """Colour and depth messages within ``sync_slop_s``; what finds no partner is counted."""
        slop = round(self._options.sync_slop_s * 1e9)
        waiting: dict[str, list[Any]] = {topics.color: [], topics.depth: []}
        for topic, _, message in self._source.messages((topics.color, topics.depth)):
            other = waiting[topics.depth if topic == topics.color else topics.color]
            stamp = _stamp_ns(message.header)
            best = min(range(len(other)), key=lambda i: abs(_stamp_ns(other[i].header) - stamp), default=None)
            if best is None or abs(_stamp_ns(other[best].header) - stamp) > slop:
                waiting[topic].append(message)
                if len(waiting[topic]) > _WAITING:
                    waiting[topic].pop(0)
                    self.refused["color_without_depth" if topic == topics.color else "depth_without_color"] += 1
                continue
            partner = other[best]
            del other[: best + 1]
            yield (message, partner) if topic == topics.color else (partner, message)

    def _look(self) -> _Survey:
        topics = choose_topics(self._source.topics, self._source.counts, self._options)
        wanted = {topics.info, *topics.tf} | {t for t in (topics.depth_info, topics.pose) if t}
        tree = TransformTree(extrapolate_ns=round(self._options.pose_gap_s * 1e9))
        infos: dict[str, Any] = {}
        poses: list[Any] = []
        try:
            for topic, _, message in self._source.messages(wanted):
                if topic in topics.tf:
                    _add_transforms(tree, message, static="static" in topic)
                elif topic == topics.pose:
                    poses.append(message)
                else:
                    infos[topic] = message
        except BadInputError as error:
            if error.reason != "bag_truncated":
                raise
        if topics.info not in infos:
            raise BadInputError("camera_info_missing", f"{topics.info} holds no message before the bag breaks off")
        info = infos[topics.info]
        camera = Camera(info.width, info.height, np.asarray(info.k, dtype=np.float64).reshape(3, 3))
        frame = info.header.frame_id.lstrip("/")
        if self._options.pose_topic or not _resolves(tree, frame):
            for message in poses:
                _add_pose(tree, message, frame)
        depth_info = infos.get(topics.depth_info or "")
        depth_camera = depth_info and Camera(depth_info.width, depth_info.height, np.reshape(depth_info.k, (3, 3)))
        return _Survey(topics, tree, make_rectifier(camera, info.d, info.distortion_model), depth_camera, frame)

    def _world_frame(self, survey: _Survey) -> str:
        frame = self._options.map_frame
        if frame is not None:
            if frame not in survey.tree.frames:
                raise BadInputError(
                    "tf_unknown_frame", f"'{frame}' is no frame of the bag: {sorted(survey.tree.frames)}"
                )
            return frame
        ancestors = survey.tree.ancestors(survey.camera_frame)
        if len(ancestors) < 2:
            raise BadInputError(
                "tf_not_connected",
                f"nothing in the bag says where '{survey.camera_frame}' is; frames: {sorted(survey.tree.frames)}. "
                "Record /tf and /tf_static, or name a pose topic with --pose-topic",
            )
        return next((w for w in _WORLDS if w in ancestors), ancestors[-1])

    def _build(self, survey: _Survey, world: str, color: Any, depth: Any) -> Frame:
        frame_id = color.header.frame_id.lstrip("/") or survey.camera_frame
        _check_aligned(survey.tree, frame_id, depth.header.frame_id.lstrip("/"), _stamp_ns(color.header))
        rgb, camera = _color(color), survey.rectifier.camera
        depth_m = _depth(depth)
        if rgb.shape[:2] != (camera.height, camera.width):
            raise BadInputError("color_shape", f"image is {rgb.shape[1]}x{rgb.shape[0]}, camera_info says otherwise")
        depth_camera = None
        if depth_m.shape != rgb.shape[:2]:
            fitting = survey.depth_camera
            if fitting is None or (fitting.height, fitting.width) != depth_m.shape:
                raise BadInputError("depth_size", f"depth {depth_m.shape} differs from colour and has no camera_info")
            depth_camera = fitting
        stamp_ns = _stamp_ns(color.header)
        T = survey.tree.lookup(world, frame_id, stamp_ns)
        rectifier = survey.rectifier
        return Frame(
            stamp_ns, rectifier.color(rgb), rectifier.depth(depth_m), camera, T,
            camera_frame_id=frame_id, depth_camera=depth_camera,
        )  # fmt: skip


def _moved(frame: Frame, T: Matrix) -> Frame:
    return dataclasses.replace(frame, T_map_camera=T @ frame.T_map_camera)


def _stamp_ns(header: Any) -> int:
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)


def _matrix(position: Any, quaternion: Any) -> Matrix:
    values = [position.x, position.y, position.z, quaternion.x, quaternion.y, quaternion.z, quaternion.w]
    if not np.isfinite(values).all() or not any(values[3:]):
        raise BadInputError("pose_not_finite", "a pose in the bag holds NaN, infinity or a zero quaternion")
    return from_position_quaternion(values[:3], values[3:])


def _add_transforms(tree: TransformTree, message: Any, *, static: bool) -> None:
    for t in message.transforms:
        try:
            T = _matrix(t.transform.translation, t.transform.rotation)
        except BadInputError:
            continue  # the pictures that need it are refused with tf_extrapolation
        tree.add(t.header.frame_id, t.child_frame_id, _stamp_ns(t.header), T, static=static)


def _add_pose(tree: TransformTree, message: Any, camera_frame: str) -> None:
    child = getattr(message, "child_frame_id", "") or camera_frame
    try:
        if hasattr(message, "transform"):
            T = _matrix(message.transform.translation, message.transform.rotation)
        else:
            pose = getattr(message.pose, "pose", message.pose)
            T = _matrix(pose.position, pose.orientation)
    except BadInputError:
        return
    tree.add(message.header.frame_id or "map", child, _stamp_ns(message.header), T)


def _resolves(tree: TransformTree, camera_frame: str) -> bool:
    """Whether TF alone moves the camera: some frame above it is not static."""
    return any(tree.newest_ns(f) is not None for f in tree.ancestors(camera_frame))


def _check_aligned(tree: TransformTree, color_frame: str, depth_frame: str, stamp_ns: int) -> None:
    if not depth_frame or depth_frame == color_frame:
        return
    try:
        T = tree.lookup(color_frame, depth_frame, stamp_ns)
    except BadInputError:
        T = None
    if T is None or np.abs(T - np.eye(4)).max() > 1e-3:
        raise BadInputError(
            "depth_unaligned", f"depth is in '{depth_frame}', colour in '{color_frame}': align depth to colour"
        )


def _color(message: Any) -> NDArray[np.uint8]:
    if hasattr(message, "format"):
        return decode_compressed_color(message.data)
    return decode_color(
        message.data, message.height, message.width, message.encoding,
        step=message.step, big_endian=bool(message.is_bigendian),
    )  # fmt: skip


def _depth(message: Any) -> NDArray[np.float32]:
    if hasattr(message, "format"):
        return decode_compressed_depth(message.data, message.format)
    return decode_depth(
        message.data, message.height, message.width, message.encoding,
        step=message.step, big_endian=bool(message.is_bigendian),
    )  # fmt: skip
