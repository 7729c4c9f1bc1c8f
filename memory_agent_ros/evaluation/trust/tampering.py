"""Flips, drops, swaps and replays in a closed map: is each found, and its place named?

Each attack is made on a copy in working memory, past the memory: a bit of a value of any row, of the ledger's too; a
row left out; two records of the ledger changed for each other; one put in place of another. Found is whatever verifying
reports; located, what is named first.
"""

from __future__ import annotations

import sqlite3
import struct
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from memory_agent_ros.evaluation.statistics import Figure, Goal, figure, mean, ratio_of_sums
from memory_agent_ros.memory.contract_world import three_cards
from memory_agent_ros.memory.ledger.soundness import verify_store
from memory_agent_ros.memory.ledger.tables import HEAD_ROW, committed_tables, row_number
from memory_agent_ros.memory.ledger.verification import read_chain
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.sqlite_store import SqliteStore

ATTACKS = 10_000
_LOOKS = 60
#: Kinds of attacks.
KINDS = ("flip", "drop", "swap", "replay")
_RECORD = ("kind", "record", "leaves", "hash")


def tampering(seeds: range, jobs: int, options: Mapping[str, Any]) -> tuple[dict[str, Figure], list[dict[str, Any]]]:
    """Attack one map a seed, :data:`ATTACKS` times in all (option ``attacks``)."""
    del jobs
    attacks = -(-int(options.get("attacks") or ATTACKS) // len(seeds))
    details, counts, speeds = [], [], []
    for seed in seeds:
        found, missed, speed = _attacked(seed, attacks, bool(options.get("progress")))
        counts.append([*found, attacks])
        speeds.append([speed])
        details.append({"seed": seed, "attacks": attacks, "missed": missed})
    return {
        "tamper_detected": figure([[c[0], c[2]] for c in counts], ratio_of_sums, "", Goal("min", 1.0)),
        "tamper_located": figure([[c[1], c[2]] for c in counts], ratio_of_sums, "", Goal("min", 1.0)),
        "verify_per_s": figure(speeds, mean, "1/s", Goal("min", 200_000.0)),
    }, details


def mapped_store(seed: int) -> SqliteStore:
    """A map that was closed, in working memory."""
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "attacked.map"
        with SpatialMemory.open(path) as memory:
            world = three_cards()
            for y in rng.uniform(-0.5, 6.5, _LOOKS):
                memory.observe(*world.look(float(y)))
        store = SqliteStore(sqlite3.connect(":memory:", isolation_level=None), None, None, read_only=True)
        with sqlite3.connect(path) as source:
            source.backup(store.connection)
    return store


def _attacked(seed: int, attacks: int, progress: bool) -> tuple[tuple[int, int], list[str], float]:
    rng = np.random.default_rng([seed, 1])
    store = mapped_store(seed)
    assert verify_store(store) == []
    detected = located = 0
    missed = []
    for _ in tqdm(range(attacks), desc=f"tampering {seed}", unit="attack", disable=not progress):
        what, places = attack(store.connection, rng, KINDS[int(rng.integers(len(KINDS)))])
        store.keys.rolled_back()  # nothing is known from before
        findings = verify_store(store)
        detected += bool(findings)
        located += bool(findings) and findings[0].place in places
        if not findings or findings[0].place not in places:
            missed.append(f"{what}: {[f.place for f in findings[:2]]}")
        store.connection.execute("ROLLBACK")
    return (detected, located), missed, _speed(store)


def _speed(store: SqliteStore) -> float:
    """Records a second of CPU time, over the chain, its commitments and its tree."""
    seconds, records = 0.0, 0
    while seconds < 1.0:
        started = time.process_time()
        records += read_chain(store).size
        seconds += time.process_time() - started
    return records / seconds


def attack(db: sqlite3.Connection, rng: np.random.Generator, kind: str) -> tuple[str, set[str]]:
    """One attack of :data:`KINDS`, in a transaction that stays open; what it was, and what may be named for it."""
    while True:
        db.execute("BEGIN")
        try:
            made = {"flip": _flip, "drop": _drop, "swap": _swap, "replay": _replay}[kind](db, rng)
        except sqlite3.Error:  # what the engine itself refuses is none
            made = None
        if made is not None:
            return f"{kind} {sorted(made)}", made
        db.execute("ROLLBACK")


def _row(db: sqlite3.Connection, rng: np.random.Generator) -> tuple[str, tuple[str, ...], tuple[Any, ...]]:
    """A row of the store's content or of the ledger: its table, key columns and key."""
    tables = [(t.name, t.keys) for t in committed_tables()] + [("ledger", ("seq",))] * 6
    name, keys = tables[int(rng.integers(len(tables)))]
    rows = db.execute(f"SELECT {', '.join(keys)} FROM {name}").fetchall()
    if not rows:
        return _row(db, rng)
    return name, keys, rows[int(rng.integers(len(rows)))]


def _place(name: str, key: tuple[Any, ...]) -> str:
    return f"record {key[0]}" if name == "ledger" else f"{name} {' '.join(map(str, key))}"


def _flip(db: sqlite3.Connection, rng: np.random.Generator) -> set[str] | None:
    name, keys, key = _row(db, rng)
    columns = [c[1] for c in db.execute(f"PRAGMA table_info({name})") if c[1] not in keys]
    column = columns[int(rng.integers(len(columns)))]
    where = " AND ".join(f"{k}=?" for k in keys)
    (old,) = db.execute(f"SELECT {column} FROM {name} WHERE {where}", key).fetchone()
    packed, marks = _bytes(old)
    if not packed:
        return None
    bit = int(rng.integers(8 * len(packed)))
    flipped = bytearray(packed)
    flipped[bit // 8] ^= 1 << bit % 8
    db.execute(f"UPDATE {name} SET {column}={marks} WHERE {where}", (_value(bytes(flipped), old), *key))
    (new,) = db.execute(f"SELECT {column} FROM {name} WHERE {where}", key).fetchone()
    # SQLite stores -0.0 as 0.0: such a flip leaves the file as it was.
    return None if _bytes(new)[0] == packed else {_place(name, key)}


def _bytes(value: Any) -> tuple[bytes, str]:
    if isinstance(value, int):
        return struct.pack("<q", value), "?"
    if isinstance(value, float):
        return struct.pack("<d", value), "?"
    return (value.encode(), "CAST(? AS TEXT)") if isinstance(value, str) else (value or b"", "?")


def _value(packed: bytes, like: Any) -> Any:
    if isinstance(like, int):
        return struct.unpack("<q", packed)[0]
    return struct.unpack("<d", packed)[0] if isinstance(like, float) else packed


def _drop(db: sqlite3.Connection, rng: np.random.Generator) -> set[str] | None:
    name, keys, key = _row(db, rng)
    db.execute(f"DELETE FROM {name} WHERE {' AND '.join(f'{k}=?' for k in keys)}", key)
    if name in ("keys", "meta", "together") and key != (HEAD_ROW,):
        # A row with a key that is no number is named by what stands for it.
        table = next(t for t in committed_tables() if t.name == name)
        return {f"{name} #{row_number(table, key) & (1 << 64) - 1:016x}", _place(name, key)}
    return {_place(name, key)}


def _swap(db: sqlite3.Connection, rng: np.random.Generator) -> set[str] | None:
    count = db.execute("SELECT COUNT(*) FROM ledger").fetchone()[0]
    a, b = sorted(int(n) + 1 for n in rng.choice(count, 2, replace=False))
    for old, new in ((a, -1), (b, a), (-1, b)):
        db.execute("UPDATE ledger SET seq=? WHERE seq=?", (new, old))
    return {f"record {a}"}


def _replay(db: sqlite3.Connection, rng: np.random.Generator) -> set[str] | None:
    count = db.execute("SELECT COUNT(*) FROM ledger").fetchone()[0]
    a, b = sorted(int(n) + 1 for n in rng.choice(count, 2, replace=False))
    values = db.execute(f"SELECT {', '.join(_RECORD)} FROM ledger WHERE seq=?", (a,)).fetchone()
    db.execute(f"UPDATE ledger SET {', '.join(f'{c}=?' for c in _RECORD)} WHERE seq=?", (*values, b))
    return {f"record {b}"}
