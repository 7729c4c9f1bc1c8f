"""Observations in; a memory that lasts, its events, pictures for RViz and services out.

The map file named by ``map_path`` is opened (or created) at configure and closed at cleanup, shutdown or error. Every
frame is committed before its events are published, so a node that is killed loses at most the frame it was working on
and goes on with the same map when it is started again. A second node on the same file is refused.

When the map itself is corrected, by a pose graph or by a jump of ``map -> odom``, the memory moves with it
(:mod:`pose_graph`).

After each ``ObservationArray``, used or refused, its header is published on ``memory/frame_done``: whoever feeds frames
may hold back the next one until then.
"""

from __future__ import annotations

import pathlib
import sys
import time
from dataclasses import dataclass, field

from builtin_interfaces.msg import Time
from nav_msgs.msg import Path
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from memory_agent_msgs.msg import MemoryEvent as MemoryEventMessage
from memory_agent_msgs.msg import ObservationArray
from memory_agent_ros.adapters.erasure import watch_adapters
from memory_agent_ros.geometry.se3 import yaw_of
from memory_agent_ros.memory.association.plausible import frame_fault
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.retention import RetentionConfig, retain
from memory_agent_ros.memory.sessions.session import Session
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.stores import is_on_server
from memory_agent_ros.nodes import qos
from memory_agent_ros.nodes.conversions import event_message, time_message
from memory_agent_ros.nodes.diagnostics import Timing
from memory_agent_ros.nodes.markers import marker_array, point_cloud
from memory_agent_ros.nodes.node_base import AgentNode, run_node
from memory_agent_ros.nodes.observation_frames import frame_from_observation_array
from memory_agent_ros.nodes.parameters import parameter
from memory_agent_ros.nodes.pose_graph import MapCorrectionConfig, MapFollower
from memory_agent_ros.nodes.service_offer import ServicesConfig, offer_services
from memory_agent_ros.nodes.tf import make_transform_buffer
from memory_agent_ros.nodes.trust_services import forgotten_events
from memory_agent_ros.perception.factory import make_text_embedder
from memory_agent_ros.records.errors import BadInputError, MemoryAgentError, StoreError
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.map_object import ObjectState
from memory_agent_ros.viz.layer_markers import (
    anchor_markers,
    expected_markers,
    fingerprint,
    relation_markers,
    room_markers,
    trail_markers,
)
from memory_agent_ros.viz.markers import colored_points, object_markers
from memory_agent_ros.viz.trails import trails_of


@dataclass(frozen=True)
class MemoryNodeConfig:
    """Parameters of the memory node."""

    map_path: str = parameter(
        "", "Map file, or postgresql://host/database?map=NAME, to open or create; empty keeps it in RAM only."
    )
    text_embedder: str = parameter("minilm", "Meaning of free-text questions.", choices=("minilm", "none"))
    map_frame: str = parameter("map", "World frame of the map; observations in another frame are refused.")
    session_start: str = parameter(
        "continue",
        "How a stored map is gone on with: continue in its frame, or relocalise: the frame is new, and the map is "
        "left alone until the robot's place in it is found from the objects it sees. Corrections of the map frame are "
        "then not followed.",
        choices=("continue", "relocalise"),
    )
    queue_depth: int = parameter(10, "ObservationArrays that may wait.", minimum=1, maximum=1000)
    marker_period_s: float = parameter(
        0.5, "Shortest time between two updates of memory/markers, wall seconds.", minimum=0.05, maximum=60.0
    )
    points_period_s: float = parameter(
        2.0, "Shortest time between two updates of memory/points, wall seconds.", minimum=0.1, maximum=600.0
    )
    structure_period_s: float = parameter(
        3.0, "Shortest time between two looks at memory/structure, wall seconds.", minimum=0.1, maximum=600.0
    )
    memory: MemoryConfig = field(default_factory=MemoryConfig)
    map_correction: MapCorrectionConfig = field(default_factory=MapCorrectionConfig)
    services: ServicesConfig = field(default_factory=ServicesConfig)
    retention: RetentionConfig = field(default_factory=RetentionConfig)


