"""What the file remembers and working memory does not: observations as evidence, events, pictures."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from memory_agent_ros.geometry.se3 import inverse, quaternion_from_yaw
from memory_agent_ros.memory.presence.looks import LookRecord
from memory_agent_ros.memory.storage.damage import told_as_damage
from memory_agent_ros.memory.storage.sealing import open_rows
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.views.keyframe_book import StoredView
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.evidence import Evidence
from memory_agent_ros.records.keyframe import Keyframe
from memory_agent_ros.records.pose import Pose
from memory_agent_ros.records.sighting import Sighting

_EVIDENCE = """
SELECT o.id, o.keyframe_id, o.stamp_ns, o.x, o.y, o.z, o.yaw, o.x0, o.y0, o.x1, o.y1, o.score,
       k.frame_id, k.map_revision, k.pose
FROM observations o JOIN keyframes k ON k.id = o.keyframe_id
WHERE o.object_id = ? ORDER BY o.placement DESC, o.quality DESC, o.id LIMIT ?
"""
_EVENT_COLUMNS = (
    "id", "kind", "object_id", "label", "stamp_ns", "x", "y", "z", "px", "py", "pz", "other_id", "confidence", "detail",
)  # fmt: skip
_EVENT = f"SELECT {', '.join(_EVENT_COLUMNS)} FROM events"


def evidence(store: Store, object_id: int, limit: int) -> tuple[Evidence, ...]:
    """Observations of an object that have a picture: those of its present place first, the best view first."""
    return evidence_of_all(store, [object_id], limit)[object_id]


@told_as_damage("observations")
def evidence_of_all(store: Store, object_ids: Sequence[int], limit: int) -> dict[int, tuple[Evidence, ...]]:
    """:func:`evidence` of several objects; much faster than one by one."""
    rows = {i: store.rows(_EVIDENCE, (i, limit)) for i in object_ids}
    packed = list({row[-1] for of_one in rows.values() for row in of_one})
    matrices = np.frombuffer(b"".join(packed)).reshape(-1, 4, 4)
    quaternions = Rotation.from_matrix(matrices[:, :3, :3].copy()).as_quat() if packed else np.zeros((0, 4))
    cameras = {p: (T[:3, 3].copy(), q) for p, T, q in zip(packed, matrices, quaternions, strict=True)}
    return {i: tuple(_evidence_of(i, row, *cameras[row[-1]]) for row in of_one) for i, of_one in rows.items()}


def _evidence_of(
    object_id: int, row: tuple[Any, ...], position: NDArray[np.float64], quaternion: NDArray[np.float64]
) -> Evidence:
    (observation, keyframe, stamp, x, y, z, yaw, x0, y0, x1, y1, score, frame_id, revision, _) = row
    return Evidence(
        object_id=object_id,
        observation_id=observation,
        keyframe_id=keyframe,
        stamp_ns=stamp,
        object_pose=Pose(np.array([x, y, z]), quaternion_from_yaw(yaw), frame_id),
        camera_pose=Pose(position, quaternion, frame_id),
        box_xyxy=np.array([x0, y0, x1, y1], dtype=np.float32),
        score=score,
        map_revision=revision,
    )


def events_of(store: Store, object_ids: Sequence[int]) -> list[MemoryEvent]:
    """All events of the given ids, oldest first."""
    marks = ",".join("?" * len(object_ids))
    rows = store.rows(f"{_EVENT} WHERE object_id IN ({marks}) ORDER BY id", tuple(object_ids))
    return [_event_of(r) for r in open_rows(store, "events", _EVENT_COLUMNS, rows)]


def events_since(store: Store, since_ns: int) -> list[MemoryEvent]:
    """All events but ``updated`` at or after a stamp, oldest first."""
    rows = store.rows(f"{_EVENT} WHERE stamp_ns >= ? AND kind != ? ORDER BY id", (since_ns, str(EventKind.UPDATED)))
    return [_event_of(r) for r in open_rows(store, "events", _EVENT_COLUMNS, rows)]


@told_as_damage("events")
def _event_of(row: tuple[Any, ...]) -> MemoryEvent:
    (event_id, kind, object_id, label, stamp, x, y, z, px, py, pz, other, confidence, detail) = row
    return MemoryEvent(
        kind=EventKind(kind),
        object_id=object_id,
        label=label,
        stamp_ns=stamp,
        position_m=np.array([np.nan if v is None else v for v in (x, y, z)]),
        previous_position_m=None if px is None else np.array([px, py, pz]),
        other_id=other,
        confidence=confidence,
        detail=detail,
        id=event_id,
    )


@told_as_damage("pictures")
def keyframe(store: Store, keyframe_id: int) -> Keyframe:
    """One picture.

    Raises:
        BadInputError: ``unknown_keyframe``.
    """
    columns = (
        "id", "stamp_ns", "frame_id", "map_revision", "width", "height", "k", "pose", "jpeg", "frame_row", "features",
    )  # fmt: skip
    rows = store.rows(f"SELECT {', '.join(columns)} FROM keyframes WHERE id = ?", (keyframe_id,))
    if not rows:
        raise BadInputError("unknown_keyframe", f"no keyframe {keyframe_id} in the map; list them with keyframe_ids()")
    (opened,) = open_rows(store, "keyframes", columns, rows)
    (row_id, stamp, frame_id, revision, width, height, k, pose, jpeg, frame_row, features) = opened
    camera = Camera(width, height, np.frombuffer(k).reshape(3, 3))
    seen = store.rows("SELECT DISTINCT object_id FROM observations WHERE keyframe_id = ? ORDER BY 1", (keyframe_id,))
    return Keyframe(
        row_id, stamp, camera, np.frombuffer(pose).reshape(4, 4), jpeg, frame_id, revision, frame_row, features,
        tuple(r[0] for r in seen),
    )  # fmt: skip


@told_as_damage("pictures")
def stored_views(store: Store, looks: Sequence[LookRecord]) -> list[StoredView]:
    """All pictures without their pixels, oldest first, each with the thumbnail of its frame.

    Maps of schema 1 do not say which frame a picture is of: there it is the last thumbnail before the picture.
    """
    by_row, by_time = {r.frame_row: r for r in looks}, sorted(looks, key=lambda r: r.stamp_ns)
    stamps = [r.stamp_ns for r in by_time]
    objects: dict[int, dict[int, int]] = {}
    for keyframe_id, object_id, placement in store.rows(
        "SELECT keyframe_id, object_id, MAX(placement) FROM observations WHERE keyframe_id IS NOT NULL GROUP BY 1, 2"
    ):
        objects.setdefault(keyframe_id, {})[object_id] = placement
    views = []
    for row_id, stamp, width, height, k, pose, frame_row in store.rows(
        "SELECT id, stamp_ns, width, height, k, pose, frame_row FROM keyframes ORDER BY id"
    ):
        camera = Camera(width, height, np.frombuffer(k).reshape(3, 3))
        view = StoredView(row_id, stamp, camera, np.frombuffer(pose).reshape(4, 4), None, objects.get(row_id, {}))
        before = bisect.bisect_right(stamps, stamp)
        if frame_row is not None:
            view.look = by_row.get(frame_row)
        elif before > 0:
            view.look = by_time[before - 1]
            view.T_camera_look = inverse(view.T_map_camera) @ view.look.T_map_camera
        views.append(view)
    return views


def keyframe_ids(store: Store) -> list[int]:
    """Ids of all pictures, oldest first."""
    return [r[0] for r in store.rows("SELECT id FROM keyframes ORDER BY id")]


def features(store: Store, ids: Sequence[int]) -> dict[int, bytes]:
    """Packed patch features of the named pictures that have any."""
    found: dict[int, bytes] = {}
    for first in range(0, len(ids), 500):
        part = tuple(ids[first : first + 500])
        marks = ",".join("?" * len(part))
        rows = store.rows(f"SELECT id, features FROM keyframes WHERE id IN ({marks}) AND features IS NOT NULL", part)
        found.update(open_rows(store, "keyframes", ("id", "features"), rows))
    return found


@told_as_damage("observations")
def observed_near(store: Store, center: NDArray[np.float64], radius_m: float) -> list[Sighting]:
    """Logged observations whose box centre lies within a radius of a (3,) point, oldest first."""
    low, high = (center - radius_m).tolist(), (center + radius_m).tolist()
    rows = store.rows(
        "SELECT id, object_id, label, score, x, y, z, stamp_ns FROM observations "
        "WHERE x BETWEEN ? AND ? AND y BETWEEN ? AND ? AND z BETWEEN ? AND ? ORDER BY stamp_ns, id",
        (low[0], high[0], low[1], high[1], low[2], high[2]),
    )
    name = store.words.label
    found = [Sighting(i, of, name(n), score, np.array([x, y, z]), stamp) for i, of, n, score, x, y, z, stamp in rows]
    return [s for s in found if np.linalg.norm(s.position_m - center) <= radius_m]


@told_as_damage("observations")
def sightings(store: Store) -> dict[int, NDArray[np.int64]]:
    """Object id -> stamps of its logged observations, ascending."""
    rows = store.rows("SELECT object_id, stamp_ns FROM observations ORDER BY object_id, stamp_ns")
    table = np.array(rows, dtype=np.int64).reshape(-1, 2)
    ids, first = np.unique(table[:, 0], return_index=True)
    return dict(zip(ids.tolist(), np.split(table[:, 1], first[1:]), strict=True)) if len(ids) else {}
