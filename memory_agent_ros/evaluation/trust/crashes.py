"""Kills under load: does the map open again, with all that was acknowledged, its ledger and rows agreeing?

One map a seed. A process maps an apartment and tells of each commit through a pipe; it is killed with SIGKILL at a
random moment, some at once in the midst of a transaction, its commit, a rewriting of the file after forgetting, a
checkpoint, opening or closing. Then a copy of what lies on the disk is opened and examined, and another process goes
on with the map as the dead one left it, so that kills pile up.
"""

from __future__ import annotations

import multiprocessing
import pickle
import shutil
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from memory_agent_ros.evaluation.parallel import spread
from memory_agent_ros.evaluation.sessions.world import Apartment, shoot
from memory_agent_ros.evaluation.statistics import Figure, Goal, figure
from memory_agent_ros.evaluation.trust import crash_child
from memory_agent_ros.evaluation.trust.crash_child import PHASES, Ack, Life, Pulse
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import StoreError

KILLS = 300
#: What is aimed at in turn -> the operation that leads there ("" for mapping as usual), and how long it takes, seconds.
AIMS: dict[str, tuple[str, float]] = {
    "anytime": ("", 0.06),
    "transaction": ("", 0.01),
    "commit": ("", 0.001),
    "vacuum": ("forget", 0.02),
    "checkpoint": ("save", 0.003),
    "opening": ("", 0.2),
    "closing": ("reopen", 0.03),
}
#: Commits waited for before a kill, at most.
_MOST_COMMITS = 12
#: Longest wait for the moment to kill a process, seconds.
_LIMIT_S = 60.0
_IMPORTED = (crash_child.__name__, "memory_agent_ros.memory.association.learned_association")


@dataclass
class Toll:
    """What the kills of one map came to.

    Attributes:
        kills: how many; phases: what the process was at when it died, by phase.
        records, events: acknowledged; lost_records, lost_events: of those, not there afterwards.
        unopenable, unequal: kills after which the map did not open, or rows and ledger disagreed.
        problems: the first of them in words.
    """

    seed: int
    kills: int = 0
    phases: Counter[str] = field(default_factory=Counter)
    records: int = 0
    events: int = 0
    lost_records: int = 0
    lost_events: int = 0
    unopenable: int = 0
    unequal: int = 0
    problems: list[str] = field(default_factory=list)


