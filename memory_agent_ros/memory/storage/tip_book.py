"""Tips in the map: what an agent wrote down after its episodes, with where each comes from."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Sequence
from threading import RLock
from typing import Any

import numpy as np

from memory_agent_ros.memory.map_state import Incoming
from memory_agent_ros.memory.storage.damage import told_as_damage
from memory_agent_ros.memory.storage.object_keys import TIP
from memory_agent_ros.memory.storage.sealing import open_rows, seal_rows
from memory_agent_ros.memory.storage.store import Cursor, Store
from memory_agent_ros.records.errors import BadInputError, StoreError
from memory_agent_ros.records.tip import Tip, TipSource

_COLUMNS = (
    "domain", "digest", "goal", "situation", "choice", "kind", "score", "words", "episode", "step", "policy",
    "stamp_ns", "world", "objects", "owner",
)  # fmt: skip
_INSERT = f"INSERT INTO tips ({', '.join(_COLUMNS)}) VALUES ({','.join('?' * len(_COLUMNS))})"
#: For tips of another map: those known here already stay as they are.
_INSERT_NEW = f"{_INSERT} ON CONFLICT DO NOTHING"
_TRIM = (
    "DELETE FROM tips WHERE domain=? AND id NOT IN (SELECT id FROM tips WHERE domain=? ORDER BY id DESC LIMIT {most})"
)
#: Situations and choices that differ by less count as the same.
_DECIMALS = 2


class TipBook:
    """The tips of one map: bounded for each domain, each once, oldest first. Safe to call from several threads.

    Args:
        store: of the map.
        lock: of the memory that holds the map.
        most: how many are kept in one domain.
    """

    def __init__(self, store: Store, lock: RLock, most: int) -> None:
        self._store = store
        self._lock = lock
        self._most = most

    def remember(self, tips: Iterable[Tip]) -> int:
        """Keep tips, all or none; returns how many were not known yet.

        A tip with the words, situation and choice of one that is kept replaces it and counts as new in age. Where a
        domain holds too many, its oldest go.

        Raises:
            BadInputError: ``tip_unusable`` (not finite, no unit vector as situation, score outside 0 to 1).
            StoreError: the map cannot be written, or was opened read-only.
        """
        rows = [_row(tip) for tip in tips]
        with self._lock, self._store.transaction("tips_kept") as cursor:
            before = _count(cursor)
            for row in rows:
                cursor.execute("DELETE FROM tips WHERE domain=? AND digest=?", row[:2])
                cursor.executemany(_INSERT, seal_rows(self._store, "tips", _COLUMNS, [row]))
            fresh = _count(cursor) - before
            for domain in sorted({row[0] for row in rows}):
                cursor.execute(trim_statement(self._most), (domain, domain))
            drop_unused_keys(cursor)
        return fresh

    def of(self, domain: str) -> list[Tip]:
        """All tips of a domain, oldest first."""
        return [_tip(row) for row in self._rows("WHERE domain=?", (domain,))]

    def domains(self) -> dict[str, int]:
        """Domain -> how many tips it holds."""
        with self._lock:
            return dict(self._store.rows("SELECT domain, COUNT(*) FROM tips GROUP BY domain ORDER BY domain"))

    def drop(self, domain: str | None = None, *, world: str | None = None, episode: str | None = None) -> int:
        """Let tips go: those of a domain, lived in a world, of an episode (all named must fit); returns how many.

        Raises:
            BadInputError: ``tips_not_named`` if nothing is named.
            StoreError: the map cannot be written, or was opened read-only.
        """
        named = {"domain": domain, "world": world, "episode": episode}
        chosen = {column: value for column, value in named.items() if value is not None}
        if not chosen:
            raise BadInputError("tips_not_named", "say which tips: by domain, world or episode")
        where = " AND ".join(f"{column}=?" for column in chosen)
        with self._lock, self._store.transaction("tips_dropped") as cursor:
            before = _count(cursor)
            cursor.execute(f"DELETE FROM tips WHERE {where}", tuple(chosen.values()))
            drop_unused_keys(cursor)
            return before - _count(cursor)

    def _rows(self, where: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._lock:
            rows = self._store.rows(f"SELECT {', '.join(_COLUMNS)} FROM tips {where} ORDER BY id", values)
            return open_rows(self._store, "tips", _COLUMNS, rows)


def trim_statement(most: int) -> str:
    """Lets the oldest tips of a domain go; its two values are the domain."""
    return _TRIM.format(most=int(most))


def drop_unused_keys(cursor: Cursor) -> None:
    """Let go of the keys of tips that are not there any more."""
    cursor.execute("DELETE FROM keys WHERE kind=? AND owner NOT IN (SELECT owner FROM tips)", (TIP,))


def erase_tips(store: Store, cursor: Cursor, object_ids: Sequence[int], labels: Iterable[str]) -> int:
    """Erase tips about objects, and those whose words name a label that no object shows any more; returns how many.

    Args:
        store: of the map.
        cursor: of the transaction that has erased the objects.
        object_ids: every id they went by.
        labels: what they were called.
    """
    shown = {store.words.label(r[0]) for r in cursor.execute("SELECT DISTINCT label FROM objects").fetchall()}
    unused = [label for label in labels if label not in shown]
    spoken = re.compile("|".join(rf"\b{re.escape(label)}(s|es)?\b" for label in unused) or r"(?!)", re.IGNORECASE)
    erased = set(object_ids)
    columns = ("id", "goal", "words", "objects", "owner")
    tips = open_rows(store, "tips", columns, cursor.execute(f"SELECT {', '.join(columns)} FROM tips").fetchall())
    going = [
        (row_id,)
        for row_id, goal, words, objects, _ in tips
        if erased.intersection(json.loads(objects)) or spoken.search(goal) or spoken.search(words)
    ]
    cursor.executemany("DELETE FROM tips WHERE id=?", going)
    drop_unused_keys(cursor)
    return len(going)


def incoming_tips(other: Store, object_offset: int) -> Incoming:
    """Another map's tips, the ids of their objects renamed."""
    found = other.rows(f"SELECT {', '.join(_COLUMNS)} FROM tips ORDER BY id")
    rows = [
        (*row, json.dumps([i + object_offset for i in json.loads(objects)]), _new_owner())
        for *row, objects, _ in open_rows(other, "tips", _COLUMNS, found)
    ]
    return Incoming("tips", _INSERT_NEW, _COLUMNS, rows)


