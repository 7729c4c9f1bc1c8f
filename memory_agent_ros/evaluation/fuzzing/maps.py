"""Damaged map files, and hostile frames, questions and corrections given to a sound one."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import math
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from memory_agent_ros.evaluation.fuzzing import sample
from memory_agent_ros.evaluation.fuzzing.hostile import Hostile
from memory_agent_ros.evaluation.fuzzing.target import PartialWriteError, Target, UnsoundError
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.errors import MemoryAgentError, StoreError
from memory_agent_ros.records.frame import Frame
from memory_agent_ros.records.object_query import ObjectQuery
from memory_agent_ros.records.observation import Observation
from memory_agent_ros.records.region import Region

#: A fresh copy of the sample map after so many cases, so that none of them has to do with a map full of nonsense.
_CASES_A_MAP = 40
#: Tables that a flush writes into, whatever there is to be flushed.
FLUSHED = ("meta", "ledger", "checkpoints")
#: The whole map is asked for after so many changes, and before a fresh copy comes: that takes longer than most cases.
CASES_A_CHECK = 4


def folder_digest(folder: Path) -> str:
    """Of the names and bytes of all files of a folder."""
    made = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        made.update(f"{path.relative_to(folder)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return made.hexdigest()


class DamagedFiles:
    """Opens a map file that was damaged, reads all of it, writes to it.

    Args:
        folder: of its own.
        damage: changes a sound map file.
    """

    def __init__(self, folder: Path, damage: Callable[[Path, Hostile], None]) -> None:
        self._sound = sample.write_sample_map(folder / "sound.map")
        self._home = folder / "home"
        self._damage = damage

    def case(self, hostile: Hostile) -> bool:
        """Open one; whether it could be opened."""
        shutil.rmtree(self._home, ignore_errors=True)
        self._home.mkdir()
        path = Path(shutil.copy(self._sound, self._home / "home.map"))
        self._damage(path, hostile)
        before = folder_digest(self._home)
        read_only = hostile.chance(0.3)
        try:
            memory = SpatialMemory.open(path, sample.CONFIG, read_only=read_only)
        except MemoryAgentError:
            if folder_digest(self._home) != before:
                raise PartialWriteError(
                    f"refused, but changed: {sorted(p.name for p in self._home.iterdir())}"
                ) from None
            return False
        try:
            use(memory)
            if not read_only:
                picture = sample.frame(50)
                memory.observe(picture, sample.observations(picture))
        except MemoryAgentError:
            pass
        finally:
            with contextlib.suppress(StoreError):
                memory.close()
        return True

    def close(self) -> None:
        """Nothing is open."""


def use(memory: SpatialMemory) -> list[str]:
    """Ask for everything that a map holds; returns what it finds wrong with itself."""
    problems = memory.verify()
    for thing in memory.objects(include_tentative=True):
        memory.get(thing.id)
        memory.history(thing.id)
        memory.room_of(thing.id)
    memory.find("chair")
    memory.find(text="mug", like=next((t.id for t in memory.objects() if t.embedding is not None), None))
    memory.near(np.zeros(3), radius_m=10.0)
    memory.last_seen("desk")
    memory.changes()
    memory.rooms()
    memory.relations()
    for keyframe_id in memory.keyframe_ids():
        memory.keyframe(keyframe_id)
    for domain in memory.tips.domains():
        memory.tips.of(domain)
    return problems


def damage_bytes(path: Path, hostile: Hostile) -> None:
    """Small damages anywhere in the file."""
    path.write_bytes(hostile.damaged(path.read_bytes()))


def damage_rows(path: Path, hostile: Hostile) -> None:
    """Other values in some cells, as another program or a bug may have written them; rows away."""
    connection = sqlite3.connect(path)
    try:
        tables = [
            r[0]
            for r in connection.execute(
                "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE '%\\_%' ESCAPE '\\'"
            )
        ]
        for _ in range(1 + hostile.count(3)):
            _damage_row(connection, hostile.pick(tables), hostile)
        connection.commit()
    finally:
        connection.close()


def _damage_row(connection: sqlite3.Connection, table: str, hostile: Hostile) -> None:
    columns = [r[1] for r in connection.execute(f"PRAGMA table_info({table})")]
    keys = [r[1] for r in connection.execute(f"PRAGMA table_info({table})") if r[5]] or ["rowid"]
    with contextlib.suppress(sqlite3.Error):
        rows = connection.execute(f"SELECT {', '.join([keys[0], *columns])} FROM {table} LIMIT 200").fetchall()
        if not rows:
            return
        row = hostile.pick(rows)
        if hostile.chance(0.1):
            connection.execute(f"DELETE FROM {table} WHERE {keys[0]} = ?", (row[0],))
            return
        at = int(hostile.rng.integers(len(columns)))
        value = other_value(row[1 + at], hostile)
        connection.execute(f"UPDATE {table} SET {columns[at]} = ? WHERE {keys[0]} = ?", (value, row[0]))


def other_value(value: Any, hostile: Hostile) -> Any:
    """What a bug or another program may have written into a cell."""
    kind = hostile.rng.random()
    if kind < 0.15:
        return hostile.pick([None, 0, -1, "", b"", 2**63 - 1, -(2**63), 1e308, math.inf])
    if isinstance(value, bytes):
        return hostile.damaged(value)
    if isinstance(value, str):
        return hostile.damaged(value.encode()).decode(errors="replace") if kind < 0.7 else hostile.text()
    if isinstance(value, int) and kind < 0.7:
        return hostile.whole(-(2**63), 2**63 - 1)
    return hostile.number()


class OpenMap:
    """A sound map that takes in one input after another; a refused one must leave its content as it was.

    Args:
        folder: of its own.
        attempt: gives the map one input.
        waits: whether what is refused may first write what earlier inputs left to be written, with a record of that.
    """

    def __init__(self, folder: Path, attempt: Callable[[SpatialMemory, Hostile], None], *, waits: bool = False) -> None:
        self._sound = sample.write_sample_map(folder / "sound.map")
        self._path = folder / "home.map"
        self._attempt, self._waits = attempt, waits
        self._left = 0
        self._memory: SpatialMemory | None = None
        self._content = self._changes = self._changed = 0

    def case(self, hostile: Hostile) -> bool:
        """Try one; whether it was accepted."""
        memory = self._fresh()
        if self._waits:
            memory.save()
            self._look(memory)
        try:
            self._attempt(memory, hostile)
        except MemoryAgentError:
            before = self._content
            self._look(memory)
            if self._content != before:
                raise PartialWriteError("refused, but the map holds something else now") from None
            return False
        except BaseException:
            self._left = 0
            raise
        if connection_of(memory).total_changes != self._changes:
            self._check(memory)
        return True

    def close(self) -> None:
        """Close the map."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _fresh(self) -> SpatialMemory:
        if self._memory is None or self._left <= 0:
            try:
                self._reopen()
            finally:
                self._path.unlink(missing_ok=True)
                for beside in self._path.parent.glob("home.map-*"):
                    beside.unlink()
            shutil.copy(self._sound, self._path)
            memory = self._memory = SpatialMemory.open(self._path, sample.CONFIG)
            self._left, self._changed = _CASES_A_MAP, 0
            self._look(memory, anew=True)
        self._left -= 1
        return self._memory

    def _reopen(self) -> None:
        """What was accepted can be read by another process."""
        if self._memory is None:
            return
        memory, self._memory = self._memory, None
        memory.close()
        if self._left == 0:
            return
        try:
            with SpatialMemory.open(self._path, sample.CONFIG, read_only=True) as again:
                use(again)
        except MemoryAgentError as error:
            raise UnsoundError(f"the map cannot be opened again: {error}") from error

    def _check(self, memory: SpatialMemory) -> None:
        self._changed += 1
        try:
            problems = use(memory) if self._changed % CASES_A_CHECK == 0 else []
        except Exception as error:
            self._left = 0
            raise UnsoundError(f"accepted, but then the map cannot be used: {error!r}") from error
        if problems:
            self._left = 0
            raise UnsoundError(f"accepted, but then the map has problems: {problems[0]}")
        self._look(memory)

    def _look(self, memory: SpatialMemory, *, anew: bool = False) -> None:
        """Remember what the map holds."""
        changes = connection_of(memory).total_changes
        if anew or changes != self._changes:
            self._changes, self._content = changes, content_digest(memory, FLUSHED if self._waits else ())


