"""Why nothing arrives on a topic."""

from __future__ import annotations

from rclpy.clock import Clock
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.subscription import Subscription

from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.diagnostics import RateMeter

#: Discovery takes a moment: nothing is reported for so long after subscribing, seconds.
GRACE_S = 0.5


class TopicWatch:
    """Watches one subscription: publishers present, QoS compatible, data flowing."""

    def __init__(self, node: Node, profile: QoSProfile, silence_s: float, clock: Clock) -> None:
        self.subscription: Subscription
        self._node = node
        self._profile = profile
        self._silence_s = silence_s
        self._clock = clock
        self._created_ns = clock.now().nanoseconds
        self._last_ns: int | None = None
        self._rate = RateMeter()

    def received(self) -> None:
        """A message arrived."""
        self._last_ns = self._clock.now().nanoseconds
        self._rate.tick(self._last_ns)

    def rate_hz(self) -> float:
        """Messages per second over the last five seconds."""
        return self._rate.hz(self._clock.now().nanoseconds)

    def problem(self) -> str | None:
        """A sentence that names the topic and the cause, or None while data flows."""
        now_ns = self._clock.now().nanoseconds
        if self._last_ns is not None and now_ns - self._last_ns <= self._silence_s * 1e9:
            return None
        waited_s = (now_ns - self._created_ns) / 1e9
        if waited_s < GRACE_S:
            return None
        topic = self.subscription.topic_name
        publishers = self._node.get_publishers_info_by_topic(topic)
        if not publishers:
            return f"topic {topic}: no publisher"
        reasons = {
            f"{info.node_namespace.rstrip('/')}/{info.node_name}": qos.mismatch(info.qos_profile, self._profile)
            for info in publishers
        }
        bad = [f"publisher {name} has incompatible QoS ({reason})" for name, reason in reasons.items() if reason]
        if len(bad) == len(publishers):
            return f"topic {topic}: " + "; ".join(bad)
        if self._last_ns is None:
            return f"topic {topic}: no message yet after {waited_s:.1f} s ({len(publishers)} publisher)"
        return f"topic {topic}: silent for {(now_ns - self._last_ns) / 1e9:.1f} s"