def damaged_tips(store: Store) -> list[str]:
    """What is wrong with the tips of a map, one sentence each."""
    rows = store.rows(f"SELECT id, {', '.join(_COLUMNS)} FROM tips ORDER BY id")
    return [f"tip {row_id} is damaged" for row_id, *row in rows if not _is_sound(store, tuple(row))]


def _is_sound(store: Store, row: tuple[Any, ...]) -> bool:
    try:
        (opened,) = open_rows(store, "tips", _COLUMNS, [row])
        return _digest(_tip(opened)) == str(row[1])
    except (StoreError, TypeError, ValueError):  # not what was sealed, bytes that are no whole floats, or no JSON
        return False


def _new_owner() -> int:
    """Whose key seals a tip: a number of its own, which tells nothing of it."""
    return secrets.randbits(62) + 1


def _row(tip: Tip) -> tuple[Any, ...]:
    situation, choice = (np.asarray(v, dtype=np.float32).ravel() for v in (tip.situation, tip.choice))
    finite = bool(np.isfinite(situation).all() and np.isfinite(choice).all())
    if not finite or abs(float(np.linalg.norm(situation)) - 1.0) > 1e-3 or not 0.0 <= tip.score <= 1.0:
        raise BadInputError(
            "tip_unusable", "a tip needs a unit vector as situation, finite features and a score from 0 to 1"
        )
    source = tip.source
    return (
        tip.domain, _digest(tip), tip.goal, situation.tobytes(), choice.tobytes(), tip.kind, float(tip.score), tip.text,
        source.episode, int(source.step), source.policy, int(source.stamp_ns), source.world,
        json.dumps([int(i) for i in tip.objects]), _new_owner(),
    )  # fmt: skip


@told_as_damage("tips")
def _tip(row: tuple[Any, ...]) -> Tip:
    (domain, _, goal, situation, choice, kind, score, words, episode, step, policy, stamp_ns, world, objects, _) = row
    return Tip(
        domain=domain,
        goal=goal,
        situation=np.frombuffer(situation, dtype=np.float32),
        choice=np.frombuffer(choice, dtype=np.float32),
        kind=kind,
        score=score,
        text=words,
        source=TipSource(episode, step, policy, stamp_ns, world),
        objects=tuple(json.loads(objects)),
    )


def _digest(tip: Tip) -> str:
    """The same for tips that say the same of the same situation and choice."""
    made = hashlib.sha256("\x1f".join((tip.goal, tip.kind, tip.text)).encode())
    for vector in (tip.situation, tip.choice):
        rounded = np.round(np.asarray(vector, dtype=np.float64), _DECIMALS) + 0.0  # no -0
        made.update(rounded.tobytes())
    return made.hexdigest()


def _count(cursor: Cursor) -> int:
    return int(cursor.execute("SELECT COUNT(*) FROM tips").fetchone()[0])
