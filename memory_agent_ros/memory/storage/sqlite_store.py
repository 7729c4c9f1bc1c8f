"""One map in one SQLite file: open, transactions, copy, close.

Write-ahead log with ``synchronous=NORMAL``: after a kill at any moment the file reopens at the end of some transaction.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

from memory_agent_ros.memory.indexes.reindex import bring_up
from memory_agent_ros.memory.ledger.recorder import PLAIN, Recorder
from memory_agent_ros.memory.ledger.signer import Signer
from memory_agent_ros.memory.ledger.soundness import soundness
from memory_agent_ros.memory.ledger.triggers import PUT, TOUCH, sqlite_triggers
from memory_agent_ros.memory.storage.master_key import wrapping_key
from memory_agent_ros.memory.storage.object_keys import ObjectKeys
from memory_agent_ros.memory.storage.schema import APPLICATION_ID, LEDGER_SINCE, MIGRATIONS, SCHEMA_VERSION, TABLES
from memory_agent_ros.memory.storage.words import Words
from memory_agent_ros.records.errors import StoreError


class SqliteStore:
    """A checked connection to a map file. Use :meth:`open`."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path | None, lock: IO[bytes] | None, read_only: bool
    ) -> None:
        self.connection = connection
        self.path = path
        self.read_only = read_only
        self.keys = ObjectKeys(self.rows)
        self.words = Words(self.rows, self.keys)
        self.ledger = Recorder(self, self.keys)
        self._lock = lock

    @property
    def place(self) -> str:
        """Where the map is, for people."""
        return "in working memory" if self.path is None else str(self.path)

    @staticmethod
    def open(
        path: Path | None, *, read_only: bool = False, trial: Callable[[SqliteStore], object] = lambda copy: None
    ) -> SqliteStore:
        """Open or create a map; ``None`` keeps it in working memory. Call :meth:`settle` once it has proved readable.

        Args:
            path: the file.
            read_only: nothing is written.
            trial: reads a map; an older one is brought up in working memory and tried there before its file is touched.

        Raises:
            StoreError: no map, corrupted, of a newer schema, or open for writing elsewhere. The file is left as it is.
        """
        if path is None:
            store = SqliteStore(_connect(":memory:"), None, None, read_only=False)
            store._create()
            store._watch()
            return store
        try:
            return SqliteStore._open_locked(path, read_only, trial)
        except (OSError, ValueError) as error:  # a name that is none, a file system that refuses
            refused = isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EACCES, errno.EPERM)
            advice = "; to ask it, open it read_only; to change it, copy it elsewhere" if refused else ""
            raise StoreError(f"cannot open {str(path)!r}: {error}{advice}") from error

    @staticmethod
    def _open_locked(path: Path, read_only: bool, trial: Callable[[SqliteStore], object]) -> SqliteStore:
        if read_only and not path.exists():
            raise StoreError(f"there is no map at {path}")
        if not path.parent.is_dir():
            raise StoreError(f"the folder {path.parent} does not exist; create it first")
        lock = None if read_only else _lock(path)
        try:
            return SqliteStore._open_file(path, lock, read_only, trial)
        except BaseException:
            _unlock(path, lock)
            raise

    @staticmethod
    def _open_file(
        path: Path, lock: IO[bytes] | None, read_only: bool, trial: Callable[[SqliteStore], object]
    ) -> SqliteStore:
        new = not path.exists() or path.stat().st_size == 0
        try:
            if new and not read_only:
                _make_private(path)
            connection = _connect(f"file:{quote(str(path.absolute()))}?mode={'ro' if read_only else 'rwc'}")
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot open {path}: {error}") from error
        store = SqliteStore(connection, path, lock, read_only)
        try:
            if not read_only and (new or _is_blank(connection)):
                connection.execute("PRAGMA journal_mode = WAL")
                store._create()
            else:
                store._check()
                store.keys.unlock()
                store._migrate(trial)
            if not read_only:
                store._watch()
        except sqlite3.Error as error:
            connection.close()
            what = "cannot be made" if new else "cannot be opened"
            raise StoreError(f"{path} {what} ({error}): {_advice(error)}; it was left as it is") from error
        except StoreError:
            connection.close()
            raise
        return store

    def settle(self) -> None:
        """Write through a log and sign the ledger from now on.

        Not before the map has proved readable, as this writes into the file.

        Raises:
            StoreError: the file cannot be written.
        """
        if self.path is not None and not self.read_only:
            try:
                self.connection.execute("PRAGMA journal_mode = WAL")
                self.connection.execute("PRAGMA synchronous = NORMAL")
            except sqlite3.Error as error:
                raise StoreError(
                    f"{self.path} cannot be opened for writing ({error}): {_advice(error)}; it was left as it is, and "
                    "can be asked if it is opened read_only"
                ) from error
            self.ledger.signer = Signer(self).sign

    def _create(self) -> None:
        with self.unrecorded() as cursor:
            for statement in TABLES.strip().split(";\n"):
                cursor.execute(statement)
            cursor.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            cursor.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self.keys.rewrap(cursor, wrapping_key())
            self.ledger.adopt(cursor, "created", {"schema": SCHEMA_VERSION})

    def _watch(self) -> None:
        """Tell the ledger which rows are touched from now on, and what they hold."""
        self.connection.execute("PRAGMA temp_store = MEMORY")
        self.connection.create_function(TOUCH, -1, self.ledger.touch)
        self.connection.create_function(PUT, -1, self.ledger.put)
        for table in self.ledger.commitments.tables.values():
            for statement in sqlite_triggers(table, self.columns(table.name)):
                self.connection.execute(statement)

    def _check(self) -> None:
        """Refuse what is no map, newer than this program, or damaged, before a byte is written."""
        application = self.connection.execute("PRAGMA application_id").fetchone()[0]
        version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION_ID:
            raise StoreError(f"{self.path} is a SQLite file but no map of memory_agent_ros; choose another file")
        if version < min(MIGRATIONS):
            raise StoreError(
                f"{self.path} is damaged (map schema {version} never was); restore it from a copy, it was left as it is"
            )
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{self.path} has map schema {version}, this program reads up to {SCHEMA_VERSION}; "
                "update memory_agent_ros"
            )
        problems = self.problems()
        if problems:
            raise StoreError(f"{self.path} is damaged ({problems[0]}); restore it from a copy, it was left as it is")

    def _migrate(self, trial: Callable[[SqliteStore], object]) -> None:
        """Bring an older map to this schema: in a copy in memory, and if that can be read and written, in its file."""
        version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if version == SCHEMA_VERSION:
            return
        copy = SqliteStore(_connect(":memory:"), None, None, read_only=False)
        self.connection.backup(copy.connection)
        told = soundness(copy) if version >= LEDGER_SINCE else {}
        copy._bring_up(version, told)
        if self.read_only:
            self.connection.close()
            self.connection = copy.connection
            return
        trial(copy)
        copy.close()
        self._bring_up(version, told)

    def _bring_up(self, version: int, told: Mapping[str, Any]) -> None:
        """Bring it up; ``told``: whether its ledger fitted before, since every row is committed to anew."""
        with self.unrecorded() as cursor:
            bring_up(self, cursor, version)
            cursor.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self.words.save(cursor)
            self.ledger.adopt(cursor, "migrated", {"from": version, "to": SCHEMA_VERSION, **told})

    def problems(self) -> list[str]:
        """What SQLite finds wrong with the file, references between tables included."""
        try:
            found = [r[0] for r in self.connection.execute("PRAGMA quick_check(5)") if r[0] != "ok"]
            found += [
                f"row {r[1]} of {r[0]} refers to nothing in {r[2]}"
                for r in self.connection.execute("PRAGMA foreign_key_check")
            ]
        except sqlite3.Error as error:
            return [str(error)]
        return found

    @contextlib.contextmanager
    def transaction(self, kind: str = PLAIN, body: Mapping[str, Any] | None = None) -> Iterator[sqlite3.Cursor]:
        """All or nothing, with a record in the ledger.

        Raises:
            StoreError: it could not be committed (disk full, locked); nothing of it is in the file.
        """
        with self.unrecorded() as cursor:
            yield cursor
            self.words.save(cursor)
            self.ledger.seal(cursor, kind, body)

    @contextlib.contextmanager
    def unrecorded(self) -> Iterator[sqlite3.Cursor]:
        """All or nothing; whoever calls it sees to the ledger.

        Raises:
            StoreError: it could not be committed (disk full, locked); nothing of it is in the file.
        """
        if self.read_only:
            raise StoreError("this map was opened read-only; open it without read_only to change it")
        cursor = self.connection.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE")
            self.ledger.begin()
            yield cursor
            cursor.execute("COMMIT")
            self.words.committed()
            self.keys.committed()
            self.ledger.committed()
        except (sqlite3.Error, OverflowError) as error:  # a number beyond 64 bits comes from a damaged row
            self._roll_back()
            raise StoreError(
                f"the map could not be written ({error}): {_advice(error)}; what was remembered before is safe"
            ) from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self.keys.rolled_back()
        self.words.reload()
        self.ledger.rolled_back()

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """Result of a query.

        Raises:
            StoreError: the file cannot be read.
        """
        try:
            return self.connection.execute(sql, values).fetchall()
        except (sqlite3.Error, OverflowError) as error:  # a number beyond 64 bits is in no map
            raise StoreError(f"the map could not be read ({error})") from error

    def each(self, sql: str, values: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Rows of a query one by one.

        Raises:
            StoreError: the file cannot be read.
        """
        try:
            yield from self.connection.execute(sql, values)
        except (sqlite3.Error, OverflowError) as error:
            raise StoreError(f"the map could not be read ({error})") from error

    @contextlib.contextmanager
    def as_found(self) -> Iterator[None]:
        """Meanwhile text that is none (damaged) is read all the same, with a surrogate for each byte that is wrong."""
        usual = self.connection.text_factory
        self.connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        try:
            yield
        finally:
            self.connection.text_factory = usual

    def columns(self, table: str) -> list[str]:
        """Names of the columns of a table, in order."""
        return [r[1] for r in self.rows(f"PRAGMA table_info({table})")]

    def data_version(self) -> int:
        """A number that changes when another process has written."""
        return int(self.rows("PRAGMA data_version")[0][0])

    def checkpoint(self, *, truncate: bool = False) -> None:
        """Bring the write-ahead log into the file."""
        if self.path is not None and not self.read_only:
            self.rows(f"PRAGMA wal_checkpoint({'TRUNCATE' if truncate else 'PASSIVE'})")

    def vacuum(self) -> None:
        """Rewrite the file so that nothing deleted is left in it, nor in its log.

        Raises:
            StoreError: there is no space for that; what was deleted is overwritten all the same, the log as far as it
                can be.
        """
        try:
            self.connection.execute("VACUUM")
        except sqlite3.Error as error:
            raise StoreError(f"the file could not be rewritten ({error}): {_advice(error)}") from error
        finally:
            self.checkpoint(truncate=True)

    def copy_to(self, path: Path, *, keys: bool = True) -> None:
        """A consistent copy in one file, put in place in one move; without ``keys`` what is sealed stays so."""
        try:
            if path.exists() and not _is_map(path):
                raise StoreError(f"{str(path)!r} is there and is no map; it is not written over, choose another name")
            draft = path.with_name(path.name + ".part")
            draft.unlink(missing_ok=True)
            try:
                _make_private(draft)
                with contextlib.closing(sqlite3.connect(draft)) as target:
                    self.connection.backup(target)
                    target.execute("PRAGMA journal_mode = DELETE")
                    if not keys:
                        target.execute("PRAGMA secure_delete = ON")
                        target.execute("DELETE FROM keys")
                        target.commit()
                        target.execute("VACUUM")
                os.replace(draft, path)
            finally:
                draft.unlink(missing_ok=True)
        except (sqlite3.Error, OSError, ValueError) as error:
            raise StoreError(f"the copy to {str(path)!r} failed ({error}); what was there is as it was") from error

    def close(self) -> None:
        """Leave one self-contained file behind (unless a reader still has it open), its ledger signed."""
        self.ledger.finish()
        if self.path is not None and not self.read_only:
            with contextlib.suppress(sqlite3.Error):  # a reader is there: the log stays, nothing is lost
                self.connection.execute("PRAGMA journal_mode = DELETE")
        self.connection.close()
        if self.path is not None:
            _unlock(self.path, self._lock)
        self._lock = None


def _connect(name: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        name, timeout=5.0, isolation_level=None, check_same_thread=False, uri=name.startswith("file:")
    )
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")
    return connection


def _is_blank(connection: sqlite3.Connection) -> bool:
    """Whether there is nothing in a file: its making was cut short."""
    marks = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
    return marks == [0, 0] and connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0] == 0


def _advice(error: Exception) -> str:
    """What to do about what the engine says."""
    name = str(getattr(error, "sqlite_errorname", ""))
    if name.startswith("SQLITE_FULL"):
        return "free some space on its disk"
    if name.startswith("SQLITE_IOERR"):
        return "its disk is full or fails; free some space, and look into the system's log"
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return "its file system or its folder may not be written; give it other rights or copy it elsewhere"
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "another program has it locked; close it there"
    return "restore it from a copy"


def _make_private(path: Path) -> None:
    """An empty file that only its owner may read, where there is none yet; SQLite gives its logs the same rights."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


def _is_map(path: Path) -> bool:
    """Whether a path is a map file by its header, or an empty file."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        header = file.read(100)
    return not header or (
        header.startswith(b"SQLite format 3\0") and header[68:72] == APPLICATION_ID.to_bytes(4, "big")
    )


def _lock_path(path: Path) -> Path:
    return path.with_name(path.name + ".lock")


def _lock(path: Path) -> IO[bytes]:
    """Exclusive advisory lock beside the map; the system frees it when the process dies."""
    while True:
        handle = open(_lock_path(path), "ab")  # noqa: SIM115 - kept open as long as the map is
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.close()
            raise StoreError(f"{path} is open for writing elsewhere; close it there or open it read_only") from error
        try:
            same = os.fstat(handle.fileno()).st_ino == _lock_path(path).stat().st_ino
        except FileNotFoundError:
            same = False
        if same:
            return handle
        handle.close()  # its last owner has just removed it: take a new one


def _unlock(path: Path, lock: IO[bytes] | None) -> None:
    if lock is not None:
        _lock_path(path).unlink(missing_ok=True)
        lock.close()
