"""What the crash part of the ``trust`` benchmark kills: a process that maps frames and tells what was committed.

It maps as fast as it can, and now and then corrects, forgets, asks, saves, signs, closes and opens the map again. What
the engine is doing stands in a file shared with the one who kills it, who knows afterwards what was hit, and can ask to
be told when something begins, so that a kill can be aimed.
"""

from __future__ import annotations

import dataclasses
import functools
import mmap
import pickle
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import numpy as np

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.forgetting import ForgetRequest
from memory_agent_ros.records.tip import Tip, TipSource

#: What the process may be at, by the byte that it shares.
OUTSIDE, OPENING, TRANSACTION, COMMIT, VACUUM, CHECKPOINT, CLOSING = range(7)
PHASES = ("outside", "opening", "transaction", "commit", "vacuum", "checkpoint", "closing")
#: Start of a statement -> what runs it.
_STATEMENTS = (("COMMIT", COMMIT), ("VACUUM", VACUUM), ("PRAGMA wal_checkpoint", CHECKPOINT))
_STEP_NS = 500_000_000
#: With fewer objects than this none is forgotten, merged or deleted.
_FEW = 6

#: Events of the memory that an operation brought.
Events = list[MemoryEvent]


@dataclass(frozen=True)
class Life:
    """One process.

    Attributes:
        path: of the map; shots: pickled frames with their observations; pulse: the byte that is shared.
        seed: of what it does besides mapping.
        often: an operation that it does every other time; "" for none.
        aim: number of the phase that is told of when it begins; -1 for none.
    """

    path: Path
    shots: Path
    pulse: Path
    seed: int
    often: str = ""
    aim: int = -1


@dataclass(frozen=True)
class Ack:
    """Told after a commit.

    Attributes:
        operation: what was done.
        records: number and hash of the ledger's new records.
        events: id, object and other object of each event that it brought.
    """

    operation: str
    records: tuple[tuple[int, bytes], ...]
    events: tuple[tuple[int, int, int], ...]


class Pulse:
    """What the process is at, shared through a file of one byte.

    Args:
        path: of the file.
        aim: phase at whose beginning ``tell`` is called.
        tell: see ``aim``.
    """

    def __init__(self, path: Path, aim: int = -1, tell: Callable[[int], object] = lambda phase: None) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 1)
        self._aim, self._tell = aim, tell
        self.usual = OUTSIDE

    @property
    def phase(self) -> int:
        """One of :data:`PHASES`, by number."""
        return self._map[0]

    @phase.setter
    def phase(self, phase: int) -> None:
        self._map[0] = phase
        if phase == self._aim:
            self._tell(phase)

    @contextmanager
    def during(self, phase: int) -> Iterator[None]:
        """Meanwhile what runs outside of statements is this."""
        self.usual = self.phase = phase
        try:
            yield
        finally:
            self.usual = self.phase = OUTSIDE


class _Cursor(sqlite3.Cursor):
    """Tells what it runs."""

    pulse: Pulse

    def execute(self, sql: str, *values: Any) -> Self:
        """Run one statement."""
        phase = next((p for start, p in _STATEMENTS if sql.startswith(start)), None)
        if phase is not None:
            self.pulse.phase = phase
        try:
            return super().execute(sql, *values)
        finally:
            if phase is not None or sql == "ROLLBACK":
                self.pulse.phase = self.pulse.usual
            elif sql.startswith("BEGIN"):
                self.pulse.phase = TRANSACTION


class _Connection(sqlite3.Connection):
    """Its cursors tell what they run."""

    def cursor(self, factory: Any = _Cursor) -> Any:
        """A cursor."""
        return super().cursor(factory)

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        """Run one statement."""
        found: sqlite3.Cursor = self.cursor().execute(sql, *values)
        return found


def live(life: Life, told: Connection) -> None:
    """Map until killed; tells an :class:`Ack` after each commit, a phase that begins, or in words what went wrong."""
    pulse = _Cursor.pulse = Pulse(life.pulse, life.aim, told.send)
    sqlite3.connect = functools.partial(sqlite3.connect, factory=_Connection)  # type: ignore[assignment]
    try:
        _Mapper(life, pulse, told).run()
    except Exception:  # whoever watches has to know
        told.send(traceback.format_exc())


