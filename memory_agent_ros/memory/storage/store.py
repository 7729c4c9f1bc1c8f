"""What a map needs of an engine that keeps it, whichever that is; :mod:`stores` chooses one.

Statements are written once, in the SQL that SQLite and PostgreSQL share (``ON CONFLICT``, ``RETURNING``, placeholders
``?``); what SQLite alone has, an engine of another kind puts into its own words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from memory_agent_ros.memory.ledger.recorder import Recorder
    from memory_agent_ros.memory.storage.object_keys import ObjectKeys
    from memory_agent_ros.memory.storage.words import Words

INSERT_META = "INSERT INTO meta VALUES (?,?) ON CONFLICT (key) DO UPDATE SET value=excluded.value"


class Cursor(Protocol):
    """Runs statements inside a transaction."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""
        ...

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Any:
        """Run one statement with each row of values."""
        ...

    def fetchone(self) -> Any:
        """Next row of the last statement, None after the last."""
        ...

    def fetchall(self) -> list[Any]:
        """Rows of the last statement."""
        ...


class Store(Protocol):
    """One map in some engine. Whatever fails in the engine is raised as ``StoreError``."""

    @property
    def path(self) -> Path | None:
        """The map file, None if the map is in none."""
        ...

    @property
    def place(self) -> str:
        """Where the map is, for people; no passwords."""
        ...

    @property
    def read_only(self) -> bool:
        """Whether :meth:`transaction` is refused."""
        ...

    @property
    def keys(self) -> ObjectKeys:
        """The keys of what the map holds; those made in a transaction are stored at its end."""
        ...

    @property
    def words(self) -> Words:
        """The labels of the map and the numbers that stand for them in rows."""
        ...

    def settle(self) -> None:
        """Make ready for writing; called once the map has proved readable."""
        ...

    @property
    def ledger(self) -> Recorder:
        """Writes the ledger of the map."""
        ...

    def transaction(
        self, kind: str = "changed", body: Mapping[str, Any] | None = None, /
    ) -> AbstractContextManager[Cursor]:
        """All or nothing; after it, :meth:`data_version` of every reader differs. One writer at a time per map.

        Args:
            kind: what the ledger says of it.
            body: what it says besides: ids and numbers, never names; read at the end.
        """
        ...

    def unrecorded(self) -> AbstractContextManager[Cursor]:
        """The same without a record in the ledger; whoever calls it sees to that."""
        ...

    def rows(self, sql: str, values: tuple[Any, ...] = (), /) -> list[tuple[Any, ...]]:
        """Result of a query."""
        ...

    def each(self, sql: str, values: tuple[Any, ...] = (), /) -> Iterator[tuple[Any, ...]]:
        """Rows of a query one by one; not all of them need to be taken."""
        ...

    def as_found(self) -> AbstractContextManager[None]:
        """Meanwhile text that is damaged is read all the same."""
        ...

    def columns(self, table: str, /) -> list[str]:
        """Names of the columns of a table, in order."""
        ...

    def data_version(self) -> int:
        """A number that changes when another process has written."""
        ...

    def problems(self) -> list[str]:
        """What the engine finds wrong with the map, one sentence each."""
        ...

    def checkpoint(self) -> None:
        """Bring everything committed to where a copy of the map's file would find it."""
        ...

    def vacuum(self) -> None:
        """Rewrite the map so that nothing deleted is left in its tables."""
        ...

    def copy_to(self, path: Path, /, *, keys: bool = True) -> None:
        """A consistent copy in one map file, put in place in one move; without ``keys`` what is sealed stays sealed."""
        ...

    def close(self) -> None:
        """Let go of the map."""
        ...
