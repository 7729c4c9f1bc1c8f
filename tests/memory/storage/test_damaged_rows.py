"""Damage that was found by fuzzing: told as damage, and a file that is refused stays as it is, byte for byte."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3

import pytest

from memory_agent_ros.evaluation.fuzzing import sample
from memory_agent_ros.evaluation.fuzzing.maps import use
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.sqlite_store import SqliteStore
from memory_agent_ros.memory.storage.stores import open_store
from memory_agent_ros.records.errors import MemoryAgentError, StoreError


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return sample.write_sample_map(tmp_path_factory.mktemp("maps") / "sound.map")


@pytest.fixture()
def path(sound, tmp_path):
    return shutil.copy(sound, tmp_path / "home.map")


#: Statement that damages a map.
DAMAGE = {
    "points that are a number": "UPDATE clouds SET points = 7",
    "points of half a float": "UPDATE clouds SET points = x'0102', crc = 0",
    "an id that is too large": "UPDATE objects SET observations = 9e300",
    "a stamp that is no number": "UPDATE objects SET last_seen_ns = 'soon'",
    "labels that are no JSON": "UPDATE objects SET labels = '7'",
    "a body that is no JSON": "UPDATE objects SET body = '{'",
    "a body without its numbers": "UPDATE objects SET body = '{}'",
    "a bank of half a float": "UPDATE objects SET bank = x'010203'",
    "a thumbnail that is not packed": "UPDATE frames SET look = x'00'",
    "a thumbnail that is text": "UPDATE frames SET look = 'look', look_k = NULL",
    "a pose of one byte": "UPDATE keyframes SET pose = x'00'",
    "a picture of no height": "UPDATE keyframes SET height = 0",
    "an owner beyond all numbers": "UPDATE events SET object_id = 9e999",
    "an owner that is no number": "UPDATE events SET object_id = x''",
    "an event of no kind": "UPDATE events SET kind = 'a AND'",
    "tips of half a float": "UPDATE tips SET situation = x'00'",
    "tips about nothing": "UPDATE tips SET objects = '[1,'",
    "rooms that are no JSON": "UPDATE meta SET value = '[' WHERE key = 'rooms'",
    "counters that are none": "UPDATE meta SET value = '7' WHERE key = 'sequences'",
    "former places that are a number": "UPDATE clouds SET former = 0.5",
    "surfaces that are a number": "UPDATE surfaces SET data = 1.5",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_told_and_never_more_than_that(name, path):
    with sqlite3.connect(path) as connection:
        connection.execute(DAMAGE[name])
    connection.close()
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    try:
        memory = SpatialMemory.open(path, sample.CONFIG)
    except StoreError as error:
        assert str(path) in str(error)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == before
        assert [p.name for p in path.parent.iterdir()] == ["home.map"]
        return
    try:
        use(memory)
        told = memory.verify()
    except MemoryAgentError as error:
        told = [str(error)]
    finally:
        memory.close()
    assert told


def test_a_map_whose_rooms_were_asked_for_opens_again(path):
    with SpatialMemory.open(path, sample.CONFIG, read_only=True) as memory:
        use(memory)
        assert len(memory.objects()) == 4
        assert memory.verify() == []


def test_an_older_map_is_tried_before_its_file_is_touched(path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE objects SET body = '{'")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError):
        SpatialMemory.open(path, sample.CONFIG)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_name_that_is_none_is_refused(name, tmp_path):
    for read_only in (True, False):
        with pytest.raises(StoreError):
            SqliteStore.open(tmp_path / name, read_only=read_only)


def test_a_copy_that_fails_leaves_what_is_there(path, tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    with SpatialMemory.open(path, sample.CONFIG) as memory:
        for target in (taken, tmp_path / "none" / "copy.map", tmp_path / "a\0b"):
            with pytest.raises(StoreError):
                memory.save(target)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home.map", "taken"]


def test_numbers_beyond_64_bits_are_refused(path):
    store = open_store(path, read_only=True)
    with pytest.raises(StoreError):
        store.rows("SELECT * FROM objects WHERE id = ?", (1 << 64,))
    with pytest.raises(StoreError):
        list(store.each("SELECT * FROM objects WHERE id = ?", (-(1 << 64),)))
    store.close()


def test_schemas_that_never_were_are_damage(path):
    for version in (0, -7):
        connection = sqlite3.connect(path)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.close()
        with pytest.raises(StoreError, match="damaged"):
            SpatialMemory.open(path, sample.CONFIG)


def test_a_number_that_outgrows_its_column_is_told(path):
    store = open_store(path)
    with pytest.raises(StoreError, match="could not be written"), store.transaction() as cursor:
        cursor.execute("UPDATE objects SET last_seen_ns = ?", (1 << 63,))
    store.close()


def test_a_damaged_head_of_the_ledger_is_told(path):
    connection = sqlite3.connect(path)
    connection.execute("UPDATE ledger SET hash = 0.5 WHERE seq = (SELECT MAX(seq) FROM ledger)")
    connection.commit()
    connection.close()
    store = open_store(path, read_only=True)
    with pytest.raises(StoreError, match="run verify"):
        store.ledger.head()
    store.close()


@pytest.mark.parametrize("column", ["first_seen_ns", "last_seen_ns", "last_looked_ns", "observations"])
@pytest.mark.parametrize("value", ["'soon'", "x'00'"])
def test_an_object_of_no_numbers_is_told_when_it_is_seen_again(column, value, path):
    with sqlite3.connect(path) as connection:
        connection.execute(f"UPDATE objects SET {column} = {value}")
    connection.close()
    picture = sample.frame(50)
    with pytest.raises(StoreError), SpatialMemory.open(path, sample.CONFIG) as memory:
        memory.observe(picture, sample.observations(picture))
