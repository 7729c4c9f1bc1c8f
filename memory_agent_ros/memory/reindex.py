"""Filling the index columns of maps that were written before there were any."""

from __future__ import annotations

import sqlite3

from memory_agent_ros.memory.codec import TRACK_COLUMNS, box_row, cloud_of, index_columns, track_of
from memory_agent_ros.memory.labels import normal_label


def index_objects(cursor: sqlite3.Cursor) -> None:
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
        cursor.execute("INSERT OR REPLACE INTO boxes VALUES (?,?,?,?,?,?,?)", box_row(track))
    for (label,) in cursor.execute("SELECT DISTINCT label FROM objects").fetchall():
        add_label(cursor, label)


def add_label(cursor: sqlite3.Cursor, label: str) -> None:
    """Enter a label and its words, once."""
    normal = normal_label(label)
    if cursor.execute("INSERT OR IGNORE INTO vocabulary (label, normal) VALUES (?,?)", (label, normal)).rowcount:
        cursor.execute("INSERT INTO label_words (rowid, words) VALUES (?,?)", (cursor.lastrowid, normal))


def drop_unused_labels(cursor: sqlite3.Cursor) -> None:
    """Let go of every label that no object shows, leaving no trace of its words."""
    unused = cursor.execute(
        "SELECT id FROM vocabulary v WHERE NOT EXISTS (SELECT 1 FROM objects o WHERE o.label = v.label)"
    ).fetchall()
    cursor.executemany("DELETE FROM label_words WHERE rowid=?", unused)
    cursor.executemany("DELETE FROM vocabulary WHERE id=?", unused)
    cursor.execute("INSERT INTO label_words (label_words) VALUES ('optimize')")
