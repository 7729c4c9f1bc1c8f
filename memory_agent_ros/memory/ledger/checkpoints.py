"""Signed checkpoints: what a ledger was at some length, so that nothing before it can be changed unnoticed.

Those in the map guard against changes by one who has the file but not the key. One kept elsewhere also guards against
putting an older state of the whole map, with its checkpoints, in place of the present one.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from memory_agent_ros.memory.ledger.documents import read_document
from memory_agent_ros.memory.ledger.records import canonical
from memory_agent_ros.memory.ledger.signing import is_signed, public_bytes
from memory_agent_ros.records.errors import BadInputError

_PURPOSE = "memory_agent_ros checkpoint 1"
_NUMBERS = ("size", "before", "stamp_ns")
_BYTES = {"map_id": 16, "head": 32, "root": 32, "key": 32, "signature": 64}


@dataclass(frozen=True)
class Checkpoint:
    """What a ledger was.

    Attributes:
        map_id: of the map, 16 bytes drawn when it was made.
        size: how many records there were.
        head: hash of the last of them.
        root: Merkle root over the hashes of all of them.
        before: size of the checkpoint before it, 0 for the first.
        stamp_ns: when it was signed, by the clock of the system.
        key: public key of who signed, 32 bytes.
        signature: 64 bytes.
    """

    map_id: bytes
    size: int
    head: bytes
    root: bytes
    before: int
    stamp_ns: int
    key: bytes
    signature: bytes = b""

    def signed(self) -> bytes:
        """The bytes that are signed."""
        return canonical([_PURPOSE, self.map_id, self.size, self.head, self.root, self.before, self.stamp_ns, self.key])

    def holds(self) -> bool:
        """Whether the signature is that of the key."""
        return is_signed(self.key, self.signature, self.signed())

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {name: getattr(self, name) for name in _NUMBERS} | {n: getattr(self, n).hex() for n in _BYTES}

    def save(self, path: Path | str) -> None:
        """Write it to a file, to be kept away from the map."""
        Path(path).write_text(json.dumps(self.to_dict(), indent=1) + "\n")

    @staticmethod
    def of(data: Mapping[str, Any]) -> Checkpoint:
        """Inverse of :meth:`to_dict`.

        Raises:
            BadInputError: ``checkpoint_unreadable``.
        """
        try:
            values: dict[str, Any] = {name: bytes.fromhex(data[name]) for name in _BYTES}
            numbers = {name: data[name] for name in _NUMBERS}
            sound = all(len(values[name]) == length for name, length in _BYTES.items())
            sound = sound and all(type(number) is int for number in numbers.values()) and numbers["size"] > 0
        except (KeyError, TypeError, ValueError) as error:
            raise BadInputError("checkpoint_unreadable", f"this is no checkpoint of a map ({error!r})") from error
        if not sound:
            raise BadInputError("checkpoint_unreadable", "this is no checkpoint of a map: fields of another length")
        return Checkpoint(**numbers, **values)

    @staticmethod
    def load(path: Path | str) -> Checkpoint:
        """Read it from a file.

        Raises:
            BadInputError: ``checkpoint_unreadable``.
        """
        return Checkpoint.of(read_document(path, "checkpoint_unreadable", "checkpoint of a map"))


def sign(
    key: Ed25519PrivateKey, map_id: bytes, size: int, head: bytes, root: bytes, before: int, stamp_ns: int
) -> Checkpoint:
    """A checkpoint of a ledger."""
    draft = Checkpoint(map_id, size, head, root, before, stamp_ns, public_bytes(key))
    return dataclasses.replace(draft, signature=key.sign(draft.signed()))


def endorsement(map_id: bytes, fresh: bytes) -> bytes:
    """The bytes that an old key signs when another takes its place."""
    return canonical(["memory_agent_ros next key 1", map_id, fresh])