class MemoryNode(AgentNode[MemoryNodeConfig]):
    """See the module's docstring."""

    node_name = "memory_node"
    config_class = MemoryNodeConfig

    def setup(self) -> None:
        """Open the map, advertise, offer the services."""
        self._embedder = make_text_embedder(self.config.text_embedder)
        self._memory: SpatialMemory | None = self._open(self.config.map_path)
        self._session = self._begin_session()
        self._events = self.advertise(MemoryEventMessage, "memory/events", qos.reliable(100))
        self._markers = self.advertise(MarkerArray, "memory/markers", qos.latched())
        self._points = self.advertise(PointCloud2, "memory/points", qos.latched())
        self._structure = self.advertise(MarkerArray, "memory/structure", qos.latched())
        self._expected = self.advertise(MarkerArray, "memory/expected", qos.latched())
        self._frame_done = self.advertise(Header, "memory/frame_done", qos.reliable(50))
        offer_services(self, self.config.services, self.serve)
        self._timings = {name: Timing() for name in ("decode", "observe", "array")}
        self._refusal = ""
        self._follower: MapFollower | None = None
        self._structure_shown: int | None = None
        self._markers_due = self._points_due = self._structure_due = True
        problems = self.memory.verify()
        if problems:
            self.get_logger().error(f"the map has {len(problems)} problem(s), first: {problems[0]}")
        self.get_logger().info(f"map {self.memory.place}: {len(self.memory.objects())} objects")

    def start(self) -> None:
        """Subscribe to observations."""
        depth = self.config.queue_depth
        self.subscribe(
            ObservationArray,
            "observations",
            self._on_observations,
            qos.reliable(depth),
            silence_s=5.0,
            on_refusal=lambda message: self._frame_done.publish(message.header),
        )
        self._follow_map()
        self.waiting.add("refused", lambda: f"observations are refused: {self._refusal}" if self._refusal else None)
        self.waiting.add("session", lambda: (self._session.waiting_for if self._session else "") or None)
        self.every(self.config.marker_period_s, self._show_markers, clock=self.steady_clock)
        self.every(self.config.points_period_s, self._show_points, clock=self.steady_clock)
        self.every(self.config.structure_period_s, self._show_structure, clock=self.steady_clock)
        if not self.config.retention.keeps_everything:
            self._retain()
            self.every(self.config.retention.period_s, self._retain, clock=self.steady_clock)

    def _follow_map(self) -> None:
        """Listen to what corrects the map."""
        config = self.config.map_correction
        self._buffer = make_transform_buffer(self, counts=self.counts)
        self._follower = MapFollower(config, self.config.map_frame, self._buffer, self.counts, self.publish_events)
        if config.source in ("auto", "pose_graph"):
            self.subscribe(Path, config.pose_graph_topic, self._on_pose_graph, qos.latched(), required=False)

    def stop(self) -> None:
        """Flush the map."""
        self._buffer.close()
        if self.memory.path is not None:
            self.memory.save()

    def teardown(self) -> None:
        """Close the map."""
        memory = getattr(self, "_memory", None)
        self._memory = None
        if memory is not None:
            memory.close()

    @property
    def memory(self) -> SpatialMemory:
        """The open memory.

        Raises:
            StoreError: the node is not configured.
        """
        if self._memory is None:
            raise StoreError("no map is open; configure the memory node first")
        return self._memory

    def load(self, path: str) -> SpatialMemory:
        """Open another map and close this one; on failure this one stays open."""
        current = self.memory
        try:
            wanted = pathlib.Path(path).expanduser()
            if current.path is not None and wanted.exists() and wanted.samefile(current.path):
                return current
            there = wanted.exists()
        except (OSError, ValueError, RuntimeError) as error:  # a name that is none, nobody's home
            raise StoreError(f"{path!r} is no file: {error}") from error
        if not there:
            raise StoreError(f"there is no map file {wanted}; to start a new map set map_path and configure again")
        self._memory = self._open(path)
        self._session = self._begin_session()
        current.close()
        self._markers_due = self._points_due = self._structure_due = True
        return self._memory

    def publish_events(self, events: list[MemoryEvent]) -> None:
        """Publish events and have the pictures redrawn."""
        for event in events:
            self._events.publish(event_message(event, self.config.map_frame))
            self.counts[f"event_{event.kind}"] += 1
        self._markers_due = self._points_due = self._structure_due = True

    def status(self) -> dict[str, object]:
        """Size of the map, timings, last refusal."""
        if getattr(self, "_memory", None) is None:
            return {}
        memory = self.memory
        things = memory.objects()
        path = memory.path
        values: dict[str, object] = {f"time {name}": timing.summary() for name, timing in self._timings.items()}
        values["map path"] = memory.place
        values["map size MB"] = 0.0 if path is None else pathlib.Path(path).stat().st_size / 1e6
        values["map revision"] = memory.map_revision
        values["objects present"] = sum(thing.state == ObjectState.PRESENT for thing in things)
        values["objects gone"] = sum(thing.state == ObjectState.GONE for thing in things)
        values.update({f"memory {name}": number for name, number in sorted(memory.stats.items())})
        values |= _trust_status(memory)
        values["last stamp s"] = (memory.last_stamp_ns or 0) / 1e9
        if self._follower is not None and self._follower.last:
            values["last map correction"] = self._follower.last
        if self._session is not None:
            T = self._session.T_map_session
            values["session localised"] = self._session.localised
            values["session in map x y z yaw"] = (
                "unknown" if T is None else " ".join(f"{v:.3f}" for v in (*T[:3, 3].tolist(), yaw_of(T)))
            )
        if self._refusal:
            values["last refusal"] = self._refusal
        return values

    def _begin_session(self) -> Session | None:
        """A session to be found in the open map, if that is asked for."""
        return Session(self.memory) if self.config.session_start == "relocalise" else None

    def _open(self, path: str) -> SpatialMemory:
        place = path if is_on_server(path) else pathlib.Path(path).expanduser() if path else None
        memory = SpatialMemory.open(place, self.config.memory, text_embedder=self._embedder)
        watch_adapters(memory)
        return memory

    def _on_observations(self, message: ObservationArray) -> None:
        started = time.perf_counter()
        try:
            self._remember(message)
            self._refusal = ""
        except MemoryAgentError as error:
            reason = error.reason if isinstance(error, BadInputError) else "store_error"
            self.counts[reason] += 1
            self._refusal = f"{reason}: {error}"
            self.get_logger().warning(f"frame refused, {self._refusal}", throttle_duration_sec=1.0)
        self._timings["array"].add((time.perf_counter() - started) * 1e3)
        self._frame_done.publish(message.header)

    def _on_pose_graph(self, message: Path) -> None:
        if self._session is not None:
            return  # it speaks of the session's frame, not of the map's
        assert self._follower is not None
        try:
            self._follower.take_graph(message)
            self._follower.follow_graph(self.memory)
        except MemoryAgentError as error:
            self.counts[error.reason if isinstance(error, BadInputError) else "store_error"] += 1
            self.get_logger().error(f"pose graph refused: {error}", throttle_duration_sec=5.0)

    def _remember(self, message: ObservationArray) -> None:
        if message.header.frame_id != self.config.map_frame:
            raise BadInputError(
                "unknown_frame",
                f"observations are in frame {message.header.frame_id!r}, the map in {self.config.map_frame!r}; "
                "give perception and memory the same map_frame",
            )
        started = time.perf_counter()
        frame, observations = frame_from_observation_array(message, self.get_clock().now().nanoseconds)
        decoded = time.perf_counter()
        sound = frame_fault(frame) is None  # else the memory refuses it, and it is no part of the way driven
        if sound and self._session is None and self._follower is not None:
            self._follower.admit(self.memory, frame.stamp_ns, frame.T_map_camera, frame.camera_frame_id)
        events = (self._session or self.memory).observe(frame, observations)
        self._timings["decode"].add((decoded - started) * 1e3)
        self._timings["observe"].add((time.perf_counter() - decoded) * 1e3)
        self.counts["frames"] += 1
        self.publish_events(events)

    def _retain(self) -> None:
        """Forget what the retention policy says is due."""
        try:
            receipts = retain(self.memory, self.config.retention, self.get_clock().now().nanoseconds)
        except MemoryAgentError as error:
            self.counts["retention_failed"] += 1
            self.get_logger().error(f"the retention policy could not be applied: {error}", throttle_duration_sec=60.0)
            return
        for receipt in receipts:
            self.counts["retention_erased"] += len(receipt.object_ids)
            self.get_logger().info(f"retention: erased {len(receipt.object_ids)} objects; {receipt.reason}")
            self.publish_events(forgotten_events(self.memory, receipt.object_ids))

    def _show_markers(self) -> None:
        if self._markers_due:
            self._markers_due = False
            objects = self.memory.objects()
            self._markers.publish(marker_array(object_markers(objects), self.config.map_frame, self._stamp()))
            residual = self.memory.last_residual
            boxes = [] if residual is None else expected_markers(residual, objects, self.memory.assignments)
            self._expected.publish(marker_array(boxes, self.config.map_frame, self._stamp()))

    def _show_points(self) -> None:
        if self._points_due:
            self._points_due = False
            points, colors = colored_points(self.memory.objects())
            self._points.publish(point_cloud(points, colors, self.config.map_frame, self._stamp()))

    def _show_structure(self) -> None:
        """Rooms, relations, trails and anchors: while somebody looks, and when they differ from what was sent last."""
        if not (self._structure_due and self._structure.get_subscription_count()):
            return
        self._structure_due = False
        memory = self.memory
        objects = memory.objects()
        markers = [
            *room_markers(memory.rooms()),
            *relation_markers(memory.relations(), objects),
            *trail_markers(trails_of(objects, memory.changes())),
            *anchor_markers(memory.anchor_poses(), objects, memory.object_anchors()),
        ]
        shown = fingerprint(markers)
        if shown != self._structure_shown:
            self._structure_shown = shown
            self._structure.publish(marker_array(markers, self.config.map_frame, self._stamp()))

    def _stamp(self) -> Time:
        return time_message(self.memory.last_stamp_ns or 0)


def _trust_status(memory: SpatialMemory) -> dict[str, object]:
    """What was let in, refused and held back, and the source that is believed least; reasons are among the counts."""
    stats, sources = memory.stats, memory.sources
    refused = sum(n for name, n in stats.items() if name.startswith("refused."))
    values: dict[str, object] = {"images admitted": stats.get("frames_accepted", 0), "images refused": refused}
    held = memory.quarantine_counts()
    values["in quarantine"] = sum(held.values())
    values.update({f"in quarantine {reason}": number for reason, number in held.items()})
    values["sources"] = len(sources)
    if sources:
        least = min(sources, key=lambda s: s.trust)
        values["least trusted source"] = f"{least.source}: {least.trust:.2f}{', not believed' * least.quarantined}"
    return values


def main() -> None:
    """Entry point of ``memory_node``."""
    sys.exit(run_node(MemoryNode))


if __name__ == "__main__":
    main()
