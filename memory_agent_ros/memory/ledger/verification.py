"""Does a map still hold what its ledger says? Finds what was changed, left out, moved, repeated, cut off, and where."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np

from memory_agent_ros.memory.ledger.checkpoints import Checkpoint, endorsement
from memory_agent_ros.memory.ledger.commitments import DELETED
from memory_agent_ros.memory.ledger.merkle import ARITY, GrowingTree
from memory_agent_ros.memory.ledger.records import (
    LEAF,
    NO_HASH,
    Record,
    canonical,
    chained,
    decode,
    leaves_root,
    unpack_leaves,
)
from memory_agent_ros.memory.ledger.signing import is_signed
from memory_agent_ros.memory.ledger.tables import HEAD_ROW, KINDS, Committed, row_number
from memory_agent_ros.memory.storage.store import Store

#: More findings of rows than this are counted, not told one by one.
MOST_TOLD = 100
_BATCH = 4096
#: Kind of the records that bring in keys for signing.
KEY_RECORD = "signing_key"


@dataclass(frozen=True)
class Finding:
    """One thing that does not fit.

    Attributes:
        what: ``changed``, ``dropped``, ``reordered``, ``replayed``, ``truncated`` (records); ``row_changed``,
            ``row_missing``, ``row_unknown``,
            ``table_changed`` (rows); ``rolled_back``, ``forked``, ``signature``, ``key`` (checkpoints).
        place: what it is found at, as ``record 7`` or ``objects 3``.
        text: one sentence for people.
        seq: the first record concerned, or the one that wrote the row; None if there is none.
    """

    what: str
    place: str
    text: str
    seq: int | None = None


@dataclass
class Chain:
    """What reading a ledger from its beginning gave.

    Attributes:
        findings: the first that is broken, and what its head says.
        size: how many records fit, from the first on; head: hash of the last of them.
        at: size -> Merkle root and head there, for the sizes asked for.
        leaves: packed commitments of each record.
    """

    findings: list[Finding] = field(default_factory=list)
    size: int = 0
    head: bytes = NO_HASH
    at: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    leaves: list[bytes] = field(default_factory=list)


def read_chain(store: Store, sizes: Collection[int] = ()) -> Chain:
    """Follow the hashes from the first record on, to the first that does not fit.

    Args:
        store: of the map.
        sizes: lengths at which the root and the head are wanted.
    """
    chain, tree, wanted = Chain(), GrowingTree(), sorted(set(sizes))
    rows = store.each("SELECT seq, kind, record, leaves, hash FROM ledger ORDER BY seq")
    hashes: list[bytes] = []
    head, seq, told, single = NO_HASH, 0, chain.leaves, LEAF.itemsize * ARITY
    kinds = {}
    for number, kind, packed, leaves, hash_ in rows:
        if type(packed) is not bytes or type(leaves) is not bytes or type(hash_) is not bytes:
            text = f"record {seq + 1} does not hold bytes"
            chain.findings.append(Finding("changed", f"record {seq + 1}", text, seq + 1))
            break
        if kind not in kinds:
            kinds[kind] = _packed_kind(kind)
        if (
            number != seq + 1
            or not packed.startswith(kinds[kind], 2 if seq < 23 else 3 if seq < 255 else 4 if seq < 65535 else 6)
            or sha256(head + packed).digest() != hash_
            or packed[-32:] != (sha256(b"\0" + leaves).digest() if len(leaves) <= single else leaves_root(leaves))
        ):
            chain.findings.append(_broken(store, seq, head, (number, kind, packed, leaves, hash_)))
            break
        seq, head = number, hash_
        hashes.append(hash_)
        told.append(leaves)
        if len(hashes) == _BATCH or (wanted and seq == wanted[0]):
            tree.add(hashes)
            hashes = []
            if wanted and seq == wanted[0]:
                chain.at[wanted.pop(0)] = tree.root(), head
    tree.add(hashes)
    chain.size, chain.head = seq, head
    if not chain.findings:
        chain.findings += _cut_off(store, seq, head)
    return chain


def _broken(store: Store, before: int, head: bytes, row: tuple[Any, ...]) -> Finding:
    """What happened where the chain does not go on."""
    number, kind, packed, _leaves, hash_ = row
    expected = before + 1
    inner = _inner(packed)
    if number == expected and inner is not None and inner.seq != number:
        elsewhere = store.rows("SELECT COUNT(*) FROM ledger WHERE hash=?", (hash_,))[0][0]
        what = "replayed" if elsewhere > 1 else "reordered"
        text = f"record {number} holds what is record {inner.seq}" + (", which is there too" if elsewhere > 1 else "")
        return Finding(what, f"record {number}", text, number)
    if number < expected:
        return Finding("reordered", f"record {number}", f"there is a record {number} besides those counted", number)
    if number != expected:
        text = f"record {expected} is missing" + (f", and those up to {number - 1}" if number > expected + 1 else "")
        return Finding("dropped", f"record {expected}", text, expected)
    if chained(head, packed) != hash_ or inner is None or inner.kind != kind:
        return Finding("changed", f"record {number}", f"record {number} or its hash was changed", number)
    return Finding("changed", f"record {number}", f"the commitments of record {number} were changed", number)


def _packed_kind(kind: str) -> bytes:
    try:
        return canonical(kind)
    except UnicodeEncodeError:  # damaged text
        return b"\xff"


def _inner(packed: bytes) -> Record | None:
    try:
        return decode(packed)
    except ValueError:
        return None


def _cut_off(store: Store, size: int, head: bytes) -> Iterator[Finding]:
    """Whether there were more records than there are."""
    said, hash_, _ = stored_head(store)
    if hash_ != head.hex() and said > size:
        text = f"records {size + 1} to {said} are missing at the end"
        yield Finding("truncated", f"record {size + 1}", text, size + 1)
    elif (said, hash_) != (size, head.hex()):
        yield Finding("row_changed", f"meta {HEAD_ROW}", f"the map counts {said} records, and holds {size}")


def stored_head(store: Store) -> tuple[int, str, int]:
    """What the map says of its ledger: number and hash of the last record, size of the last checkpoint."""
    found = store.rows("SELECT value FROM meta WHERE key=?", (HEAD_ROW,))
    try:
        seq, hash_, signed = json.loads(found[0][0])
        if json.dumps([seq, hash_, signed]) == found[0][0]:
            return int(seq), str(hash_), int(signed)
    except (IndexError, ValueError, TypeError, UnicodeError):
        pass
    return -1, "", -1


def check_signatures(
    store: Store, chain: Chain, stored: Sequence[tuple[int, Checkpoint | None]], trusted: Collection[bytes]
) -> Iterator[Finding]:
    """Compare the checkpoints in the map with its ledger.

    Args:
        store: of the map.
        chain: what :func:`read_chain` gave for their sizes.
        stored: size and checkpoint of each, None for one that cannot be read.
        trusted: public keys that may sign besides the first that the ledger names.
    """
    map_id, keys, findings = _named_keys(store, chain.size, trusted)
    yield from findings
    before = 0
    for size, checkpoint in stored:
        place = f"checkpoint {size}"
        if checkpoint is None or checkpoint.size != size or not checkpoint.holds():
            text = f"the checkpoint at record {size} was changed or not signed by its key"
            yield Finding("signature", place, text, size)
        elif checkpoint.before != before:
            text = f"the checkpoint at record {checkpoint.before} is missing"
            yield Finding("dropped", f"checkpoint {checkpoint.before}", text, checkpoint.before)
        elif checkpoint.key not in keys or checkpoint.map_id != map_id:
            yield Finding("key", place, f"the checkpoint at record {size} is signed by a key that nobody vouches for")
        else:
            yield from compare(checkpoint, chain, place)
        before = size
    last = stored_head(store)[2]
    if last >= 0 and last != before:
        yield Finding("dropped", f"checkpoint {last}", f"the checkpoint at record {last} is missing", last)


def compare(checkpoint: Checkpoint, chain: Chain, place: str) -> Iterator[Finding]:
    """Compare a checkpoint whose signature holds with a ledger."""
    if any(f.seq is not None and f.seq <= checkpoint.size for f in chain.findings if f.what != "truncated"):
        return  # the record that broke the chain is told already
    if checkpoint.size > chain.size:
        text = f"{place} saw {checkpoint.size} records, and there are {chain.size}: the map was cut off or rolled back"
        yield Finding("rolled_back", f"record {chain.size + 1}", text, chain.size + 1)
    elif chain.at.get(checkpoint.size) != (checkpoint.root, checkpoint.head):
        text = f"{place} saw another record {checkpoint.size}: the ledger was written anew"
        yield Finding("forked", place, text, checkpoint.size)


def _named_keys(store: Store, size: int, trusted: Collection[bytes]) -> tuple[bytes, set[bytes], list[Finding]]:
    """Id of the map, keys that may sign, and what is wrong with how they came in."""
    map_id, keys, findings = b"", set(trusted), []
    first = store.rows("SELECT record FROM ledger WHERE seq=1")
    inner = _inner(first[0][0]) if first else None
    if inner is not None and isinstance(inner.body.get("map"), bytes):
        map_id = inner.body["map"]
    before: bytes | None = None
    for record in key_records(store, size):
        fresh, signature = record.body.get("key"), record.body.get("signature")
        if not isinstance(fresh, bytes):
            continue
        endorsed = before is None or (
            isinstance(signature, bytes) and is_signed(before, signature, endorsement(map_id, fresh))
        )
        if endorsed or fresh in trusted:
            keys.add(fresh)
        else:
            text = (
                f"record {record.seq} brings in a key that the one before did not sign; trust it by name if it is yours"
            )
            findings.append(Finding("key", f"record {record.seq}", text, record.seq))
        before = fresh
    return map_id, keys, findings


def key_records(store: Store, size: int | None = None) -> Iterator[Record]:
    """Records that bring in keys for signing, oldest first."""
    return records_of(store, (KEY_RECORD,), size)


def records_of(store: Store, kinds: Sequence[str], size: int | None = None) -> Iterator[Record]:
    """Records of some kinds but ``observed``, up to number ``size``, oldest first; damaged ones left out."""
    marks = ",".join("?" * len(kinds))
    for number, packed in store.rows(
        f"SELECT seq, record FROM ledger WHERE kind IN ({marks}) AND kind <> 'observed' ORDER BY seq", tuple(kinds)
    ):
        record = _inner(packed)
        if record is not None and record.kind in kinds and (size is None or number <= size):
            yield record


@dataclass(frozen=True)
class Expected:
    """What a row should be: by whom it is owned, its digest, and the record that wrote it."""

    owner: tuple[str, int]
    digest: bytes
    seq: int


def expected_rows(leaves: Sequence[bytes]) -> dict[int, dict[int, Expected]]:
    """Number of the table -> row -> what it should be, from all commitments in order; deleted rows are not there."""
    counts = np.array([len(part) // LEAF.itemsize for part in leaves], dtype=np.int64)
    every = unpack_leaves(b"".join(leaves))
    if not len(every):
        return {}
    written_by = np.repeat(np.arange(1, len(leaves) + 1), counts)
    order = np.lexsort((np.arange(len(every)), every["row"], every["table"]))
    table, row = every["table"][order], every["row"][order]
    last = np.append((table[1:] != table[:-1]) | (row[1:] != row[:-1]), True)
    out: dict[int, dict[int, Expected]] = {}
    for at in order[last].tolist():
        leaf = every[at]
        digest = leaf["digest"].tobytes()
        if digest != DELETED:
            kind = int(leaf["kind"])
            owner = (KINDS[kind] if kind < len(KINDS) else "", int(leaf["owner"]))
            out.setdefault(int(leaf["table"]), {})[int(leaf["row"])] = Expected(owner, digest, int(written_by[at]))
    return out


def check_rows(store: Store, leaves: Sequence[bytes]) -> Iterator[Finding]:
    """Compare every row of the map with what the ledger says of it."""
    expected = expected_rows(leaves)
    commitments = store.ledger.commitments
    # Keys first: where one was changed, so is the digest of all that its owner has.
    for number, table in sorted(commitments.tables.items(), key=lambda item: item[1].name != "keys"):
        wanted = expected.get(number, {})
        there = store.columns(table.name)  # an older schema lacks some tables
        if there and not commitments.is_readable(table):
            text = f"the table {table.name} has not the columns that it was made with"
            yield Finding("table_changed", table.name, text)
            continue
        rows = commitments.live(table) if there else ()
        for key, _owner, row in rows:
            place = f"{table.name} {' '.join(map(str, key))}"
            known = wanted.pop(row_number(table, key), None)
            if known is None:
                yield Finding("row_unknown", place, f"the row {place} is in no record: it was put in past the memory")
            elif commitments.digest(table, known.owner, row) != known.digest:
                text = f"the row {place} is not what record {known.seq} wrote"
                yield Finding("row_changed", place, text, known.seq)
        for row_id, known in wanted.items():
            place = f"{table.name} {_named(table, row_id, known)}"
            yield Finding("row_missing", place, f"the row {place}, of record {known.seq}, is missing", known.seq)


def _named(table: Committed, row_id: int, known: Expected) -> str:
    """What to call a row that is not there."""
    if len(table.keys) == 1 and table.name != "meta":
        return str(row_id)
    return f"#{row_id & (1 << 64) - 1:016x}"


def at_most(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The first findings, and how many more there are."""
    more: dict[str, int] = {}
    for n, finding in enumerate(findings):
        if n < MOST_TOLD:
            yield finding
        else:
            more[finding.what] = more.get(finding.what, 0) + 1
    for what, count in sorted(more.items()):
        yield Finding(what, "more rows", f"{count} more rows: {what.removeprefix('row_')}")
