"""Which columns of a map are sealed, by whose key, and rows sealed and opened."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from memory_agent_ros.memory.storage.codec import cloud_crc
from memory_agent_ros.memory.storage.damage import told_as_damage
from memory_agent_ros.memory.storage.object_keys import (
    CORRECTION,
    FRAME,
    INDEX,
    KEYFRAME,
    OBJECT,
    QUARANTINE,
    TIP,
    ObjectKeys,
)
from memory_agent_ros.memory.storage.store import Cursor, Store
from memory_agent_ros.memory.storage.words import Words

#: Owner of the names of rooms among the index keys; vector indexes go by their dimension.
ROOMS = 0

#: Table -> (kind of the owner, column with the owner's id, column that identifies the row, sealed columns).
_SEALED: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "objects": (OBJECT, "id", "id", ("body", "bank")),
    "clouds": (OBJECT, "object_id", "object_id", ("keys", "points", "box", "former")),
    "surfaces": (OBJECT, "owner", "observation_id", ("data",)),
    "events": (OBJECT, "object_id", "id", ("detail",)),
    "keyframes": (KEYFRAME, "id", "id", ("jpeg", "features")),
    "frames": (FRAME, "id", "id", ("look",)),
    "vector_indexes": (INDEX, "dimension", "dimension", ("data",)),
    "quarantine": (QUARANTINE, "id", "id", ("data",)),
    "corrections": (CORRECTION, "id", "id", ("body",)),
    "tips": (TIP, "owner", "owner", ("goal", "situation", "choice", "words", "objects")),
}
#: Columns that hold the number of a label, or a JSON list of labels.
_LABEL, _LABELS = (
    {"objects": "label", "observations": "label", "events": "label"},
    {"objects": "labels"},
)


@dataclass(frozen=True)
class _Plan:
    """Where in the rows of some columns what is sealed stands.

    Attributes:
        sealed: (position, place without the id); owner, row: positions of the ids.
        label, labels, crc: positions, -1 if there is none.
    """

    kind: str
    owner: int
    row: int
    sealed: tuple[tuple[int, str], ...]
    label: int
    labels: int
    crc: int


@lru_cache(maxsize=128)
def _plan(table: str, columns: tuple[str, ...]) -> _Plan:
    kind, owner, row, names = _SEALED.get(table, ("", "", "", ()))
    sealed = tuple((columns.index(n), f"{table}.{n}/") for n in names if n in columns)
    label, labels = (columns.index(of[table]) if of.get(table) in columns else -1 for of in (_LABEL, _LABELS))
    crc = columns.index("crc") if "crc" in columns else -1
    return _Plan(
        kind, columns.index(owner) if sealed else -1, columns.index(row) if sealed else -1, sealed, label, labels, crc
    )


def seal_rows(store: Store, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Rows of some columns of a table as they are stored; checksums are those of the sealed bytes."""
    columns = tuple(columns)
    plan, keys, words, rows = _plan(table, columns), store.keys, store.words, list(rows)
    if plan.sealed:
        keys.make(plan.kind, {row[plan.owner] for row in rows})
    out = []
    for row in rows:
        values = list(row)
        for at, place in plan.sealed:
            values[at] = _seal(keys, plan.kind, values[plan.owner], f"{place}{values[plan.row]}", values[at])
        if plan.label >= 0:
            values[plan.label] = words.number(values[plan.label])
        if plan.labels >= 0 and values[plan.labels] is not None:
            values[plan.labels] = json.dumps([words.number(v) for v in json.loads(values[plan.labels])])
        if plan.crc >= 0:
            values[plan.crc] = _crc(table, dict(zip(columns, values, strict=True)))
        out.append(tuple(values))
    return out


