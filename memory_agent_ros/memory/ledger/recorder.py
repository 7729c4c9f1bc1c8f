"""Writes the ledger of a store: one record at the end of each transaction that changed something.

The engine tells which rows a transaction touches, by triggers, so that nothing that writes has to tell; cascades
included. SQLite tells what they hold, too; else that is read once, at the end. It is committed to in the same
transaction.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from memory_agent_ros.memory.ledger.commitments import UNREAD, Commitments, Touched, pack
from memory_agent_ros.memory.ledger.records import NO_HASH, chained, encode, leaves_root
from memory_agent_ros.memory.ledger.tables import HEAD_ROW
from memory_agent_ros.memory.storage.object_keys import ObjectKeys
from memory_agent_ros.memory.storage.store import INSERT_META, Cursor, Store
from memory_agent_ros.records.errors import StoreError

#: Kind of a record of which nobody said what it is; left out if nothing was touched.
PLAIN = "changed"
#: Records between two signed checkpoints.
SIGN_EVERY = 4096
#: Rows whose values are kept until the end of a transaction; those of more are read again.
_MOST_KEPT = 2000
_APPEND = "INSERT INTO ledger (seq, kind, record, leaves, hash) VALUES (?,?,?,?,?)"


class Recorder:
    """Appends to the ledger of one store; the store calls :meth:`seal` before it commits.

    Args:
        store: whose ledger.
        keys: of the owners of its rows.
        notes: asks the engine which rows were touched, where it does not call :meth:`touch` itself.

    Attributes:
        signer: signs the ledger as it stands, every some thousand records and at the end; None for no signatures.
    """

    def __init__(
        self, store: Store, keys: ObjectKeys, notes: Callable[[Cursor], list[tuple[Any, ...]]] | None = None
    ) -> None:
        self.commitments = Commitments(store, keys)
        self._store = store
        self._keys = keys
        self._notes = notes
        self._keys_table = next((n for n, t in self.commitments.tables.items() if t.name == "keys"), 0)
        self.signer: Callable[[], object] | None = None
        self._touched: dict[int, dict[tuple[Any, ...], Sequence[Any]]] = {}
        self._kept = 0
        self._key_of: dict[int, Callable[[Sequence[Any]], tuple[Any, ...]]] = {}
        self._replaced: set[tuple[Any, ...]] = set()
        self._head: tuple[int, bytes] | None = None
        self._last_signed: int | None = None
        self._coming: tuple[int, bytes] | None = None

    def touch(self, number: int, was_there: int, *key: Any) -> None:
        """A row was inserted, or changed or deleted (``was_there``) by the transaction under way."""
        self._note(number, was_there, key, UNREAD)

    def put(self, number: int, was_there: int, *row: Any) -> None:
        """A row was inserted, or changed (``was_there``), and now holds these values, in the order of their names."""
        try:
            key = self._key_of[number](row)
        except KeyError:
            self._key_of[number] = self.commitments.key_of(number)
            key = self._key_of[number](row)
        self._kept += 1
        self._note(number, was_there, key, row if self._kept <= _MOST_KEPT else UNREAD)

    def _note(self, number: int, was_there: int, key: tuple[Any, ...], row: Sequence[Any]) -> None:
        rows = self._touched.get(number)
        if rows is None:
            rows = self._touched[number] = {}
        rows[key] = row
        if was_there and number == self._keys_table:
            self._replaced.add(key)

    def begin(self) -> None:
        """A transaction begins."""
        self._taken()
        self._replaced.clear()
        self._coming = None

    def seal(self, cursor: Cursor, kind: str = PLAIN, body: Mapping[str, Any] | None = None) -> None:
        """Commit to what the transaction touched, with a record of its own; fresh keys are stored too.

        Raises:
            BadInputError: ``ledger_body``.
        """
        leaves = self.commitments.of_touched(cursor, self._taken(cursor))
        self._keys.save(cursor)
        leaves += self.commitments.of_touched(cursor, self._taken(cursor))
        if self._replaced:
            known = {(leaf[0], leaf[3]) for leaf in leaves}
            for number, *key in (row for owner in self._replaced for row in self.commitments.owned(cursor, *owner)):
                self._note(number, 0, tuple(key), UNREAD)
            again = self.commitments.of_touched(cursor, self._taken())
            leaves += [leaf for leaf in again if (leaf[0], leaf[3]) not in known]
        if leaves or kind != PLAIN:
            self._append(cursor, kind, body or {}, pack(sorted(leaves)))

    def adopt(self, cursor: Cursor, kind: str, body: Mapping[str, Any] | None = None) -> None:
        """A record that commits to every row there is: of a new map, or of one that was brought up or copied."""
        self._taken()
        self._key_of.clear()
        self.commitments.reload()
        first = self.head()[0] == 0
        others = [number for number in self.commitments.tables if number != self._keys_table]
        leaves = [pack(batch) for batch in self.commitments.of_all(cursor, others)]
        self._keys.save(cursor)
        leaves += [pack(batch) for batch in self.commitments.of_all(cursor, [self._keys_table])]
        named = {"map": secrets.token_bytes(16)} if first else {}
        self._append(cursor, kind, {**named, **(body or {})}, b"".join(leaves))

    def take_over(self, cursor: Cursor, body: Mapping[str, Any]) -> None:
        """The rows of another store have been put in place of all there were, its ledger with them.

        Args:
            cursor: of the transaction.
            body: whether that ledger fitted.
        """
        self._keys.rolled_back()
        self._head = self._last_signed = None
        self.adopt(cursor, "copied", body)

    def committed(self) -> None:
        """The transaction is in the store."""
        before, self._head = self._head, self._coming or self._head
        self.begin()
        if self.signer is not None and before and self._head and before[0] // SIGN_EVERY < self._head[0] // SIGN_EVERY:
            self._sign(self.signer)

    def finish(self) -> None:
        """The store is about to be closed: sign what is not signed yet."""
        if self.signer is not None:
            self._sign(self.signer)

    @staticmethod
    def _sign(signer: Callable[[], object]) -> None:
        try:
            signer()
        except StoreError as error:  # what was remembered is safe all the same
            logging.getLogger(__name__).warning("the ledger could not be signed: %s", error)

    def rolled_back(self) -> None:
        """The transaction is not in the store."""
        self._last_signed = None
        self.begin()

    def head(self) -> tuple[int, bytes]:
        """Number and hash of the last record; 0 before the first."""
        if self._head is None:
            found = self._store.rows("SELECT seq, hash FROM ledger ORDER BY seq DESC LIMIT 1")
            if found and not isinstance(found[0][1], bytes | memoryview):
                raise StoreError("the last record of the ledger is damaged; run verify, restore the map from a copy")
            self._head = (int(found[0][0]), bytes(found[0][1])) if found else (0, NO_HASH)
        return self._head

    def _taken(self, cursor: Cursor | None = None) -> Touched:
        """Rows touched since this was asked last, those that only the engine noted too where there is a cursor."""
        for note in self._notes(cursor) if self._notes and cursor else ():
            self.touch(*note)
        taken, self._touched, self._kept = self._touched, {}, 0
        return taken

    def _append(self, cursor: Cursor, kind: str, body: Mapping[str, Any], leaves: bytes) -> None:
        seq, before = self.head() if self._coming is None else self._coming
        packed = encode(seq + 1, kind, time.time_ns(), body, leaves_root(leaves))
        self._coming = seq + 1, chained(before, packed)
        cursor.execute(_APPEND, (seq + 1, kind, packed, leaves, self._coming[1]))
        self._write_head(cursor, *self._coming)

    def signed(self, cursor: Cursor, size: int) -> None:
        """A checkpoint of this size goes into the store with the transaction of ``cursor``."""
        self._last_signed = size
        self._write_head(cursor, *self.head())

    def _write_head(self, cursor: Cursor, seq: int, hash_: bytes) -> None:
        """Write down how long the ledger is, so that its end cannot be cut off unnoticed by a slip."""
        if self._last_signed is None:
            found = cursor.execute("SELECT MAX(size) FROM checkpoints").fetchone()
            self._last_signed = int(found[0] or 0)
        cursor.execute(INSERT_META, (HEAD_ROW, json.dumps([seq, hash_.hex(), self._last_signed])))
