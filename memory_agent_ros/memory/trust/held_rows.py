"""The quarantine as rows of a map. All that tells what was held lies sealed, by a key of each row's own."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cbor2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.voxels import evenly
from memory_agent_ros.memory.map_state import Changes, Held
from memory_agent_ros.memory.storage.damage import told_as_damage
from memory_agent_ros.memory.storage.object_keys import QUARANTINE
from memory_agent_ros.memory.storage.sealing import open_rows, seal_rows
from memory_agent_ros.memory.storage.store import Cursor, Store
from memory_agent_ros.memory.trust.config import QuarantineConfig
from memory_agent_ros.memory.trust.held_picture import Window, crop
from memory_agent_ros.memory.trust.sources import UNTOLD, SourceBook, SourceRecord
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.camera import Camera
from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.observation_source import ObservationSource
from memory_agent_ros.records.quarantine import Quarantined, QuarantineReason

_COLUMNS = ("id", "source_id", "stamp_ns", "reason", "frame_row", "data")
_ALL = ", ".join(_COLUMNS)
_AMONG = "IN (SELECT CAST(value AS INTEGER) FROM json_each(?))"
#: Surface points and labels that are kept of an observation.
_MOST_POINTS, _MOST_LABELS = 800, 20


@dataclass(frozen=True, eq=False)
class HeldRow:
    """One entry with what is needed to take it in.

    Attributes:
        entry: what leaves the memory.
        frame_row: its frame, whose pose goes with corrections of the map.
        T_map_camera: (4, 4) pose of the camera when it was held.
        camera, frame_id, camera_frame_id: of its image.
        picture: the part of it that was kept, x0, y0, x1, y1 and JPEG bytes.
    """

    entry: Quarantined
    frame_row: int
    T_map_camera: NDArray[np.float64]
    camera: Camera
    frame_id: str
    camera_frame_id: str
    picture: tuple[Window, bytes]


def write_held(store: Store, cursor: Cursor, changes: Changes, config: QuarantineConfig) -> None:
    """Put in what a step holds back, take out what leaves, and keep to the bounds."""
    if changes.held:
        rows = [
            (h.id, changes.source_id, h.observation.stamp_ns, str(h.reason), changes.frame_row, _packed(h))
            for h in changes.held
        ]
        statement = f"INSERT INTO quarantine ({_ALL}) VALUES (?,?,?,?,?,?) ON CONFLICT DO NOTHING"
        cursor.executemany(statement, seal_rows(store, "quarantine", _COLUMNS, rows))
    first = cursor.execute("SELECT stamp_ns FROM quarantine ORDER BY id LIMIT 1").fetchone()
    if changes.held or (first is not None and int(first[0]) < _oldest(changes.stamp_ns, config)):
        _keep_to_bounds(store, cursor, changes.stamp_ns, config)
    delete_held(store, cursor, [*changes.released, *changes.discarded])


def delete_held(store: Store, cursor: Cursor, ids: Iterable[int]) -> int:
    """Let entries go, with their keys; returns how many there were."""
    chosen = json.dumps(sorted(set(ids)))
    found = cursor.execute(f"SELECT id FROM quarantine WHERE id {_AMONG}", (chosen,)).fetchall()
    cursor.execute(f"DELETE FROM quarantine WHERE id {_AMONG}", (chosen,))
    store.keys.destroy(cursor, [(QUARANTINE, row_id) for (row_id,) in found])
    return len(found)


def read_held(store: Store, sources: SourceBook, held_id: int | None = None) -> list[HeldRow]:
    """All entries, or the one of an id, oldest first.

    Raises:
        StoreError: a row is damaged.
    """
    where, values = ("", ()) if held_id is None else (" WHERE id=?", (held_id,))
    rows = open_rows(
        store, "quarantine", _COLUMNS, store.rows(f"SELECT {_ALL} FROM quarantine{where} ORDER BY id", values)
    )
    return [_unpacked(row, sources) for row in rows]


def is_held(store: Store, held_id: int) -> bool:
    """Whether there is an entry of an id; opens none."""
    return bool(store.rows("SELECT 1 FROM quarantine WHERE id=?", (held_id,)))


def count_held(store: Store) -> Counter[str]:
    """How many entries there are, by reason; opens none."""
    return Counter(dict(store.rows("SELECT reason, COUNT(*) FROM quarantine GROUP BY reason ORDER BY reason")))


def pose_of_frame(store: Store, frame_row: int) -> NDArray[np.float64] | None:
    """(4, 4) pose of a frame as the map has it now; None if the frame is not kept."""
    rows = store.rows("SELECT pose FROM frames WHERE id=?", (frame_row,))
    return np.frombuffer(rows[0][0]).reshape(4, 4).copy() if rows else None


def _keep_to_bounds(store: Store, cursor: Cursor, now_ns: int, config: QuarantineConfig) -> None:
    """Let go of what is too old; then, of the source that has most, of the oldest."""
    going: list[int] = []
    oldest = _oldest(now_ns, config)
    going += [i for (i,) in cursor.execute("SELECT id FROM quarantine WHERE stamp_ns < ?", (oldest,)).fetchall()]
    if int(cursor.execute("SELECT COUNT(*) FROM quarantine").fetchone()[0]) - len(going) > config.max_entries:
        kept: dict[int, list[int]] = {}
        gone = set(going)
        for row_id, source_id in cursor.execute("SELECT id, source_id FROM quarantine ORDER BY id").fetchall():
            if row_id not in gone:
                kept.setdefault(source_id, []).append(row_id)
        while sum(map(len, kept.values())) > config.max_entries:
            going.append(max(kept.values(), key=len).pop(0))
    if going:
        delete_held(store, cursor, going)


def _oldest(now_ns: int, config: QuarantineConfig) -> int:
    """Stamp before which nothing is kept."""
    return now_ns - int(config.max_age_s * 1e9) if config.max_age_s else -(1 << 62)


def _packed(held: Held) -> bytes:
    obs, frame = held.observation, held.frame
    camera = frame.camera
    labels = sorted(obs.label_scores.items(), key=lambda item: -item[1])[:_MOST_LABELS]
    return zlib.compress(cbor2.dumps({
        "label": obs.label, "score": float(obs.score), "label_scores": {k: float(v) for k, v in labels},
        "points": _bytes(evenly(obs.points_map, _MOST_POINTS), np.float32), "centroid": _numbers(obs.centroid_map),
        "covariance": _numbers(obs.covariance), "center": _numbers(obs.box.center), "size": _numbers(obs.box.size),
        "yaw": float(obs.box.yaw), "box_xyxy": _numbers(obs.box_xyxy), "pixels": int(obs.pixels),
        "truncated": bool(obs.truncated), "range_m": float(obs.range_m),
        "embedding": None if obs.embedding is None else _bytes(obs.embedding, np.float32),
        "pose": _numbers(frame.T_map_camera), "camera": [camera.width, camera.height, _numbers(camera.K)],
        "frame_id": frame.frame_id, "camera_frame_id": frame.camera_frame_id,
        "picture": crop(frame.rgb, obs.box_xyxy),
    }))  # fmt: skip


@told_as_damage("quarantine")
def _unpacked(row: Sequence[Any], sources: SourceBook) -> HeldRow:
    row_id, source_id, stamp_ns, reason, frame_row, data = row
    body = cbor2.loads(zlib.decompress(data))
    embedding = body["embedding"]
    obs = Observation(
        stamp_ns=stamp_ns,
        label=body["label"],
        score=body["score"],
        label_scores=body["label_scores"],
        points_map=np.frombuffer(body["points"], np.float32).reshape(-1, 3).copy(),
        centroid_map=np.array(body["centroid"]),
        covariance=np.array(body["covariance"]).reshape(3, 3),
        box=OrientedBox(np.array(body["center"]), np.array(body["size"]), body["yaw"]),
        box_xyxy=np.array(body["box_xyxy"], dtype=np.float32),
        pixels=body["pixels"],
        truncated=body["truncated"],
        embedding=None if embedding is None else np.frombuffer(embedding, np.float32).copy(),
        range_m=body["range_m"],
    )
    source = sources.records.get(source_id) or SourceRecord(UNTOLD, ObservationSource())
    entry = Quarantined(row_id, QuarantineReason(reason), source_id, source.source, stamp_ns, obs)
    width, height, K = body["camera"]
    return HeldRow(
        entry, frame_row, np.array(body["pose"]).reshape(4, 4), Camera(width, height, np.array(K).reshape(3, 3)),
        body["frame_id"], body["camera_frame_id"], (tuple(body["picture"][0]), body["picture"][1]),
    )  # fmt: skip


def _bytes(array: NDArray[np.floating], kind: type) -> bytes:
    return np.ascontiguousarray(array, dtype=kind).tobytes()


def _numbers(array: NDArray[np.floating]) -> list[float]:
    return [float(v) for v in np.ravel(array)]
