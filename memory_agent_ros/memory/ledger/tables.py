"""Which rows of a map the ledger commits to, and with whose key.

A commitment is a digest of a row keyed with what only the map knows of the row's owner: of an object, a picture, a
thumbnail, a word or a tip. When that key is destroyed, the commitments say nothing any more, not even to one who
guesses what the row was. What is not named here can be made again from what is: words for search, the ledger itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from memory_agent_ros.memory.ledger.records import canonical
from memory_agent_ros.memory.storage.schema import TABLES

#: Kinds of owners, by number; rows of none are committed to with a key of the map.
KINDS = ("", "map", "object", "keyframe", "frame", "word", "tip", "index", "correction", "quarantine")
MAP_OWNER = ("map", 0)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Committed:
    """One table whose rows are committed to.

    Attributes:
        name: of the table.
        number: in the ledger; never given to another table.
        keys: its primary key.
        owner: row -> kind and id of the owner, or no kind where the row itself is a secret.
        own: kind of the owner of which a row is all there is: where it goes, the owner's key goes too.
        upkeep: rows, by their key, that come and go without a trace.
    """

    name: str
    number: int
    keys: tuple[str, ...]
    owner: Callable[[Row], tuple[str, int]]
    own: str = ""
    upkeep: frozenset[tuple[Any, ...]] = frozenset()


def _of(kind: str, column: str) -> Callable[[Row], tuple[str, int]]:
    return lambda row: (kind, int(row[column]))


def _of_map(_row: Row) -> tuple[str, int]:
    return MAP_OWNER


def _of_frame(row: Row) -> tuple[str, int]:
    return MAP_OWNER if row["look"] is None else ("frame", int(row["id"]))


def _of_none(_row: Row) -> tuple[str, int]:
    return "", 0


#: What the store writes down about the ledger itself.
HEAD_ROW = "ledger"

_KNOWN = (
    Committed("meta", 1, ("key",), _of_map, upkeep=frozenset({(HEAD_ROW,)})),
    Committed("objects", 2, ("id",), _of("object", "id")),
    Committed("vocabulary", 3, ("id",), _of("word", "id")),
    Committed("clouds", 4, ("object_id",), _of("object", "object_id")),
    Committed("aliases", 5, ("old_id",), _of_map),
    Committed("together", 6, ("a", "b"), _of_map),
    Committed("frames", 7, ("id",), _of_frame),
    Committed("keyframes", 8, ("id",), _of("keyframe", "id")),
    Committed("observations", 9, ("id",), _of("object", "object_id")),
    Committed("surfaces", 10, ("observation_id",), _of("object", "owner")),
    Committed("events", 11, ("id",), _of("object", "object_id")),
    Committed("tips", 12, ("id",), _of("tip", "owner")),
    Committed("vector_indexes", 13, ("dimension",), _of_map),
    Committed("keys", 14, ("kind", "owner"), _of_none),
    Committed("sources", 15, ("id",), _of_map),
    Committed("quarantine", 16, ("id",), _of("quarantine", "id"), own="quarantine"),
    Committed("corrections", 17, ("id",), _of("correction", "id")),
    Committed("refusals", 18, ("id",), _of_map),
    Committed("receipts", 19, ("id",), _of_map),
)
#: Tables that nothing commits to: made again from others, or the ledger itself.
DERIVED = frozenset({"boxes", "ledger", "checkpoints"})


def committed_tables() -> list[Committed]:
    """The tables of the present schema that are committed to."""
    present = set(re.findall(r"^CREATE (?:VIRTUAL )?TABLE (\w+)", TABLES, re.MULTILINE))
    return [table for table in _KNOWN if table.name in present]


#: Kind of owner -> the tables that hold something of such, each with the column that says of which.
OWNED = {
    "object": (
        ("objects", "id"),
        ("clouds", "object_id"),
        ("observations", "object_id"),
        ("surfaces", "owner"),
        ("events", "object_id"),
    ),
    "word": (("vocabulary", "id"),),
    "tip": (("tips", "owner"),),
    "keyframe": (("keyframes", "id"),),
    "frame": (("frames", "id"),),
    "correction": (("corrections", "id"),),
    "quarantine": (("quarantine", "id"),),
}


def row_number(table: Committed, key: Sequence[Any]) -> int:
    """What stands for a row in a commitment: its number if that is its key, else a hash of the key."""
    if len(key) == 1 and isinstance(key[0], int):
        return key[0]
    try:
        packed = canonical([table.number, *key])
    except UnicodeEncodeError:  # damaged text, read with surrogates: no row that was ever committed to
        packed = canonical([table.number, *(str(part).encode(errors="surrogateescape") for part in key)])
    return int.from_bytes(blake2b(packed, digest_size=8).digest(), "little", signed=True)
