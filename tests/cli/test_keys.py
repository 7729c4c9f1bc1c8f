"""keys: the key for signing, the master key, and what a map shows without it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memory_agent_ros.cli import main
from memory_agent_ros.memory.ledger.audit import verify_map
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.memory.storage import sealing
from memory_agent_ros.memory.storage.sqlite_store import SqliteStore
from memory_agent_ros.records.errors import StoreError
from memory_agent_ros.records.tip import Tip, TipSource

MASTER = "MEMORY_AGENT_MASTER_KEY"
ONE, OTHER = "1a" * 32, "2b" * 32


@pytest.fixture
def map_file(kitchen_map: Path, tmp_path: Path) -> Path:
    path = Path(shutil.copy(kitchen_map, tmp_path / "kitchen.map"))
    with SpatialMemory.open(path) as memory:
        bowl = memory.find("bowl")[0].id
        memory.corrections.relabel(bowl, "porringer", author="Ada", reason="it has a wide rim")
        source = TipSource("one", 1, "nearest", 1, "home")
        vector = np.array([1.0, 0.0], np.float32)
        memory.tips.remember(
            [Tip("search", "porringer", vector, vector, "room", 0.5, "look on the shelf", source, (bowl,))]
        )
    return path


@pytest.fixture
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration folder, with nothing in the environment."""
    folder = tmp_path / "configuration"
    monkeypatch.delenv("MEMORY_AGENT_SIGNING_KEY", raising=False)
    monkeypatch.delenv(MASTER, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))
    return folder / "memory_agent_ros"


