"""The ledger of a map, as those see it who have the memory open."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from threading import RLock
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from memory_agent_ros.memory.ledger import proofs
from memory_agent_ros.memory.ledger.checkpoints import Checkpoint
from memory_agent_ros.memory.ledger.recorder import PLAIN
from memory_agent_ros.memory.ledger.records import Record, decode
from memory_agent_ros.memory.ledger.signer import Signer
from memory_agent_ros.memory.ledger.soundness import verify_store
from memory_agent_ros.memory.ledger.verification import Finding
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.records.errors import BadInputError, StoreError


class Ledger:
    """Everything that made or changed a map, in order: to be checked, proved from, signed and added to.

    Args:
        store: of the map.
        lock: of the memory that holds the map.
        resolve: gives for the id of an object the id it has now.
    """

    def __init__(self, store: Store, lock: RLock, resolve: Callable[[int], int]) -> None:
        self._store = store
        self._lock = lock
        self._resolve = resolve

    def verify(self, checkpoint: Checkpoint | None = None, trusted: Collection[bytes] = ()) -> list[Finding]:
        """What does not fit: in the chain of records, in the rows of the map, in the signatures; empty if all is sound.

        Args:
            checkpoint: one kept away from the map; without it, an older state of the whole map passes.
            trusted: public keys, 32 bytes each, that may have signed besides the first that the ledger names and
                the user's own.
        """
        with self._lock:
            return verify_store(self._store, checkpoint, trusted)

    def checkpoint(self) -> Checkpoint:
        """Sign the ledger as it stands, to keep the result away from the map; the last one if nothing came since.

        Raises:
            StoreError: no key for signing, or the map cannot be written and its end is not signed.
        """
        with self._lock:
            signer = Signer(self._store)
            if self._store.read_only:
                last = signer.last()
                if last is None or last.size != self._store.ledger.head()[0]:
                    raise StoreError("the end of the ledger is not signed yet; open the map once for writing")
                return last
            return signer.sign()

    def prove(self, object_id: int) -> dict[str, Any]:
        """What the map holds of an object, as a proof (JSON-ready) for those who do not have the map.

        It shows the object, its newest observations and events, and opens the commitments to them. What is sealed stays
        sealed. :func:`~memory_agent_ros.memory.ledger.proofs.check_proof` checks it.

        Raises:
            BadInputError: ``unknown_object``.
            StoreError: the ledger does not fit; run :meth:`verify`.
        """
        with self._lock:
            return proofs.prove(self._store, self._resolve(object_id), self.checkpoint())

    def records(self, since: int = 1, kind: str | None = None) -> Iterator[Record]:
        """Records from a number on, oldest first, all or of one kind."""
        chosen = "" if kind is None else " AND kind=?" + ("" if kind == "observed" else " AND kind <> 'observed'")
        values = (since,) if kind is None else (since, kind)
        sql = f"SELECT record, hash FROM ledger WHERE seq >= ?{chosen} ORDER BY seq"
        with self._lock:
            for packed, hash_ in self._store.each(sql, values):
                yield decode(packed, hash_)

    def append(self, kind: str, body: Mapping[str, Any] | None = None) -> int:
        """Record something that no row tells (an adapter was made, a policy promoted); returns the record's number.

        Args:
            kind: what happened, of a-z and _.
            body: ids, numbers and hashes; never names or pictures, since the ledger outlasts what is forgotten.

        Raises:
            BadInputError: ``ledger_kind``, ``ledger_body``.
            StoreError: the map cannot be written.
        """
        if not re.fullmatch(r"[a-z][a-z_]{0,39}", kind) or kind == PLAIN:
            raise BadInputError("ledger_kind", f"a kind of record is of a-z and _, 40 at most, not {kind!r}")
        with self._lock:
            with self._store.transaction(kind, body):
                pass
            return self._store.ledger.head()[0]

    def rotate(self, old: Ed25519PrivateKey, fresh: Ed25519PrivateKey) -> Checkpoint:
        """Let another key sign from now on, on the word of the old one.

        Raises:
            BadInputError: ``signing_key``.
            StoreError: the map cannot be written.
        """
        with self._lock:
            return Signer(self._store).rotate(old, fresh)
