"""Corrections as rows of the map and back, and how they are erased."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import cbor2
import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.memory.map_state import Incoming
from memory_agent_ros.memory.storage.object_keys import CORRECTION
from memory_agent_ros.memory.storage.sealing import open_rows, seal_rows
from memory_agent_ros.memory.storage.store import Cursor, Store
from memory_agent_ros.records.correction import Correction, CorrectionKind
from memory_agent_ros.records.event import EventKind

_COLUMNS = ("id", "kind", "object_id", "other_id", "undoes", "stamp_ns", "made_ns", "body")
_ALL = ", ".join(_COLUMNS)
_INSERT = f"INSERT INTO corrections ({_ALL}) VALUES (?,?,?,?,?,?,?,?)"
#: Said in place of words that named what was forgotten.
ERASED = "(erased)"

#: What undoing a correction needs, by name.
Before = dict[str, Any]


def correction_row(correction: Correction, before: Before) -> tuple[Any, ...]:
    """Values of the table ``corrections``; ``before`` is what undoing it needs."""
    body = {
        "author": correction.author,
        "reason": correction.reason,
        "label": correction.label,
        "previous_label": correction.previous_label,
        "position": None if correction.position_m is None else correction.position_m.tolist(),
        "previous_position": None
        if correction.previous_position_m is None
        else correction.previous_position_m.tolist(),
        "before": before,
    }
    return (
        correction.id, str(correction.kind), correction.object_id, correction.other_id, correction.undoes,
        correction.stamp_ns, correction.made_ns, cbor2.dumps(body, canonical=True),
    )  # fmt: skip


def incoming(rows: list[tuple[Any, ...]]) -> Incoming:
    """Rows of :func:`correction_row` to be written with a step."""
    return Incoming("corrections", _INSERT, _COLUMNS, rows)


def _plain(position_m: NDArray[np.float64] | None) -> list[float] | None:
    return None if position_m is None else [float(v) for v in position_m]


def corrections_of(store: Store, object_ids: Collection[int] | None = None) -> list[Correction]:
    """All corrections, or those of (or with) some objects, oldest first."""
    where, values = "", tuple[Any, ...]()
    if object_ids is not None:
        chosen = "IN (SELECT CAST(value AS INTEGER) FROM json_each(?))"
        where = f" WHERE object_id {chosen} OR other_id {chosen}"
        values = (json.dumps(sorted(object_ids)),) * 2
    undone = dict(store.rows("SELECT undoes, id FROM corrections WHERE undoes IS NOT NULL"))
    rows = open_rows(
        store, "corrections", _COLUMNS, store.rows(f"SELECT {_ALL} FROM corrections{where} ORDER BY id", values)
    )
    return [_correction(row, undone.get(row[0])) for row in rows]


def before_of(store: Store, correction_id: int) -> Before:
    """What undoing a correction needs."""
    sealed = store.rows("SELECT id, body FROM corrections WHERE id=?", (correction_id,))
    ((_, body),) = open_rows(store, "corrections", ("id", "body"), sealed)
    before: Before = cbor2.loads(bytes(body))["before"]
    return before


def _correction(row: tuple[Any, ...], undone_by: int | None) -> Correction:
    (row_id, kind, object_id, other_id, undoes, stamp_ns, made_ns, packed) = row
    body = cbor2.loads(bytes(packed))
    position, previous = body["position"], body["previous_position"]
    return Correction(
        id=row_id,
        kind=CorrectionKind(kind),
        object_id=object_id,
        author=body["author"],
        reason=body["reason"],
        stamp_ns=stamp_ns,
        made_ns=made_ns,
        other_id=other_id,
        undoes=undoes,
        label=body["label"],
        previous_label=body["previous_label"],
        position_m=None if position is None else np.array(position),
        previous_position_m=None if previous is None else np.array(previous),
        undone_by=undone_by,
    )


def erase_corrections(store: Store, cursor: Cursor, object_ids: Sequence[int], labels: Iterable[str]) -> int:
    """Erase the corrections of forgotten objects; returns how many.

    In those of others, and in what events tell of them, words that name a label no object shows any more are blanked.

    Args:
        store: of the map.
        cursor: of the transaction that has erased the objects.
        object_ids: every id they went by.
        labels: what they were called.
    """
    erased = set(object_ids)
    shown = {store.words.label(r[0]) for r in cursor.execute("SELECT DISTINCT label FROM objects").fetchall()}
    going, unused = [], [label for label in labels if label not in shown]
    spoken = re.compile("|".join(rf"\b{re.escape(label)}(s|es)?\b" for label in unused) or r"(?!)", re.IGNORECASE)
    sealed = cursor.execute(f"SELECT {_ALL} FROM corrections").fetchall()
    for row in open_rows(store, "corrections", _COLUMNS, sealed):
        if {row[2], row[3]} & erased:
            going.append((row[0],))
            continue
        found = _correction(row, None)
        texts = (found.reason, found.label, found.previous_label)
        blanked = tuple(ERASED if spoken.search(text) else text for text in texts)
        if blanked != texts:
            before = cbor2.loads(bytes(row[-1]))["before"]
            reason, label, previous = blanked
            spared = dataclasses.replace(found, reason=reason, label=label, previous_label=previous)
            rewritten = correction_row(spared, before)
            store.keys.renew(cursor, [(CORRECTION, found.id)])
            ((*_, body),) = seal_rows(store, "corrections", _COLUMNS, [rewritten])
            cursor.execute("UPDATE corrections SET body=? WHERE id=?", (body, found.id))
    cursor.executemany("DELETE FROM corrections WHERE id=?", going)
    store.keys.destroy(cursor, [(CORRECTION, row_id) for (row_id,) in going])
    columns = ("id", "object_id", "detail")
    told = cursor.execute("SELECT id, object_id, detail FROM events WHERE kind=?", (str(EventKind.EDITED),)).fetchall()
    named = [(i, of, ERASED) for i, of, detail in open_rows(store, "events", columns, told) if spoken.search(detail)]
    cursor.executemany(
        "UPDATE events SET detail=? WHERE id=?", [(r[2], r[0]) for r in seal_rows(store, "events", columns, named)]
    )
    return len(going)


def incoming_corrections(other: Store, object_offset: int, correction_offset: int) -> Incoming:
    """Another map's corrections, renamed; they are history there, and not to be undone."""
    rows = []
    for found in corrections_of(other):
        renamed = dataclasses.replace(
            found,
            id=found.id + correction_offset,
            object_id=found.object_id and found.object_id + object_offset,
            other_id=None if found.other_id is None else found.other_id + object_offset,
            undoes=None if found.undoes is None else found.undoes + correction_offset,
        )
        rows.append(correction_row(renamed, {"imported": True}))
    return incoming(rows)
