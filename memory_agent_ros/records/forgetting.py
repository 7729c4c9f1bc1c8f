"""What is to be forgotten, and what was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.region import Region


@dataclass(frozen=True, eq=False)
class ForgetRequest:
    """What to erase: the objects named, and those that meet all of the conditions given.

    Attributes:
        object_ids: by id; ids of objects merged away count.
        label: what they are called, in any form.
        like: what they look like: an object, by id, or a (D,) appearance vector.
        similarity: least cosine between what they look like and ``like``, above 0, at most 1.
        room: id or name of the room they stand, or stood, in.
        region: box in which their centre lies.
        polygon: (N, 2) outline x, y in the map frame within which their centre lies, metres.
        since_ns, until_ns: they were seen at no other time. Alone, whatever was remembered of that time goes:
            observations, pictures, thumbnails and events of other objects too.
        never_again: refuse from now on what fits label, appearance and place. With ids only, what looks like them.
        author, reason: kept in the receipt.

    Raises:
        BadInputError: ``similarity_range``, ``polygon_unusable``, ``span_reversed``.
    """

    object_ids: tuple[int, ...] = ()
    label: str | None = None
    like: int | NDArray[np.floating] | None = None
    similarity: float = 0.8
    room: str | int | None = None
    region: Region | None = None
    polygon: NDArray[np.float64] | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    never_again: bool = False
    author: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        if not 0.0 < self.similarity <= 1.0:
            raise BadInputError(
                "similarity_range", f"the similarity is a cosine above 0, at most 1; got {self.similarity}"
            )
        if self.polygon is not None:
            outline = np.asarray(self.polygon, dtype=np.float64)
            if outline.ndim != 2 or outline.shape[1] != 2 or len(outline) < 3 or not np.isfinite(outline).all():
                raise BadInputError("polygon_unusable", "an outline is at least three finite points x, y")
        if self.since_ns is not None and self.until_ns is not None and self.since_ns > self.until_ns:
            raise BadInputError("span_reversed", "the span ends before it begins; swap its stamps")

    @property
    def span(self) -> tuple[int, int] | None:
        """First and last stamp, open where none is given; None if there is no span."""
        if self.since_ns is None and self.until_ns is None:
            return None
        low, high = -(1 << 62), (1 << 62)
        return low if self.since_ns is None else self.since_ns, high if self.until_ns is None else self.until_ns

    @property
    def conditions(self) -> tuple[str, ...]:
        """Names of the conditions given, without their values."""
        given = {
            "label": self.label, "like": self.like, "room": self.room, "region": self.region, "polygon": self.polygon,
            "span": self.span,
        }  # fmt: skip
        named = ("object_ids",) if self.object_ids else ()
        return (*named, *(name for name, value in given.items() if value is not None))


@dataclass(frozen=True)
class ReceiptSignature:
    """Who vouches for a receipt.

    Attributes:
        map_id: of the map, 16 bytes drawn when it was made.
        record: number of the record of the erasure in the map's ledger.
        signed_ns: when it was signed, by the clock of the system.
        key: public key of who signed, 32 bytes.
        signature: 64 bytes (Ed25519).
    """

    map_id: bytes
    record: int
    signed_ns: int
    key: bytes
    signature: bytes

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "map_id": self.map_id.hex(), "record": self.record, "signed_ns": self.signed_ns, "key": self.key.hex(),
            "signature": self.signature.hex(),
        }  # fmt: skip

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> ReceiptSignature:
        """Inverse of :meth:`to_dict`.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        map_id, key, signature = (bytes.fromhex(content[name]) for name in ("map_id", "key", "signature"))
        return ReceiptSignature(map_id, int(content["record"]), int(content["signed_ns"]), key, signature)


@dataclass(frozen=True)
class Receipt:
    """What one request erased. It holds no label, no picture and no place of it.

    Attributes:
        id: of this map's receipts.
        stamp_ns: of the map when it was done.
        conditions: what the request named, without the values.
        object_ids: objects erased.
        counts: rows, keys, pictures, ... by kind.
        never_again: whether a rule was left that refuses it from now on.
        author, reason: as requested.
        elapsed_s: wall seconds.
        signed: who vouches for it; None if there was no key to sign with, or the map is in no file.
    """

    id: int
    stamp_ns: int
    conditions: tuple[str, ...]
    object_ids: tuple[int, ...]
    counts: Mapping[str, int] = field(default_factory=dict)
    never_again: bool = False
    author: str = ""
    reason: str = ""
    elapsed_s: float = 0.0
    signed: ReceiptSignature | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "id": self.id, "stamp_ns": self.stamp_ns, "conditions": list(self.conditions),
            "object_ids": list(self.object_ids), "counts": dict(self.counts), "never_again": self.never_again,
            "author": self.author, "reason": self.reason, "elapsed_s": self.elapsed_s,
            "signed": None if self.signed is None else self.signed.to_dict(),
        }  # fmt: skip

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> Receipt:
        """Inverse of :meth:`to_dict`.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        signed = content.get("signed")
        return Receipt(
            **{
                **content,
                "conditions": tuple(content["conditions"]),
                "object_ids": tuple(content["object_ids"]),
                "signed": None if signed is None else ReceiptSignature.from_dict(signed),
            }
        )


@dataclass(frozen=True)
class Forgotten:
    """Told to those who keep something of a map beside it, so that they let go of it too.

    Attributes:
        object_ids: every id the erased objects went by.
        labels: what they were called; not to be kept.
        everything: whether more than objects was erased, so that nothing kept from before may stay.
    """

    object_ids: tuple[int, ...]
    labels: tuple[str, ...]
    everything: bool = False
