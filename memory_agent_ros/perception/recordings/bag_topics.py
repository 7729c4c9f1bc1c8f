"""Choosing the topics of a bag by type and name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from memory_agent_ros.perception.recordings.recording import RecordingOptions
from memory_agent_ros.records.errors import BadInputError

IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
INFO = "sensor_msgs/msg/CameraInfo"
TF = "tf2_msgs/msg/TFMessage"
POSES = (
    "nav_msgs/msg/Odometry",
    "geometry_msgs/msg/PoseWithCovarianceStamped",
    "geometry_msgs/msg/PoseStamped",
    "geometry_msgs/msg/TransformStamped",
)
_NOT_COLOR = ("depth", "infra", "ir/", "instance", "mask", "segmentation", "disparity", "confidence", "left", "right")


@dataclass(frozen=True)
class BagTopics:
    """The topics to read: colour, depth, the intrinsics of each (``depth_info`` may be None), TF and one pose topic."""

    color: str
    depth: str
    info: str
    depth_info: str | None
    tf: tuple[str, ...]
    pose: str | None


def choose_topics(types: Mapping[str, str], counts: Mapping[str, int], options: RecordingOptions) -> BagTopics:
    """Pick by option, else by type and name: aligned depth over raw, raw over compressed, intrinsics next to colour.

    Raises:
        BadInputError: ``bag_topics`` naming what is missing, what the bag has, and the option that picks a topic.
    """
    have = {t: kind for t, kind in types.items() if _is_text(t, kind) and counts.get(t, 0) > 0}
    images = [t for t, kind in have.items() if kind in IMAGES]
    depths = sorted((t for t in images if "depth" in t.lower()), key=lambda t: _depth_rank(t, have[t]))
    colors = sorted((t for t in images if not _is_other(t)), key=lambda t: _color_rank(t, have[t]))
    infos = sorted(t for t, kind in have.items() if kind == INFO)
    color = _pick("colour", options.color_topic, colors, have, "--color-topic")
    depth = _pick("depth", options.depth_topic, depths, have, "--depth-topic")
    info = _pick("camera_info", options.info_topic, _beside(color, infos), have, "--info-topic")
    depth_info = next((t for t in infos if t != info and "depth" in t and _shared(t, depth) > 1), None)
    tf = tuple(t for t, kind in have.items() if kind == TF)
    pose = options.pose_topic
    if pose is not None and pose not in have:
        raise BadInputError("bag_topics", f"pose topic {pose} is not in the bag; it has {_listing(have)}")
    if pose is None:
        poses = sorted((t for t, kind in have.items() if kind in POSES), key=lambda t: POSES.index(have[t]))
        pose = poses[0] if poses else None
    if pose is None and not tf:
        raise BadInputError("bag_topics", f"the bag has neither TF nor odometry nor poses; it has {_listing(have)}")
    return BagTopics(color, depth, info, depth_info, tf, pose)


def _pick(what: str, wanted: str | None, found: list[str], have: Mapping[str, str], option: str) -> str:
    if wanted is not None:
        if wanted in have:
            return wanted
        raise BadInputError("bag_topics", f"{what} topic {wanted} is not in the bag; it has {_listing(have)}")
    if not found:
        raise BadInputError("bag_topics", f"no {what} topic found; name it with {option}; the bag has {_listing(have)}")
    return found[0]


def _is_text(*names: object) -> bool:
    """A damaged index may hold anything."""
    return all(isinstance(name, str) for name in names)


def _listing(have: Mapping[str, str]) -> str:
    return ", ".join(f"{t} ({kind.split('/')[-1]})" for t, kind in sorted(have.items())) or "no messages"


def _is_other(topic: str) -> bool:
    return any(word in topic.lower() for word in _NOT_COLOR)


def _depth_rank(topic: str, kind: str) -> tuple[int, int, str]:
    return (0 if "aligned" in topic or "registered" in topic else 1, IMAGES.index(kind), topic)


def _color_rank(topic: str, kind: str) -> tuple[int, int, int, str]:
    name = topic.lower()
    return (0 if "color" in name or "rgb" in name else 1, 0 if "rect" in name else 1, IMAGES.index(kind), topic)


def _shared(a: str, b: str) -> int:
    """How many leading parts of the names agree."""
    count = 0
    for x, y in zip(a.split("/")[:-1], b.split("/")[:-1], strict=False):
        if x != y:
            break
        count += 1
    return count


def _beside(topic: str, infos: list[str]) -> list[str]:
    return sorted(infos, key=lambda t: (-_shared(t, topic), "depth" in t, t))
