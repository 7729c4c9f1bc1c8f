"""The whole audit of a map: chain, signatures, a checkpoint kept elsewhere, rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from memory_agent_ros.memory.ledger.checkpoints import Checkpoint
from memory_agent_ros.memory.ledger.signer import Signer, read_stored, read_tree
from memory_agent_ros.memory.ledger.signing import public_bytes, signing_key
from memory_agent_ros.memory.ledger.verification import (
    Chain,
    Finding,
    at_most,
    check_rows,
    check_signatures,
    compare,
    read_chain,
)
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.memory.storage.stores import open_store
from memory_agent_ros.records.errors import StoreError


def verify_store(store: Store, checkpoint: Checkpoint | None = None, trusted: Collection[bytes] = ()) -> list[Finding]:
    """What does not fit in a map; empty if all is sound.

    Arguments as of :meth:`~memory_agent_ros.memory.ledger.ledger.Ledger.verify`.

    Raises:
        StoreError: it cannot be read at all.
    """
    with store.as_found():
        rows = store.rows("SELECT size, body, tree FROM checkpoints ORDER BY size")
        stored = [(int(size), _sound(body, tree)) for size, body, tree in rows]
        sizes = [size for size, _ in stored] + ([checkpoint.size] if checkpoint else [])
        chain = read_chain(store, sizes)
        found = list(chain.findings)
        found += check_signatures(store, chain, stored, {*trusted, *_own_key()})
        if checkpoint is not None:
            found += _against(store, checkpoint, chain)
        if all(finding.what in ("truncated", "row_changed") for finding in chain.findings):
            found += check_rows(store, chain.leaves)
        return list(at_most(found))


def verify_map(
    place: Path | str, checkpoint: Checkpoint | None = None, trusted: Collection[bytes] = ()
) -> list[Finding]:
    """The same of a map that nobody has open, damaged ones included that do not open as a memory.

    Raises:
        StoreError: there is none, or it cannot be read at all.
    """
    store = open_store(place, read_only=True)
    try:
        return verify_store(store, checkpoint, trusted)
    finally:
        store.close()


def _sound(body: str, tree: bytes | None) -> Checkpoint | None:
    """A stored checkpoint, None if it or the tree beside it was changed."""
    found = read_stored(body)
    if found is not None and tree is not None and read_tree(tree, found) is None:
        return None
    return found


def _against(store: Store, checkpoint: Checkpoint, chain: Chain) -> Iterator[Finding]:
    """Compare a checkpoint kept elsewhere."""
    place = "the checkpoint given"
    try:
        same = checkpoint.map_id == Signer(store).map_id()
    except StoreError:
        same = True  # the first record is told as broken already
    if not checkpoint.holds():
        yield Finding("signature", place, "the checkpoint given was changed or not signed by its key")
    elif not same:
        yield Finding("forked", place, "the checkpoint given is of another map")
    else:
        yield from compare(checkpoint, chain, place)


def _own_key() -> set[bytes]:
    """Public key of this user, if there is one."""
    try:
        return {public_bytes(signing_key(create=False))}
    except StoreError:
        return set()
