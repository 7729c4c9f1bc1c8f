"""Messages, requests and goals given to the nodes' own callbacks, without an executor.

The memory node is a real one, active, with a map file; its callbacks are those that rclpy would call.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
from rclpy.logging import LoggingSeverity, set_logger_level
from rclpy.parameter import Parameter

from memory_agent_ros.evaluation.fuzzing import sample
from memory_agent_ros.evaluation.fuzzing.hostile import Hostile
from memory_agent_ros.evaluation.fuzzing.maps import CASES_A_CHECK, FLUSHED, connection_of, content_digest, use
from memory_agent_ros.evaluation.fuzzing.target import PartialWriteError, Target, UnsoundError
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.nodes import image_conversion, reasoner_node
from memory_agent_ros.nodes.adapter_messages import source_from_message
from memory_agent_ros.nodes.camera_intake import CameraIntake
from memory_agent_ros.nodes.conversions import event_from_message, transform_from_message
from memory_agent_ros.nodes.decision_messages import decision_from_message
from memory_agent_ros.nodes.explore_action import asked_for
from memory_agent_ros.nodes.explorer_messages import floor_plan_from_message
from memory_agent_ros.nodes.fuzzing import samples
from memory_agent_ros.nodes.fuzzing.messages import damaged_message
from memory_agent_ros.nodes.memory_node import MemoryNode
from memory_agent_ros.nodes.message_limits import check_limits
from memory_agent_ros.nodes.node_base import bring_up, shut_down
from memory_agent_ros.nodes.picture_messages import view_from_message
from memory_agent_ros.nodes.structure_messages import relation_from_message, room_from_message
from memory_agent_ros.nodes.tips_exchange import tip_from_message
from memory_agent_ros.records.errors import MemoryAgentError

#: A fresh node with a fresh copy of the map after so many cases.
_CASES_A_NODE = 100


class OpenMemoryNode:
    """A memory node that takes in one input after another; what it refuses must leave its map as it was.

    Args:
        folder: of its own; becomes the working directory.
        attempt: gives the node one input; whether it was accepted, None if it was refused and the map may yet differ.
    """

    def __init__(self, folder: Path, attempt: Callable[[MemoryNode, Hostile], bool | None]) -> None:
        self._sound = sample.write_sample_map(folder / "sound.map")
        self._home = folder / "home"
        self._attempt = attempt
        self._left = 0
        self._changed = 0
        self._node: MemoryNode | None = None
        self._seen: tuple[SpatialMemory, int, int] | None = None
        os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "OFF")
        rclpy.init(args=[])

    def case(self, hostile: Hostile) -> bool:
        """Try one."""
        node = self._fresh()
        before = self._content(node)
        try:
            accepted = self._attempt(node, hostile)
            changed = self._content(node) != before
            if changed and accepted is False:
                raise PartialWriteError("refused, but the map holds something else now")
            if changed:
                self._check(node)
        except BaseException:
            self._left = 0
            raise
        return bool(accepted)

    def close(self) -> None:
        """End the node."""
        if self._node is not None:
            shut_down(self._node)
            self._node.destroy_node()
            self._node = self._seen = None

    def _fresh(self) -> MemoryNode:
        if self._node is None or self._left <= 0:
            self.close()
            shutil.rmtree(self._home, ignore_errors=True)
            self._home.mkdir()
            os.chdir(self._home)
            shutil.copy(self._sound, self._home / "home.map")
            settings = {"map_path": "home.map", "text_embedder": "none", "memory.association": "hand_built"}
            self._node = MemoryNode(parameter_overrides=[Parameter(name, value=v) for name, v in settings.items()])
            set_logger_level(self._node.get_logger().name, LoggingSeverity.FATAL)
            if not bring_up(self._node):
                raise RuntimeError("the memory node did not come up")
            self._left = _CASES_A_NODE
        self._left -= 1
        return self._node

    def _content(self, node: MemoryNode) -> int:
        """Digest of the map but for what a flush writes; read anew once its connection has written, or is another."""
        memory = node.memory
        changes = connection_of(memory).total_changes
        if self._seen is None or self._seen[0] is not memory or self._seen[1] != changes:
            self._seen = memory, changes, content_digest(memory, FLUSHED)
        return self._seen[2]

    def _check(self, node: MemoryNode) -> None:
        self._changed += 1
        if self._changed % CASES_A_CHECK and self._left:
            return
        try:
            problems = use(node.memory)
            node.status()
        except Exception as error:
            raise UnsoundError(f"accepted, but then the map cannot be used: {error!r}") from error
        if problems:
            raise UnsoundError(f"accepted, but then the map has problems: {problems[0]}")


def give_observations(node: MemoryNode, hostile: Hostile) -> bool:
    """An ``ObservationArray`` to the callback of its subscription."""
    sound = samples.observations((node.memory.last_stamp_ns or 0) + sample.SECOND)
    (subscription,) = (s for s in node.subscriptions if s.topic_name.endswith("observations"))
    frames = node.counts["frames"]
    subscription.callback(damaged_message(sound, hostile))
    return bool(node.counts["frames"] > frames)


def give_request(node: MemoryNode, hostile: Hostile) -> bool | None:
    """A request to the callback of one of its services; saving writes what was waiting before it can fail."""
    known = samples.requests()
    services = {s.service_name.lstrip("/"): s for s in node.services if s.service_name.lstrip("/") in known}
    name = hostile.pick(sorted(services))
    service = services[name]
    response = service.callback(damaged_message(hostile.pick(known[name]), hostile), service.srv_type.Response())
    if name == "memory/save" and not response.success:
        return None
    return bool(response.success)


class Readers:
    """Functions that read messages, by the name of the sample."""

    def __init__(self, folder: Path) -> None:
        self._sound = samples.plain()
        self._intake = CameraIntake()
        self._readers: dict[str, Callable[[Any], Any]] = {
            "event": event_from_message,
            "relation": relation_from_message,
            "room": room_from_message,
            "view": view_from_message,
            "decision": decision_from_message,
            "chunk": source_from_message,
            "tip": tip_from_message,
            "grid": lambda m: floor_plan_from_message(m, "map").bounds(),
            "transform": transform_from_message,
            "info": self._intake.set_color_info,
            "color": image_conversion.color_from_message,
            "jpeg": image_conversion.color_from_message,
            "depth": image_conversion.depth_from_message,
            "packed depth": image_conversion.depth_from_message,
            "explore": asked_for,
            "question": reasoner_node.problem_of,
        }

    def case(self, hostile: Hostile) -> bool:
        """Read one."""
        name = hostile.pick(sorted(self._readers))
        message = damaged_message(self._sound[name], hostile)
        try:
            check_limits(message)
            self._readers[name](message)
        except MemoryAgentError:
            return False
        return True

    def close(self) -> None:
        """Nothing is open."""


TARGETS = (
    Target("observation_messages", lambda folder: OpenMemoryNode(folder, give_observations), share=4.0),
    Target("service_requests", lambda folder: OpenMemoryNode(folder, give_request), share=7.0),
    Target("other_messages", Readers, share=6.0),
)
