"""The ledger of a map: what it finds, what it proves, and that nothing writes past it."""

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from driving import at_cupboard, at_desk, at_table, kitchen, mapped_kitchen, only, watch

from memory_agent_ros.memory.ledger.audit import verify_map
from memory_agent_ros.memory.ledger.checkpoints import Checkpoint
from memory_agent_ros.memory.ledger.proofs import check_proof
from memory_agent_ros.memory.ledger.signing import public_bytes, signing_key
from memory_agent_ros.memory.ledger.tables import DERIVED, committed_tables
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage.schema import table_names
from memory_agent_ros.records.errors import BadInputError, StoreError


def tampered(path: Path, *statements: str) -> list[tuple[str, str]]:
    """What verifying finds, as (what, place), once statements were run past the memory."""
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return [(f.what, f.place) for f in verify_map(path)]


def test_every_table_is_committed_to_or_made_from_others() -> None:
    assert {t.name for t in committed_tables()} | DERIVED == set(table_names())
    assert len({t.number for t in committed_tables()}) == len(committed_tables())


def test_everything_that_writes_leaves_a_sound_ledger(place: Callable[[str], str], tmp_path: Path) -> None:
    with SpatialMemory.open(place("a")) as memory, SpatialMemory.open(None) as other:
        world = mapped_kitchen(memory)
        mug, bowl = only(memory.find("mug")), only(memory.find("bowl"))
        memory.relabel(mug.id, "grail", "by hand")
        memory.move(mug.id, mug.box.center + 0.1, "by hand")
        memory.merge_objects(mug.id, bowl.id, "by hand")
        memory.rooms()
        poses = {i: p.T_map_camera for i, p in memory.anchor_poses().items()}
        shift = np.eye(4)
        shift[0, 3] = 0.3
        memory.reanchor({i: shift @ T for i, T in poses.items()}, memory.map_revision + 1)
        watch(other, kitchen(), at_desk())
        memory.merge(other, np.eye(4))
        watch(memory, world, at_table(3))
        memory.forget([memory.find("plant")[0].id] if memory.find("plant") else [], label="kettle")
        assert memory.ledger.append("adapter_made", {"digest": b"\x01" * 32}) > 0
        memory.save(tmp_path / "copy.map")
        assert memory.verify() == []
        kinds = {r.kind for r in memory.ledger.records()}
    assert {"created", "observed", "corrected", "reanchored", "map_merged", "adapter_made"} <= kinds
    for written in (place("a"), tmp_path / "copy.map"):
        with SpatialMemory.open(written, read_only=True) as memory:
            assert memory.verify() == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE objects SET label='12' WHERE id=1", ("row_changed", "objects 1")),
        ("UPDATE observations SET score=score+1e-9 WHERE id=2", ("row_changed", "observations 2")),
        ("DELETE FROM events WHERE id=1", ("row_missing", "events 1")),
        ("INSERT INTO aliases VALUES (77, 1)", ("row_unknown", "aliases 77")),
        ("UPDATE meta SET value='9' WHERE key='map_revision'", ("row_changed", "meta map_revision")),
        ("ALTER TABLE vector_indexes RENAME COLUMN dimension TO dimensiom", ("table_changed", "vector_indexes")),
        ("UPDATE boxes SET x1=x1+1 WHERE id=1", ("row_changed", "objects 1")),
        ("UPDATE ledger SET record=substr(record, 1, 40) || x'00' WHERE seq=5", ("changed", "record 5")),
        ("UPDATE ledger SET leaves=leaves || leaves WHERE seq=6", ("changed", "record 6")),
        ("UPDATE ledger SET hash=zeroblob(32) WHERE seq=7", ("changed", "record 7")),
        ("UPDATE ledger SET kind='forgotten' WHERE seq=7", ("changed", "record 7")),
        ("DELETE FROM ledger WHERE seq=4", ("dropped", "record 4")),
        ("UPDATE meta SET value=replace(value, '[2', '[3') WHERE key='ledger'", ("row_changed", "meta ledger")),
        ("DELETE FROM checkpoints", ("dropped", "checkpoint")),
        ("UPDATE checkpoints SET tree=zeroblob(length(tree))", ("signature", "checkpoint")),
        ("UPDATE keys SET secret=zeroblob(32) WHERE kind='object' AND owner=1", ("row_changed", "keys object 1")),
        ("UPDATE checkpoints SET body=replace(body, '\"size\": ', '\"size\": 1')", ("signature", "checkpoint")),
    ],
)  # fmt: skip
def test_what_was_changed_is_named(kitchen_map: Path, statement: str, found: tuple[str, str]) -> None:
    what, place = tampered(kitchen_map, statement)[0]
    assert what == found[0] and place.startswith(found[1])


def test_records_swapped_replayed_and_cut_off_are_named(kitchen_map: Path) -> None:
    whole = kitchen_map.read_bytes()
    columns = ("kind", "record", "leaves", "hash")
    copy = "UPDATE ledger SET " + ", ".join(f"{c}=(SELECT {c} FROM ledger WHERE seq={{1}})" for c in columns)
    copy += " WHERE seq={0}"
    away = "UPDATE ledger SET seq={1} WHERE seq={0}"
    swap = [away.format(5, 900), away.format(8, 5), away.format(900, 8)]
    assert tampered(kitchen_map, *swap)[0] == ("reordered", "record 5")
    kitchen_map.write_bytes(whole)
    assert tampered(kitchen_map, copy.format(9, 6))[0] == ("replayed", "record 9")
    kitchen_map.write_bytes(whole)
    with sqlite3.connect(kitchen_map) as connection:
        last = connection.execute("SELECT MAX(seq) FROM ledger").fetchone()[0]
    assert tampered(kitchen_map, f"DELETE FROM ledger WHERE seq > {last - 3}")[0] == ("truncated", f"record {last - 2}")


