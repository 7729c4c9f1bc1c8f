"""A disk that is full or may not be written: a clear error, answers all the same, and on it goes with some space."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from driving import at_cupboard, at_desk, at_table, only, watch
from synthetic import World, kitchen

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage import persistence
from memory_agent_ros.records.errors import StoreError

SCRIPT = Path(__file__).with_name("small_disk.py")


@contextmanager
def no_page_more(memory: SpatialMemory) -> Iterator[None]:
    """The engine gets no further page: it says that the disk is full."""
    connection: sqlite3.Connection = memory._store.connection  # type: ignore[attr-defined]
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA max_page_count = {1 << 30}")


@contextmanager
def no_longer_file(memory: SpatialMemory) -> Iterator[None]:
    """No file of this process may grow: the engine says that writing failed."""
    assert memory.path is not None
    log = memory.path.with_name(memory.path.name + "-wal")
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def fill_up(memory: SpatialMemory) -> None:
    """Write until nothing more can be written."""
    for size in (6000, 600, 6):
        with suppress(StoreError):
            while True:
                memory.ledger.append("ballast", {"x": "y" * size})


def changes(memory: SpatialMemory, world: World) -> dict[str, Callable[[], object]]:
    """What writes."""
    ids = [o.id for o in memory.objects()]
    anchors = memory.anchor_poses()
    newest = max(anchors)
    long = "because " * 100
    return {
        "observe": lambda: watch(memory, world, at_cupboard(4)),
        "relabel": lambda: memory.relabel(ids[0], "pot " * 20, long),
        "merge": lambda: memory.merge_objects(ids[0], ids[1], long),
        "reanchor": lambda: memory.reanchor({newest: anchors[newest].T_map_camera}, memory.map_revision + 1),
        "forget": lambda: memory.forget([ids[1]]),
        "append": lambda: memory.ledger.append("thing", {"x": "y" * 6000}),
        "name_room": lambda: memory.name_room(memory.rooms()[0].id, "n" * 5000),
    }


def said(memory: SpatialMemory) -> list[Any]:
    objects = [(o.id, o.label, str(o.state), o.observations, o.box.center.round(6).tolist()) for o in memory.objects()]
    return [objects, [e.id for e in memory.changes()], len(memory.corrections.all()), len(memory.receipts())]


@pytest.mark.parametrize("change", ["observe", "relabel", "merge", "reanchor", "forget", "append", "name_room"])
@pytest.mark.parametrize("limit", [no_page_more, no_longer_file])
def test_without_space_it_says_so_and_goes_on_when_there_is_some(tmp_path: Path, limit: Any, change: str) -> None:
    path, world = tmp_path / "full.map", kitchen()
    with SpatialMemory.open(path) as memory:
        watch(memory, world, [*at_table(5), *at_desk(4)])
        do = changes(memory, world)[change]
        with limit(memory):
            fill_up(memory)
            with pytest.raises(StoreError, match="free some space"):
                do()
            mug = only(memory.find("mug"))
            assert memory.get(mug.id).label == "mug" and memory.last_seen("mug") is not None
            assert memory.count("mug") == 1 and memory.near(object_id=mug.id) and memory.rooms()
            assert memory.history(mug.id) and len(memory.objects()) >= 4
        world.stamp_ns = max(world.stamp_ns, (memory.last_stamp_ns or 0) + 1)
        watch(memory, world, at_table(2))
        assert memory.verify() == []
        before = said(memory)
    with SpatialMemory.open(path) as memory:
        assert said(memory) == before and memory.verify() == []


def test_what_waits_does_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persistence, "MOST_WAITING", 3)
    world = kitchen()
    with SpatialMemory.open(tmp_path / "full.map") as memory:
        watch(memory, world, at_table(3))
        with no_page_more(memory):
            for _ in range(12):
                try:
                    watch(memory, world, at_desk(1))
                except StoreError as error:
                    last, stamp_ns = str(error), memory.last_stamp_ns
            assert "3 steps wait" in last and stamp_ns == memory.last_stamp_ns
        watch(memory, world, at_desk(2))
        assert memory.last_stamp_ns != stamp_ns and memory.verify() == []


def test_a_map_whose_making_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "begun.map"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    assert path.stat().st_size > 0
    with SpatialMemory.open(path) as memory:
        watch(memory, kitchen(), at_table(3))
        assert memory.verify() == []


def _on_small_disk(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run small_disk.py with a small file system of its own at ``folder``, as root or as root of a user namespace."""
    if shutil.which("unshare") is None:
        pytest.skip("no unshare here to mount a small disk with")
    mount = 'mount -t tmpfs -o size=3m tmpfs "$0" || exit 77; exec "$@"'
    command = ["sh", "-c", mount, str(folder), sys.executable, str(SCRIPT), str(folder)]
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for apart in (["unshare", "-m"], ["unshare", "-Urm"]):
        if subprocess.run([*apart, "true"], capture_output=True).returncode:
            continue
        done = subprocess.run([*apart, *command], capture_output=True, text=True, timeout=300, env=surroundings)
        if done.returncode != 77:
            return done
    pytest.skip("no file system may be mounted here, not in a user namespace either")


def test_on_a_small_disk_and_on_one_that_may_not_be_written(tmp_path: Path) -> None:
    done = _on_small_disk(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "sound"


def test_the_words_of_other_objects_outlast_forgetting(tmp_path: Path) -> None:
    path = tmp_path / "words.map"
    with SpatialMemory.open(path) as memory:
        watch(memory, kitchen(), at_table())
        mug, bowl = only(memory.find("mug")).id, only(memory.find("bowl")).id
        for label in ("cup", "beaker", "jar"):
            memory.relabel(mug, label, "it changes")
        table = only(memory.find("table")).id
        with memory._store.transaction() as cursor:  # as if its detections had been thinned out
            cursor.execute("DELETE FROM observations WHERE object_id=?", (mug,))
            cursor.execute("DELETE FROM events WHERE object_id=?", (mug,))
        memory.forget([bowl])
        assert memory.get(mug).label == "jar" and memory.get(table).label == "table"
    with SpatialMemory.open(path) as memory:
        assert only(memory.find("jar")).id == mug and np.isfinite(memory.get(mug).box.center).all()
