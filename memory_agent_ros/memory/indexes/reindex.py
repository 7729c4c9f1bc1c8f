"""Bringing maps of older schemas up, and filling the index columns they lack."""

from __future__ import annotations

from collections.abc import Sequence

from memory_agent_ros.memory.storage.codec import TRACK_COLUMNS, box_row, cloud_of, index_columns, track_of
from memory_agent_ros.memory.storage.schema import MIGRATIONS, SCHEMA_VERSION
from memory_agent_ros.memory.storage.sealing import seal_everything
from memory_agent_ros.memory.storage.store import Cursor, Store


def bring_up(store: Store, cursor: Cursor, version: int) -> None:
    """Bring a map of an older schema to this one.

    Raises:
        StoreError: the points of an object are damaged.
    """
    for step in range(version, SCHEMA_VERSION):
        for statement in MIGRATIONS[step]:
            cursor.execute(statement)
    if version < 3:
        index_objects(cursor)
    if version < 11:
        seal_everything(store, cursor)


def index_objects(cursor: Cursor) -> None:
    """Fill centroid, labels, flags and box of every object from its body and its points.

    Raises:
        StoreError: the points of an object are damaged.
    """
    for row in cursor.execute(f"SELECT {', '.join(TRACK_COLUMNS)} FROM objects").fetchall():
        cloud = cursor.execute(
            "SELECT object_id, voxel_m, keys, points, hits, crc, anchors FROM clouds WHERE object_id=?", (row[0],)
        ).fetchone()
        track = track_of(row, cloud_of(*cloud))
        cursor.execute(
            "UPDATE objects SET cx=?, cy=?, cz=?, labels=?, flags=? WHERE id=?", (*index_columns(track), track.id)
        )
        write_boxes(cursor, [box_row(track)])


def write_boxes(cursor: Cursor, boxes: Sequence[tuple[float, ...]]) -> None:
    """Put boxes around the points of objects in place of those that are there."""
    cursor.executemany("DELETE FROM boxes WHERE id=?", [b[:1] for b in boxes])
    cursor.executemany("INSERT INTO boxes VALUES (?,?,?,?,?,?,?)", boxes)
