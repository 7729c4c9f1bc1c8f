"""Moves the base: velocities of the explorer's own, or goals for Nav2 and velocities for turning on the spot."""

from __future__ import annotations

from typing import Any

import numpy as np
from geometry_msgs.msg import Twist, TwistStamped
from numpy.typing import NDArray

from memory_agent_ros.exploration.codes import Command, Reason
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.nav2_driver import Nav2Driver
from memory_agent_ros.nodes.node_base import AgentNode

#: What the explorer does by turning on the spot or backing off, which is never left to Nav2.
_OWN_MOTION = (Reason.LOOK_AROUND, Reason.RECOVERY, Reason.STOPPED, Reason.WAITING)


class BaseDriver:
    """Publishes ``cmd_vel`` and has Nav2 drive, if there is one.

    Args:
        node: advertises; counts Nav2's failures.
        nav2: drives to goals; None: the explorer does.
        stamped: publish TwistStamped.
        base_frame: of stamped velocities.
        map_frame: of goals.

    Attributes:
        standing: the last velocity was zero.
    """

    def __init__(
        self, node: AgentNode[Any], nav2: Nav2Driver | None, *, stamped: bool, base_frame: str, map_frame: str
    ) -> None:
        self._node, self._nav2, self._stamped = node, nav2, stamped
        self._base_frame, self._map_frame = base_frame, map_frame
        self._publisher = node.advertise(TwistStamped if stamped else Twist, "cmd_vel", qos.reliable(1))
        self.standing = True

    @property
    def uses_nav2(self) -> bool:
        """Whether Nav2 drives to the goals."""
        return self._nav2 is not None

    @property
    def gone(self) -> bool:
        """Whether Nav2 should drive and is not there."""
        return self._nav2 is not None and not self._nav2.available

    def hear(self, explorer: Explorer) -> None:
        """Tell the explorer how Nav2's last way ended."""
        outcome = self._nav2.outcome(self._now_ns()) if self._nav2 is not None else None
        if outcome is None:
            return
        if outcome.why is None:
            explorer.goal_reached()
            return
        self._node.counts[f"nav2_{outcome.why}"] += 1
        if explorer.goal_failed(outcome.why, outcome.detail):
            self._node.get_logger().warning(f"goal put aside, {outcome.why}: {outcome.detail}")

    def act(self, command: Command, base_xy: NDArray[np.float64], stamp_ns: int) -> None:
        """Do what the explorer says; the base is at (2,) metres in the map frame."""
        if self._nav2 is not None and command.goal_xy is not None and command.reason not in _OWN_MOTION:
            if not self.standing:
                self.drive(0.0, 0.0)  # Nav2 has the base now
            self._nav2.drive_to(command.goal_xy, base_xy, self._map_frame, stamp_ns, self._now_ns())
            return
        if self._nav2 is not None:
            self._nav2.stop()
        self.drive(command.linear_mps, command.angular_rps)

    def stop(self) -> None:
        """Stand still, if the base does not; Nav2's goal is cancelled."""
        if self._nav2 is not None:
            self._nav2.stop()
        if not self.standing:
            self.drive(0.0, 0.0)

    def drive(self, linear_mps: float, angular_rps: float) -> None:
        """Publish a velocity."""
        self.standing = linear_mps == 0 and angular_rps == 0
        twist = Twist()
        twist.linear.x, twist.angular.z = float(linear_mps), float(angular_rps)
        if not self._stamped:
            self._publisher.publish(twist)
            return
        stamped = TwistStamped(twist=twist)
        stamped.header.stamp, stamped.header.frame_id = self._node.get_clock().now().to_msg(), self._base_frame
        self._publisher.publish(stamped)

    def destroy(self) -> None:
        """Withdraw Nav2's client."""
        if self._nav2 is not None:
            self._nav2.destroy()

    def _now_ns(self) -> int:
        return int(self._node.steady_clock.now().nanoseconds)
