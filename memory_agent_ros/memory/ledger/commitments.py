"""Commitments to rows: made for those that a transaction touched, and compared with all that are in the store."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from operator import itemgetter
from typing import Any

import cbor2

from memory_agent_ros.memory.ledger.records import DIGEST_BYTES, canonical
from memory_agent_ros.memory.ledger.tables import (
    KINDS,
    OWNED,
    Committed,
    committed_tables,
    row_number,
)
from memory_agent_ros.memory.storage.object_keys import ObjectKeys
from memory_agent_ros.memory.storage.store import Cursor, Store

#: Rows read at once.
_BATCH = 500
#: Derived keys kept; beyond, they are made again.
_MOST_KEYS = 20_000
DELETED = bytes(DIGEST_BYTES)
#: Stands for the values of a row that must be read.
UNREAD: tuple[Any, ...] = ()
_KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
#: Of :data:`~memory_agent_ros.memory.ledger.records.LEAF`.
_PACK = struct.Struct(f"<BBqq{DIGEST_BYTES}s").pack

_row_of = itemgetter(3)

#: Table -> what its rows are read from, where that is not the table alone.
_SOURCES = {
    "objects": "objects t LEFT JOIN boxes b ON b.id = t.id",
}
_MORE = {
    "objects": ["b.x0", "b.x1", "b.y0", "b.y1", "b.z0", "b.z1"],
}
#: Table -> the statement that reads what its rows have besides their own columns, by id.
_BESIDE = {
    "objects": "SELECT id, x0, x1, y0, y1, z0, z1 FROM boxes "
    "WHERE id IN (SELECT CAST(value AS INTEGER) FROM json_each(?))",
}

#: Number of a table -> key of a row that a transaction touched -> its own values by name, or UNREAD.
Touched = Mapping[int, Mapping[tuple[Any, ...], Sequence[Any]]]


@dataclass(frozen=True)
class _Layout:
    """How rows of a table are read and told apart.

    Attributes:
        names: of the columns of a row, in the order of the alphabet.
        read: the columns as a statement names them.
        head: stands for the names in front of the values.
        owner_of: row -> kind and id of its owner.
        key_of: row -> its primary key.
        chosen: statements that read rows by their keys, whose first part is a number, or a text.
    """

    names: list[str]
    read: str
    head: bytes
    owner_of: Callable[[Sequence[Any]], tuple[str, int]]
    key_of: Callable[[Sequence[Any]], tuple[Any, ...]]
    chosen: tuple[str, str]


class Commitments:
    """Digests of the rows of one store.

    Args:
        store: whose rows.
        keys: of their owners.
    """

    def __init__(self, store: Store, keys: ObjectKeys) -> None:
        self._store = store
        self._keys = keys
        self._layouts: dict[str, _Layout] = {}
        self._derived: dict[tuple[str, int], tuple[bytes, bytes]] = {}
        self.tables = {table.number: table for table in committed_tables()}

    def reload(self) -> None:
        """The tables may have other columns from now on."""
        self._layouts.clear()

    def of_touched(self, cursor: Cursor, touched: Touched) -> list[tuple[Any, ...]]:
        """A leaf for each row touched, as it stands now.

        Args:
            cursor: of the transaction.
            touched: the rows; those that are unread are read, and those that are not there any more were deleted.
        """
        leaves: list[tuple[Any, ...]] = []
        for number, rows in touched.items():
            table = self.tables[number]
            told = [row for key, row in rows.items() if row and key not in table.upkeep]
            leaves += self._leaves(table, self._whole(cursor, table, told)).values()
            if len(told) < len(rows):
                unread = {key for key, row in rows.items() if not row}
                leaves += self._of_table(cursor, table, unread)
        return leaves

    def key_of(self, number: int) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        """What gives the key of a row of a table from its own values by name."""
        return self._layout(self.tables[number]).key_of

    def _whole(self, cursor: Cursor, table: Committed, rows: list[Sequence[Any]]) -> list[Sequence[Any]]:
        """Rows of a table, each with what belongs to it besides its own columns."""
        beside = _BESIDE.get(table.name)
        if beside is None or not rows:
            return rows
        key_of, nothing = self._layout(table).key_of, (None,) * len(_MORE[table.name])
        ids = [key_of(row)[0] for row in rows]
        found = {one[0]: one[1:] for one in cursor.execute(beside, (json.dumps(ids),)).fetchall()}
        return [(*row, *found.get(i, nothing)) for i, row in zip(ids, rows, strict=True)]

    def _of_table(self, cursor: Cursor, table: Committed, wanted: set[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Leaves of rows that must be read."""
        leaves = []
        ordered = sorted(wanted - table.upkeep)
        for at in range(0, len(ordered), _BATCH):
            chosen = ordered[at : at + _BATCH]
            sql, values = self._selected(table, chosen)
            found = self._leaves(table, cursor.execute(sql, values).fetchall())
            leaves += [found.get(key) or (table.number, 0, 0, row_number(table, key), DELETED) for key in chosen]
            if table.own:
                self._keys.destroy(cursor, [(table.own, key[0]) for key in chosen if key not in found])
        return sorted(leaves, key=_row_of)

    def owned(self, cursor: Cursor, kind: str, owner: int) -> list[tuple[Any, ...]]:
        """Rows that belong to an owner: number of the table, then the key."""
        tables = {table.name: table for table in self.tables.values()}
        found: list[tuple[Any, ...]] = []
        for name, column in OWNED.get(kind, ()):
            table = tables[name]
            sql = f"SELECT {', '.join(table.keys)} FROM {name} WHERE {column}=?"
            found += [(table.number, *row) for row in cursor.execute(sql, (owner,)).fetchall()]
        return found

    def of_all(self, cursor: Cursor, numbers: Iterable[int]) -> Iterator[list[tuple[Any, ...]]]:
        """Leaves of every row of some tables, some hundreds at a time."""
        for table in (self.tables[number] for number in numbers):
            found = cursor.execute(f"SELECT {', '.join(table.keys)} FROM {table.name}").fetchall()
            for at in range(0, len(found), _BATCH):
                yield self._of_table(cursor, table, {tuple(row) for row in found[at : at + _BATCH]})

    def live(self, table: Committed) -> Iterator[tuple[tuple[Any, ...], tuple[str, int], Sequence[Any]]]:
        """Key, owner and values of every row of a table."""
        names, columns = self._layout(table).names, self._layout(table).read
        for row in self._store.each(f"SELECT {columns} FROM {_source(table)}"):
            named = dict(zip(names, row, strict=True))
            key = tuple(named[column] for column in table.keys)
            if key not in table.upkeep:
                yield key, table.owner(named), row

    def read_where(
        self, table: Committed, column: str, value: int, order: str, most: int
    ) -> list[tuple[tuple[Any, ...], tuple[str, int], Sequence[Any]]]:
        """Key, owner and values of the rows with a value in a column, those of the highest ``order`` first."""
        names, columns = self._layout(table).names, self._layout(table).read
        sql = f"SELECT {columns} FROM {_source(table)} WHERE t.{column}=? ORDER BY t.{order} DESC LIMIT {int(most)}"
        found: list[tuple[tuple[Any, ...], tuple[str, int], Sequence[Any]]] = []
        for row in self._store.rows(sql, (value,)):
            named = dict(zip(names, row, strict=True))
            found.append((tuple(named[key] for key in table.keys), table.owner(named), row))
        return found

    def is_readable(self, table: Committed) -> bool:
        """Whether the columns of a table have names, those of its key and owner among them: damage may hit them."""
        names = self._store.columns(table.name)
        wanted = {*table.keys, table.owner.column, table.owner.unless_null} - {""}
        return wanted <= set(names) and all(name.isidentifier() for name in names)

    def columns(self, table: Committed) -> list[str]:
        """Names of the values of a row, in their order."""
        return list(self._layout(table).names)

    @staticmethod
    def packed(leaf: tuple[Any, ...]) -> bytes:
        """The bytes of one commitment."""
        return _PACK(*leaf)

    def digest(self, table: Committed, owner: tuple[str, int], row: Sequence[Any]) -> bytes | None:
        """Digest of a row under its owner's key; None if that key is not there (any more)."""
        try:
            packed = self.values_bytes(table, row)
        except UnicodeEncodeError:  # damaged text
            return None
        if not owner[0]:
            return blake2b(packed, digest_size=DIGEST_BYTES).digest()
        secret = self._keys.find(*owner)
        if secret is None:
            return None
        return blake2b(packed, digest_size=DIGEST_BYTES, key=self.derived(owner, secret)).digest()

    def values_bytes(self, table: Committed, row: Sequence[Any]) -> bytes:
        """What a digest is over: which columns of which table, and their values."""
        return cbor2.dumps([self._layout(table).head, *row])

    def derived(self, owner: tuple[str, int], secret: bytes) -> bytes:
        """What commitments of an owner are keyed with: it opens nothing that its key sealed."""
        known = self._derived.get(owner)
        if known is None or known[0] != secret:
            if len(self._derived) >= _MOST_KEYS:
                self._derived.clear()
            known = self._derived[owner] = secret, commitment_key(secret)
        return known[1]

    def _leaves(self, table: Committed, rows: Sequence[Sequence[Any]]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """Key of each row -> its leaf; owners without a key get one. Done with every step, so without detours."""
        layout, number = self._layout(table), table.number
        head, key_of = layout.head, layout.key_of
        owners = [layout.owner_of(row) for row in rows]
        derived, found = self._derived, {}
        for owner, secret, row in zip(owners, self._keys.many(owners), rows, strict=True):
            known = derived.get(owner)
            keyed = known[1] if known is not None and known[0] == secret else self._keyed(owner, secret)
            digest = blake2b(cbor2.dumps([head, *row]), digest_size=DIGEST_BYTES, key=keyed).digest()
            key = key_of(row)
            found[key] = (number, _KIND_NUMBERS[owner[0]], owner[1], row_number(table, key), digest)
        return found

    def _keyed(self, owner: tuple[str, int], secret: bytes) -> bytes:
        return self.derived(owner, secret) if secret else b""

    def _layout(self, table: Committed) -> _Layout:
        known = self._layouts.get(table.name)
        if known is None:
            own, more = sorted(self._store.columns(table.name)), _MORE.get(table.name, [])
            names = [*own, *(column.split(".")[1] for column in more)]
            read = ", ".join([*(f"t.{column}" for column in own), *more])
            known = self._layouts[table.name] = _Layout(
                names, read, columns_hash(table.name, names), table.owner.at(names), _key_of(table, names),
                (_chosen(table, read, number=True), _chosen(table, read, number=False)),
            )  # fmt: skip
        return known

    def _selected(self, table: Committed, keys: Sequence[tuple[Any, ...]]) -> tuple[str, tuple[Any, ...]]:
        """The statement that reads rows of a table by their keys."""
        sql = self._layout(table).chosen[isinstance(keys[0][0], str)]
        if len(table.keys) == 1:
            return sql, (json.dumps([key[0] for key in keys]),)
        return sql, (json.dumps([{"a": key[0], "b": key[1]} for key in keys]),)


def _key_of(table: Committed, names: Sequence[str]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    at = [names.index(key) for key in table.keys]
    if len(at) == 1:
        only = at[0]
        return lambda row: (row[only],)
    return itemgetter(*at)


def _chosen(table: Committed, read: str, *, number: bool) -> str:
    """The statement that reads rows by their keys, whose first part is a number or a text."""
    if len(table.keys) == 1:
        value = "CAST(value AS INTEGER)" if number else "value"
        return f"SELECT {read} FROM {_source(table)} WHERE t.{table.keys[0]} IN (SELECT {value} FROM json_each(?))"
    a, b = table.keys
    first = "CAST(json_extract(value, '$.a') AS INTEGER)" if number else "json_extract(value, '$.a')"
    return (
        f"SELECT {read} FROM json_each(?) j JOIN {_source(table)} ON t.{a} = {first} "
        f"AND t.{b} = CAST(json_extract(value, '$.b') AS INTEGER)"
    )


def _source(table: Committed) -> str:
    """What rows of a table are read from."""
    return _SOURCES.get(table.name, f"{table.name} t")


def columns_hash(table: str, names: Sequence[str]) -> bytes:
    """What stands for the names of a table's columns in front of their values."""
    return blake2b(canonical([table, *names]), digest_size=8).digest()


def commitment_key(secret: bytes) -> bytes:
    """What commitments of an owner are keyed with, from the owner's key."""
    return blake2b(b"commitments of this owner", digest_size=32, key=secret).digest()


def pack(leaves: Sequence[tuple[Any, ...]]) -> bytes:
    """Commitments one after the other."""
    return b"".join(_PACK(*leaf) for leaf in leaves)