def connection_of(memory: SpatialMemory) -> sqlite3.Connection:
    """Of a map in a file."""
    found: sqlite3.Connection = memory._store.connection  # type: ignore[attr-defined]
    return found


def content_digest(memory: SpatialMemory, without: Collection[str] = ()) -> int:
    """Of all rows of all tables of a map in a file, or of all but some."""
    connection = connection_of(memory)
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name").fetchall()
    return hash(
        tuple((name, tuple(connection.execute(f"SELECT * FROM {name}"))) for (name,) in tables if name not in without)
    )


def hostile_frame(memory: SpatialMemory, hostile: Hostile) -> None:
    """Give the memory a frame with observations, some numbers or words of which are hostile."""
    picture = _fresh_frame(memory)
    found = sample.observations(picture)
    with np.errstate(all="ignore"):
        for _ in range(hostile.count(3)):
            index = int(hostile.rng.integers(len(found)))
            found[index] = _other_observation(found[index], hostile)
        if hostile.chance(0.4):
            picture = _other_frame(picture, hostile)
        memory.observe(picture, found)


def _fresh_frame(memory: SpatialMemory) -> Frame:
    return dataclasses.replace(sample.frame(3), stamp_ns=(memory.last_stamp_ns or 0) + sample.SECOND)


def _other_observation(one: Observation, hostile: Hostile) -> Observation:
    names = [f.name for f in dataclasses.fields(one) if f.name != "stamp_ns"]
    return dataclasses.replace(
        one, **{name: _other(getattr(one, name), hostile) for name in {hostile.pick(names), hostile.pick(names)}}
    )


