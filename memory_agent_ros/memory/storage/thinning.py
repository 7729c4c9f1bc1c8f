"""Which old observations of an object stay in the file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from memory_agent_ros.memory.storage.store import Cursor


def thin_observations(cursor: Cursor, object_id: int, most: int) -> int:
    """Let all but ``most`` observations of an object that no picture shows go; returns how many went.

    Observations with a picture are evidence and stay. A third of those kept are the newest, the others are spread over
    the time before, the very first among them.
    """
    rows = cursor.execute(
        "SELECT id, stamp_ns FROM observations WHERE object_id=? AND keyframe_id IS NULL ORDER BY stamp_ns, id",
        (object_id,),
    ).fetchall()
    if len(rows) <= most:
        return 0
    kept = kept_rows([stamp for _, stamp in rows], most)
    going = [(row_id,) for n, (row_id, _) in enumerate(rows) if n not in kept]
    cursor.executemany("DELETE FROM observations WHERE id=?", going)
    return len(going)


def kept_rows(stamps_ns: Sequence[int], most: int) -> set[int]:
    """Positions in sorted stamps that are kept: at most ``most``, the newest and others spread evenly over time."""
    newest = max(most // 3, 1)
    old = np.asarray(stamps_ns[: len(stamps_ns) - newest], dtype=np.float64)
    marks = np.linspace(old[0], old[-1], most - newest) if most > newest else np.zeros(0)
    nearest = np.clip(np.searchsorted(old, marks), 0, len(old) - 1)
    return {int(n) for n in nearest} | set(range(len(stamps_ns) - newest, len(stamps_ns)))
