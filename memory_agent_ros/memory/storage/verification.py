"""Is a map sound? Checks that go beyond what opening it checks."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from memory_agent_ros.memory.anchors.fusion import read_surface
from memory_agent_ros.memory.map_state import MapState
from memory_agent_ros.memory.storage import archive
from memory_agent_ros.memory.storage.codec import cloud_crc
from memory_agent_ros.memory.storage.damage import told_as_damage
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.storage.tip_book import damaged_tips
from memory_agent_ros.records.errors import StoreError


def problems(store: Store, state: MapState) -> list[str]:
    """What is wrong with a map, one sentence each: pages, references, checksums, evidence, geometry."""
    found = store.problems()
    checks: tuple[Callable[[], list[str]], ...] = (
        lambda: _clouds(store),
        lambda: _pictures(store),
        lambda: damaged_tips(store),
        lambda: _surfaces(store),
        lambda: _objects(store, state),
    )
    for check in checks:
        try:
            found += check()
        except StoreError as error:
            found.append(str(error))
    return found


def _clouds(store: Store) -> list[str]:
    rows = store.rows("SELECT object_id, keys, points, hits, anchors, crc FROM clouds")
    return [f"the points of object {i} are damaged" for i, *blobs, crc in rows if cloud_crc(*blobs) != crc]


@told_as_damage("pictures")
def _pictures(store: Store) -> list[str]:
    rows = store.rows("SELECT id, jpeg, crc FROM keyframes")
    return [f"keyframe {keyframe_id} is damaged" for keyframe_id, jpeg, crc in rows if zlib.crc32(jpeg) != crc]


@told_as_damage("surfaces")
def _surfaces(store: Store) -> list[str]:
    rows = store.each("SELECT observation_id, owner, data FROM surfaces")
    return [f"the surface of observation {row[0]} is damaged" for row in rows if read_surface(store, row) is None]


def _objects(store: Store, state: MapState) -> list[str]:
    found = []
    for track in state.tracks.scan():
        if track.confirmed and not archive.evidence(store, track.id, 1):
            found.append(f"object {track.id} ({track.label}) has no evidence")
        if not (np.isfinite(track.cloud.points).all() and np.isfinite(track.centroid).all()):
            found.append(f"object {track.id} ({track.label}) has geometry that is not finite")
    return found
