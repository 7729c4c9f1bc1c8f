"""Opening the store that a place names: a file, working memory, or a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from memory_agent_ros.memory.storage.sqlite_store import SqliteStore
from memory_agent_ros.memory.storage.store import Store


def is_on_server(place: Path | str | None) -> bool:
    """Whether a place is the URL of a map on a server, and no file."""
    return isinstance(place, str) and place.startswith(("postgresql://", "postgres://"))


def open_store(
    place: Path | str | None, *, read_only: bool = False, trial: Callable[[Store], object] = lambda copy: None
) -> Store:
    """Open or create a map in a file, in working memory (None) or at ``postgresql://[user@]host/database?map=NAME``.

    An older map in a file is brought up in working memory first, and ``trial`` reads it there. Once a map has proved
    readable, :meth:`Store.settle` is to be called.

    Raises:
        StoreError: no map, damaged, of a newer schema, or open for writing elsewhere; it is left as it is.
    """
    if is_on_server(place):
        from memory_agent_ros.memory.storage.postgres_store import PostgresStore

        return PostgresStore.open(str(place), read_only=read_only)
    return SqliteStore.open(None if place is None else Path(place), read_only=read_only, trial=trial)