def crashes(seeds: range, jobs: int, options: Mapping[str, Any]) -> tuple[dict[str, Figure], list[dict[str, Any]]]:
    """Figures and details of kills.

    Args:
        seeds: maps.
        jobs: processes beside those that are killed.
        options: ``progress`` (bool), ``kills`` (in all, :data:`KILLS`), ``split`` (of the apartments).
    """
    progress, split = bool(options.get("progress", False)), str(options.get("split", "val"))
    kills = -(-int(options.get("kills") or KILLS) // len(seeds))
    calls = [(split, seed, kills, progress and jobs == 1) for seed in seeds]
    tolls = sorted(spread(kill_often, calls, jobs, "crashes", "map", progress=progress), key=lambda t: t.seed)
    none = Goal("max", 0.0)
    figures = {
        "kills": _sum([t.kills for t in tolls], Goal("min", float(KILLS))),
        "lost_events": _sum([t.lost_events + t.lost_records for t in tolls], none),
        "unopenable": _sum([t.unopenable for t in tolls], none),
        "ledger_unequal": _sum([t.unequal for t in tolls], none),
        "acknowledged_events": _sum([t.events for t in tolls]),
        "acknowledged_records": _sum([t.records for t in tolls]),
    }
    for phase in PHASES:
        figures[f"kills_in_{phase}"] = _sum([t.phases[phase] for t in tolls])
    return figures, [{**vars(toll), "phases": dict(toll.phases)} for toll in tolls]


def _sum(numbers: Sequence[int], goal: Goal | None = None) -> Figure:
    return figure([[float(n)] for n in numbers], lambda data: float(data.sum()), "", goal)


def kill_often(split: str, seed: int, kills: int, progress: bool = False) -> Toll:
    """Kill processes one after the other that work on one map."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_IMPORTED))  # each process then begins where these are imported
    rng = np.random.default_rng([abs(seed), 71])
    with tempfile.TemporaryDirectory() as folder:
        victim = _Victim(Path(folder), Toll(seed), context, rng)
        with victim.shots.open("wb") as file:
            pickle.dump(_shots(split, seed, rng), file, protocol=-1)
        aims = list(AIMS)
        for n in tqdm(range(kills), desc=f"kills {seed}", unit="kill", leave=False, disable=not progress):
            victim.live_and_die(aims[(n + seed) % len(aims)] if n else "opening", int(rng.integers(1 << 31)))
            victim.examine()
        return victim.toll


def _shots(split: str, seed: int, rng: np.random.Generator) -> list[Any]:
    """Frames with their observations of two rooms before and after changes."""
    apartment = Apartment.draw(split, seed)
    rooms = apartment.rooms_from(rng, 2)
    shots = []
    for visit in range(2):
        poses = apartment.tour(rooms, rng)
        shots += [(s.frame, s.observations) for s in shoot(apartment, poses, np.eye(4), 0, 2 * seed + visit)]
        apartment.change(0.3, rng)
    return shots


class _Victim:
    """One map, the processes that work on it and die, and what was acknowledged of it."""

    def __init__(self, folder: Path, toll: Toll, context: Any, rng: np.random.Generator) -> None:
        self.toll = toll
        self.shots = folder / "shots"
        self._path, self._copy, pulse = folder / "map" / "killed.map", folder / "copy" / "killed.map", folder / "pulse"
        for path in (self._path, self._copy):
            path.parent.mkdir()
        pulse.write_bytes(b"\0")
        self._pulse_path, self._pulse = pulse, Pulse(pulse)
        self._context, self._rng = context, rng
        self._records: dict[int, bytes] = {}
        self._events: dict[int, tuple[int, int, int]] = {}  # id -> its last record, object, other object

    def live_and_die(self, aim: str, seed: int) -> None:
        """Start a process, let it work, kill it, and count what it acknowledged and what it died of."""
        often, takes_s = AIMS[aim]
        self._pulse.phase = 0
        receiver, sender = self._context.Pipe(duplex=False)
        life = Life(self._path, self.shots, self._pulse_path, seed, often, PHASES.index(aim) if aim in PHASES else -1)
        process = self._context.Process(target=crash_child.live, args=(life, sender), daemon=True)
        process.start()
        sender.close()
        try:
            self._wait(receiver, aim)
            _idle(float(self._rng.uniform(0.0, takes_s)))
        finally:
            _kill(process)
        self._drain(receiver)
        receiver.close()
        self.toll.kills += 1
        self.toll.phases[PHASES[self._pulse.phase]] += 1

    def _wait(self, receiver: Connection, aim: str) -> None:
        """Until the process begins with what is aimed at; some commits later than its start but for ``opening``."""
        commits = 0 if aim == "opening" else int(self._rng.integers(1, _MOST_COMMITS + 1))
        aimed, limit = aim == "anytime", time.monotonic() + _LIMIT_S
        while (commits > 0 or not aimed) and time.monotonic() < limit:
            told = self._take(receiver) if receiver.poll(1.0) else ""
            if told is None:
                return
            commits -= isinstance(told, Ack)
            aimed = aim == "anytime" or isinstance(told, int)

    def _drain(self, receiver: Connection) -> None:
        """What was told before the end counts: it was committed."""
        while self._take(receiver) is not None:
            pass

    def _take(self, receiver: Connection) -> Ack | int | None:
        """What the process tells, taken down if it is a commit; None at its end."""
        try:
            told = receiver.recv()
        except (EOFError, OSError):
            return None
        if isinstance(told, int):
            return told
        if not isinstance(told, Ack):
            self._failed(str(told))
            return None
        self.acknowledge(told)
        return told

    def acknowledge(self, told: Ack) -> None:
        """From now on this must be in the map."""
        fresh = {seq: hash_ for seq, hash_ in told.records if seq not in self._records}
        self.toll.records += len(fresh)
        self.toll.events += len(told.events)
        self._records |= fresh
        last = max(self._records, default=0)
        self._events |= {event: (last, one, other) for event, one, other in told.events}

    def _failed(self, text: str) -> None:
        """A process ended by itself: it could not open the map, or not work on it."""
        self.toll.unopenable += 1
        self.toll.problems.append(text)

    def examine(self) -> None:
        """Open a copy of what is on the disk, and count what is wrong or missing."""
        for name in ("", "-wal", "-shm", "-journal"):
            self._copy.with_name(self._copy.name + name).unlink(missing_ok=True)
            left = self._path.with_name(self._path.name + name)
            if name != "-shm" and left.exists():  # as after a restart: shared memory is gone
                shutil.copy(left, self._copy.with_name(self._copy.name + name))
        try:
            with SpatialMemory.open(self._copy) as memory:
                findings = memory.verify()
                records = {r.seq: (r.hash, r.kind, r.body) for r in memory.ledger.records()}
        except StoreError as error:
            self._failed(f"kill {self.toll.kills}: {error}")
            return
        if findings:
            self.toll.unequal += 1
            self.toll.problems += [f"kill {self.toll.kills}: {finding}" for finding in findings[:3]]
        self._count_lost(records)

    def _count_lost(self, records: Mapping[int, tuple[bytes, str, Mapping[str, Any]]]) -> None:
        """Compare what was acknowledged with what is there; what is lost is counted once."""
        lost = [seq for seq, hash_ in self._records.items() if seq not in records or records[seq][0] != hash_]
        with closing(sqlite3.connect(self._copy)) as connection:
            there = {row[0] for row in connection.execute("SELECT id FROM events")}
        forgotten: dict[int, int] = {}
        for seq, (_, kind, body) in records.items():
            if kind == "forgotten":
                forgotten |= dict.fromkeys(body["objects"], seq)
        absent = [i for i in self._events if i not in there and not _erased(self._events[i], forgotten)]
        for seq in lost:
            del self._records[seq]
        for event in [i for i in self._events if i not in there]:
            del self._events[event]
        self.toll.lost_records += len(lost)
        self.toll.lost_events += len(absent)
        self.toll.problems += [f"kill {self.toll.kills}: record {seq} is lost" for seq in lost[:3]]
        self.toll.problems += [f"kill {self.toll.kills}: event {i} is lost" for i in absent[:3]]


def _erased(event: tuple[int, int, int], forgotten: Mapping[int, int]) -> bool:
    """Whether an event went with an object that was forgotten after it."""
    seq, one, other = event
    return any(forgotten.get(i, 0) > seq for i in (one, other))


def _kill(process: BaseProcess) -> None:
    process.kill()
    process.join()
    process.close()


def _idle(seconds: float) -> None:
    """Wait more exactly than the system sleeps."""
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        if left > 0.002:
            time.sleep(left - 0.002)
