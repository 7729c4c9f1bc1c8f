"""Bringing maps of older schemas up, and filling the index columns they lack."""

from __future__ import annotations

from collections.abc import Sequence

from memory_agent_ros.memory.association.labels import normal_label
from memory_agent_ros.memory.storage.codec import TRACK_COLUMNS, box_row, cloud_of, index_columns, track_of
from memory_agent_ros.memory.storage.schema import MIGRATIONS, SCHEMA_VERSION
from memory_agent_ros.memory.storage.store import Cursor


def bring_up(cursor: Cursor, version: int) -> None:
    """Bring a map of an older schema to this one.

    Raises:
        StoreError: the points of an object are damaged.
    """
    for step in range(version, SCHEMA_VERSION):
        for statement in MIGRATIONS[step]:
            cursor.execute(statement)
    if version < 3:
        index_objects(cursor)


def index_objects(cursor: Cursor) -> None:
    """Fill centroid, labels, flags and box of every object from its body and its points.

    Raises:
        StoreError: the points of an object are damaged.
    """
    for row in cursor.execute(f"SELECT {TRACK_COLUMNS} FROM objects").fetchall():
        cloud = cursor.execute(
            "SELECT object_id, voxel_m, keys, points, hits, crc, anchors FROM clouds WHERE object_id=?", (row[0],)
        ).fetchone()
        track = track_of(row, cloud_of(*cloud))
        cursor.execute(
            "UPDATE objects SET cx=?, cy=?, cz=?, labels=?, flags=? WHERE id=?", (*index_columns(track), track.id)
        )
        write_boxes(cursor, [box_row(track)])
    for (label,) in cursor.execute("SELECT DISTINCT label FROM objects").fetchall():
        add_label(cursor, label)


def add_label(cursor: Cursor, label: str) -> None:
    """Enter a label and its words, once."""
    normal = normal_label(label)
    entered = cursor.execute(
        "INSERT INTO vocabulary (label, normal) VALUES (?,?) ON CONFLICT DO NOTHING RETURNING id", (label, normal)
    ).fetchall()
    for (row_id,) in entered:
        cursor.execute("INSERT INTO label_words (rowid, words) VALUES (?,?)", (row_id, normal))


def write_boxes(cursor: Cursor, boxes: Sequence[tuple[float, ...]]) -> None:
    """Put boxes around the points of objects in place of those that are there."""
    cursor.executemany("DELETE FROM boxes WHERE id=?", [b[:1] for b in boxes])
    cursor.executemany("INSERT INTO boxes VALUES (?,?,?,?,?,?,?)", boxes)


def drop_unused_labels(cursor: Cursor) -> None:
    """Let go of every label that no object shows; :meth:`Store.vacuum` removes the trace of its words."""
    unused = cursor.execute(
        "SELECT id FROM vocabulary v WHERE NOT EXISTS (SELECT 1 FROM objects o WHERE o.label = v.label)"
    ).fetchall()
    cursor.executemany("DELETE FROM label_words WHERE rowid=?", unused)
    cursor.executemany("DELETE FROM vocabulary WHERE id=?", unused)
