"""The audit of a map that nobody has open."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from memory_agent_ros.memory.ledger.checkpoints import Checkpoint
from memory_agent_ros.memory.ledger.soundness import verify_store
from memory_agent_ros.memory.ledger.verification import Finding
from memory_agent_ros.memory.storage.stores import open_store


def verify_map(
    place: Path | str, checkpoint: Checkpoint | None = None, trusted: Collection[bytes] = ()
) -> list[Finding]:
    """What does not fit in a map, damaged ones included that do not open as a memory; empty if all is sound.

    Arguments as of :meth:`~memory_agent_ros.memory.ledger.ledger.Ledger.verify`.

    Raises:
        StoreError: there is none, or it cannot be read at all.
    """
    store = open_store(place, read_only=True)
    try:
        return verify_store(store, checkpoint, trusted)
    finally:
        store.close()
