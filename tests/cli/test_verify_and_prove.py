"""verify, prove, audit: a map against its ledger, from the command line."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from memory_agent_ros.cli import main
from memory_agent_ros.memory.spatial_memory import SpatialMemory


@pytest.fixture
def map_file(kitchen_map: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(kitchen_map, tmp_path / "kitchen.map"))


def told(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> Any:
    """The JSON that a verb prints."""
    assert main([str(w) for w in words]) == code
    return json.loads(capsys.readouterr().out)


def test_a_sound_map_is_told_from_a_changed_one(map_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "verify", map_file, "--json") == {"map": str(map_file), "sound": True, "findings": []}
    with sqlite3.connect(map_file) as connection:
        connection.execute("UPDATE observations SET score = score / 2 WHERE id = 3")
    connection.close()
    found = told(capsys, "verify", map_file, "--json", code=1)
    assert not found["sound"] and [(f["what"], f["place"]) for f in found["findings"]] == [
        ("row_changed", "observations 3")
    ]
    assert main(["verify", str(map_file)]) == 1 and "observations 3" in capsys.readouterr().out


def test_roll_back_shows_against_a_checkpoint_kept_elsewhere(
    map_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older, kept = tmp_path / "older.map", tmp_path / "checkpoint.json"
    shutil.copy(map_file, older)
    assert main(["edit", str(map_file), "relabel", "1", "desk", "--reason", "it is"]) == 0
    assert main(["verify", str(map_file), "--save-checkpoint", str(kept)]) == 0
    capsys.readouterr()
    assert told(capsys, "verify", map_file, "--checkpoint", kept, "--json")["sound"]
    assert told(capsys, "verify", older, "--json")["sound"]
    found = told(capsys, "verify", older, "--checkpoint", kept, "--json", code=1)
    assert "rolled_back" in {f["what"] for f in found["findings"]}
    assert main(["verify", str(map_file), "--checkpoint", str(map_file)]) == 2
    assert main(["verify", str(map_file), "--trust", "abc"]) == 2


def test_a_proof_is_checked_without_the_map(map_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    proof = tmp_path / "proof.json"
    with SpatialMemory.open(map_file, read_only=True) as memory:
        bowl = memory.find("bowl")[0].id
    assert main(["prove", str(map_file), str(bowl), "--out", str(proof)]) == 0
    key = json.loads(proof.read_text())["checkpoint"]["key"]
    map_file.unlink()
    capsys.readouterr()
    shown = told(capsys, "prove", "--check", proof, "--trust", key)
    assert shown["holds"] and shown["object"] == bowl and {r["table"] for r in shown["rows"]} >= {"objects"}
    assert main(["prove", "--check", str(proof), "--trust", "00" * 32]) == 2
    broken = json.loads(proof.read_text())
    broken["object_id"] = bowl + 1
    proof.write_text(json.dumps(broken))
    assert main(["prove", "--check", str(proof), "--trust", key]) == 2
    assert main(["prove", "--check", str(proof)]) == 2 and main(["prove"]) == 2


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "M"),
        ("map", "info", "--map", "M"),
        ("map", "name-room", "--map", "M", "--room", "1"),
        ("forget", "M", "--label", "x"),
        ("prove", "M", "1"),
        ("receipts", "M"),
        ("audit", "M"),
        ("keys", "show", "M"),
        ("keys", "wrap", "M"),
        ("internalize", "M"),
        ("verify", "K", "--checkpoint", "M"),
        ("prove", "--check", "M", "--trust", "00" * 32),
        ("merge", "K", "K", "--out", "M"),
    ],
    ids=" ".join,
)
def test_a_name_too_long_for_a_file_is_refused(
    kitchen_map: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([{"M": "x" * 5000, "K": str(kitchen_map)}.get(w, w) for w in words]) == 2
    assert capsys.readouterr().err


def test_a_checkpoint_of_nested_lists_is_refused(kitchen_map: Path, tmp_path: Path) -> None:
    (tmp_path / "kept.json").write_text("[" * 100_000)
    assert main(["verify", str(kitchen_map), "--checkpoint", str(tmp_path / "kept.json")]) == 2


def test_the_audit_tells_who_changed_what(map_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    who = ("--author", "Ada", "--reason", "it has handles")
    assert main(["edit", str(map_file), "relabel", "1", "pot", *who]) == 0
    assert main(["forget", str(map_file), "--label", "bowl", "--author", "Bo", "--reason", "asked to"]) == 0
    capsys.readouterr()
    found = told(capsys, "audit", map_file, "--json")
    assert [(c["kind"], c["author"]) for c in found["corrections"]] == [("relabel", "Ada")]
    assert [(r["author"], r["reason"]) for r in found["receipts"]] == [("Bo", "asked to")]
    assert found["counts"]["observed"] > 10 and "observed" not in {r["kind"] for r in found["records"]}
    assert {"corrected", "forgotten"} <= set(found["counts"])
    assert main(["audit", str(map_file)]) == 0 and "Ada: it has handles" in capsys.readouterr().out