@told_as_damage("sealed rows")
def open_rows(store: Store, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Inverse of :func:`seal_rows`, checksums left as they are.

    Raises:
        StoreError: a key is gone, or sealed bytes are damaged.
    """
    columns = tuple(columns)
    plan, keys, words = _plan(table, columns), store.keys, store.words
    if plan.sealed:
        keys.prefetch(plan.kind, {row[plan.owner] for row in rows})
    out = []
    for row in rows:
        values = list(row)
        for at, place in plan.sealed:
            values[at] = _open(keys, plan.kind, values[plan.owner], f"{place}{values[plan.row]}", values[at])
        if plan.label >= 0:
            values[plan.label] = words.label(values[plan.label])
        if plan.labels >= 0:
            values[plan.labels] = open_labels(words, values[plan.labels])
        out.append(tuple(values))
    return out


def open_labels(words: Words, numbers: str | None) -> str | None:
    """JSON list of labels of a JSON list of their numbers."""
    return None if numbers is None else json.dumps([words.label(n) for n in json.loads(numbers)])


def owner_kind(table: str) -> tuple[str, str] | None:
    """(kind of the key, column with the owner's id) that a table's rows are sealed by; None if nothing of it is."""
    found = _SEALED.get(table)
    return None if found is None else found[:2]


def reseal_strays(store: Store, cursor: Cursor) -> None:
    """Seal all measured surfaces whose observation has gone over to another object by that one's key."""
    strays = cursor.execute(
        "SELECT o.id, o.object_id FROM surfaces s JOIN observations o ON o.id = s.observation_id "
        "WHERE s.owner != o.object_id"
    ).fetchall()
    reseal_surfaces(store, cursor, strays)


def reseal_surfaces(store: Store, cursor: Cursor, owners: Iterable[tuple[int, int]]) -> None:
    """Seal measured surfaces by other objects' keys; pairs of observation and its object from now on."""
    columns = ("observation_id", "owner", "data")
    for observation_id, owner in owners:
        found = cursor.execute(
            "SELECT observation_id, owner, data FROM surfaces WHERE observation_id=? AND owner!=?",
            (observation_id, owner),
        ).fetchall()
        for _, _, data in open_rows(store, "surfaces", columns, found):
            ((_, _, sealed),) = seal_rows(store, "surfaces", columns, [(observation_id, owner, data)])
            cursor.execute(
                "UPDATE surfaces SET owner=?, data=? WHERE observation_id=?", (owner, sealed, observation_id)
            )


def seal_everything(store: Store, cursor: Cursor) -> None:
    """Seal a map of a schema in which nothing was."""
    for table in dict.fromkeys((*_SEALED, *_LABEL)):
        columns = store.columns(table)
        _, _, identity, sealed = _SEALED.get(table, ("", "", "id", ()))
        changed = [c for c in (*sealed, _LABEL.get(table), _LABELS.get(table)) if c] + ["crc"] * ("crc" in columns)
        rows = cursor.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
        new = [dict(zip(columns, r, strict=True)) for r in seal_rows(store, table, columns, rows)]
        sets = ", ".join(f"{c}=?" for c in changed)
        cursor.executemany(
            f"UPDATE {table} SET {sets} WHERE {identity}=?", [(*(r[c] for c in changed), r[identity]) for r in new]
        )
    for (value,) in cursor.execute("SELECT value FROM meta WHERE key='rooms'").fetchall():
        cursor.execute("UPDATE meta SET value=? WHERE key='rooms'", (seal_rooms(store, value),))


def seal_rooms(store: Store, value: str) -> str:
    """What is known of rooms, by name, as it stands in ``meta``."""
    return store.keys.seal_text(INDEX, ROOMS, "meta.rooms", value)


def open_rooms(store: Store, value: str) -> str:
    """Inverse of :func:`seal_rooms`."""
    return store.keys.open_text(INDEX, ROOMS, "meta.rooms", value)


def _crc(table: str, row: dict[str, Any]) -> int:
    if table == "clouds":
        return cloud_crc(row["keys"], row["points"], row["hits"], row["anchors"])
    return zlib.crc32(row["jpeg"])


def _seal(keys: ObjectKeys, kind: str, owner: int, place: str, value: Any) -> Any:
    if value is None or value == "":
        return value
    return keys.seal_text(kind, owner, place, value) if isinstance(value, str) else keys.seal(kind, owner, place, value)


def _open(keys: ObjectKeys, kind: str, owner: int, place: str, value: Any) -> Any:
    if value is None or value == "":
        return value
    return keys.open_text(kind, owner, place, value) if isinstance(value, str) else keys.open(kind, owner, place, value)
