"""Filling the index columns of maps that were written before there were any."""

from __future__ import annotations

import sqlite3

from memory_agent_ros.memory.codec import TRACK_COLUMNS, box_row, cloud_of, index_columns, track_of


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
