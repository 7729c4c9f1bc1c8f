"""Signed receipts: who holds one, and the public key of the robot, can check without the map what was erased."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Collection, Mapping
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from memory_agent_ros.memory.ledger.records import canonical
from memory_agent_ros.memory.ledger.signing import is_signed, public_bytes
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.forgetting import Receipt, ReceiptSignature

_PURPOSE = "memory_agent_ros receipt 1"


def signed_receipt(receipt: Receipt, map_id: bytes, record: int, key: Ed25519PrivateKey) -> Receipt:
    """A receipt with the signature of ``key``.

    Args:
        receipt: without one.
        map_id: of the map, 16 bytes.
        record: number of the ledger's record of the erasure.
        key: of who signs.
    """
    draft = ReceiptSignature(map_id, record, time.time_ns(), public_bytes(key), b"")
    signature = key.sign(_signed_bytes(receipt, draft))
    return dataclasses.replace(receipt, signed=dataclasses.replace(draft, signature=signature))


def check_receipt(content: Mapping[str, Any], trusted: Collection[bytes]) -> Receipt:
    """Check a receipt without the map.

    Args:
        content: what :meth:`Receipt.to_dict` gave.
        trusted: public keys (32 bytes each) of those whose word is taken.

    Raises:
        BadInputError: ``receipt_broken``; the text says what does not hold.
    """
    try:
        receipt = Receipt.from_dict(content)
        signed = receipt.signed
        if signed is None:
            raise BadInputError("receipt_broken", "the receipt is not signed: the map had no key for signing")
        data = _signed_bytes(receipt, signed)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, cbor2.CBOREncodeError) as error:
        raise BadInputError("receipt_broken", f"this is no receipt ({type(error).__name__}: {error})") from error
    if not is_signed(signed.key, signed.signature, data):
        raise BadInputError("receipt_broken", "the receipt was changed or not signed by its key")
    if signed.key not in trusted:
        raise BadInputError("receipt_broken", f"the receipt is signed by {signed.key.hex()}, which is not trusted")
    return receipt


def _signed_bytes(receipt: Receipt, signed: ReceiptSignature) -> bytes:
    """The bytes that are signed: the receipt, and of which map and record it is."""
    told = {name: value for name, value in receipt.to_dict().items() if name != "signed"}
    told["elapsed_s"] = float(told["elapsed_s"])  # JSON does not tell 1 from 1.0 everywhere
    return canonical([_PURPOSE, signed.map_id, signed.record, signed.signed_ns, signed.key, told])
