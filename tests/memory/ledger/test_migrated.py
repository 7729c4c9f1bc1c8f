"""A map that is brought to another schema, or copied from a server, does not come out sounder than it was."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from driving import mapped_kitchen

from memory_agent_ros.memory.indexes import reindex
from memory_agent_ros.memory.ledger.audit import verify_map
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage import sqlite_store
from memory_agent_ros.memory.storage.schema import MIGRATIONS, SCHEMA_VERSION

NEXT = SCHEMA_VERSION + 1


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, the program has a newer schema: one with another column and another table."""

    def come() -> None:
        steps = ("ALTER TABLE objects ADD COLUMN note TEXT", "CREATE TABLE notes (id INTEGER PRIMARY KEY)")
        monkeypatch.setitem(MIGRATIONS, SCHEMA_VERSION, steps)
        for module in (sqlite_store, reindex):
            monkeypatch.setattr(module, "SCHEMA_VERSION", NEXT)

    return come


def changed(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


def test_a_sound_map_is_sound_afterwards_and_says_so(kitchen_map: Path, newer: Callable[[], None]) -> None:
    newer()
    with SpatialMemory.open(kitchen_map) as memory:
        assert memory.verify() == [] and memory.find("mug")
        (record,) = memory.ledger.records(kind="migrated")
        assert record.body == {"from": SCHEMA_VERSION, "to": NEXT, "sound": True, "findings": []}
    assert verify_map(kitchen_map) == []


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("statement", "what", "place"),
    [
        ("UPDATE observations SET score = score / 2 WHERE id = 3", "row_changed", "observations 3"),
        ("DELETE FROM events WHERE id = 2", "row_missing", "events 2"),
        ("INSERT INTO aliases VALUES (900, 1)", "row_unknown", "aliases 900"),
        ("DELETE FROM ledger WHERE seq = (SELECT MAX(seq) FROM ledger)", "truncated", ""),
        ("DELETE FROM checkpoints", "dropped", ""),
    ],
    ids=["changed", "missing", "unknown", "truncated", "unsigned"],
)
def test_a_tampered_map_opens_and_goes_on_being_named(
    kitchen_map: Path, newer: Callable[[], None], statement: str, what: str, place: str, read_only: bool
) -> None:
    changed(kitchen_map, statement)
    before = {(f.what, f.place) for f in verify_map(kitchen_map)}
    assert any(w == what and p.startswith(place) for w, p in before)
    newer()
    with SpatialMemory.open(kitchen_map, read_only=read_only) as memory:
        assert memory.find("mug") and memory.verify()
        (record,) = memory.ledger.records(kind="migrated")
        assert record.body["sound"] is False and [what in f for f in record.body["findings"]].count(True)
    for _ in range(2):
        found = verify_map(kitchen_map)
        assert before <= {(f.what, f.place) for f in found}
        with SpatialMemory.open(kitchen_map) as memory:  # what is written afterwards does not wash it off
            memory.relabel(1, "desk", "by hand")


def test_a_broken_chain_is_named_afterwards(kitchen_map: Path, newer: Callable[[], None]) -> None:
    changed(kitchen_map, "UPDATE ledger SET record = CAST(record || x'00' AS BLOB) WHERE seq = 4")
    newer()
    with SpatialMemory.open(kitchen_map) as memory:
        assert memory.verify()
    assert ("changed", "record 4") in {(f.what, f.place) for f in verify_map(kitchen_map)}


def test_a_row_whose_name_is_no_text_is_named_all_the_same(kitchen_map: Path) -> None:
    changed(kitchen_map, "INSERT INTO meta VALUES (CAST(x'fe41' AS TEXT), 'x')")
    assert [f.what for f in verify_map(kitchen_map)] == ["row_unknown"]


def test_a_long_name_does_not_stop_it(kitchen_map: Path, newer: Callable[[], None]) -> None:
    changed(kitchen_map, f"INSERT INTO meta VALUES ('{'x' * 90_000}', 'x')")
    newer()
    with SpatialMemory.open(kitchen_map) as memory:
        (record,) = memory.ledger.records(kind="migrated")
    assert [f[0] for f in record.body["findings"]] == ["row_unknown"] and len(str(record.body)) < 1000


def test_a_copy_from_a_server_says_whether_the_map_was_sound(server: str, tmp_path: Path) -> None:
    from postgres_server import drop_maps

    name = "test_copied_tampered"
    try:
        with SpatialMemory.open(f"{server}&map={name}") as memory:
            mapped_kitchen(memory)
            memory.save(tmp_path / "sound.map")
            memory._store.rows("UPDATE observations SET score = score / 2 WHERE id = 3")  # past the ledger
            memory.save(tmp_path / "tampered.map")
    finally:
        drop_maps(server, [name])
    assert verify_map(tmp_path / "sound.map") == []
    assert [(f.what, f.place) for f in verify_map(tmp_path / "tampered.map")] == [("row_changed", "observations 3")]
