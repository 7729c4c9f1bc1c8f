"""Writing many finished objects into a map at once: for imports and for measuring large maps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.map_state import Changes, MapState
from memory_agent_ros.memory.storage.persistence import Persistence
from memory_agent_ros.memory.storage.stores import open_store


def write_map(
    path: Path | str, batches: Callable[[MapState], Iterable[Changes]], config: MemoryConfig | None = None
) -> int:
    """Write objects without observing them one by one; returns how many the map then holds.

    Args:
        path: map file or URL of a map on a server, new or to be added to.
        batches: given the working state, makes the tracks (with ids from ``state.next_id("objects")``), puts them into
            ``state.tracks`` and yields, some dozens of tracks at a time, changes that name them as ``touched``, with
            their events, observation rows and the keyframe that shows them. It also sets ``state.frame_id`` and
            ``state.last_stamp_ns``. Tracks leave working memory after each batch, so ten thousands fit.
        config: parameters.

    Raises:
        StoreError: the file cannot be opened or written; nothing is changed.
    """
    config = config or MemoryConfig()
    store = open_store(path)
    try:
        persistence = Persistence(store, config)
        state = persistence.load()
        persistence.import_batches(state, batches(state))
        return len(state.tracks)
    finally:
        store.close()