def told(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    """The JSON that a verb prints."""
    capsys.readouterr()
    assert main([str(w) for w in words]) == 0
    return json.loads(capsys.readouterr().out)


def labels(path: Path) -> list[str]:
    with SpatialMemory.open(path, read_only=True) as memory:
        assert memory.verify() == []
        return memory.labels()


def all_bytes(path: Path) -> bytes:
    return b"".join(p.read_bytes() for p in sorted(path.parent.glob(path.name + "*")) if p.is_file())


def test_a_wrapped_map_is_read_with_its_master_key_only(
    map_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known, plain = labels(map_file), _stored_keys(map_file)
    monkeypatch.setenv(MASTER, ONE)
    shown = told(capsys, "keys", "wrap", map_file)
    (name,) = shown["master"]["keys"]
    assert shown["maps"] == {str(map_file): {"wrapped_by": name}} and ONE not in json.dumps(shown)
    assert labels(map_file) == known and "porringer" in known
    content = all_bytes(map_file)
    assert len(plain) > 20 and not any(key in content for key in plain)  # not in free pages either
    with SpatialMemory.open(map_file) as memory:  # what comes later is wrapped too
        memory.relabel(memory.find("porringer")[0].id, "tureen", "by hand")
        (record,) = memory.ledger.records(kind="master_key")
        assert record.body == {"from": "", "to": name}
    assert {len(key) for key in _stored_keys(map_file)} == {60}
    for keys, text in ((None, name), (OTHER, name), ("zz", "64 hexadecimal"), ("1a" * 31, "64 hexadecimal")):
        monkeypatch.setenv(MASTER, keys) if keys else monkeypatch.delenv(MASTER)
        before = all_bytes(map_file)
        for read_only in (True, False):
            with pytest.raises(StoreError, match=text):
                SpatialMemory.open(map_file, read_only=read_only)
        with pytest.raises(StoreError, match=text):
            verify_map(map_file)
        assert main(["verify", str(map_file)]) == 2
        assert all_bytes(map_file) == before
    monkeypatch.setenv(MASTER, f"{OTHER},{ONE}")
    assert "tureen" in labels(map_file)


def test_nothing_of_a_wrapped_map_can_be_opened_with_what_is_in_it(
    map_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(MASTER, ONE)
    told(capsys, "keys", "wrap", map_file)
    monkeypatch.delenv(MASTER)
    monkeypatch.setattr("memory_agent_ros.memory.storage.object_keys.ObjectKeys.unlock", lambda self: None)
    store = SqliteStore.open(map_file, read_only=True)
    tried = 0
    for table in ("objects", "clouds", "surfaces", "keyframes", "tips", "corrections"):
        columns = store.columns(table)
        for row in store.rows(f"SELECT {', '.join(columns)} FROM {table}"):
            with pytest.raises(StoreError):
                sealing.open_rows(store, table, columns, [row])
            tried += 1
    with pytest.raises(StoreError):
        store.words.all()
    store.close()
    content = all_bytes(map_file)
    assert tried > 10 and not any(word in content for word in (b"porringer", b"shelf", b"wide rim", b"JFIF"))


def test_new_maps_are_wrapped_where_there_is_a_master_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MASTER, ONE)
    with SpatialMemory.open(None) as memory:
        memory.save(tmp_path / "saved.map")
    with SpatialMemory.open(tmp_path / "new.map"):
        pass
    monkeypatch.delenv(MASTER)
    for name in ("saved.map", "new.map"):
        with pytest.raises(StoreError, match="master key"):
            SpatialMemory.open(tmp_path / name)


def test_maps_go_over_to_another_master_key_and_back(
    map_file: Path, configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "keys", "show")["master"]["keys"] == []
    (first,) = told(capsys, "keys", "new-master")["master"]["keys"]
    assert os.stat(configuration / "master_key").st_mode & 0o777 == 0o600
    told(capsys, "keys", "wrap", map_file)
    second = told(capsys, "keys", "new-master")["master"]["keys"][0]
    assert second != first and labels(map_file)
    assert told(capsys, "keys", "wrap", map_file)["maps"][str(map_file)]["wrapped_by"] == second
    (configuration / "master_key").write_text((configuration / "master_key").read_text().splitlines()[0])
    assert labels(map_file)
    assert told(capsys, "keys", "unwrap", map_file)["maps"][str(map_file)]["wrapped_by"] is None
    (configuration / "master_key").unlink()
    assert labels(map_file)
    with SpatialMemory.open(map_file, read_only=True) as memory:
        bodies = [r.body for r in memory.ledger.records(kind="master_key")]
    assert bodies == [{"from": "", "to": first}, {"from": first, "to": second}, {"from": second, "to": ""}]


def test_a_master_key_that_others_may_read_is_refused(
    map_file: Path, configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, "keys", "new-master")
    os.chmod(configuration / "master_key", 0o644)
    assert main(["keys", "wrap", str(map_file)]) == 2
    assert f"chmod 600 {configuration / 'master_key'}" in capsys.readouterr().err
    os.chmod(configuration / "master_key", 0o600)
    for content in (b"", b"\xff\xfe", b"1a\n"):
        (configuration / "master_key").write_bytes(content)
        assert main(["keys", "wrap", str(map_file)]) == 2 and main(["keys", "new-master"]) == 2
        assert (configuration / "master_key").read_bytes() == content
    (configuration / "master_key").unlink()
    assert main(["keys", "wrap", str(map_file)]) == 2 and "keys new-master" in capsys.readouterr().err
    assert main(["keys", "wrap"]) == 2 and main(["keys", "wrap", str(map_file) + ".none"]) == 2


def test_another_key_for_signing_is_recorded(
    map_file: Path, configuration: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["keys", "new-signing", str(map_file)]) == 2  # there is none yet
    with SpatialMemory.open(map_file) as memory:
        memory.relabel(1, "desk", "by hand")
    before = told(capsys, "keys", "show")["signing"]["public_key"]
    old = (configuration / "signing_key.pem").read_bytes()
    after = told(capsys, "keys", "new-signing", map_file)["signing"]["public_key"]
    assert after != before and (configuration / "signing_key.pem").read_bytes() != old
    with SpatialMemory.open(map_file) as memory:
        memory.relabel(1, "table", "by hand")
        assert [r.body["key"].hex() for r in memory.ledger.records(kind="signing_key")][-2:] == [before, after]
    assert [f for f in verify_map(map_file, trusted=[bytes.fromhex(before)]) if f.what != "key"] == []


def _stored_keys(path: Path) -> list[bytes]:
    store = SqliteStore.open(path, read_only=True)
    try:
        return [row[0] for row in store.rows("SELECT secret FROM keys")]
    finally:
        store.close()