def test_an_older_state_of_the_whole_map_is_found_by_a_checkpoint_kept_elsewhere(tmp_path: Path) -> None:
    path, kept = tmp_path / "a.map", tmp_path / "kept.json"
    with SpatialMemory.open(path) as memory:
        world = mapped_kitchen(memory)
    old = path.read_bytes()
    with SpatialMemory.open(path) as memory:
        watch(memory, world, at_cupboard(3))
        memory.ledger.checkpoint().save(kept)
    checkpoint = Checkpoint.load(kept)
    with SpatialMemory.open(path, read_only=True) as memory:
        assert memory.ledger.verify(checkpoint) == []
    path.write_bytes(old)
    with SpatialMemory.open(path) as memory:
        assert memory.ledger.verify() == []  # an older state is sound in itself
        assert [f.what for f in memory.ledger.verify(checkpoint)] == ["rolled_back"]
        watch(memory, world, at_desk(8))
        watch(memory, world, at_table(8))
        assert [f.what for f in memory.ledger.verify(checkpoint)] == ["forked"]
    forged = json.loads(kept.read_text())
    forged["size"] += 1
    with SpatialMemory.open(path, read_only=True) as memory:
        assert "signature" in [f.what for f in memory.ledger.verify(Checkpoint.of(forged))]


def test_a_chain_written_anew_without_the_key_is_found(kitchen_map: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forger = Ed25519PrivateKey.generate()
    with SpatialMemory.open(kitchen_map) as memory:
        memory.relabel(1, "forged", "with the key of another")
        checkpoint = memory.ledger.checkpoint()
        monkeypatch.setenv("MEMORY_AGENT_SIGNING_KEY", forger.private_bytes_raw().hex())
        memory.relabel(1, "forged again", "with the key of another")
        memory.ledger.checkpoint()
        monkeypatch.undo()
        found = {f.what for f in memory.ledger.verify(checkpoint)}
        assert found == {"key"}
        assert memory.ledger.verify(trusted=[public_bytes(forger)]) == []


def test_a_key_takes_the_place_of_another_on_its_word(kitchen_map: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = Ed25519PrivateKey.generate()
    with SpatialMemory.open(kitchen_map) as memory:
        made = memory.ledger.rotate(signing_key(), fresh)
        monkeypatch.setenv("MEMORY_AGENT_SIGNING_KEY", fresh.private_bytes_raw().hex())
        assert made.key == public_bytes(fresh) and memory.ledger.verify() == []
        with pytest.raises(BadInputError, match="last"):
            memory.ledger.rotate(Ed25519PrivateKey.generate(), fresh)


def test_a_proof_is_checked_without_the_map(kitchen_map: Path) -> None:
    with SpatialMemory.open(kitchen_map) as memory:
        mug = only(memory.find("mug"))
        proof = json.loads(json.dumps(memory.ledger.prove(mug.id)))
    trusted = [public_bytes(signing_key())]
    proven = check_proof(proof, trusted)
    named = dict(reversed(proven.rows))
    assert proven.object_id == mug.id and named["objects"]["id"] == mug.id and "observations" in named
    with pytest.raises(BadInputError, match="not trusted"):
        check_proof(proof, [])
    twice = {**proof, "rows": [*proof["rows"], proof["rows"][-1]]}
    with pytest.raises(BadInputError, match="twice"):
        check_proof(twice, trusted)
    rng = np.random.default_rng(0)
    text = json.dumps(proof)
    places = [k for k, c in enumerate(text) if c in "0123456789abcdef"]
    for at in rng.choice(places, 150, replace=False):
        other = text[:at] + ("1" if text[at] != "1" else "2") + text[at + 1 :]
        try:
            again = check_proof(json.loads(other), trusted)
        except (BadInputError, json.JSONDecodeError):
            continue
        assert again == proven  # bits that base64 leaves unused


def test_keys_are_for_their_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEMORY_AGENT_SIGNING_KEY", raising=False)
    monkeypatch.setattr("memory_agent_ros.memory.ledger.signing.key_file", lambda: tmp_path / "k" / "signing_key.pem")
    made = signing_key()
    assert os.stat(tmp_path / "k" / "signing_key.pem").st_mode & 0o777 == 0o600
    assert public_bytes(made) == public_bytes(signing_key())
    os.chmod(tmp_path / "k" / "signing_key.pem", 0o640)
    with pytest.raises(StoreError, match="chmod 600"):
        signing_key()
    monkeypatch.setenv("MEMORY_AGENT_SIGNING_KEY", "12ab")
    with pytest.raises(StoreError, match="64 hexadecimal"):
        signing_key()


def test_records_refuse_what_is_no_plain_data() -> None:
    with SpatialMemory.open(None) as memory:
        for kind, body in (("Loud", {}), ("", {}), ("made", {"x": object()}), ("made", {"x": "y" * 100_000})):
            with pytest.raises(BadInputError):
                memory.ledger.append(kind, body)
        assert memory.verify() == []