def _other_frame(picture: Frame, hostile: Hostile) -> Frame:
    name = hostile.pick(["stamp_ns", "depth_m", "T_map_camera", "frame_id", "pose_covariance", "camera_frame_id"])
    if name == "T_map_camera" and hostile.chance(0.6):
        T = picture.T_map_camera.copy()
        T[int(hostile.rng.integers(3)), 3] = hostile.number()
        return dataclasses.replace(picture, T_map_camera=T)
    if name == "pose_covariance":
        return dataclasses.replace(picture, pose_covariance=hostile.numbers(np.eye(6) * 1e-4))
    return dataclasses.replace(picture, **{name: _other(getattr(picture, name), hostile)})


def _other(value: Any, hostile: Hostile) -> Any:
    """A hostile value of the same type."""
    if isinstance(value, np.ndarray):
        return hostile.numbers(value)
    if isinstance(value, OrientedBox):
        return OrientedBox(hostile.numbers(value.center)[:3], hostile.numbers(value.size)[:3], hostile.number())
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return hostile.whole(-(2**63), 2**63 - 1)
    if isinstance(value, float):
        return hostile.number()
    if isinstance(value, dict):
        return {hostile.text(): hostile.number() for _ in range(hostile.count(4))}
    return hostile.text()


def hostile_call(memory: SpatialMemory, hostile: Hostile) -> None:
    """Ask or correct the memory with hostile arguments."""
    hostile.pick(tuple(_calls(memory, hostile)))()


def _calls(memory: SpatialMemory, hostile: Hostile) -> Iterator[Callable[[], object]]:
    ids = [t.id for t in memory.objects()] or [1]

    def number() -> int:
        return hostile.pick(ids) if hostile.chance(0.5) else hostile.whole(-(2**64), 2**64)

    def point() -> Any:
        return hostile.numbers(np.array([2.0, 0.0, 1.0])) if hostile.chance(0.5) else np.array([2.0, 0.0, 1.0])

    def text() -> str:
        return hostile.damaged_text(hostile.pick(["chair", "red mug", "the desk in room 1"]))

    def region() -> Region | None:
        return Region(point()[:3], point()[:3]) if hostile.chance(0.4) else None

    relation = hostile.pick(["on", "in", "inside", "next to", "under", "next_to", text()])
    target = hostile.pick([text(), number(), [number(), number()], ObjectQuery(text(), text())])
    yield lambda: memory.find(
        text(), text=hostile.pick([None, text()]), region=region(), since_ns=hostile.pick([None, number()]),
        until_ns=hostile.pick([None, number()]), limit=number(), room=hostile.pick([None, text(), number()]),
        like=hostile.pick([None, number(), point()]),
    )  # fmt: skip
    yield lambda: memory.find(relation=(relation, target))  # type: ignore[arg-type]
    yield lambda: memory.near(point(), radius_m=hostile.number(), label=hostile.pick([None, text()]), limit=number())
    yield lambda: memory.near(object_id=number(), radius_m=hostile.number())
    yield lambda: memory.last_seen(text(), text=hostile.pick([None, text()]))
    yield lambda: memory.count(text(), region=region())
    yield lambda: (memory.get(number()), memory.history(number()))
    yield lambda: memory.changes(number())
    yield lambda: memory.observed_near(point(), hostile.number())
    yield lambda: memory.keyframe(number())
    yield lambda: memory.recall_place(point(), hostile.number(), number())
    yield lambda: memory.state_at(hostile.pick([number(), point()]), number(), hostile.number())
    yield lambda: memory.relations(hostile.pick([None, number()]), [relation])
    yield lambda: memory.name_room(number(), text())
    yield lambda: memory.relabel(number(), text(), text())
    yield lambda: memory.move(number(), point(), text())
    yield lambda: memory.merge_objects(number(), number(), text())
    yield lambda: memory.forget([number() for _ in range(hostile.count(3))], hostile.pick([None, text()]), region())
    yield lambda: memory.tips.remember(
        dataclasses.replace(
            t,
            **{
                name: _other(getattr(t, name), hostile)
                for name in [hostile.pick(["domain", "goal", "situation", "choice", "kind", "score", "text"])]
            },
        )
        for t in sample.tips()
    )


TARGETS = (
    Target("map_bytes", lambda folder: DamagedFiles(folder, damage_bytes), share=6.0),
    Target("map_rows", lambda folder: DamagedFiles(folder, damage_rows), share=5.0),
    Target("frames", lambda folder: OpenMap(folder, hostile_frame), share=6.0),
    Target("memory_calls", lambda folder: OpenMap(folder, hostile_call, waits=True), share=8.0),
)
