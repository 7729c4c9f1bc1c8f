"""Forgetting: rows, pictures and thumbnails of an object leave the file for good."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.geometry.pinhole import project_map
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.corrections.rows import erase_corrections
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.storage import archive
from memory_agent_ros.memory.storage.object_keys import FRAME, INDEX, KEYFRAME, OBJECT
from memory_agent_ros.memory.storage.persistence import EVENT_COLUMNS, event_row
from memory_agent_ros.memory.storage.sealing import ROOMS, seal_rows
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.storage.tip_book import erase_tips
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.views import keyframes
from memory_agent_ros.records.event import EventKind, MemoryEvent


def erase(state: MapState, store: Store, tracks: Sequence[Track], config: MemoryConfig) -> None:
    """Erase objects in one transaction, then rewrite the file so that no free page keeps them.

    Their observations, events and points go; every picture and depth thumbnail is blanked where they were detected or
    where their points project, whether or not they were detected there. One event ``forgotten`` with id and stamp, but
    no label and no position (NaN), remains. Tips about them go too.
    """
    ids = {t.id: state.absorbed_ids(t.id) for t in tracks}
    points = {t.id: t.cloud.points for t in tracks}
    for track in tracks:
        del state.tracks[track.id]
        state.book.forget(track.id)
    everything = sorted(set().union(*ids.values()))
    for object_id in everything:
        state.aliases.pop(object_id, None)
        state.together.drop(object_id)
    marks = ",".join("?" * len(everything))
    with store.transaction() as cursor:
        pictures = _blanked(store, everything, list(points.values()), config)
        store.keys.renew(cursor, [(KEYFRAME, row[0]) for row in pictures])
        sealed = seal_rows(store, "keyframes", ("id", "jpeg", "features", "crc"), [(*row, 0) for row in pictures])
        cursor.executemany(
            "UPDATE keyframes SET jpeg=?, features=?, crc=? WHERE id=?", [(*row, i) for i, *row in sealed]
        )
        looks = {look.frame_row: look for cloud in points.values() for look in state.looks.erase(cloud)}
        store.keys.renew(cursor, [(FRAME, i) for i in looks])
        rows = seal_rows(store, "frames", ("look", "id"), [(look.packed(), i) for i, look in looks.items()])
        cursor.executemany("UPDATE frames SET look=? WHERE id=?", rows)
        cursor.execute(f"DELETE FROM objects WHERE id IN ({marks})", everything)
        cursor.execute("DELETE FROM vector_indexes")
        erase_tips(store, cursor, everything, sorted({t.label for t in tracks}))
        cursor.execute(f"DELETE FROM aliases WHERE old_id IN ({marks})", everything)
        cursor.execute(f"DELETE FROM together WHERE a IN ({marks}) OR b IN ({marks})", everything * 2)
        cursor.execute(f"DELETE FROM events WHERE object_id IN ({marks}) OR other_id IN ({marks})", everything * 2)
        labels = {label for t in tracks for label in (t.label, *t.votes.votes)}
        erase_corrections(store, cursor, everything, sorted(labels))
        store.words.drop_unused(cursor)
        indexes = [(INDEX, r[0]) for r in cursor.execute("SELECT owner FROM keys WHERE kind=?", (INDEX,)).fetchall()]
        store.keys.destroy(cursor, [(OBJECT, i) for i in everything] + [i for i in indexes if i[1] != ROOMS])
        for object_id in ids:
            event = MemoryEvent(
                EventKind.FORGOTTEN, object_id, "", state.last_stamp_ns, np.full(3, np.nan), id=state.next_id("events")
            )
            rows = seal_rows(store, "events", EVENT_COLUMNS, [event_row(event)])
            cursor.executemany(f"INSERT INTO events VALUES ({','.join('?' * 14)})", rows)
    store.vacuum()


def _blanked(
    store: Store, object_ids: Sequence[int], clouds: Sequence[NDArray[np.float32]], config: MemoryConfig
) -> list[tuple[int, bytes, bytes | None]]:
    """Pictures that show any of the objects, blanked, with their patch features, blanked too."""
    marks = ",".join("?" * len(object_ids))
    seen: dict[int, list[NDArray[np.float64]]] = {}
    for keyframe_id, *box in store.rows(
        "SELECT keyframe_id, x0, y0, x1, y1 FROM observations "
        f"WHERE keyframe_id IS NOT NULL AND object_id IN ({marks})",
        tuple(object_ids),
    ):
        seen.setdefault(keyframe_id, []).append(np.array(box))
    out = []
    for keyframe_id in archive.keyframe_ids(store):
        picture = archive.keyframe(store, keyframe_id)
        boxes = list(seen.get(keyframe_id, []))
        for points in clouds:
            uv, z = project_map(picture.camera.K, picture.T_map_camera, points)
            uv = uv[z > 0.05]
            size = np.array([picture.camera.width, picture.camera.height])
            uv = uv[(uv > -0.5).all(axis=1) & (uv < size).all(axis=1)]
            if len(uv):
                boxes.append(np.concatenate([uv.min(axis=0), uv.max(axis=0)]))
        if boxes:
            jpeg = keyframes.blank(picture.jpeg, boxes, config.jpeg_quality)
            out.append((keyframe_id, jpeg, keyframes.blank_features(picture, boxes)))
    return out