class _Mapper:
    """One process at work."""

    def __init__(self, life: Life, pulse: Pulse, told: Connection) -> None:
        self._life, self._pulse, self._told = life, pulse, told
        self._rng = np.random.default_rng(life.seed)
        with life.shots.open("rb") as file:
            self._shots: list[Any] = pickle.load(file)
        self._next = int(self._rng.integers(len(self._shots)))
        self._memory = self._opened()
        self._recorded = 0
        self._operations: dict[str, tuple[int, Callable[[], Events]]] = {
            "observe": (30, self._observe), "correct": (4, self._correct), "forget": (1, self._forget),
            "ask": (2, self._ask), "tip": (1, self._tip), "reanchor": (1, self._reanchor), "save": (2, self._save),
            "sign": (1, self._sign), "reopen": (1, self._reopen),
        }  # fmt: skip

    def run(self) -> None:
        """Do one thing after the other, and tell of each when it is committed."""
        self._tell("open", [])
        names = list(self._operations)
        weights = np.array([self._operations[name][0] for name in names], dtype=np.float64)
        while True:
            name = names[int(self._rng.choice(len(names), p=weights / weights.sum()))]
            if self._life.often and self._rng.random() < 0.5:
                name = self._life.often
            try:
                events = self._operations[name][1]()
            except BadInputError:  # what was drawn cannot be done; what was flushed before is committed
                events = []
            self._tell(name, events)

    def _tell(self, name: str, events: Events) -> None:
        records = tuple((r.seq, r.hash) for r in self._memory.ledger.records(self._recorded + 1))
        self._recorded = records[-1][0] if records else self._recorded
        self._told.send(Ack(name, records, tuple((e.id, e.object_id, e.other_id or 0) for e in events)))

    def _opened(self) -> SpatialMemory:
        with self._pulse.during(OPENING):
            return SpatialMemory.open(self._life.path)

    def _observe(self) -> Events:
        frame, observations = self._shots[self._next % len(self._shots)]
        self._next += 1
        stamp_ns = max(self._memory.last_stamp_ns or 0, 0) + _STEP_NS
        seen = [dataclasses.replace(o, stamp_ns=stamp_ns) for o in observations]
        return self._memory.observe(dataclasses.replace(frame, stamp_ns=stamp_ns), seen)

    def _ids(self, count: int) -> list[int]:
        """Ids of objects drawn at random.

        Raises:
            BadInputError: ``too_few``.
        """
        ids = [o.id for o in self._memory.objects()]
        if len(ids) < max(count, _FEW):
            raise BadInputError("too_few", "the map holds too few objects for that; map some more")
        return [int(i) for i in self._rng.choice(ids, count, replace=False)]

    def _correct(self) -> Events:
        book, (one, other) = self._memory.corrections, self._ids(2)
        who = {"author": "bench", "reason": "load"}
        draw = int(self._rng.integers(6))
        if draw == 0:
            return book.move(one, self._memory.get(one).box.center + 0.05, **who).events
        if draw == 1:
            return book.merge(one, other, **who).events
        if draw == 2:
            return book.delete(one, **who).events
        if draw == 3 and book.all():
            return book.undo(book.all()[-1].id, **who).events
        return book.relabel(one, f"thing {draw}", **who).events

    def _forget(self) -> Events:
        self._memory.forget(ForgetRequest(tuple(self._ids(1)), reason="load"))
        return []

    def _ask(self) -> Events:
        self._memory.rooms()
        self._memory.find(limit=5)
        self._memory.near(np.zeros(3), radius_m=3.0)
        return []

    def _tip(self) -> Events:
        stamp_ns = self._memory.last_stamp_ns or 0
        source = TipSource("episode", 1, "bench", stamp_ns, "bench")
        look, choice = np.eye(8, dtype=np.float32)[0], np.array([1.0, 0.0], dtype=np.float32)
        self._memory.tips.remember([Tip("find", "find it", look, choice, "bench", 0.5, f"tip {stamp_ns}", source, ())])
        return []

    def _reanchor(self) -> Events:
        anchors = self._memory.anchor_poses()
        if not anchors:
            raise BadInputError("too_few", "the map holds no anchor yet; map some more")
        newest = max(anchors)
        pose = anchors[newest].T_map_camera.copy()
        pose[:2, 3] += self._rng.normal(scale=0.01, size=2)
        return self._memory.reanchor({newest: pose}, self._memory.map_revision + 1)

    def _save(self) -> Events:
        self._memory.save()
        return []

    def _sign(self) -> Events:
        self._memory.ledger.checkpoint()
        return []

    def _reopen(self) -> Events:
        with self._pulse.during(CLOSING):
            self._memory.close()
        self._memory = self._opened()
        return []
