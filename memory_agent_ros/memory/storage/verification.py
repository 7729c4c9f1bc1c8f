"""Is a map sound? Checks that go beyond what opening it checks."""

from __future__ import annotations

import zlib

import numpy as np

from memory_agent_ros.memory.anchors.fusion import read_surface
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.storage import archive
from memory_agent_ros.memory.storage.codec import cloud_crc
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.storage.tip_book import damaged_tips


def problems(store: Store, state: MapState) -> list[str]:
    """What is wrong with a map, one sentence each: pages, references, checksums, evidence, geometry."""
    found = store.problems()
    for object_id, *blobs, crc in store.rows("SELECT object_id, keys, points, hits, anchors, crc FROM clouds"):
        if cloud_crc(*blobs) != crc:
            found.append(f"the points of object {object_id} are damaged")
    for keyframe_id, jpeg, crc in store.rows("SELECT id, jpeg, crc FROM keyframes"):
        if zlib.crc32(jpeg) != crc:
            found.append(f"keyframe {keyframe_id} is damaged")
    found += damaged_tips(store)
    for row in store.each("SELECT observation_id, owner, data FROM surfaces"):
        if read_surface(store, row) is None:
            found.append(f"the surface of observation {row[0]} is damaged")
    for track in state.tracks.scan():
        if track.confirmed and not archive.evidence(store, track.id, 1):
            found.append(f"object {track.id} ({track.label}) has no evidence")
        if not (np.isfinite(track.cloud.points).all() and np.isfinite(track.centroid).all()):
            found.append(f"object {track.id} ({track.label}) has geometry that is not finite")
    return found
