"""Poses from /tf and /tf_static at the stamp of an image, without ever blocking the executor.

``make_transform_buffer(node)`` uses tf2 where it is installed and our own tree elsewhere, behind one small interface::

    buffer = make_transform_buffer(self, counts=self.counts)              # in start()
    T_map_camera = buffer.lookup("map", "camera_color_optical_frame", stamp_ns)  # (4, 4) or TransformUnavailableError
    buffer.close()                                                        # in stop()
"""

from __future__ import annotations

import importlib
import importlib.util
from collections import Counter
from collections.abc import Iterable
from typing import Any, Protocol

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.time import Time
from tf2_msgs.msg import TFMessage

from memory_agent_ros.geometry.se3 import Matrix
from memory_agent_ros.geometry.transform_tree import TransformTree
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.conversions import nanoseconds, time_message, transform_from_message, transform_stamped
from memory_agent_ros.nodes.message_limits import check_limits
from memory_agent_ros.records.errors import BadInputError

#: How far back a link's stamps may run before it is taken for a bag that started again.
JUMP_NS = 1_000_000_000


class TransformUnavailableError(BadInputError):
    """A transform is not known at the asked time.

    Attributes:
        reason: ``tf_missing`` (no such link), ``tf_future`` (no data that new yet) or ``tf_past`` (too old).
    """

    @property
    def may_come(self) -> bool:
        """Whether waiting can help."""
        return self.reason in ("tf_missing", "tf_future")


class TransformBuffer(Protocol):
    """Where was ``source`` in ``target`` at a time."""

    def lookup(self, target: str, source: str, stamp_ns: int) -> Matrix:
        """(4, 4) ``T_target_source`` at ``stamp_ns``.

        Raises:
            TransformUnavailableError: says which link is missing, too old or not there yet (``may_come``).
        """
        ...

    def clear(self) -> None:
        """Forget moving transforms: time ran back."""
        ...

    def close(self) -> None:
        """Stop listening."""
        ...


def make_transform_buffer(node: Node, keep_s: float = 10.0, counts: Counter[str] | None = None) -> TransformBuffer:
    """tf2's buffer if ``tf2_ros`` is importable, else our own, which counts what it refuses in ``counts``."""
    if importlib.util.find_spec("tf2_ros") is not None:
        return Tf2Buffer(node, keep_s)
    return TopicTransformBuffer(node, keep_s, counts if counts is not None else Counter())


class TopicTransformBuffer:
    """Own listener on ``/tf`` and ``/tf_static``; a link whose stamps jump back clears it."""

    def __init__(self, node: Node, keep_s: float, counts: Counter[str]) -> None:
        self._node = node
        self._tree = TransformTree(keep_ns=int(keep_s * 1e9))
        self._counts = counts
        self._subscriptions = [
            node.create_subscription(TFMessage, "/tf", self._on_tf, qos.tf()),
            node.create_subscription(TFMessage, "/tf_static", self._on_tf_static, qos.tf_static()),
        ]

    def lookup(self, target: str, source: str, stamp_ns: int) -> Matrix:
        """See :class:`TransformBuffer`."""
        if (gap := missing_link(self._tree, target, source)) is not None:
            raise TransformUnavailableError("tf_missing", gap)
        try:
            return self._tree.lookup(target, source, stamp_ns)
        except BadInputError as error:
            frames = [*self._tree.ancestors(source), *self._tree.ancestors(target)]
            newest = [stamp for frame in frames if (stamp := self._tree.newest_ns(frame)) is not None]
            reason = "tf_future" if newest and min(newest) < stamp_ns else "tf_past"
            raise TransformUnavailableError(reason, str(error)) from error

    def clear(self) -> None:
        """See :class:`TransformBuffer`."""
        self._tree.clear()

    def close(self) -> None:
        """See :class:`TransformBuffer`."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions = []

    def _on_tf(self, message: TFMessage) -> None:
        self._insert(message, static=False)

    def _on_tf_static(self, message: TFMessage) -> None:
        self._insert(message, static=True)

    def _insert(self, message: TFMessage, static: bool) -> None:
        try:
            check_limits(message)
        except BadInputError as error:
            self._counts[error.reason] += 1
            return
        for link in message.transforms:
            stamp_ns = nanoseconds(link.header.stamp)
            newest_ns = self._tree.newest_ns(link.child_frame_id)
            if not static and newest_ns is not None and newest_ns - stamp_ns > JUMP_NS:
                self._counts["tf_time_jump"] += 1
                self._tree.clear()
            try:
                T_parent_child = transform_from_message(link.transform)
                self._tree.add(link.header.frame_id, link.child_frame_id, stamp_ns, T_parent_child, static=static)
            except BadInputError as error:
                self._counts["tf_not_finite" if error.reason == "pose_not_finite" else error.reason] += 1


def missing_link(tree: TransformTree, target: str, source: str) -> str | None:
    """Which link is missing between two frames, None if they are joined."""
    above_source, above_target = tree.ancestors(source), tree.ancestors(target)
    if set(above_source) & set(above_target):
        return None
    for name in (source, target):
        if name.lstrip("/") not in tree.frames:
            return f"no transform {target} <- {source}: nobody publishes frame {name}"
    return f"no transform {above_target[-1]} <- {above_source[-1]}"


class Tf2Buffer:
    """tf2's own buffer and listener, callbacks on the node's executor."""

    def __init__(self, node: Node, keep_s: float) -> None:
        self._tf2: Any = importlib.import_module("tf2_ros")
        self._buffer = self._tf2.Buffer(cache_time=Duration(seconds=keep_s))
        self._listener = self._tf2.TransformListener(self._buffer, node, spin_thread=False)

    def lookup(self, target: str, source: str, stamp_ns: int) -> Matrix:
        """See :class:`TransformBuffer`."""
        if stamp_ns == 0:  # tf2 takes it for "the newest", which is not what was asked
            raise TransformUnavailableError("tf_past", "the image carries no stamp (0); let its driver stamp it")
        try:
            found = self._buffer.lookup_transform(target, source, Time(nanoseconds=stamp_ns))
        except self._tf2.ExtrapolationException as error:
            reason = "tf_past" if "past" in str(error) else "tf_future"
            raise TransformUnavailableError(reason, f"transform {target} <- {source}: {error}") from error
        except self._tf2.TransformException as error:
            raise TransformUnavailableError("tf_missing", f"no transform {target} <- {source}: {error}") from error
        return transform_from_message(found.transform)

    def clear(self) -> None:
        """See :class:`TransformBuffer`; tf2 keeps static transforms."""
        self._buffer.clear()

    def close(self) -> None:
        """See :class:`TransformBuffer`."""
        self._listener.unregister()


def send_transforms(publisher: Publisher, links: Iterable[tuple[str, str, int, Matrix]]) -> None:
    """Publish links ``(parent, child, stamp_ns, T_parent_child)`` on a publisher of ``/tf`` or ``/tf_static``."""
    publisher.publish(TFMessage(transforms=[transform_stamped(p, c, time_message(t), T) for p, c, t, T in links]))
