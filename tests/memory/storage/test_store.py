"""The map file: survives kills, refuses what it cannot read, never overwrites it."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from driving import at_desk, at_table, kinds, mapped_kitchen, only, present, watch
from synthetic import kitchen

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.postgres_store import Address
from memory_agent_ros.memory.storage.schema import SCHEMA_VERSION
from memory_agent_ros.records.errors import StoreError
from memory_agent_ros.records.map_object import MapObject

Place = Callable[[str], str]

#: Maps that older versions of this package wrote.
FIXTURES = Path(__file__).parent / "fixtures"

WRITER = """
import sys
sys.path[:0] = {paths!r}
from driving import at_desk, at_table, watch
from synthetic import kitchen
from memory_agent_ros.memory.spatial_memory import SpatialMemory
world = kitchen()
with SpatialMemory.open({map!r}) as memory:
    world.stamp_ns = (memory.last_stamp_ns or 0) + 1
    while True:
        for pose in [*at_table(), *at_desk()]:
            watch(memory, world, [pose], miss=0.2)
            print(memory.last_stamp_ns, flush=True)
        world.move("mug", (-2.4, 0.3, 0.8) if world.things["mug"].center[0] > 0 else (2.4, 0.5, 0.8))
"""


def _same(a: MapObject, b: MapObject) -> bool:
    return (
        (a.id, a.label, a.state, a.observations, a.first_seen_ns, a.last_seen_ns, a.last_looked_ns)
        == (b.id, b.label, b.state, b.observations, b.first_seen_ns, b.last_seen_ns, b.last_looked_ns)
        and abs(a.presence - b.presence) < 1e-9
        and np.allclose(a.box.center, b.box.center)
        and np.allclose(a.box.size, b.box.size)
        and np.allclose(a.covariance, b.covariance)
        and np.allclose(a.embedding, b.embedding)
        and np.array_equal(a.points_map, b.points_map)
    )


def test_a_reopened_map_is_the_same_and_goes_on(tmp_path: Path, place: Place) -> None:
    path = place("home")
    with SpatialMemory.open(path) as memory:
        world = mapped_kitchen(memory)
        before, events, stamp = memory.objects(), memory.changes(), memory.last_stamp_ns
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left == (["home.map"] if path.endswith(".map") else []), "one file, no log left behind"
    with SpatialMemory.open(path) as memory:
        assert memory.last_stamp_ns == stamp
        assert all(_same(a, b) for a, b in zip(before, memory.objects(), strict=True))
        assert [e.id for e in memory.changes()] == [e.id for e in events]
        assert memory.verify() == []
        mug = only(memory.find("mug"))
        world.move("mug", (-2.4, 0.3, 0.8))
        assert kinds(watch(memory, world, [*at_table(), *at_desk()])) == ["gone", "moved"]
        assert only(memory.find("mug")).id == mug.id


def test_killed_at_any_moment_it_reopens_to_a_consistent_state(place: Place) -> None:
    path = place("killed")
    here = Path(__file__).resolve()
    code = WRITER.format(paths=[str(here.parents[1]), str(here.parents[3])], map=path)
    rng, committed = np.random.default_rng(0), 0
    for _ in range(6):
        writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _ in range(int(rng.integers(3, 25))):
            committed = max(committed, int(writer.stdout.readline()))
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
        with SpatialMemory.open(path) as memory:
            assert memory.verify() == []
            assert memory.last_stamp_ns is not None and memory.last_stamp_ns >= committed
            assert len(memory.keyframe_ids()) >= 1
    with SpatialMemory.open(path) as memory:
        assert {"mug", "bowl", "box", "table"} <= set(present(memory))


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "newer.map"
    with SpatialMemory.open(path) as memory:
        mapped_kitchen(memory)
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    content = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreError, match=f"schema {SCHEMA_VERSION + 1}"):
            SpatialMemory.open(path, read_only=read_only)
    assert path.read_bytes() == content


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_a_map_of_an_older_schema_is_brought_up(tmp_path: Path, version: int, read_only: bool) -> None:
    path = tmp_path / "old.map"
    shutil.copy(FIXTURES / f"schema_{version}.map", path)
    content = path.read_bytes()
    with SpatialMemory.open(path, read_only=read_only) as memory:
        assert present(memory) == ["book", "lamp", "mug"]
        assert only(memory.find("mugs")).evidence
        assert memory.near(only(memory.find("lamp")).box.center, radius_m=0.1)[0].label == "lamp"
        assert memory.verify() == []
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == (version if read_only else SCHEMA_VERSION)
    connection.close()
    assert (path.read_bytes() == content) == read_only


@pytest.mark.parametrize("damage", ["text", "truncated", "overwritten", "other application"])
def test_a_damaged_file_is_refused_and_left_alone(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "damaged.map"
    with SpatialMemory.open(path) as memory:
        mapped_kitchen(memory)
    content = bytearray(path.read_bytes())
    if damage == "text":
        content = bytearray(b"this is no map\n" * 1000)
    elif damage == "truncated":
        content = content[: len(content) // 2]
    elif damage == "overwritten":
        content[4096 : 4096 * 12] = os.urandom(4096 * 11)
    path.write_bytes(content)
    if damage == "other application":
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA application_id = 7")
        connection.close()
        content = bytearray(path.read_bytes())
    with pytest.raises(StoreError) as caught:
        SpatialMemory.open(path)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == bytes(content)
    assert not path.with_name("damaged.map.lock").exists()


def test_a_flipped_bit_in_a_blob_is_found(tmp_path: Path) -> None:
    path = tmp_path / "flipped.map"
    with SpatialMemory.open(path) as memory:
        mapped_kitchen(memory)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE keyframes SET jpeg = zeroblob(100) WHERE id = 1")
    connection.close()
    with SpatialMemory.open(path) as memory:
        assert memory.verify()[0] == "keyframe 1 is damaged" and "keyframes 1" in memory.verify()[1]
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE clouds SET points = zeroblob(length(points)) WHERE object_id = 1")
    connection.close()
    with pytest.raises(StoreError, match="object 1"):
        SpatialMemory.open(path)


def test_a_reader_follows_the_writer(place: Place) -> None:
    path = place("shared")
    with SpatialMemory.open(path) as writer:
        world = kitchen()
        watch(writer, world, at_table())
        with SpatialMemory.open(path, read_only=True) as reader:
            assert present(reader) == ["bowl", "box", "mug", "table"]
            watch(writer, world, at_desk())
            assert present(reader) == ["bowl", "box", "desk", "mug", "table"]
            assert reader.last_stamp_ns == writer.last_stamp_ns
            frame, observations = world.look(at_desk(1)[0])
            for change in (
                lambda: reader.observe(frame, observations),
                lambda: reader.forget(label="mug"),
                lambda: reader.relabel(1, "x", "test"),
            ):
                with pytest.raises(StoreError, match="read-only"):
                    change()
    with SpatialMemory.open(path) as memory:
        assert memory.verify() == []


def test_a_read_only_folder_is_enough_to_read(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    with SpatialMemory.open(folder / "old.map") as memory:
        mapped_kitchen(memory)
        expected = present(memory)
    folder.chmod(0o555)
    try:
        with SpatialMemory.open(folder / "old.map", read_only=True) as memory:
            assert present(memory) == expected
    finally:
        folder.chmod(0o755)


def test_two_writers_are_refused(place: Place) -> None:
    path = place("one")
    with SpatialMemory.open(path) as first:
        with pytest.raises(StoreError, match="open for writing elsewhere"):
            SpatialMemory.open(path)
        mapped_kitchen(first)
    SpatialMemory.open(path).close()


def test_save_writes_a_copy_that_lives_on_its_own(tmp_path: Path, place: Place) -> None:
    with SpatialMemory.open(place("a")) as memory:
        world = mapped_kitchen(memory)
        copy = memory.save(tmp_path / "b.map")
        objects = memory.objects()
        del world.things["mug"]
        watch(memory, world, at_table())
        if memory.path is not None:
            assert memory.save() == tmp_path / "a.map"
    with SpatialMemory.open(copy) as memory:
        assert all(_same(a, b) for a, b in zip(objects, memory.objects(), strict=True))
        assert memory.verify() == []


def test_a_map_in_working_memory_can_be_saved(tmp_path: Path) -> None:
    with SpatialMemory.open(None) as memory:
        mapped_kitchen(memory)
        with pytest.raises(StoreError, match="path"):
            memory.save()
        memory.save(tmp_path / "kept.map")
        expected = present(memory)
    with SpatialMemory.open(tmp_path / "kept.map") as memory:
        assert present(memory) == expected


def test_a_failed_commit_loses_nothing(place: Place) -> None:
    path = place("full")
    with SpatialMemory.open(path) as memory:
        world = kitchen()
        watch(memory, world, at_table(4))
        if memory.path is not None:
            other = sqlite3.connect(path, isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            memory._store.rows("PRAGMA busy_timeout = 10")
        else:
            other = Address.of(path).connect()
            other.execute("BEGIN")
            other.execute("LOCK TABLE meta IN ACCESS EXCLUSIVE MODE")
            memory._store.rows("SET lock_timeout = 10")
        frame, observations = world.look(at_table(5)[-1])
        with pytest.raises(StoreError, match="could not be written"):
            memory.observe(frame, observations)
        other.execute("ROLLBACK")
        other.close()
        watch(memory, world, at_table(2))
        expected = memory.objects()
        assert memory.verify() == []
    with SpatialMemory.open(path) as memory:
        assert [o.observations for o in memory.objects()] == [o.observations for o in expected]


def test_missing_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no map at"):
        SpatialMemory.open(tmp_path / "none.map", read_only=True)
    with pytest.raises(StoreError, match="does not exist"):
        SpatialMemory.open(tmp_path / "no" / "folder.map")
    memory = SpatialMemory.open(None)
    memory.close()
    memory.close()
    with pytest.raises(StoreError, match="closed"):
        memory.objects()


def test_a_map_copied_while_open_is_readable(tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "live.map") as memory:
        mapped_kitchen(memory)
        memory.save()
        for file in tmp_path.glob("live.map*"):
            shutil.copy(file, tmp_path / file.name.replace("live", "copied"))
    (tmp_path / "copied.map.lock").unlink()
    with SpatialMemory.open(tmp_path / "copied.map") as memory:
        assert memory.verify() == [] and len(present(memory)) == 6
