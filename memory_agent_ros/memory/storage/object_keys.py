"""Keys of what a map remembers: one for each object, picture, thumbnail, word and tip, so that each can be forgotten.

What belongs to one of them is stored sealed (AES-256-GCM) under its key. Destroying the key makes every copy of the
sealed bytes unreadable, those in old copies of the file and in worn-out flash pages too. If there is a master key, the
keys themselves lie in the map wrapped by it.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from memory_agent_ros.memory.storage.master_key import WRAPPED_BYTES, MasterKey, named_key
from memory_agent_ros.memory.storage.store import INSERT_META, Cursor
from memory_agent_ros.records.errors import StoreError

#: Kinds of owners.
OBJECT, KEYFRAME, FRAME, WORD, TIP, INDEX = "object", "keyframe", "frame", "word", "tip", "index"
CORRECTION, QUARANTINE = "correction", "quarantine"
#: Row of ``meta`` with the name of the master key that wraps the keys.
MASTER_ROW = "master_key"

_KEY_BYTES, _NONCE_BYTES = 32, 12
#: Keys kept in working memory beside those not stored yet; beyond, they are read again when they are needed.
_MOST_CACHED = 20_000

Rows = Callable[[str, tuple[Any, ...]], list[tuple[Any, ...]]]


class ObjectKeys:
    """The keys of one map. A store holds one, stores fresh keys with each transaction, and closes it with itself.

    Args:
        rows: answers a query of the map.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._known: dict[tuple[str, int], bytes] = {}
        self._fresh: dict[tuple[str, int], bytes] = {}
        self._destroyed: set[tuple[str, int]] = set()
        self._master: MasterKey | None = None
        self._looked = False

    def unlock(self) -> None:
        """See whether the master key is there that wraps the keys of this map, if one does.

        Raises:
            StoreError: it is not; or it cannot be read.
        """
        self._looked = False
        self._wrapping()

    def wrapped_by(self) -> str | None:
        """Name of the master key that wraps the keys of this map; None if they lie there as they are.

        Raises:
            StoreError: the map cannot be read.
        """
        found = self._rows("SELECT value FROM meta WHERE key=?", (MASTER_ROW,))
        return str(found[0][0]) if found else None

    def rewrap(self, cursor: Cursor, master: MasterKey | None) -> None:
        """Wrap all keys of the map by a master key from now on; None lets them lie there as they are."""
        rows = cursor.execute("SELECT kind, owner, secret FROM keys").fetchall()
        plain = [(kind, int(owner), self._plain(kind, int(owner), secret)) for kind, owner, secret in rows]
        if master is None:
            cursor.execute("DELETE FROM meta WHERE key=?", (MASTER_ROW,))
        else:
            cursor.execute(INSERT_META, (MASTER_ROW, master.name))
        self._master, self._looked = master, True
        cursor.executemany(
            "UPDATE keys SET secret=? WHERE kind=? AND owner=?",
            [(self._stored(kind, owner, secret), kind, owner) for kind, owner, secret in plain],
        )

    def _wrapping(self) -> MasterKey | None:
        if not self._looked:
            name = self.wrapped_by()
            self._master, self._looked = None if name is None else named_key(name), True
        return self._master

    def _stored(self, kind: str, owner: int, key: bytes) -> bytes:
        """A key as it lies in the map."""
        master = self._wrapping()
        return key if master is None else master.wrap(kind, owner, key)

    def _plain(self, kind: str, owner: int, stored: Any) -> bytes:
        """Inverse of :meth:`_stored`.

        Raises:
            StoreError: the key is damaged, or its master key is not there.
        """
        if isinstance(stored, bytes) and len(stored) == _KEY_BYTES:
            return stored
        if isinstance(stored, bytes) and len(stored) == WRAPPED_BYTES:
            for _ in range(2):
                master = self._wrapping()
                key = None if master is None else master.unwrap(kind, owner, stored)
                if key is not None:
                    return key
                self._looked = False  # the writer may have gone over to another master key
        raise StoreError(f"the key of {kind} {owner} is damaged; restore the map from a copy made with save()")

    def key(self, kind: str, owner_id: int) -> bytes:
        """The 32 bytes of an owner, made at first use; stored with the transaction under way, or the next."""
        found = self.find(kind, owner_id)
        if found is None:
            found = self._fresh[kind, owner_id] = os.urandom(_KEY_BYTES)
        return found

    def find(self, kind: str, owner_id: int) -> bytes | None:
        """The key of an owner, None if it has none (any more)."""
        name = (kind, owner_id)
        found = self._fresh.get(name) or self._known.get(name)
        if found is None:
            self.prefetch(kind, [owner_id])
            found = self._known.get(name)
        return found

    def prefetch(self, kind: str, owner_ids: Collection[int]) -> None:
        """Read many keys in one go, for those who need them next."""
        absent = [i for i in owner_ids if (kind, i) not in self._known and (kind, i) not in self._fresh]
        if not absent:
            return
        if len(self._known) + len(absent) > _MOST_CACHED:
            self._known.clear()
        rows = self._rows(
            "SELECT owner, secret FROM keys WHERE kind=? "
            "AND owner IN (SELECT CAST(value AS INTEGER) FROM json_each(?))",
            (kind, json.dumps(absent)),
        )
        for owner, secret in rows:
            self._known[kind, int(owner)] = self._plain(kind, int(owner), secret)

    def make(self, kind: str, owner_ids: Collection[int]) -> None:
        """Make the keys of those owners who have none."""
        self.prefetch(kind, owner_ids)
        for name in ((kind, i) for i in owner_ids):
            if name not in self._known and name not in self._fresh:
                self._fresh[name] = os.urandom(_KEY_BYTES)

    def many(self, owners: Sequence[tuple[str, int]]) -> list[bytes]:
        """The keys of many owners, pairs of kind and id, each made if it is not there; none for those of no kind."""
        fresh, known = self._fresh, self._known
        found = [fresh.get(owner) or known.get(owner) or (None if owner[0] else b"") for owner in owners]
        if None in found:
            for kind in {owner[0] for owner, key in zip(owners, found, strict=True) if key is None}:
                self.make(kind, {owner[1] for owner in owners if owner[0] == kind})
            found = [self.key(*owner) if owner[0] else b"" for owner in owners]
        return found  # type: ignore[return-value]

    def renew(self, cursor: Cursor, pairs: Iterable[tuple[str, int]]) -> None:
        """Other keys from now on: what the present ones sealed must be sealed anew in the same transaction."""
        pairs = list(pairs)
        self.destroy(cursor, pairs)
        self._fresh.update({name: os.urandom(_KEY_BYTES) for name in pairs})

    def destroy(self, cursor: Cursor, pairs: Iterable[tuple[str, int]]) -> None:
        """Let keys go for good with the transaction of ``cursor``; pairs of kind and owner."""
        pairs = list(pairs)
        cursor.executemany("DELETE FROM keys WHERE kind=? AND owner=?", pairs)
        for name in pairs:
            self._known.pop(name, None)
            self._fresh.pop(name, None)
        self._destroyed.update(pairs)

    def save(self, cursor: Cursor) -> None:
        """Store the keys made since the last commit; the store calls it at the end of each transaction."""
        if self._fresh:
            rows = [(kind, owner, self._stored(kind, owner, secret)) for (kind, owner), secret in self._fresh.items()]
            cursor.executemany("INSERT INTO keys (kind, owner, secret) VALUES (?,?,?) ON CONFLICT DO NOTHING", rows)

    def committed(self) -> None:
        """The transaction whose end :meth:`save` was is in the store."""
        self._known.update(self._fresh)
        self._fresh.clear()
        self._destroyed.clear()

    def rolled_back(self) -> None:
        """The transaction is not in the store: keys it destroyed are there again, fresh ones are still to be stored.

        Not those made since for owners whose keys it destroyed: what is in the store is sealed by the old ones.
        """
        self._known.clear()
        for name in self._destroyed:
            self._fresh.pop(name, None)
        self._destroyed.clear()
        self._looked = False

    def seal(self, kind: str, owner_id: int, place: str, data: bytes) -> bytes:
        """Bytes that only the owner's key opens, at this ``place`` (table, column and id, as ``clouds.points/7``)."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self.key(kind, owner_id)).encrypt(nonce, data, place.encode())

    def open(self, kind: str, owner_id: int, place: str, sealed: bytes) -> bytes:
        """Inverse of :meth:`seal`.

        Raises:
            StoreError: the key is gone, the bytes were changed or belong elsewhere.
        """
        key = self.find(kind, owner_id)
        while key is not None:
            try:
                return AESGCM(key).decrypt(bytes(sealed[:_NONCE_BYTES]), bytes(sealed[_NONCE_BYTES:]), place.encode())
            except (InvalidTag, ValueError) as error:
                self._known.pop((kind, owner_id), None)  # another process may have given it another key
                again = self.find(kind, owner_id)
                if again == key:
                    raise StoreError(f"{place} is damaged: it does not fit the key of {kind} {owner_id}") from error
                key = again
        raise StoreError(f"{place} cannot be read: the key of {kind} {owner_id} is not there (any more)")

    def seal_text(self, kind: str, owner_id: int, place: str, text: str) -> str:
        """:meth:`seal` for columns of text."""
        return base64.b64encode(self.seal(kind, owner_id, place, text.encode())).decode()

    def open_text(self, kind: str, owner_id: int, place: str, sealed: str) -> str:
        """Inverse of :meth:`seal_text`.

        Raises:
            StoreError: as :meth:`open`.
        """
        try:
            data = base64.b64decode(sealed, validate=True)
        except ValueError as error:
            raise StoreError(f"{place} is damaged: it is not sealed") from error
        return self.open(kind, owner_id, place, data).decode()
