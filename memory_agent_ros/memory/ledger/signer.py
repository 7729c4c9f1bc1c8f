"""Signs the ledger of a map as it stands, and puts the checkpoint into the map."""

from __future__ import annotations

import json
import time

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from memory_agent_ros.memory.ledger.checkpoints import Checkpoint, endorsement, sign
from memory_agent_ros.memory.ledger.merkle import GrowingTree
from memory_agent_ros.memory.ledger.records import decode
from memory_agent_ros.memory.ledger.signing import public_bytes, signing_key
from memory_agent_ros.memory.ledger.verification import KEY_RECORD, key_records
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.records.errors import BadInputError, StoreError

_BATCH = 10_000


class Signer:
    """Signs one map.

    Args:
        store: of the map.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tree: GrowingTree | None = None

    def sign(self, key: Ed25519PrivateKey | None = None) -> Checkpoint:
        """A checkpoint of all records; the last one stored if nothing was appended since.

        Args:
            key: of the user if None. One that the ledger does not know yet comes in with a record.

        Raises:
            StoreError: no key, or the map cannot be written.
        """
        chosen = key or signing_key()
        public = public_bytes(chosen)
        last = self.last()
        if last is not None and last.size == self._store.ledger.head()[0] and last.key == public:
            return last
        self._bring_in(public)
        size, head = self._store.ledger.head()
        tree = self._grown(size)
        before = 0 if last is None else last.size
        made = sign(chosen, self.map_id(), size, head, tree.root(), before, time.time_ns())
        body, state = json.dumps(made.to_dict()), cbor2.dumps(list(tree.state()))
        with self._store.unrecorded() as cursor:
            cursor.execute("UPDATE checkpoints SET tree=NULL WHERE tree IS NOT NULL")
            cursor.execute(
                "INSERT INTO checkpoints VALUES (?,?,?) ON CONFLICT (size) DO UPDATE SET body=excluded.body",
                (size, body, state),
            )
            self._store.ledger.signed(cursor, size)
        return made

    def rotate(self, old: Ed25519PrivateKey, fresh: Ed25519PrivateKey) -> Checkpoint:
        """Put another key in place of one that has signed: the old key signs that, and it is recorded.

        Raises:
            BadInputError: ``signing_key`` (the old one is not the last that the ledger names).
            StoreError: the map cannot be written.
        """
        known = [record.body.get("key") for record in key_records(self._store)]
        if known and known[-1] != public_bytes(old):
            raise BadInputError("signing_key", "the key to be replaced is not the last that signed this map")
        if not known:
            self._bring_in(public_bytes(old))
        public = public_bytes(fresh)
        signature = old.sign(endorsement(self.map_id(), public))
        with self._store.transaction(KEY_RECORD, {"key": public, "signature": signature}):
            pass
        return self.sign(fresh)

    def map_id(self) -> bytes:
        """What the first record calls the map.

        Raises:
            StoreError: that record cannot be read.
        """
        found = self._store.rows("SELECT record FROM ledger WHERE seq=1")
        try:
            return bytes(decode(found[0][0]).body["map"])
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise StoreError("the first record of the ledger cannot be read; run verify") from error

    def last(self) -> Checkpoint | None:
        """The newest checkpoint in the map."""
        found = self._store.rows("SELECT body FROM checkpoints ORDER BY size DESC LIMIT 1")
        return read_stored(found[0][0]) if found else None

    def _bring_in(self, public: bytes) -> None:
        """Record a key that signs for the first time."""
        known = [record.body.get("key") for record in key_records(self._store)]
        if not known or known[-1] != public:
            with self._store.transaction(KEY_RECORD, {"key": public}):
                pass

    def _grown(self, size: int) -> GrowingTree:
        """The tree over the hashes of all records."""
        tree = self._tree if self._tree is not None else self._stored_tree()
        if tree.count > size:
            tree = GrowingTree()
        while tree.count < size:
            rows = self._store.rows(
                "SELECT hash FROM ledger WHERE seq > ? AND seq <= ? ORDER BY seq",
                (tree.count, min(size, tree.count + _BATCH)),
            )
            if not rows:
                raise StoreError("records of the ledger are missing; run verify")
            tree.add([row[0] for row in rows])
        self._tree = tree
        return tree

    def _stored_tree(self) -> GrowingTree:
        """The tree of the newest checkpoint, if it fits; else an empty one."""
        found = self._store.rows("SELECT body, tree FROM checkpoints WHERE tree IS NOT NULL ORDER BY size DESC LIMIT 1")
        checkpoint = read_stored(found[0][0]) if found else None
        if checkpoint is None:
            return GrowingTree()
        tree = read_tree(found[0][1], checkpoint)
        return tree if tree is not None and checkpoint.holds() else GrowingTree()


def read_stored(body: str) -> Checkpoint | None:
    """A checkpoint from its row; None if that was damaged."""
    try:
        found = Checkpoint.of(json.loads(body))
    except (BadInputError, ValueError, AttributeError):
        return None
    return found if json.dumps(found.to_dict()) == body else None


def read_tree(packed: bytes, checkpoint: Checkpoint) -> GrowingTree | None:
    """The tree stored beside a checkpoint; None if it does not fit it."""
    try:
        count, levels = cbor2.loads(packed)
        tree = GrowingTree((count, [bytes(level) for level in levels]))
        fits = count == checkpoint.size and tree.root() == checkpoint.root and cbor2.dumps([count, levels]) == packed
    except (cbor2.CBORDecodeError, TypeError, ValueError, RecursionError, MemoryError):
        return None
    return tree if fits else None
