"""One map in one namespace of a PostgreSQL database, for fleets that keep their maps on a server.

A step is one transaction of the server, so that a kill at any moment loses at most the step under way. The writer holds
an advisory lock of its session, which the server frees when the connection ends.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from memory_agent_ros.memory.indexes.reindex import bring_up
from memory_agent_ros.memory.ledger.recorder import PLAIN, Recorder
from memory_agent_ros.memory.ledger.signer import Signer
from memory_agent_ros.memory.ledger.soundness import soundness
from memory_agent_ros.memory.ledger.triggers import NOTES, POSTGRES_NOTES, noted, postgres_triggers
from memory_agent_ros.memory.storage.master_key import wrapping_key
from memory_agent_ros.memory.storage.object_keys import ObjectKeys
from memory_agent_ros.memory.storage.postgres_sql import in_postgres
from memory_agent_ros.memory.storage.schema import APPLICATION_ID, LEDGER_SINCE, SCHEMA_VERSION, TABLES, table_names
from memory_agent_ros.memory.storage.sqlite_store import SqliteStore
from memory_agent_ros.memory.storage.store import Cursor
from memory_agent_ros.memory.storage.words import Words
from memory_agent_ros.records.errors import StoreError

try:
    import psycopg

    _DriverError: type[Exception] = psycopg.Error
except ImportError:
    psycopg, _DriverError = None, OSError

#: How long to wait for the writer before: after a kill the server may still be taking its last step back, milliseconds.
_WRITER_WAIT_MS = 1000
#: How long any other statement waits for a lock, milliseconds.
_LOCK_WAIT_MS = 5000
#: A writer that fell silent is let go after about a minute.
_KEEPALIVE = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"


@dataclass(frozen=True)
class Address:
    """Where a map on a server is.

    Attributes:
        server: what the driver connects to; may hold a password.
        name: of the map.
        place: for people, without user and password.
    """

    server: str
    name: str
    place: str

    @property
    def namespace(self) -> str:
        """The namespace of the database that holds the map."""
        return f"map_{self.name}"

    def connect(self) -> Any:
        """A session of its own.

        Raises:
            StoreError: the server cannot be reached.
        """
        try:
            connection = psycopg.connect(self.server, autocommit=True, connect_timeout=10, client_encoding="utf8")
            connection.execute(f'SET search_path TO "{self.namespace}"')
        except _DriverError as error:
            raise StoreError(f"cannot reach {self.place}: {error}") from error
        return connection

    @staticmethod
    def of(url: str) -> Address:
        """Parse ``postgresql://[user@]host/database?map=NAME``.

        Raises:
            StoreError: no name, or one that is none.
        """
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        name = options.pop("map", "")
        place = f"postgresql://{parts.hostname or options.get('host', '')}{parts.path}"
        if not re.fullmatch(r"[a-z0-9_]{1,50}", name):
            raise StoreError(f"name the map on {place} by ?map=NAME, of a-z, 0-9 and _, 50 characters at most")
        server = f"postgresql://{parts.netloc}{parts.path}?{urlencode(options, quote_via=quote)}"
        return Address(server, name, f"{place}?map={name}")


class _Cursor:
    """Statements of the rooms, in the words of the server."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def execute(self, sql: str, values: Sequence[Any] = ()) -> _Cursor:
        for statement in in_postgres(sql):
            self._cursor.execute(statement, values)
        return self

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        rows = list(rows)
        for statement in in_postgres(sql) if rows else ():
            self._cursor.executemany(statement, rows)

    def fetchone(self) -> Any:
        return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        return list(self._cursor.fetchall())


