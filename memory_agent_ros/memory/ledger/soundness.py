"""Does the ledger of an open map fit: chain, signatures, a checkpoint kept elsewhere, rows, what was found before."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

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
    records_of,
)
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.records.errors import StoreError

#: Kinds of records that commit to every row of a map which had a ledger before.
_ANEW = ("migrated", "copied")
#: Longest name of a place that such a record keeps, characters.
_PLACE = 100


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
        known = {(f.what, f.place) for f in found}
        found += [f for f in _found_before(store) if (f.what, f.place) not in known]
        return list(at_most(found))


def soundness(store: Store) -> dict[str, Any]:
    """What the record says that commits anew to every row of a map: whether its ledger fitted, and what did not.

    Keys that nobody vouches for are left out: who verifies the map afterwards may trust them, and is told of them then.
    """
    try:
        found = [f for f in verify_store(store) if f.what != "key"]
    except StoreError:
        found = [Finding("unreadable", "the map", "")]
    return {"sound": not found, "findings": [[f.what, _short(f.place)] for f in found]}


def _found_before(store: Store) -> Iterator[Finding]:
    """What did not fit when the map was brought to another schema, or copied, and was committed to all the same."""
    for record in records_of(store, _ANEW):
        told = record.body.get("findings")
        for finding in told if isinstance(told, list) else ():
            if isinstance(finding, list) and len(finding) == 2:
                what, place = map(str, finding)
                text = f"{place} did not fit when record {record.seq} ({record.kind}) committed to it anew"
                yield Finding(what, place, text, record.seq)


def _short(place: str) -> str:
    """Without what a damaged row may have made of it."""
    return place.encode(errors="replace").decode()[:_PLACE]


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
