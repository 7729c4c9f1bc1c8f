"""Another master key, or none, for the keys of a map that nobody has open."""

from __future__ import annotations

from pathlib import Path

from memory_agent_ros.memory.storage.master_key import MasterKey
from memory_agent_ros.memory.storage.stores import open_store

#: Kind of the records that tell of it.
RECORD = "master_key"


def rewrap_map(place: Path | str, master: MasterKey | None) -> None:
    """Wrap the keys of a map by a master key; None lets them lie there as they are. The ledger tells of it.

    Raises:
        StoreError: the map cannot be opened, or the present master key is not there; the map is left as it is.
    """
    store = open_store(place)
    try:
        store.settle()
        told = {"from": store.keys.wrapped_by() or "", "to": "" if master is None else master.name}
        with store.transaction(RECORD, told) as cursor:
            store.keys.rewrap(cursor, master)
        store.vacuum()  # the keys as they lay there before are in no free page afterwards
    finally:
        store.close()


def wrapped_by(place: Path | str) -> str | None:
    """Name of the master key that wraps the keys of a map; None if none does.

    Raises:
        StoreError: the map cannot be opened, or its master key is not there.
    """
    store = open_store(place, read_only=True)
    try:
        return store.keys.wrapped_by()
    finally:
        store.close()
