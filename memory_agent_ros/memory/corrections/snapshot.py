"""Objects as they were before a correction, kept so that it can be undone."""

from __future__ import annotations

from typing import Any

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.storage.codec import cloud_of, cloud_row, object_row, track_of
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.track import Track

#: Values of a row of ``objects`` that a track is made of.
_OWN = 14


def packed(track: Track, store: Store, config: MemoryConfig) -> dict[str, Any]:
    """A track with the ids of its logged observations."""
    rows = store.rows("SELECT id FROM observations WHERE object_id=? ORDER BY id", (track.id,))
    return {
        "object": list(object_row(track, config, 0)[:_OWN]),
        "cloud": list(cloud_row(track)),
        "rows": [r[0] for r in rows],
    }


def unpacked(values: dict[str, Any]) -> Track:
    """Inverse of :func:`packed`."""
    *cloud, former = values["cloud"]
    return track_of(tuple(values["object"]), cloud_of(*cloud), former)
