"""Which rows of a map the ledger commits to, and with whose key.

A commitment is a digest of a row keyed with what only the map knows of the row's owner: of an object, a picture, a
thumbnail, a word or a tip. When that key is destroyed, the commitments say nothing any more, not even to one who
guesses what the row was. What is not named here can be made again from what is: words for search, the ledger itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from memory_agent_ros.memory.ledger.records import canonical
from memory_agent_ros.memory.storage.schema import TABLES

#: Kinds of owners, by number; rows of none are committed to with a key of the map.
KINDS = ("", "map", "object", "keyframe", "frame", "word", "tip", "index", "correction", "quarantine")
MAP_OWNER = ("map", 0)

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Owner:
    """Whose key a row is committed to with.

    Attributes:
        kind: of the owner, "" for none: the row itself is a secret.
        column: holds the owner's id; "" if there is but one of the kind.
        unless_null: where this column is NULL the row belongs to the map instead; "" for no such column.
    """

    kind: str
    column: str = ""
    unless_null: str = ""

    def __call__(self, row: Row) -> tuple[str, int]:
        """Kind and id of the owner of a row, by name of the column; -1 where damage left no number."""
        if self.unless_null and row[self.unless_null] is None:
            return MAP_OWNER
        try:
            return self.kind, int(row[self.column]) if self.column else 0
        except (TypeError, ValueError, OverflowError):
            return self.kind, -1

    def at(self, names: Sequence[str]) -> Callable[[Sequence[Any]], tuple[str, int]]:
        """The same for rows whose values stand in the order of some names."""
        if not self.column:
            fixed = (self.kind, 0)
            return lambda row: fixed
        kind, column = self.kind, names.index(self.column)
        if not self.unless_null:
            return lambda row: (kind, row[column])
        tested = names.index(self.unless_null)
        return lambda row: MAP_OWNER if row[tested] is None else (kind, row[column])


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
    owner: Owner
    own: str = ""
    upkeep: frozenset[tuple[Any, ...]] = frozenset()


_OF_MAP = Owner(*MAP_OWNER[:1])

#: What the store writes down about the ledger itself.
HEAD_ROW = "ledger"

_KNOWN = (
    Committed("meta", 1, ("key",), _OF_MAP, upkeep=frozenset({(HEAD_ROW,)})),
    Committed("objects", 2, ("id",), Owner("object", "id")),
    Committed("vocabulary", 3, ("id",), Owner("word", "id")),
    Committed("clouds", 4, ("object_id",), Owner("object", "object_id")),
    Committed("aliases", 5, ("old_id",), _OF_MAP),
    Committed("together", 6, ("a", "b"), _OF_MAP),
    Committed("frames", 7, ("id",), Owner("frame", "id", unless_null="look")),
    Committed("keyframes", 8, ("id",), Owner("keyframe", "id")),
    Committed("observations", 9, ("id",), Owner("object", "object_id")),
    Committed("surfaces", 10, ("observation_id",), Owner("object", "owner")),
    Committed("events", 11, ("id",), Owner("object", "object_id")),
    Committed("tips", 12, ("id",), Owner("tip", "owner")),
    Committed("vector_indexes", 13, ("dimension",), _OF_MAP),
    Committed("keys", 14, ("kind", "owner"), Owner("")),
    Committed("sources", 15, ("id",), _OF_MAP),
    Committed("quarantine", 16, ("id",), Owner("quarantine", "id"), own="quarantine"),
    Committed("corrections", 17, ("id",), Owner("correction", "id")),
    Committed("refusals", 18, ("id",), _OF_MAP),
    Committed("receipts", 19, ("id",), _OF_MAP),
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
    return _hashed(table.number, *key)


@lru_cache(maxsize=4096, typed=True)  # the same few rows are written with every frame
def _hashed(number: int, *key: Any) -> int:
    try:
        packed = canonical([number, *key])
    except UnicodeEncodeError:  # damaged text, read with surrogates: no row that was ever committed to
        packed = canonical([number, *(str(part).encode(errors="surrogateescape") for part in key)])
    return int.from_bytes(blake2b(packed, digest_size=8).digest(), "little", signed=True)
