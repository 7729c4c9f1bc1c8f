"""Forgetting: rows, keys, pictures and thumbnails of objects, or of a time, leave the file for good."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.corrections.rows import erase_corrections
from memory_agent_ros.memory.forgetting.blanking import blank_looks, blanked_pictures, corners_of_held, hulls
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.storage.object_keys import FRAME, INDEX, KEYFRAME, OBJECT
from memory_agent_ros.memory.storage.persistence import EVENT_COLUMNS, FRAME_COLUMNS, event_row
from memory_agent_ros.memory.storage.sealing import seal_rows
from memory_agent_ros.memory.storage.store import Cursor, Store
from memory_agent_ros.memory.storage.tip_book import erase_tips
from memory_agent_ros.memory.track import Track
from memory_agent_ros.memory.trust.held_rows import HeldRow, delete_held
from memory_agent_ros.records.event import EventKind, MemoryEvent

_AMONG = "IN (SELECT CAST(value AS INTEGER) FROM json_each(?))"
#: What is counted of objects, by table: which rows are theirs.
_THEIRS = {
    "objects": "id", "clouds": "object_id", "observations": "object_id", "surfaces": "owner", "events": "object_id",
    "boxes": "id",
}  # fmt: skip


def erase_objects(
    state: MapState, store: Store, cursor: Cursor, tracks: Sequence[Track], config: MemoryConfig
) -> Counter[str]:
    """Erase objects in the transaction of ``cursor``; returns how much of what went, by kind.

    Their keys, observations, events and points go; every picture and depth thumbnail is blanked where they were
    detected or where their points project, whether or not they were detected there, and sealed by another key. One
    event ``forgotten`` with id and stamp, but no label and no position (NaN), remains. Tips about them go too.
    """
    ids = {t.id: state.absorbed_ids(t.id) for t in tracks}
    corners, labels = hulls(tracks), sorted({t.label for t in tracks})
    called = sorted({label for t in tracks for label in (t.label, *t.votes.votes)})
    everything = sorted(set().union(*ids.values()))
    chosen = json.dumps(everything)
    counts = Counter({table: _count(cursor, table, f"{column} {_AMONG}", chosen) for table, column in _THEIRS.items()})
    counts += _blank(state, store, cursor, everything, corners, config)
    for track in tracks:
        del state.tracks[track.id]
        state.book.forget(track.id)
    for object_id in everything:
        state.aliases.pop(object_id, None)
        state.together.drop(object_id)
    state.sources.denied.clear()
    cursor.execute(f"DELETE FROM objects WHERE id {_AMONG}", (chosen,))
    counts["vector_indexes"] = _count(cursor, "vector_indexes", "1=1")
    cursor.execute("DELETE FROM vector_indexes")
    counts["tips"] = erase_tips(store, cursor, everything, labels)
    counts["corrections"] = erase_corrections(store, cursor, everything, called)
    cursor.execute(f"DELETE FROM aliases WHERE old_id {_AMONG}", (chosen,))
    cursor.execute(f"DELETE FROM together WHERE a {_AMONG} OR b {_AMONG}", (chosen, chosen))
    cursor.execute(f"DELETE FROM events WHERE object_id {_AMONG} OR other_id {_AMONG}", (chosen, chosen))
    indexes = cursor.execute("SELECT owner FROM keys WHERE kind=? AND owner > 0", (INDEX,)).fetchall()
    counts["keys"] += _count(cursor, "keys", f"kind='{OBJECT}' AND owner {_AMONG}", chosen) + len(indexes)
    store.keys.destroy(cursor, [(OBJECT, i) for i in everything] + [(INDEX, owner) for (owner,) in indexes])
    counts["words"] = store.words.drop_unused(cursor)
    counts["keys"] += counts["words"] + counts["tips"] + counts["corrections"]
    rows = [event_row(_tombstone(state, object_id)) for object_id in ids]
    sealed = seal_rows(store, "events", EVENT_COLUMNS, rows)
    cursor.executemany(f"INSERT INTO events VALUES ({','.join('?' * len(EVENT_COLUMNS))})", sealed)
    return counts


def erase_held(
    state: MapState, store: Store, cursor: Cursor, rows: Sequence[HeldRow], config: MemoryConfig
) -> Counter[str]:
    """Erase entries of the quarantine in the transaction of ``cursor``; returns how much of what went, by kind.

    Row and key go; pictures and thumbnails are blanked where the entries project, as for objects, and tips and words of
    corrections go that name what no object is called. ``rows``: as the map has them now.
    """
    if not rows:
        return Counter()
    called = sorted({name for row in rows for name in (row.entry.label, *row.entry.observation.label_scores)})
    counts = _blank(state, store, cursor, [], corners_of_held(rows), config)
    counts["quarantine"] = delete_held(store, cursor, [row.entry.id for row in rows])
    counts["tips"] = erase_tips(store, cursor, [], sorted({row.entry.label for row in rows}))
    erase_corrections(store, cursor, [], called)
    counts["keys"] += counts["quarantine"] + counts["tips"]
    return counts


def erase_span(store: Store, cursor: Cursor, span: tuple[int, int]) -> Counter[str]:
    """Erase whatever was seen between two stamps, of whatever object, in the transaction of ``cursor``.

    Observations, surfaces, pictures, thumbnails and events go. The working state must be read again after the commit.
    """
    within = "stamp_ns BETWEEN ? AND ?"
    counts = Counter({t: _count(cursor, t, within, *span) for t in ("observations", "keyframes", "events")})
    counts["looks_erased"] = _count(cursor, "frames", f"look IS NOT NULL AND {within}", *span)
    gone = cursor.execute(f"SELECT id FROM keyframes WHERE {within}", span).fetchall()
    looks = cursor.execute(f"SELECT id FROM frames WHERE {within}", span).fetchall()
    cursor.execute(f"DELETE FROM observations WHERE {within}", span)
    cursor.execute(
        f"UPDATE observations SET keyframe_id=NULL WHERE keyframe_id IN (SELECT id FROM keyframes WHERE {within})", span
    )
    cursor.execute(f"DELETE FROM keyframes WHERE {within}", span)
    cursor.execute(f"UPDATE frames SET look_k=NULL, look=NULL WHERE {within}", span)
    cursor.execute(f"DELETE FROM events WHERE {within} AND kind != ?", (*span, str(EventKind.FORGOTTEN)))
    keys = [(KEYFRAME, i) for (i,) in gone] + [(FRAME, i) for (i,) in looks]
    store.keys.destroy(cursor, keys)
    counts["keys"] = len(gone) + counts["looks_erased"]
    return counts


def known_only_from(store: Store, span: tuple[int, int]) -> set[int]:
    """Ids of the objects that no picture shows but those taken between two stamps."""
    rows = store.rows(
        "SELECT object_id FROM observations WHERE keyframe_id IS NOT NULL GROUP BY object_id "
        "HAVING SUM(CASE WHEN stamp_ns BETWEEN ? AND ? THEN 0 ELSE 1 END) = 0",
        span,
    )
    return {object_id for (object_id,) in rows}


def _blank(
    state: MapState, store: Store, cursor: Cursor, ids: Sequence[int], corners: np.ndarray, config: MemoryConfig
) -> Counter[str]:
    """Pictures and thumbnails without what is erased, under other keys: old copies of theirs open no more."""
    pictures = blanked_pictures(store, ids, corners, config)
    store.keys.renew(cursor, [(KEYFRAME, row[0]) for row in pictures])
    columns = ("id", "jpeg", "features", "crc")
    sealed = seal_rows(store, "keyframes", columns, [(*row, 0) for row in pictures])
    cursor.executemany("UPDATE keyframes SET jpeg=?, features=?, crc=? WHERE id=?", [(*row, i) for i, *row in sealed])
    looks = blank_looks(state.looks.records, corners)
    state.looks.changed()
    store.keys.renew(cursor, [(FRAME, look.frame_row) for look in looks])
    rows = seal_rows(store, "frames", ("id", FRAME_COLUMNS[-1]), [(look.frame_row, look.packed()) for look in looks])
    cursor.executemany("UPDATE frames SET look=? WHERE id=?", [(look, i) for i, look in rows])
    return Counter(pictures_blanked=len(pictures), thumbnails_blanked=len(looks), keys=len(pictures) + len(looks))


def _tombstone(state: MapState, object_id: int) -> MemoryEvent:
    event_id = state.next_id("events")
    return MemoryEvent(EventKind.FORGOTTEN, object_id, "", state.last_stamp_ns, np.full(3, np.nan), id=event_id)


def _count(cursor: Cursor, table: str, where: str, *values: object) -> int:
    return int(cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE {where}", values).fetchone()[0])
