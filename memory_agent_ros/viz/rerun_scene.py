"""A Rerun recording of a map: pictures, object boxes over time, rooms, relations, trails, anchors, path, events.

Everything lies on the timeline ``stamp`` (the robot's clock): dragging the time shows the map as it was believed then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from memory_agent_ros.records.anchor import AnchorPose
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import MissingExtraError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.relation import Relation
from memory_agent_ros.records.room import Room
from memory_agent_ros.viz.scene import GONE_COLOR, FloorMap, ScenePoints, object_color
from memory_agent_ros.viz.trails import Trail, trails_of

try:
    import rerun as rr
    import rerun.blueprint as rrb

    from memory_agent_ros.viz import rerun_layers
except ImportError as error:  # pragma: no cover - needs an environment without the extra
    raise MissingExtraError("Rerun files need rerun-sdk: pip install 'memory_agent_ros[viz]'") from error

#: In how many steps anchors appear at most; each holds all before it.
_ANCHOR_STEPS = 50
_LEVELS = {EventKind.GONE: "WARN", EventKind.MOVED: "WARN"}


class RerunScene:
    """Writes one ``.rrd`` file; a context manager.

    Entities: ``world/camera``, ``world/objects/ID``, ``world/path``, ``world/frontiers``, ``world/floor``, ``events``,
    and those of :mod:`rerun_layers`: ``world/rooms/ID``, ``world/relations/KIND``, ``world/trails/ID`` and
    ``world/anchors``.
    """

    def __init__(self, path: Path, name: str = "memory_agent_ros") -> None:
        self.path = path
        self._name = name
        self._stream: rr.RecordingStream | None = None

    def __enter__(self) -> RerunScene:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = rr.RecordingStream(self._name)
        self._stream.save(self.path, default_blueprint=_blueprint())
        self._stream.log("world", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None:
            self._stream.flush()
            self._stream.disconnect()
            self._stream = None

    def log_picture(self, stamp_ns: int, camera: Camera, T_map_camera: NDArray[np.float64], jpeg: bytes) -> None:
        """What the camera saw: frustum in the map with the picture in it."""
        stream = self._at(stamp_ns)
        _, quaternion = T_map_camera[:3, 3], Rotation.from_matrix(T_map_camera[:3, :3].copy()).as_quat()
        stream.log(
            "world/camera", rr.Transform3D(translation=T_map_camera[:3, 3], quaternion=rr.Quaternion(xyzw=quaternion))
        )
        pinhole = rr.Pinhole(
            image_from_camera=camera.K, width=camera.width, height=camera.height, camera_xyz=rr.ViewCoordinates.RDF,
            image_plane_distance=0.5,
        )  # fmt: skip
        stream.log("world/camera/image", pinhole)
        stream.log("world/camera/image", rr.EncodedImage(contents=jpeg, media_type="image/jpeg"))

    def log_objects(self, objects: Iterable[MapObject], events: Sequence[MemoryEvent]) -> None:
        """Every object's box over time, from its events: where it was added and moved to, when it turned grey."""
        by_object: dict[int, list[MemoryEvent]] = {}
        for event in events:
            by_object.setdefault(event.object_id, []).append(event)
        for item in objects:
            history = [e for e in by_object.get(item.id, []) if e.kind is not EventKind.UPDATED]
            if not history:
                self._box(item, item.first_seen_ns, item.box.center, item.state is ObjectState.GONE)
            for event in history:
                self._box(item, event.stamp_ns, event.position_m, event.kind is EventKind.GONE)
            moves = [e.stamp_ns for e in history if e.kind is EventKind.MOVED]
            self._points(item, moves[-1] if moves else item.first_seen_ns, object_color(item.label))
            if item.state is ObjectState.GONE and history:
                self._points(item, history[-1].stamp_ns, GONE_COLOR)

    def log_events(self, events: Iterable[MemoryEvent]) -> None:
        """One line of text an event, updates left out; moves as arrows."""
        for event in events:
            if event.kind is EventKind.UPDATED:
                continue
            stream = self._at(event.stamp_ns)
            text = f"{event.kind}: {event.label} #{event.object_id} {event.detail}".strip()
            stream.log("events", rr.TextLog(text, level=_LEVELS.get(event.kind, "INFO")))
            if event.kind is EventKind.MOVED and event.previous_position_m is not None:
                arrow = rr.Arrows3D(
                    origins=[event.previous_position_m], vectors=[event.position_m - event.previous_position_m],
                    colors=[(194, 24, 91)], radii=0.015,
                )  # fmt: skip
                stream.log(f"world/moves/{event.object_id}", arrow)

    def log_path(self, stamps_ns: Sequence[int], path_xy: NDArray[np.float64]) -> None:
        """The way travelled so far at each stamp; (N, 2) metres."""
        step = max(1, len(stamps_ns) // 200)
        for i in range(step, len(stamps_ns), step):
            strip = np.column_stack([path_xy[: i + 1], np.full(i + 1, 0.02)])
            self._at(stamps_ns[i]).log("world/path", rr.LineStrips3D([strip], colors=[(43, 123, 186)], radii=0.015))

    def log_frontiers(self, stamp_ns: int, frontiers_xy: NDArray[np.float64]) -> None:
        """Frontier cells or centres, (N, 2) metres; none clears them."""
        points = np.column_stack([frontiers_xy, np.full(len(frontiers_xy), 0.05)])
        self._at(stamp_ns).log("world/frontiers", rr.Points3D(points, colors=[(242, 142, 43)], radii=0.04))

    def log_floor(self, stamp_ns: int, floor: FloorMap) -> None:
        """Occupied cells as points on the floor."""
        rows, columns = np.nonzero(floor.cells >= 50)
        xy = (np.stack([columns, rows], axis=1) + 0.5) * floor.resolution_m + floor.origin_xy
        points = np.column_stack([xy, np.zeros(len(xy))])
        self._at(stamp_ns).log(
            "world/floor", rr.Points3D(points, colors=[(92, 102, 117)], radii=floor.resolution_m / 2)
        )

    def log_points(self, points: ScenePoints) -> None:
        """Coloured surroundings, shown all the time."""
        assert self._stream is not None
        self._stream.log("world/scene", rr.Points3D(points.points_map, colors=points.rgb, radii=0.01), static=True)

    def log_rooms(self, rooms: Sequence[Room]) -> None:
        """Outlines, names and doors, shown all the time."""
        assert self._stream is not None
        rerun_layers.log_rooms(self._stream, rooms)

    def log_relations(self, stamp_ns: int, relations: Sequence[Relation], objects: Sequence[MapObject]) -> None:
        """Lines between things, from the time on at which the relations hold."""
        rerun_layers.log_relations(self._at(stamp_ns), relations, objects)

    def log_trails(self, trails: Iterable[Trail]) -> None:
        """The way of each thing that moved, as far as it was known at each time."""
        for trail in trails:
            for known in range(2, len(trail.stamps_ns) + 1):
                rerun_layers.log_trail(self._at(int(trail.stamps_ns[known - 1])), trail, known)

    def log_anchors(self, anchors: Iterable[AnchorPose]) -> None:
        """The poses that all geometry hangs on, as they came to be known."""
        ordered = sorted(anchors, key=lambda a: a.stamp_ns)
        at = np.array([a.T_map_camera[:3, 3] for a in ordered]).reshape(-1, 3)
        step = max(1, len(ordered) // _ANCHOR_STEPS)
        for known in sorted({*range(step, len(ordered), step), len(ordered)} - {0}):
            rerun_layers.log_anchors(self._at(ordered[known - 1].stamp_ns), at[:known])

    def _box(self, item: MapObject, stamp_ns: int, center: NDArray[np.float64], gone: bool) -> None:
        color = _rgb(GONE_COLOR if gone else object_color(item.label))
        axis = rr.RotationAxisAngle(axis=(0, 0, 1), radians=item.box.yaw)
        boxes = rr.Boxes3D(
            centers=[center], half_sizes=[np.maximum(item.box.size, 0.02) / 2], rotation_axis_angles=[axis],
            colors=[color], labels=[f"{item.label} (gone)" if gone else item.label], show_labels=True, radii=0.006,
        )  # fmt: skip
        self._at(stamp_ns).log(f"world/objects/{item.id}", boxes)

    def _points(self, item: MapObject, stamp_ns: int, color: str) -> None:
        points = rr.Points3D(item.points_map, colors=[_rgb(color)], radii=0.008)
        self._at(stamp_ns).log(f"world/objects/{item.id}/points", points)

    def _at(self, stamp_ns: int) -> rr.RecordingStream:
        assert self._stream is not None, "use RerunScene as a context manager"
        self._stream.set_time("stamp", duration=np.timedelta64(int(stamp_ns), "ns"))
        return self._stream


@dataclass(frozen=True, eq=False)
class RerunLayers:
    """What of a map a recording shows besides objects: rooms, anchors, and the relations that hold at ``stamp_ns``."""

    rooms: Sequence[Room] = ()
    relations: Sequence[Relation] = ()
    anchors: Sequence[AnchorPose] = ()
    stamp_ns: int = 0


def write_rerun(
    path: Path,
    objects: Sequence[MapObject],
    keyframes: Iterable[Keyframe],
    events: Sequence[MemoryEvent],
    points: ScenePoints | None = None,
    layers: RerunLayers | None = None,
) -> Path:
    """The recording of a stored map: pictures, objects and their trails over time, events; returns its path."""
    with RerunScene(path) as scene:
        for keyframe in keyframes:
            scene.log_picture(keyframe.stamp_ns, keyframe.camera, keyframe.T_map_camera, keyframe.jpeg)
        scene.log_objects(objects, events)
        scene.log_events(events)
        scene.log_trails(trails_of(objects, events))
        if layers is not None:
            scene.log_rooms(layers.rooms)
            scene.log_relations(layers.stamp_ns, layers.relations, objects)
            scene.log_anchors(layers.anchors)
        if points is not None:
            scene.log_points(points)
    return path


def _rgb(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _blueprint() -> rrb.Blueprint:
    return rrb.Blueprint(
        rrb.Horizontal(
            rrb.Spatial3DView(origin="world", name="map"),
            rrb.Vertical(
                rrb.Spatial2DView(origin="world/camera/image", name="camera"),
                rrb.TextLogView(origin="events", name="events"),
            ),
            column_shares=[3, 2],
        ),
        collapse_panels=True,
    )
