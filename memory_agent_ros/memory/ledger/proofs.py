"""Proofs that what is said of an object is in a signed ledger, for those who do not have the map."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import cbor2

from memory_agent_ros.memory.ledger.checkpoints import Checkpoint
from memory_agent_ros.memory.ledger.commitments import Commitments, columns_hash
from memory_agent_ros.memory.ledger.merkle import HASH_BYTES, packed_path, root_of_path
from memory_agent_ros.memory.ledger.records import (
    DIGEST_BYTES,
    LEAF,
    chained,
    decode,
    unpack_leaves,
)
from memory_agent_ros.memory.ledger.tables import KINDS, Committed, row_number
from memory_agent_ros.memory.storage.store import Store
from memory_agent_ros.records.errors import BadInputError, StoreError

FORMAT = "memory_agent_ros proof 1"
#: Rows of an object that a proof shows at most, the newest, of each table.
_MOST_ROWS = 16


@dataclass(frozen=True)
class Proven:
    """What a proof shows: that these rows are the ledger's, not that it has no others of the object.

    Attributes:
        object_id: of which object.
        rows: (table, column -> value) of its rows.
        checkpoint: who signed the ledger, how long it was, and when.
        records: number of the record that wrote each row.
    """

    object_id: int
    rows: tuple[tuple[str, Mapping[str, Any]], ...]
    checkpoint: Checkpoint
    records: tuple[int, ...]


def prove(store: Store, object_id: int, checkpoint: Checkpoint) -> dict[str, Any]:
    """A proof, JSON-ready, of what the map holds of an object; whoever has it can read that.

    Args:
        store: of the map.
        object_id: of an object that the map holds.
        checkpoint: of all its records.

    Raises:
        StoreError: a row does not fit its record; run verify.
    """
    commitments = store.ledger.commitments
    hashes = b"".join(
        row[0] for row in store.rows("SELECT hash FROM ledger WHERE seq <= ? ORDER BY seq", (checkpoint.size,))
    )
    records: dict[str, Any] = {}
    rows = []
    tables = {table.name: table for table in commitments.tables.values()}
    for name, column, order in (
        ("objects", "id", "id"),
        ("observations", "object_id", "id"),
        ("events", "object_id", "id"),
    ):
        table = tables[name]
        for key, owner, values in commitments.read_where(table, column, object_id, order, _MOST_ROWS):
            rows.append(_row(store, commitments, table, key, owner, values, hashes, records))
    return {
        "format": FORMAT,
        "object_id": object_id,
        "checkpoint": checkpoint.to_dict(),
        "records": records,
        "rows": rows,
    }


def _row(
    store: Store,
    commitments: Commitments,
    table: Committed,
    key: tuple[Any, ...],
    owner: tuple[str, int],
    values: Sequence[Any],
    hashes: bytes,
    records: dict[str, Any],
) -> dict[str, Any]:
    digest = commitments.digest(table, owner, values)
    secret = store.keys.find(*owner)
    if digest is None or secret is None:
        raise StoreError(f"{table.name} {key} has no key; run verify")
    leaf = (table.number, KINDS.index(owner[0]), owner[1], row_number(table, key), digest)
    packed = commitments.packed(leaf)
    seq, at, leaves = _written(store, packed, len(hashes) // HASH_BYTES)
    if str(seq) not in records:
        records[str(seq)] = _record(store, seq, hashes)
    return {
        "table": table.name,
        "columns": commitments.columns(table),
        "values": _text(commitments.values_bytes(table, values)),
        "commitment_key": commitments.derived(owner, secret).hex(),
        "leaf": packed.hex(),
        "record": seq,
        "path": _paths(packed_path(leaves, LEAF.itemsize, at)),
    }


def _written(store: Store, packed: bytes, size: int) -> tuple[int, int, bytes]:
    """The newest record that has a commitment, its place there, and all there."""
    for seq, leaves in store.each("SELECT seq, leaves FROM ledger WHERE seq <= ? ORDER BY seq DESC", (size,)):
        at = leaves.find(packed)
        while at >= 0 and at % LEAF.itemsize:
            at = leaves.find(packed, at + 1)
        if at >= 0:
            return int(seq), at // LEAF.itemsize, leaves
    raise StoreError("a row of the object is in no record; run verify")


def _record(store: Store, seq: int, hashes: bytes) -> dict[str, Any]:
    packed = store.rows("SELECT record FROM ledger WHERE seq=?", (seq,))[0][0]
    before = hashes[(seq - 2) * HASH_BYTES : (seq - 1) * HASH_BYTES] if seq > 1 else bytes(HASH_BYTES)
    return {"packed": _text(packed), "before": before.hex(), "path": _paths(packed_path(hashes, HASH_BYTES, seq - 1))}


def _paths(path: Sequence[tuple[int, bytes]]) -> list[list[Any]]:
    return [[position, _text(children)] for position, children in path]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def check_proof(proof: Mapping[str, Any], trusted: Collection[bytes]) -> Proven:
    """Check a proof without the map.

    Args:
        proof: what :func:`prove` gave.
        trusted: public keys (32 bytes each) of those whose word is taken.

    Raises:
        BadInputError: ``proof_broken``; the text says where.
    """
    try:
        return _checked(proof, trusted)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError, cbor2.CBORDecodeError) as error:
        raise BadInputError("proof_broken", f"this is no proof ({type(error).__name__}: {error})") from error


def _checked(proof: Mapping[str, Any], trusted: Collection[bytes]) -> Proven:
    if proof["format"] != FORMAT:
        raise BadInputError("proof_broken", f"this is no proof of the form {FORMAT}")
    checkpoint = Checkpoint.of(proof["checkpoint"])
    if not checkpoint.holds():
        raise BadInputError("proof_broken", "the checkpoint was changed or not signed by its key")
    if checkpoint.key not in trusted:
        raise BadInputError("proof_broken", f"the checkpoint is signed by {checkpoint.key.hex()}, which is not trusted")
    object_id = int(proof["object_id"])
    roots = {seq: _record_root(int(seq), record, checkpoint) for seq, record in proof["records"].items()}
    rows, numbers = [], []
    if len({row["leaf"] for row in proof["rows"]}) != len(proof["rows"]):
        raise BadInputError("proof_broken", "a row stands in the proof twice")
    for row in proof["rows"]:
        rows.append(_checked_row(row, roots, object_id))
        numbers.append(int(row["record"]))
    if not any(table == "objects" for table, _ in rows):
        raise BadInputError("proof_broken", f"the proof does not show object {object_id} itself")
    return Proven(object_id, tuple(rows), checkpoint, tuple(numbers))


def _record_root(seq: int, record: Mapping[str, Any], checkpoint: Checkpoint) -> bytes:
    """Root of the commitments of a record, once the record is shown to be in the ledger."""
    packed = base64.b64decode(record["packed"], validate=True)
    hash_ = chained(bytes.fromhex(record["before"]), packed)
    inner = decode(packed)
    if inner.seq != seq or root_of_path(hash_, _path(record["path"])) != checkpoint.root or seq > checkpoint.size:
        raise BadInputError("proof_broken", f"record {seq} is not in the signed ledger")
    return inner.root


def _checked_row(row: Mapping[str, Any], roots: Mapping[str, bytes], object_id: int) -> tuple[str, Mapping[str, Any]]:
    packed = base64.b64decode(row["values"], validate=True)
    leaf, key = bytes.fromhex(row["leaf"]), bytes.fromhex(row["commitment_key"])
    what = f"a row of {row['table']} in record {row['record']}"
    (parts,) = unpack_leaves(leaf)
    if blake2b(packed, digest_size=DIGEST_BYTES, key=key).digest() != parts["digest"].tobytes():
        raise BadInputError("proof_broken", f"{what} is not what the ledger commits to")
    if root_of_path(leaf, _path(row["path"])) != roots[str(row["record"])]:
        raise BadInputError("proof_broken", f"{what} is not in that record")
    named, *values = cbor2.loads(packed)
    if named != columns_hash(row["table"], row["columns"]):
        raise BadInputError("proof_broken", f"{what} has other columns than the ledger commits to")
    if KINDS[int(parts["kind"])] != "object" or int(parts["owner"]) != object_id:
        raise BadInputError("proof_broken", f"{what} belongs to something else than object {object_id}")
    return str(row["table"]), dict(zip(row["columns"], values, strict=True))


def _path(path: Sequence[Sequence[Any]]) -> list[tuple[int, bytes]]:
    return [(int(position), base64.b64decode(children, validate=True)) for position, children in path]
