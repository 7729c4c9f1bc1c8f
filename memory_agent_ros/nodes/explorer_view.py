"""What the explorer publishes for people and recorders: floor plan, frontiers, path, candidates, choices."""

from __future__ import annotations

from typing import Any

import numpy as np
from nav_msgs.msg import OccupancyGrid, Path
from numpy.typing import NDArray
from visualization_msgs.msg import MarkerArray

from memory_agent_msgs.msg import ExplorationDecision
from memory_agent_ros.exploration.explorer import Explorer
from memory_agent_ros.nodes import explorer_messages, qos
from memory_agent_ros.nodes.conversions import time_message
from memory_agent_ros.nodes.decision_messages import decision_message
from memory_agent_ros.nodes.markers import marker_array
from memory_agent_ros.nodes.node_base import AgentNode
from memory_agent_ros.viz.decision_markers import decision_markers


class ExplorerView:
    """The publishers.

    Args:
        node: advertises them, until cleanup.
        frame_id: map frame.

    Attributes:
        decision: the newest choice of the run as a message, None before the first.
    """

    def __init__(self, node: AgentNode[Any], frame_id: str) -> None:
        self._frame_id = frame_id
        self._map = node.advertise(OccupancyGrid, "explorer/map", qos.latched())
        self._frontiers = node.advertise(MarkerArray, "explorer/frontiers", qos.latched())
        self._path = node.advertise(Path, "explorer/path", qos.latched())
        self._candidates = node.advertise(MarkerArray, "explorer/candidates", qos.latched())
        self._decisions = node.advertise(ExplorationDecision, "explorer/decisions", qos.latched(10))
        self.decision: ExplorationDecision | None = None

    def begin_run(self) -> None:
        """Forget the choices of the last run."""
        self.decision = None

    def tell(self, explorer: Explorer) -> None:
        """Publish the choices that were made since the last call."""
        told = 0 if self.decision is None else self.decision.number
        for number, decision in enumerate(explorer.decisions[told:], start=told + 1):
            self.decision = decision_message(decision, number, self._frame_id)
            self._decisions.publish(self.decision)

    def show(self, explorer: Explorer, goal_xy: NDArray[np.float64] | None, stamp_ns: int) -> None:
        """Publish everything for RViz."""
        frame, grid = self._frame_id, explorer.grid
        self._map.publish(explorer_messages.grid_message(grid, frame, stamp_ns))
        self._path.publish(explorer_messages.path_message(explorer.path, frame, stamp_ns))
        self._frontiers.publish(
            explorer_messages.frontier_markers(explorer.frontiers, grid, goal_xy, frame, stamp_ns),
        )
        aside = [(goal.goal_xy, str(goal.why)) for goal in explorer.abandoned]
        decision = explorer.decisions[-1] if explorer.decisions else None
        markers = decision_markers(decision, explorer.path, aside)
        self._candidates.publish(marker_array(markers, frame, time_message(stamp_ns)))
