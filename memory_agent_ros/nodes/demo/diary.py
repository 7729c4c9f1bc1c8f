"""What the demo's client saw on the way, kept for the report. No ROS in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.pinhole import project_map
from memory_agent_ros.nodes.demo.world import Sightings
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.decision import Decision
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.viz.scene import FloorMap


@dataclass(frozen=True, eq=False)
class Seen:
    """One detection in a snapshot: label, box centre (3,) in the map, pixel box (4,)."""

    label: str
    center: NDArray[np.float64]
    box_xyxy: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A picture on the way: where it was taken, what was detected in it, and its (coarser) depth in metres."""

    stamp_ns: int
    camera: Camera
    T_map_camera: NDArray[np.float64]
    jpeg: bytes
    depth_m: NDArray[np.float32]
    seen: tuple[Seen, ...] = ()

    def best_of(self, label: str, place: NDArray[np.float64], within_m: float) -> Seen | None:
        """The detection of a label nearest to a place, if it is near enough."""
        near = [s for s in self.seen if s.label == label and np.linalg.norm(s.center - place) <= within_m]
        return min(near, key=lambda s: float(np.linalg.norm(s.center - place)), default=None)

    def looks_through(self, place: NDArray[np.float64], maximum_m: float = 4.0) -> NDArray[np.float64] | None:
        """(2,) pixel of a map point that is in view with nothing in front of it, or None."""
        pixels, z = project_map(self.camera.K, self.T_map_camera, place[None])
        u, v = pixels[0]
        inside = (
            0.1 * self.camera.width < u < 0.9 * self.camera.width
            and 0.1 * self.camera.height < v < 0.9 * self.camera.height
        )
        if not (inside and 0.4 < z[0] < maximum_m):
            return None
        row = int(v * self.depth_m.shape[0] / self.camera.height)
        column = int(u * self.depth_m.shape[1] / self.camera.width)
        return pixels[0] if self.depth_m[row, column] > z[0] - 0.1 else None


@dataclass
class Diary:
    """Filled by the client's one executor thread, read when that has stopped (single values also before).

    Attributes:
        now_ns: newest simulated time.
        frames: frames the perception has worked off.
        poses: stamp and (x, y, yaw) of the base.
        decisions: choices of the explorer's policy, in their order.
        floors, frontiers: stamp and floor plan or frontier cells, about one a simulated second.
    """

    now_ns: int = 0
    frames: int = 0
    events: list[MemoryEvent] = field(default_factory=list)
    pictures: list[Snapshot] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    poses: list[tuple[int, float, float, float]] = field(default_factory=list)
    floors: list[tuple[int, FloorMap]] = field(default_factory=list)
    frontiers: list[tuple[int, NDArray[np.float64]]] = field(default_factory=list)
    sightings: Sightings = field(default_factory=Sightings)

    def add_event(self, event: MemoryEvent) -> None:
        """Keep an event; updates are not worth keeping."""
        if event.kind is not EventKind.UPDATED:
            self.events.append(event)

    def add_picture(self, snapshot: Snapshot) -> None:
        """Keep a picture for the film and the report."""
        self.pictures.append(snapshot)

    def add_pose(self, stamp_ns: int, T_map_base: NDArray[np.float64]) -> None:
        """Keep where the base was."""
        self.now_ns = max(self.now_ns, stamp_ns)
        yaw = float(np.arctan2(T_map_base[1, 0], T_map_base[0, 0]))
        self.poses.append((stamp_ns, float(T_map_base[0, 3]), float(T_map_base[1, 3]), yaw))

    def add_floor(self, stamp_ns: int, floor: FloorMap) -> None:
        """Keep a floor plan, not more than one a simulated second."""
        if not self.floors or stamp_ns - self.floors[-1][0] >= 1_000_000_000:
            self.floors.append((stamp_ns, floor))
        else:
            self.floors[-1] = (self.floors[-1][0], floor)

    def add_frontiers(self, stamp_ns: int, frontiers_xy: NDArray[np.float64]) -> None:
        """Keep frontier cells, not more than once a simulated second."""
        if not self.frontiers or stamp_ns - self.frontiers[-1][0] >= 1_000_000_000:
            self.frontiers.append((stamp_ns, frontiers_xy))

    def path_xy(self, until_ns: int | None = None) -> NDArray[np.float64]:
        """(N, 2) way of the base up to a time."""
        rows = [(x, y) for stamp, x, y, _ in self.poses if until_ns is None or stamp <= until_ns]
        return np.array(rows).reshape(-1, 2)

    def pose_at(self, stamp_ns: int) -> tuple[float, float, float] | None:
        """(x, y, yaw) at the newest pose not after a time."""
        earlier = [p for p in self.poses if p[0] <= stamp_ns]
        return earlier[-1][1:] if earlier else None

    def floor_at(self, stamp_ns: int) -> FloorMap | None:
        """The newest floor plan not after a time."""
        return next((floor for stamp, floor in reversed(self.floors) if stamp <= stamp_ns), None)

    def known(self) -> int:
        """How many objects have been added and not gone or merged away."""
        count = 0
        for event in list(self.events):
            count += event.kind is EventKind.ADDED
            count -= event.kind in (EventKind.GONE, EventKind.MERGED, EventKind.FORGOTTEN)
        return count
