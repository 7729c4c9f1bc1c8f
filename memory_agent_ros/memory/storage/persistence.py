"""Working state <-> map file. One step is one transaction."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from memory_agent_ros.memory.anchors.anchor_rows import write_rewrite
from memory_agent_ros.memory.association.appearance import AppearanceModel
from memory_agent_ros.memory.association.co_detections import Aliases, CoDetections
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.indexes.reindex import write_boxes
from memory_agent_ros.memory.ledger.telling import told
from memory_agent_ros.memory.map_state import Changes, MapState, ObservationRow
from memory_agent_ros.memory.presence.detection_model import DetectionRate
from memory_agent_ros.memory.presence.looks import LookRecord
from memory_agent_ros.memory.storage import archive
from memory_agent_ros.memory.storage.codec import (
    BOX_MARGIN_M,
    ENTRY_COLUMNS,
    TRACK_COLUMNS,
    box_row,
    cloud_crc,
    cloud_of,
    cloud_row,
    damaged_cloud,
    entry_of_row,
    object_row,
    track_of,
)
from memory_agent_ros.memory.storage.damage import told_as_damage
from memory_agent_ros.memory.storage.object_keys import FRAME, KEYFRAME, OBJECT
from memory_agent_ros.memory.storage.sealing import open_rows, reseal_strays, reseal_surfaces, seal_rows
from memory_agent_ros.memory.storage.store import INSERT_META, Cursor, Store
from memory_agent_ros.memory.storage.thinning import thin_observations
from memory_agent_ros.memory.storage.track_pool import TrackPool
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.trust.held_rows import write_held
from memory_agent_ros.memory.trust.sources import COLUMNS, INSERT_SOURCE, SourceBook
from memory_agent_ros.memory.views.keyframe_book import KeyframeBook
from memory_agent_ros.records.errors import StoreError
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.keyframe import Keyframe

_OBJECT_COLUMNS = [
    "label",
    "confirmed",
    "gone",
    "presence",
    "x",
    "y",
    "z",
    "observations",
    "first_seen_ns",
    "last_seen_ns",
    "last_looked_ns",
    "body",
    "bank",
    "cx",
    "cy",
    "cz",
    "labels",
    "flags",
    "version",
]
#: Rows of ``meta`` that hold the working state.
_META = ("frame_id", "last_stamp_ns", "map_revision", "version", "sequences", "appearance", "detector")
_INSERT_OBJECT = (
    f"INSERT INTO objects (id, {', '.join(_OBJECT_COLUMNS)}) VALUES (?{',?' * len(_OBJECT_COLUMNS)}) "
    f"ON CONFLICT(id) DO UPDATE SET {', '.join(f'{column}=excluded.{column}' for column in _OBJECT_COLUMNS)}"
)

_CLOUD_COLUMNS = ("object_id", "voxel_m", "keys", "points", "hits", "crc", "anchors", "box", "former")
_INSERT_CLOUD = f"""
INSERT INTO clouds ({", ".join(_CLOUD_COLUMNS)})
VALUES (?,?,?,?,?,?,?,?,?)
ON CONFLICT (object_id) DO UPDATE SET voxel_m=excluded.voxel_m, keys=excluded.keys, points=excluded.points,
hits=excluded.hits, crc=excluded.crc, anchors=excluded.anchors, box=excluded.box, former=excluded.former
"""
#: Columns of the table ``objects`` in the order of :func:`object_row`, and of tables that are written whole.
OBJECT_ROW = ("id", *_OBJECT_COLUMNS)
FRAME_COLUMNS = ("id", "stamp_ns", "pose", "look_k", "look")
OBSERVATION_COLUMNS = (
    "id", "object_id", "placement", "frame_row", "keyframe_id", "stamp_ns", "label", "score", "quality", "pixels",
    "range_m", "x", "y", "z", "sx", "sy", "sz", "yaw", "x0", "y0", "x1", "y1",
    "source_id",
)  # fmt: skip
EVENT_COLUMNS = (
    "id", "kind", "object_id", "label", "stamp_ns", "x", "y", "z", "px", "py", "pz", "other_id", "confidence", "detail",
)  # fmt: skip
_INSERT_ALIAS = "INSERT INTO aliases VALUES (?,?) ON CONFLICT (old_id) DO UPDATE SET new_id=excluded.new_id"
_INSERT_TOGETHER = "INSERT INTO together VALUES (?,?,?) ON CONFLICT (a, b) DO UPDATE SET count=excluded.count"
_KEYFRAME_COLUMNS = (
    "id", "stamp_ns", "frame_id", "map_revision", "width", "height", "k", "pose", "jpeg", "crc", "frame_row",
    "features",
)  # fmt: skip
_INSERT_KEYFRAME = f"""
INSERT INTO keyframes
({", ".join(_KEYFRAME_COLUMNS)})
VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING
"""


#: Steps that wait while the map cannot be written; beyond, no further image is taken in.
MOST_WAITING = 300


class Persistence:
    """Writes steps and reads maps. Clouds are written when they have grown, the rest of a track at each change.

    Tracks stay in the file until they are asked for; those used longest ago are written and let go after a step.
    """

    def __init__(self, store: Store, config: MemoryConfig) -> None:
        self._store = store
        self._config = config
        self._written: dict[int, tuple[int, float, int, int]] = {}
        self._boxed: dict[int, tuple[float, ...]] = {}
        self._logged: Counter[int] = Counter()
        self._version = 0
        self._backlog: list[Changes] = []

    def write(self, state: MapState, changes: Changes) -> None:
        """Commit one step. If that fails, the step is kept and goes out with the next.

        Raises:
            StoreError: the file cannot be written.
        """
        self._backlog.append(changes)
        written, boxed = dict(self._written), dict(self._boxed)
        leaving = state.tracks.victims()
        try:
            with self._store.transaction(*told(self._backlog)) as cursor:
                self._version += 1
                for waiting in self._backlog:
                    self._write(cursor, state, waiting)
                self._write_tracks(cursor, [t for t in leaving if not state.tracks.is_written(t)], all_clouds=True)
                self._write_meta(cursor, state)
        except BaseException as error:
            self._written, self._boxed = written, boxed
            if isinstance(error, StoreError):
                raise StoreError(f"{error}, and this step is kept and goes out with the next") from error
            raise
        self._backlog.clear()
        state.sources.changed.clear()
        for track in leaving:
            state.tracks.mark_written(track)
        left = state.tracks.trim(leaving)
        state.together.release(left)
        for object_id in left:
            self._written.pop(object_id, None)
            self._boxed.pop(object_id, None)

    def note(self, cursor: Cursor, state: MapState) -> None:
        """Write what the state counts, in a transaction that changed rows without :meth:`write`."""
        self._version += 1
        self._write_meta(cursor, state)

    @property
    def behind(self) -> bool:
        """Whether there are steps that could not be written yet."""
        return bool(self._backlog)

    def make_room(self, state: MapState) -> None:
        """Write what waits if it has become too much to keep in working memory.

        Raises:
            StoreError: it still cannot be written.
        """
        if len(self._backlog) < MOST_WAITING:
            return
        try:
            self.flush(state)
        except StoreError as error:
            raise StoreError(
                f"{error}; {len(self._backlog)} steps wait to be written, this one was not taken in"
            ) from error

    def discard(self) -> None:
        """Forget steps that could not be written."""
        self._backlog.clear()

    def import_batches(self, state: MapState, batches: Iterable[Changes]) -> None:
        """Write many changes in one transaction; their tracks leave working memory batch by batch.

        Raises:
            StoreError: the file cannot be written; nothing of it is in the file.
        """
        with self._store.transaction("imported") as cursor:
            self._version += 1
            for changes in batches:
                self._write(cursor, state, changes)
                state.tracks.forget_cached(changes.touched)
                for object_id in changes.touched:
                    self._written.pop(object_id, None)
                    self._boxed.pop(object_id, None)
            self._write_meta(cursor, state)

    def flush(self, state: MapState) -> None:
        """Write every cloud as it stands now."""
        kind, body = told(self._backlog) if self._backlog else ("flushed", {})
        with self._store.transaction(kind, body) as cursor:
            self._version += 1
            for waiting in self._backlog:
                self._write(cursor, state, waiting)
            stale = [t for t in state.tracks.held() if self._written.get(t.id, (-1,))[0] != t.cloud.revision]
            self._write_tracks(cursor, stale, all_clouds=True)
            cursor.executemany(INSERT_SOURCE, state.sources.rows(everything=True))
            self._write_meta(cursor, state)
        self._backlog.clear()
        state.sources.changed.clear()

    def _write(self, cursor: Cursor, state: MapState, changes: Changes) -> None:
        tracks = [state.tracks[i] for i in changes.touched if i in state.tracks]
        self._write_tracks(cursor, tracks, all_clouds=bool(changes.imported) or changes.rewrite is not None)
        for incoming in changes.imported:
            cursor.executemany(incoming.statement, seal_rows(self._store, incoming.table, *incoming.content))
        if changes.rewrite is not None:
            write_rewrite(self._store, cursor, changes.rewrite, state.map_revision)
        if changes.imported or changes.rewrite is not None:
            reseal_strays(self._store, cursor)
        if changes.frame_row:
            look = changes.look
            row = (
                changes.frame_row, changes.stamp_ns, changes.T_map_camera.tobytes(),
                look.K.tobytes() if look else None, look.packed() if look else None,
            )  # fmt: skip
            insert = "INSERT INTO frames VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING"
            cursor.executemany(insert, seal_rows(self._store, "frames", FRAME_COLUMNS, [row]))
        if changes.keyframe is not None:
            row = keyframe_row(changes.keyframe)
            cursor.executemany(_INSERT_KEYFRAME, seal_rows(self._store, "keyframes", _KEYFRAME_COLUMNS, [row]))
        keyframe_id = changes.keyframe.id if changes.keyframe else None
        for old, new, placement in changes.reassigned:
            moved = cursor.execute("SELECT id FROM observations WHERE object_id=?", (old,)).fetchall()
            reseal_surfaces(self._store, cursor, [(row_id, new) for (row_id,) in moved])
            cursor.execute("UPDATE observations SET object_id=?, placement=? WHERE object_id=?", (new, placement, old))
            cursor.execute(_INSERT_ALIAS, (old, new))
            cursor.execute("DELETE FROM together WHERE a=? OR b=?", (old, old))
        cursor.executemany(INSERT_SOURCE, state.sources.rows())
        rows = [_observation_row(r, state, keyframe_id, changes.source_id) for r in changes.rows]
        cursor.executemany(
            f"INSERT INTO observations VALUES ({','.join('?' * 23)}) ON CONFLICT DO NOTHING",
            seal_rows(self._store, "observations", OBSERVATION_COLUMNS, [r for r in rows if r[1] in state.tracks]),
        )
        surfaces = [
            (r.id, r.surface, row[1])
            for r, row in zip(changes.rows, rows, strict=True)
            if r.surface is not None and row[1] in state.tracks
        ]
        insert = "INSERT INTO surfaces (observation_id, data, owner) VALUES (?,?,?) ON CONFLICT DO NOTHING"
        cursor.executemany(insert, seal_rows(self._store, "surfaces", ("observation_id", "data", "owner"), surfaces))
        self._thin(cursor, {r[1] for r in rows})
        cursor.executemany("DELETE FROM objects WHERE id=?", [(i,) for i in changes.removed])
        events = seal_rows(self._store, "events", EVENT_COLUMNS, map(event_row, changes.events))
        cursor.executemany(f"INSERT INTO events VALUES ({','.join('?' * 14)}) ON CONFLICT DO NOTHING", events)
        counts = [(a, b, state.together[a, b]) for a, b in changes.together if (a, b) in state.together]
        cursor.executemany(_INSERT_TOGETHER, counts)
        cursor.executemany("UPDATE frames SET look_k=NULL, look=NULL WHERE id=?", [(i,) for i in changes.dropped_looks])
        dropped = [(i,) for i in changes.dropped_keyframes]
        cursor.executemany("UPDATE observations SET keyframe_id=NULL WHERE keyframe_id=?", dropped)
        cursor.executemany("DELETE FROM keyframes WHERE id=?", dropped)
        self._drop_keys(cursor, changes)
        write_held(self._store, cursor, changes, self._config.quarantine)

    def _drop_keys(self, cursor: Cursor, changes: Changes) -> None:
        """Keys that seal nothing any more; of an object, its events may outlast it."""
        pairs = [(KEYFRAME, i) for i in changes.dropped_keyframes] + [(FRAME, i) for i in changes.dropped_looks]
        for object_id in changes.removed:
            if not cursor.execute("SELECT 1 FROM events WHERE object_id=? LIMIT 1", (object_id,)).fetchall():
                pairs.append((OBJECT, object_id))
        self._store.keys.destroy(cursor, pairs)

    def _write_tracks(self, cursor: Cursor, tracks: list[Track], *, all_clouds: bool = False) -> None:
        rows = [object_row(t, self._config, self._version) for t in tracks]
        cursor.executemany(_INSERT_OBJECT, seal_rows(self._store, "objects", OBJECT_ROW, rows))
        due = tracks if all_clouds else [t for t in tracks if self._cloud_is_due(t)]
        rows = [cloud_row(t, self._config if all_clouds else None) for t in due]
        cursor.executemany(_INSERT_CLOUD, seal_rows(self._store, "clouds", _CLOUD_COLUMNS, rows))
        for t in due:
            self._written[t.id] = (t.cloud.revision, t.cloud.voxel_m, len(t.cloud), t.placement)
        boxes = [b for b in map(box_row, tracks) if _box_is_due(b, self._boxed.get(int(b[0])))]
        write_boxes(cursor, boxes)
        self._boxed.update((int(b[0]), b) for b in boxes)

    def _thin(self, cursor: Cursor, logged: set[int]) -> None:
        """Let old observations without a picture go, of objects of which many were logged since the last time."""
        most = self._config.observations_per_object
        for object_id in logged if most else ():
            self._logged[object_id] += 1
            if self._logged[object_id] >= max(most // 2, 8):
                thin_observations(cursor, object_id, most)
                del self._logged[object_id]

    def _cloud_is_due(self, track: Track) -> bool:
        """Not written yet, at another place, or a twentieth more or fewer voxels than in the file."""
        revision, voxel_m, count, placement = self._written.get(track.id, (-1, 0.0, 0, -1))
        if voxel_m != track.cloud.voxel_m or placement != track.placement:
            return True
        return revision != track.cloud.revision and abs(len(track.cloud) - count) > 0.05 * count

    def _write_meta(self, cursor: Cursor, state: MapState) -> None:
        values: dict[str, Any] = {
            "frame_id": state.frame_id,
            "last_stamp_ns": state.last_stamp_ns,
            "map_revision": state.map_revision,
            "version": self._version,
            "sequences": dict(state.sequences),
            "appearance": [state.appearance.same, state.appearance.different],
            "detector": state.detector.values(),
        }
        cursor.executemany(INSERT_META, [(k, json.dumps(v)) for k, v in values.items()])

    def check(self) -> None:
        """Compare the points of every object with their checksum.

        Raises:
            StoreError: those of an object are damaged.
        """
        for object_id, *blobs, crc in self._store.each(
            "SELECT object_id, keys, points, hits, anchors, crc FROM clouds"
        ):
            if cloud_crc(*blobs) != crc:
                raise damaged_cloud(object_id)

    @told_as_damage("rows")
    def load(self) -> MapState:
        """Read the working state, but the tracks: the pool reads those when they are asked for.

        Raises:
            StoreError: rows are damaged.
        """
        state = MapState.empty(self._config)
        self._store.words.reload()
        rows = self._store.rows("SELECT key, value FROM meta")
        meta = {k: json.loads(v) for k, v in rows if k in _META}  # others have rows of their own there
        if meta:
            state.frame_id, state.last_stamp_ns = meta["frame_id"], meta["last_stamp_ns"]
            state.map_revision, state.sequences = meta["map_revision"], Counter(meta["sequences"])
            state.appearance = AppearanceModel(*meta["appearance"])
            state.detector = DetectionRate.of(meta.get("detector", [0.0] * 4))
            self._version = meta.get("version", 0)
        state.tracks = TrackPool(self, self._config.max_resident_objects, self._config.memory_budget_mb << 20)
        for row in self._store.rows(f"SELECT {ENTRY_COLUMNS} FROM objects o JOIN boxes b ON b.id = o.id"):
            state.tracks.index.put(entry_of_row(row, self._store.words))
        state.aliases = Aliases(self._store.rows("SELECT old_id, new_id FROM aliases"))
        state.together = CoDetections(self._read_together)
        looks = self._store.rows(f"SELECT {', '.join(FRAME_COLUMNS)} FROM frames WHERE look IS NOT NULL ORDER BY id")
        for frame_row, stamp, pose, k, look in open_rows(self._store, "frames", FRAME_COLUMNS, looks):
            T, K = np.frombuffer(pose).reshape(4, 4), np.frombuffer(k).reshape(3, 3)
            state.looks.records.append(LookRecord(frame_row, stamp, T, K, LookRecord.unpack(look)))
        self.load_book(state)
        state.sources = SourceBook.load(self._store.rows(f"SELECT {COLUMNS} FROM sources ORDER BY id"))
        return state

    @told_as_damage("pictures")
    def load_book(self, state: MapState) -> None:
        """Read anew which pictures are kept, where they were taken and what was seen in them."""
        state.book = KeyframeBook()
        for view in archive.stored_views(self._store, state.looks.records):
            state.book.add(view)
        state.looks.pinned = {view.look.frame_row for view in state.book if view.look is not None}

    @told_as_damage("objects")
    def read_tracks(self, ids: Sequence[int]) -> list[Track]:
        """The tracks of these ids as they are in the file, in this order.

        Raises:
            StoreError: rows are damaged.
        """
        chosen = (json.dumps(list(ids)),)
        where = "IN (SELECT CAST(value AS INTEGER) FROM json_each(?))"
        sealed = self._store.rows(f"SELECT {', '.join(_CLOUD_COLUMNS)} FROM clouds WHERE object_id {where}", chosen)
        for object_id, _, keys, points, hits, crc, anchors, *_ in sealed:
            if cloud_crc(keys, points, hits, anchors) != crc:
                raise damaged_cloud(object_id)
        opened = open_rows(self._store, "clouds", _CLOUD_COLUMNS, sealed)
        clouds = {r[0]: (cloud_of(*(*r[:5], None, *r[6:-1])), r[-1]) for r in opened}
        found = {}
        rows = self._store.rows(f"SELECT {', '.join(TRACK_COLUMNS)} FROM objects WHERE id {where}", chosen)
        for row in open_rows(self._store, "objects", TRACK_COLUMNS, rows):
            cloud, former = clouds[row[0]]
            track = found[row[0]] = track_of(row, cloud, former)
            self._written[track.id] = (cloud.revision, cloud.voxel_m, len(cloud), track.placement)
        return [found[i] for i in ids]

    def _read_together(self, object_id: int) -> dict[int, int]:
        rows = self._store.rows("SELECT a, b, count FROM together WHERE a=? OR b=?", (object_id, object_id))
        return {b if a == object_id else a: count for a, b, count in rows}


def keyframe_row(keyframe: Keyframe) -> tuple[Any, ...]:
    """Values of the ``keyframes`` table."""
    return (
        keyframe.id, keyframe.stamp_ns, keyframe.frame_id, keyframe.map_revision, keyframe.camera.width,
        keyframe.camera.height, keyframe.camera.K.tobytes(), keyframe.T_map_camera.tobytes(), keyframe.jpeg,
        zlib.crc32(keyframe.jpeg), keyframe.frame_row, keyframe.features,
    )  # fmt: skip


def _box_is_due(box: tuple[float, ...], stored: tuple[float, ...] | None) -> bool:
    """Whether the object has left its stored box, or fills it no longer."""
    if stored is None:
        return True
    shift = [b - s for b, s in zip(box[1:], stored[1:], strict=True)]
    outside = max(max(-d for d in shift[0::2]), max(shift[1::2])) > BOX_MARGIN_M
    return outside or max(max(shift[0::2]), max(-d for d in shift[1::2])) > 4 * BOX_MARGIN_M


def event_row(event: MemoryEvent) -> tuple[Any, ...]:
    """Values of the ``events`` table; NaN positions become NULL."""
    now = [None if np.isnan(v) else float(v) for v in event.position_m]
    before = [None] * 3 if event.previous_position_m is None else [float(v) for v in event.previous_position_m]
    return (
        event.id, str(event.kind), event.object_id, event.label, event.stamp_ns, *now, *before,
        event.other_id, event.confidence, event.detail,
    )  # fmt: skip


def _observation_row(row: ObservationRow, state: MapState, keyframe_id: int | None, source_id: int) -> tuple[Any, ...]:
    obs, object_id = row.observation, row.object_id
    while object_id in state.aliases:
        object_id = state.aliases[object_id]
    return (
        row.id, object_id, row.placement, row.frame_row, keyframe_id, obs.stamp_ns, obs.label, float(obs.score),
        row.quality, int(obs.pixels), float(obs.range_m), *(float(v) for v in obs.box.center),
        *(float(v) for v in obs.box.size), float(obs.box.yaw), *(float(v) for v in obs.box_xyxy),
        source_id,
    )  # fmt: skip