class PostgresStore:
    """A checked connection to a map on a server. Use :meth:`open`."""

    def __init__(self, connection: Any, address: Address, read_only: bool) -> None:
        self.path = None
        self.place = address.place
        self.read_only = read_only
        self.keys = ObjectKeys(self.rows)
        self.words = Words(self.rows, self.keys)
        self.ledger = Recorder(self, self.keys, _notes)
        self._connection = connection
        self._namespace = address.namespace
        self._numbers = itertools.count()

    @staticmethod
    def open(url: str, *, read_only: bool = False) -> PostgresStore:
        """Open or create the map that a URL names.

        Raises:
            StoreError: no driver, no server, no map, of a newer schema, or open for writing elsewhere.
        """
        if psycopg is None:
            raise StoreError("maps on a server need the driver psycopg; install memory_agent_ros[server]")
        address = Address.of(url)
        connection = address.connect()
        store = PostgresStore(connection, address, read_only)
        try:
            if read_only:
                connection.execute("SET default_transaction_read_only = on")
            else:
                store._lock(address)
            connection.execute(f"SET lock_timeout = {_LOCK_WAIT_MS}")
            store._prepare()
            if not read_only:
                connection.execute(POSTGRES_NOTES)
        except _DriverError as error:
            connection.close()
            raise StoreError(f"{address.place} cannot be opened ({error}); it was left as it is") from error
        except BaseException:
            connection.close()
            raise
        return store

    def _lock(self, address: Address) -> None:
        """The server frees it when the session ends, however it ends."""
        self._connection.execute(_KEEPALIVE)
        self._connection.execute(f"SET lock_timeout = {_WRITER_WAIT_MS}")
        name = zlib.crc32(address.namespace.encode()) - (1 << 31)
        try:
            self._connection.execute("SELECT pg_advisory_lock(%s::int, %s::int)", (APPLICATION_ID, name))
        except psycopg.errors.LockNotAvailable as error:
            raise StoreError(
                f"{address.place} is open for writing elsewhere; close it there or open it read_only"
            ) from error

    def _prepare(self) -> None:
        """Create the map, or check it and bring it up."""
        if self.rows("SELECT to_regclass('map_version')")[0][0] is None:
            self._create()
            return
        version = int(self.rows("SELECT schema_version FROM map_version")[0][0])
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{self.place} has map schema {version}, this program reads up to {SCHEMA_VERSION}; "
                "update memory_agent_ros"
            )
        self.keys.unlock()
        if version == SCHEMA_VERSION:
            return
        if self.read_only:
            raise StoreError(f"{self.place} has the older map schema {version}; open it once for writing")
        told = soundness(self) if version >= LEDGER_SINCE else {}
        with self.unrecorded() as cursor:
            bring_up(self, cursor, version)
            cursor.execute("UPDATE map_version SET schema_version = ?", (SCHEMA_VERSION,))
            self._watch()
            self.words.save(cursor)
            self.ledger.adopt(cursor, "migrated", {"from": version, "to": SCHEMA_VERSION, **told})

    def _create(self) -> None:
        found = self.rows("SELECT oid FROM pg_namespace WHERE nspname = ?", (self._namespace,))
        if found and self.rows("SELECT 1 FROM pg_class WHERE relnamespace = ? LIMIT 1", found[0]):
            raise StoreError(f"the namespace {self._namespace} holds something else than a map; choose another name")
        if self.read_only:
            raise StoreError(f"there is no map at {self.place}")
        with self.unrecorded() as cursor:
            if not found:
                cursor.execute(f'CREATE SCHEMA "{self._namespace}"')
            for statement in TABLES.strip().rstrip(";").split(";\n"):
                cursor.execute(statement)
            cursor.execute("CREATE TABLE map_version (schema_version INTEGER NOT NULL, data_version INTEGER NOT NULL)")
            cursor.execute("INSERT INTO map_version VALUES (?, 0)", (SCHEMA_VERSION,))
            self._watch()
            self.keys.rewrap(cursor, wrapping_key())
            self.ledger.adopt(cursor, "created", {"schema": SCHEMA_VERSION})

    def _watch(self) -> None:
        """Let the server note which rows a session touches."""
        for statement in postgres_triggers(self.ledger.commitments.tables.values()):
            self._connection.execute(statement)

    def problems(self) -> list[str]:
        """Indexes and references that the server does not vouch for."""
        indexes = self.rows(
            "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ? AND NOT i.indisvalid",
            (self._namespace,),
        )
        references = self.rows(
            "SELECT c.conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace "
            "WHERE n.nspname = ? AND NOT c.convalidated",
            (self._namespace,),
        )
        found = [f"the index {name} is not valid" for (name,) in indexes]
        return found + [f"the references {name} are not checked" for (name,) in references]

    def settle(self) -> None:
        """The ledger is signed from now on."""
        self.ledger.signer = Signer(self).sign

    @contextlib.contextmanager
    def transaction(self, kind: str = PLAIN, body: Mapping[str, Any] | None = None) -> Iterator[_Cursor]:
        """All or nothing, with a record in the ledger.

        Raises:
            StoreError: it could not be committed (server gone, locked); nothing of it is in the map.
        """
        with self.unrecorded() as cursor:
            yield cursor
            self.words.save(cursor)
            self.ledger.seal(cursor, kind, body)

    @contextlib.contextmanager
    def unrecorded(self) -> Iterator[_Cursor]:
        """All or nothing; whoever calls it sees to the ledger.

        Raises:
            StoreError: it could not be committed (server gone, locked); nothing of it is in the map.
        """
        if self.read_only:
            raise StoreError("this map was opened read-only; open it without read_only to change it")
        try:
            self._connection.execute("BEGIN")
            self.ledger.begin()
            with self._connection.cursor(binary=True) as cursor:
                yield _Cursor(cursor)
            self._connection.execute("UPDATE map_version SET data_version = data_version + 1")
            self._connection.execute("COMMIT")
            self.words.committed()
            self.keys.committed()
            self.ledger.committed()
        except _DriverError as error:
            self._roll_back()
            raise StoreError(f"the map could not be written ({error}); what was remembered before is safe") from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        with contextlib.suppress(_DriverError):  # the connection is gone: the server takes the step back
            if self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                self._connection.execute("ROLLBACK")
        self.keys.rolled_back()
        self.words.reload()
        self.ledger.rolled_back()

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Result of a query.

        Raises:
            StoreError: the map cannot be read.
        """
        try:
            with self._connection.cursor(binary=True) as cursor:
                found = _Cursor(cursor).execute(sql, values)
                return found.fetchall() if cursor.description else []
        except _DriverError as error:
            raise StoreError(f"the map could not be read ({error})") from error

    def each(self, sql: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a query one by one, fetched a hundred at a time.

        Raises:
            StoreError: the map cannot be read.
        """
        (statement,) = in_postgres(sql)
        try:
            with self._connection.cursor(f"each_{next(self._numbers)}", withhold=True) as cursor:
                yield from cursor.execute(statement, values, binary=True)
        except _DriverError as error:
            raise StoreError(f"the map could not be read ({error})") from error

    @contextlib.contextmanager
    def as_found(self) -> Iterator[None]:
        """Nothing to do: the server lets no text in that is none."""
        yield

    def columns(self, table: str) -> list[str]:
        """Names of the columns of a table, in order."""
        found = self.rows(
            "SELECT column_name::text FROM information_schema.columns "
            "WHERE table_schema = ? AND table_name = ? ORDER BY ordinal_position",
            (self._namespace, table),
        )
        return [r[0] for r in found]

    def data_version(self) -> int:
        """A number that changes with every transaction of the writer."""
        return int(self.rows("SELECT data_version FROM map_version")[0][0])

    def checkpoint(self) -> None:
        """Nothing to do: what is committed is with the server."""

    def vacuum(self) -> None:
        """Rewrite all tables. What the server keeps besides (its log, backups) is for its operator to let go of."""
        self.rows(f"VACUUM (FULL) {', '.join(table_names())}")

    def copy_to(self, path: Path, *, keys: bool = True) -> None:
        """A consistent copy in one map file of the embedded store, put in place in one move; see :class:`Store`."""
        draft = path.with_name(path.name + ".part")
        draft.unlink(missing_ok=True)
        try:
            self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            file = SqliteStore.open(draft)
            try:
                with file.unrecorded() as cursor:
                    for table in table_names():
                        cursor.execute(f"DELETE FROM {table}")
                    for table in (t for t in table_names() if keys or t != "keys"):
                        names = ", ".join(columns := self.columns(table))
                        marks = ",".join("?" * len(columns))
                        rows = self.each(f"SELECT {names} FROM {table}")
                        cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
                    if keys:
                        file.ledger.take_over(cursor, soundness(self))
            finally:
                file.close()
        except (_DriverError, StoreError) as error:
            draft.unlink(missing_ok=True)
            raise StoreError(f"the copy to {path} failed ({error}); {path} was left as it was") from error
        finally:
            self._roll_back()
        os.replace(draft, path)

    def close(self) -> None:
        """End the session; the map is free for another writer, its ledger signed."""
        self.ledger.finish()
        self._connection.close()


def _notes(cursor: Cursor) -> list[tuple[Any, ...]]:
    """Rows that this session has touched since it was asked last."""
    found = cursor.execute(f"SELECT DISTINCT table_number, was_there, name, a, b FROM pg_temp.{NOTES}").fetchall()
    cursor.execute(f"DELETE FROM pg_temp.{NOTES}")
    return list(noted(found))
