"""What is particular to maps on a server: addresses, namespaces, words of the engine. The rest: test_store.py."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from driving import at_table, mapped_kitchen, only, present, watch
from postgres_server import drop_maps

from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.postgres_sql import in_postgres
from memory_agent_ros.memory.storage.postgres_store import Address
from memory_agent_ros.memory.storage.schema import SCHEMA_VERSION, TABLES, table_names
from memory_agent_ros.records.errors import StoreError

Maps = Callable[[str], str]

#: Maps that the tests below make.
NAMES = ("a", "b", "other", "newer", "damaged", "lost", "fleet", "moved")


@pytest.fixture
def maps(server: str, tmp_path: Path) -> Iterator[Maps]:
    """URL of a map of a name that no other test has."""
    prefix = f"test_{tmp_path.name.lower()[-30:]}"
    yield lambda name: f"{server}&map={prefix}_{name}"
    drop_maps(server, [f"{prefix}_{name}" for name in NAMES])


def test_an_address_keeps_the_password_to_itself() -> None:
    address = Address.of("postgresql://robot:secret@db.lab:5433/maps?sslmode=require&map=floor_2")
    assert address.server == "postgresql://robot:secret@db.lab:5433/maps?sslmode=require"
    assert (address.name, address.namespace) == ("floor_2", "map_floor_2")
    assert address.place == "postgresql://db.lab/maps?map=floor_2"


@pytest.mark.parametrize("url", ["postgresql://h/d", "postgresql://h/d?map=", 'postgresql://h/d?map=a"; DROP SCHEMA b'])
def test_a_map_needs_a_name(url: str) -> None:
    with pytest.raises(StoreError, match="map=NAME"):
        Address.of(url)


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError, match="cannot reach"):
        SpatialMemory.open(f"postgresql:///maps?host={tmp_path}&map=a")


def test_statements_in_the_words_of_the_server() -> None:
    assert in_postgres("SELECT a FROM t INDEXED BY i WHERE a LIKE 'x%' AND b=?") == (
        "SELECT a FROM t WHERE a LIKE 'x%%' AND b=%s",
    )
    assert in_postgres("FROM boxes b CROSS JOIN objects o ON o.id = b.id") == (
        "FROM boxes b JOIN objects o ON o.id = b.id",
    )
    with pytest.raises(NotImplementedError):
        in_postgres("CREATE VIRTUAL TABLE other USING fts5(words)")
    assert set(table_names()) >= {"meta", "objects", "boxes", "keys", "observations"}
    assert TABLES.count("CREATE TABLE") + TABLES.count("CREATE VIRTUAL TABLE") == len(table_names())


def test_maps_side_by_side_do_not_meet(maps: Maps) -> None:
    with SpatialMemory.open(maps("a")) as first, SpatialMemory.open(maps("b")) as second:
        mapped_kitchen(first)
        assert present(first)
        assert second.objects() == []
        with pytest.raises(StoreError, match="no file"):
            first.save()


def test_no_map_is_told_from_something_else(maps: Maps) -> None:
    with pytest.raises(StoreError, match="no map at"):
        SpatialMemory.open(maps("none"), read_only=True)
    address = Address.of(maps("other"))
    with address.connect() as connection:
        connection.execute(f'CREATE SCHEMA "{address.namespace}"')
        connection.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreError, match="something else"):
        SpatialMemory.open(maps("other"))


def test_a_newer_schema_is_refused(maps: Maps) -> None:
    SpatialMemory.open(maps("newer")).close()
    with Address.of(maps("newer")).connect() as connection:
        connection.execute("UPDATE map_version SET schema_version = %s", (SCHEMA_VERSION + 1,))
    for read_only in (False, True):
        with pytest.raises(StoreError, match=f"schema {SCHEMA_VERSION + 1}"):
            SpatialMemory.open(maps("newer"), read_only=read_only)


def test_damage_is_found(maps: Maps) -> None:
    with SpatialMemory.open(maps("damaged")) as memory:
        mapped_kitchen(memory)
        with Address.of(maps("damaged")).connect() as connection:
            connection.execute("UPDATE keyframes SET jpeg = 'x' WHERE id = 1")
        found = memory.verify()
        assert len(found) == 2 and found[0] == "keyframe 1 is damaged" and "the row keyframes 1 is not" in found[1]
    with Address.of(maps("damaged")).connect() as connection:
        connection.execute("UPDATE clouds SET points = 'x' WHERE object_id = 1")
    with pytest.raises(StoreError, match="object 1"):
        SpatialMemory.open(maps("damaged"))


def test_a_lost_connection_is_told_and_the_map_is_safe(maps: Maps) -> None:
    memory = SpatialMemory.open(maps("lost"))
    world = mapped_kitchen(memory)
    expected = present(memory)
    (backend,) = memory._store.rows("SELECT pg_backend_pid()")[0]
    with Address.of(maps("lost")).connect() as connection:
        connection.execute("SELECT pg_terminate_backend(%s)", (backend,))
    with pytest.raises(StoreError, match="could not be written"):
        watch(memory, world, at_table(1))
    with SpatialMemory.open(maps("lost")) as again:
        assert again.verify() == []
        assert present(again) == expected


def test_a_file_goes_onto_a_server_and_back(maps: Maps, tmp_path: Path) -> None:
    with SpatialMemory.open(tmp_path / "robot.map") as memory:
        mapped_kitchen(memory)
        expected = present(memory)
        alike = [o.id for o in memory.find(like=only(memory.find("mug")).id)]
        assert alike
    with SpatialMemory.open(maps("fleet")) as fleet:
        fleet.merge(tmp_path / "robot.map")
        assert present(fleet) == expected and fleet.verify() == []
        mug = only(fleet.find("mugs"))
        assert mug.evidence and [o.id for o in fleet.find(like=mug.id)] == alike
        fleet.forget(label="mug")
        fleet.save(tmp_path / "back.map")
    with SpatialMemory.open(tmp_path / "back.map") as back:
        assert present(back) == [label for label in expected if label != "mug"]
        assert back.verify() == [] and not back.find(text="a mug") and back.find(text="the bowls")


def test_after_a_correction_of_the_map_readers_see_it(maps: Maps) -> None:
    with SpatialMemory.open(maps("moved")) as writer, SpatialMemory.open(maps("moved"), read_only=True) as reader:
        mapped_kitchen(writer)
        poses = {i: a.T_map_camera.copy() for i, a in writer.anchor_poses().items()}
        for T in poses.values():
            T[0, 3] += 1.0
        before = only(reader.find("mug")).box.center
        writer.reanchor(poses, writer.map_revision + 1)
        assert only(reader.find("mug")).box.center == pytest.approx(before + np.array([1.0, 0, 0]), abs=0.02)
        assert reader.map_revision == writer.map_revision
        assert writer.verify() == []
