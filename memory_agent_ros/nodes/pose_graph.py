"""The map is corrected: new poses of keyframes, or a jump of ``map -> odom``, become new poses of the memory's anchors.

Two sources. A SLAM system that publishes its pose graph (``nav_msgs/Path``, one stamped pose per keyframe in the map
frame, latched) says exactly where each keyframe went. Without one, a jump of ``map -> odom`` says only where the robot
is now; then we assume that the error grew evenly with the way driven since the last correction: anchors laid since then
get their share of the jump, earlier ones stay.

Between a jump and the message that explains it, images are told in one map and remembered in another: they are refused
with the reason ``map_inconsistent``.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from nav_msgs.msg import Path
from scipy.spatial.transform import Rotation

from memory_agent_ros.geometry.se3 import Matrix, inverse
from memory_agent_ros.memory.anchors.corrections import inverses
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.nodes.conversions import matrix_from_pose, nanoseconds
from memory_agent_ros.nodes.parameters import parameter
from memory_agent_ros.nodes.pose_history import PoseHistory
from memory_agent_ros.nodes.tf import TransformBuffer, TransformUnavailableError
from memory_agent_ros.records.anchor import AnchorPose
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind, MemoryEvent

_LONG_AGO_NS = -(1 << 62)


@dataclass(frozen=True)
class MapCorrectionConfig:
    """Parameters of how corrections of the map are followed."""

    source: str = parameter(
        "auto",
        "What tells that the map was corrected; auto: the pose graph if one is published, else jumps of map -> odom.",
        choices=("auto", "pose_graph", "jumps", "off"),
    )
    pose_graph_topic: str = parameter("pose_graph", "nav_msgs/Path with one stamped pose per keyframe, map frame.")
    pose_graph_frame: str = parameter(
        "base_link", "Frame whose poses the pose graph holds: the robot's base, or the camera's optical frame."
    )
    odom_frame: str = parameter("odom", "Frame of the odometry, child of the map frame in TF.")
    map_jump_m: float = parameter(
        0.15, "A correction that moves the robot or an anchor by more is followed, metres.", minimum=0.01, maximum=10.0
    )
    map_jump_deg: float = parameter(
        3.0, "A correction that turns the robot or an anchor by more is followed, degrees.", minimum=0.1, maximum=180.0
    )
    map_settle_s: float = parameter(
        2.0,
        "Seconds to wait after a jump of map -> odom for the pose graph that explains it; then the jump alone counts.",
        minimum=0.0,
        maximum=60.0,
    )


class MapFollower:
    """Keeps a memory's anchors in step with the map. Call :meth:`admit` before each frame is remembered.

    Args:
        config: see :class:`MapCorrectionConfig`.
        map_frame: frame of the memory.
        buffer: TF.
        counts: refusals and corrections are counted here.
        publish: is told the events of each correction.

    Attributes:
        last: the last correction in words, "" before the first.
    """

    def __init__(
        self,
        config: MapCorrectionConfig,
        map_frame: str,
        buffer: TransformBuffer,
        counts: Counter[str],
        publish: Callable[[list[MemoryEvent]], None],
    ) -> None:
        self.config = config
        self.last = ""
        self._map_frame = map_frame
        self._buffer = buffer
        self._counts = counts
        self._publish = publish
        self._history = PoseHistory()
        self._camera_frame = ""
        self._graph: Path | None = None  # arrived, not applied yet
        self._has_graph = False
        self._T_map_odom: Matrix | None = None
        self._jump: tuple[int, Matrix] | None = None  # seen, not followed yet
        self._last_jump_ns = _LONG_AGO_NS
        self._promised_ns = _LONG_AGO_NS  # the pose graph has moved the robot: map -> odom must follow until then
        self._began_ns: int | None = None  # anchors up to here are of earlier sessions
        self._corrected_ns = _LONG_AGO_NS  # anchors up to here took part in a correction already

    def admit(self, memory: SpatialMemory, stamp_ns: int, T_map_camera: Matrix, camera_frame: str) -> None:
        """Follow the map up to a frame that is about to be remembered.

        Raises:
            BadInputError: ``map_inconsistent``: the frame is told in another revision of the map than the memory is in.
        """
        if self.config.source == "off":
            return
        self._camera_frame = camera_frame
        if self._began_ns is None:
            self._began_ns = _LONG_AGO_NS if memory.last_stamp_ns is None else memory.last_stamp_ns
        self._notice(stamp_ns, T_map_camera)
        self.follow_graph(memory)
        if stamp_ns <= self._promised_ns:
            raise self._inconsistent("the pose graph was corrected, map -> odom is not yet")
        if self._jump is not None:
            if self._waits_for_graph(stamp_ns):
                raise self._inconsistent("map -> odom jumped, the corrected pose graph is not here yet")
            self._distribute(memory)
        self._history.add(stamp_ns, T_map_camera)

    def take_graph(self, message: Path) -> None:
        """Keep a pose graph for :meth:`follow_graph`.

        Raises:
            BadInputError: ``pose_graph_frame`` in another frame, ``pose_graph_order`` stamps do not rise.
        """
        if message.header.frame_id.lstrip("/") != self._map_frame:
            raise BadInputError(
                "pose_graph_frame",
                f"the pose graph is in frame {message.header.frame_id!r}, the memory in {self._map_frame!r}",
            )
        stamps = [nanoseconds(p.header.stamp) for p in message.poses]
        if any(b <= a for a, b in itertools.pairwise(stamps)):
            raise BadInputError("pose_graph_order", "stamps of the pose graph must rise from pose to pose")
        self._has_graph = True
        self._graph = message if stamps else None

    def follow_graph(self, memory: SpatialMemory) -> None:
        """Apply the newest pose graph if it says something new."""
        message, anchors = self._graph, memory.anchor_poses()
        if message is None or not anchors or not self._camera_frame or self.config.source not in ("auto", "pose_graph"):
            return
        stamps = np.array([nanoseconds(p.header.stamp) for p in message.poses], dtype=np.int64)
        try:
            nodes = np.stack([matrix_from_pose(p.pose) for p in message.poses]) @ self._T_node_camera(int(stamps[-1]))
        except TransformUnavailableError:
            self._counts["pose_graph_no_transform"] += 1
            return
        self._graph = None
        history = self._history.with_anchors(anchors)
        C = nodes @ inverses(history.at(stamps))
        wanted = self._pinned(anchors, history.moved(stamps, C), int(stamps[0]))
        if not self._reanchor(memory, anchors, wanted, "pose graph"):
            return
        self._history.correct(stamps, C)
        if self._jump is not None and self._jump[0] <= int(stamps[-1]) + self._settle_ns:
            self._jump = None  # this graph explains it
        elif self._last_jump_ns < int(stamps[-1]) and self._exceeds(C[-1], nodes[-1]) and self._T_map_odom is not None:
            self._promised_ns = int(stamps[-1]) + self._settle_ns

    def _T_node_camera(self, stamp_ns: int) -> Matrix:  # noqa: N802
        frame = self.config.pose_graph_frame
        return np.eye(4) if frame == self._camera_frame else self._buffer.lookup(frame, self._camera_frame, stamp_ns)

    def _pinned(
        self, anchors: Mapping[int, AnchorPose], moved: Mapping[int, Matrix], first_ns: int
    ) -> dict[int, Matrix]:
        """Anchors of earlier sessions of which the graph does not speak stay where they are."""
        began = _LONG_AGO_NS if self._began_ns is None else self._began_ns
        stay = {i: a.T_map_camera for i, a in anchors.items()}
        spoken_of = {i: a for i, a in anchors.items() if a.stamp_ns > min(began, first_ns - 1)}
        return stay | {i: moved[a.stamp_ns] for i, a in spoken_of.items() if a.stamp_ns in moved}

    # Jumps.

    def _notice(self, stamp_ns: int, T_map_camera: Matrix) -> None:
        """Compare ``map -> odom`` at this frame with that at the last one."""
        try:
            now = self._buffer.lookup(self._map_frame, self.config.odom_frame, stamp_ns)
        except TransformUnavailableError:
            self._counts["map_odom_unknown"] += 1
            return
        before, self._T_map_odom = self._T_map_odom, now
        if before is None:
            return
        C = now @ inverse(before)
        if not self._exceeds(C, inverse(C) @ T_map_camera):
            return
        self._counts["map_jumps"] += 1
        self._last_jump_ns = stamp_ns
        if stamp_ns <= self._promised_ns:
            self._promised_ns = _LONG_AGO_NS  # the pose graph came first and has explained it
            return
        self._jump = (stamp_ns, C if self._jump is None else C @ self._jump[1])

    def _waits_for_graph(self, stamp_ns: int) -> bool:
        if self._jump is None or self.config.source == "jumps":
            return False
        expected = self.config.source == "pose_graph" or self._has_graph
        return expected and stamp_ns - self._jump[0] <= self._settle_ns

    def _distribute(self, memory: SpatialMemory) -> None:
        """Spread a jump over the way driven since the last correction."""
        anchors, jump, self._jump = memory.anchor_poses(), self._jump, None
        start = max(self._corrected_ns, _LONG_AGO_NS if self._began_ns is None else self._began_ns)
        ends = self._history.ends(start)
        if jump is None or not anchors or ends is None:
            return
        C = np.stack([np.eye(4), jump[1]])
        history = self._history.with_anchors(anchors)
        moved = history.moved_by_way(ends, C)
        stay = {i: a.T_map_camera for i, a in anchors.items()}
        wanted = stay | {i: moved[a.stamp_ns] for i, a in anchors.items() if a.stamp_ns > start and a.stamp_ns in moved}
        if self._reanchor(memory, anchors, wanted, "jump of map -> odom"):
            self._history.correct_by_way(ends, C)

    # Both.

    def _reanchor(
        self, memory: SpatialMemory, anchors: Mapping[int, AnchorPose], wanted: Mapping[int, Matrix], source: str
    ) -> bool:
        changes = ((wanted[i] @ inverse(a.T_map_camera), a.T_map_camera) for i, a in anchors.items())
        if not any(self._exceeds(C, T) for C, T in changes):
            return False
        events = memory.reanchor(wanted, memory.map_revision + 1)
        self._corrected_ns = max(a.stamp_ns for a in anchors.values())
        self._counts["map_corrections"] += 1
        self._counts["merged_by_correction"] += sum(e.kind is EventKind.MERGED for e in events)
        self.last = f"{source}: {events[-1].detail}"
        self._publish(events)
        return True

    def _exceeds(self, C: Matrix, T: Matrix) -> bool:
        """Whether a correction moves or turns what is at a pose by more than the thresholds."""
        moved = float(np.linalg.norm((C @ T)[:3, 3] - T[:3, 3]))
        turned = float(np.rad2deg(Rotation.from_matrix(C[:3, :3]).magnitude()))
        return moved > self.config.map_jump_m or turned > self.config.map_jump_deg

    @property
    def _settle_ns(self) -> int:
        return int(self.config.map_settle_s * 1e9)

    def _inconsistent(self, why: str) -> BadInputError:
        self._counts["frames_inconsistent"] += 1
        return BadInputError("map_inconsistent", f"{why}; the frame is not remembered")
