"""Records of the ledger and what they commit to, as bytes.

A record is the canonical CBOR (RFC 8949, section 4.2) of ``[seq, kind, stamp_ns, body, root]``; its hash is SHA-256
over the hash of the record before it and these bytes. ``root`` is the Merkle root of its commitments, one for each row
that the transaction wrote or deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import cbor2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.ledger.merkle import HASH_BYTES, packed_root
from memory_agent_ros.records.errors import BadInputError

#: What stands before the first record.
NO_HASH = bytes(HASH_BYTES)
#: Bytes of a commitment's digest; all zero says that the row was deleted.
DIGEST_BYTES = 16
#: A commitment: number of the table, kind of the owner whose key it is made with, that owner, the row, its digest.
LEAF = np.dtype([("table", "u1"), ("kind", "u1"), ("owner", "<i8"), ("row", "<i8"), ("digest", f"V{DIGEST_BYTES}")])
#: A body longer than this is refused, bytes.
MOST_BODY = 1 << 16


@dataclass(frozen=True)
class Record:
    """One record.

    Attributes:
        seq: its number, from 1 on.
        kind: what happened, as ``created``, ``observed``, ``merged``, ``forgotten``.
        stamp_ns: when it was written, by the clock of the system.
        body: what it says beside its commitments; ids and numbers, never names or pictures.
        root: Merkle root over its commitments, 32 bytes.
        hash: over the record before it and itself, 32 bytes.
    """

    seq: int
    kind: str
    stamp_ns: int
    body: Mapping[str, Any]
    root: bytes
    hash: bytes = b""


def canonical(value: Any) -> bytes:
    """Deterministic bytes of plain data."""
    return cbor2.dumps(value, canonical=True)


def encode(seq: int, kind: str, stamp_ns: int, body: Mapping[str, Any], root: bytes) -> bytes:
    """Bytes of a record; its root is their end.

    Raises:
        BadInputError: ``ledger_body`` (not plain data, or too long).
    """
    try:
        packed = canonical([seq, kind, stamp_ns, body, root])
    except (TypeError, ValueError, OverflowError, cbor2.CBOREncodeError) as error:
        raise BadInputError(
            "ledger_body", f"a record takes numbers, text, bytes, lists and mappings: {error}"
        ) from error
    if len(packed) > MOST_BODY:
        raise BadInputError("ledger_body", f"a record takes {MOST_BODY} bytes at most, not {len(packed)}")
    return packed


def decode(packed: bytes, hash_: bytes = b"") -> Record:
    """Inverse of :func:`encode`.

    Raises:
        ValueError: these are no bytes of a record.
    """
    try:
        found = cbor2.loads(packed)
        seq, kind, stamp_ns, body, root = found
        record = Record(int(seq), str(kind), int(stamp_ns), dict(body), bytes(root), hash_)
    except (cbor2.CBORDecodeError, TypeError, ValueError, RecursionError, OverflowError) as error:
        raise ValueError(f"no record: {error}") from error
    return record


def chained(before: bytes, packed: bytes) -> bytes:
    """Hash of a record, from the hash of the one before it."""
    return sha256(before + packed).digest()


def leaves_root(leaves: bytes) -> bytes:
    """Merkle root over packed commitments."""
    return packed_root(leaves, LEAF.itemsize)


def unpack_leaves(leaves: bytes) -> NDArray[np.void]:
    """(N,) of :data:`LEAF`, from whole commitments."""
    whole = len(leaves) - len(leaves) % LEAF.itemsize
    return np.frombuffer(leaves[:whole], dtype=LEAF)
