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

from memory_agent_ros.memory.storage.store import Cursor, Store
from memory_agent_ros.records.correction import Correction, CorrectionKind
from memory_agent_ros.records.event import EventKind

INSERT = (
    "INSERT INTO corrections (id, kind, object_id, other_id, undoes, stamp_ns, made_ns, body) VALUES (?,?,?,?,?,?,?,?)"
)
_COLUMNS = "id, kind, object_id, other_id, undoes, stamp_ns, made_ns"
#: Said in place of words that named what was forgotten.
ERASED = "(erased)"

#: What undoing a correction needs, by name.
Before = dict[str, Any]


def correction_row(correction: Correction, before: Before) -> tuple[Any, ...]:
    """Values for :data:`INSERT`; ``before`` is what undoing it needs."""
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
    rows = store.rows(f"SELECT {_COLUMNS}, body FROM corrections{where} ORDER BY id", values)
    return [_correction(row, undone.get(row[0])) for row in rows]


def before_of(store: Store, correction_id: int) -> Before:
    """What undoing a correction needs."""
    ((body,),) = store.rows("SELECT body FROM corrections WHERE id=?", (correction_id,))
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


def erase_corrections(cursor: Cursor, object_ids: Sequence[int], labels: Iterable[str]) -> int:
    """Erase the corrections of forgotten objects; returns how many.

    In those of others, and in what events tell of them, words that name a label no object shows any more are blanked.

    Args:
        cursor: of the transaction that has erased the objects.
        object_ids: every id they went by.
        labels: what they were called.
    """
    erased = set(object_ids)
    going, unused = [], [
        label for label in labels if not cursor.execute("SELECT 1 FROM objects WHERE label=?", (label,)).fetchall()
    ]  # fmt: skip
    spoken = re.compile("|".join(rf"\b{re.escape(label)}(s|es)?\b" for label in unused) or r"(?!)", re.IGNORECASE)
    for row in cursor.execute(f"SELECT {_COLUMNS}, body FROM corrections").fetchall():
        if {row[2], row[3]} & erased:
            going.append((row[0],))
            continue
        found = _correction(row, None)
        blanked = {
            name: ERASED
            for name in ("reason", "label", "previous_label")
            if spoken.search(str(getattr(found, name)))
        }  # fmt: skip
        if blanked:
            before = cbor2.loads(bytes(row[-1]))["before"]
            rewritten = correction_row(dataclasses.replace(found, **blanked), before)
            cursor.execute("UPDATE corrections SET body=? WHERE id=?", (rewritten[-1], found.id))
    cursor.executemany("DELETE FROM corrections WHERE id=?", going)
    told = cursor.execute("SELECT id, detail FROM events WHERE kind=?", (str(EventKind.EDITED),)).fetchall()
    named = [(ERASED, row_id) for row_id, detail in told if spoken.search(detail)]
    cursor.executemany("UPDATE events SET detail=? WHERE id=?", named)
    return len(going)


def incoming_corrections(other: Store, object_offset: int, correction_offset: int) -> list[tuple[Any, ...]]:
    """Rows for :data:`INSERT` of another map's corrections, renamed; they are history there, and not to be undone."""
    rows = []
    for found in corrections_of(other):
        renamed = dataclasses.replace(
            found,
            id=found.id + correction_offset,
            object_id=found.object_id + object_offset,
            other_id=None if found.other_id is None else found.other_id + object_offset,
            undoes=None if found.undoes is None else found.undoes + correction_offset,
        )
        rows.append(correction_row(renamed, {"imported": True}))
    return rows
