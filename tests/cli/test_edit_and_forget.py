"""edit, forget, receipts: what people put right and have erased from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from memory_agent_ros.cli import main
from memory_agent_ros.memory.spatial_memory import SpatialMemory


@pytest.fixture
def map_file(kitchen_map: Path, tmp_path: Path) -> str:
    return str(shutil.copy(kitchen_map, tmp_path / "kitchen.map"))


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """The JSON that a verb prints."""
    assert main([*words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def ids(map_file: str) -> dict[str, int]:
    with SpatialMemory.open(map_file, read_only=True) as memory:
        return {o.label: o.id for o in memory.objects()}


def test_edit_corrects_lists_and_undoes(map_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = ids(map_file)
    who = ("--author", "Ada", "--reason", "it has two handles")
    made = told(capsys, "edit", map_file, "relabel", str(known["bowl"]), "pot", *who)
    assert (made["id"], made["kind"], made["author"], made["label"]) == (1, "relabel", "Ada", "pot")
    told(capsys, "edit", map_file, "move", str(known["box"]), "1", "-2", "0.5", "--reason", "drift")
    told(capsys, "edit", map_file, "delete", str(known["table"]), "--reason", "a reflection")
    assert "table" not in ids(map_file) and "pot" in ids(map_file)
    told(capsys, "edit", map_file, "undo", "3", "--reason", "it is there")
    assert ids(map_file)["table"] == known["table"]
    listed = told(capsys, "edit", map_file, "list")["corrections"]
    assert [c["kind"] for c in listed] == ["relabel", "move", "delete", "undo"] and listed[2]["undone_by"] == 4
    assert [c["id"] for c in told(capsys, "edit", map_file, "list", "--object", str(known["box"]))["corrections"]] == [
        2
    ]
    assert main(["edit", map_file, "list"]) == 0
    assert "Ada: it has two handles" in capsys.readouterr().out


def test_edit_says_what_is_wrong(map_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edit", map_file, "undo", "7", "--reason", "x"]) == 2
    assert main(["edit", map_file, "split", "1", "--reason", "x"]) == 2
    assert main(["edit", map_file + ".none", "delete", "1", "--reason", "x"]) == 2
    errors = capsys.readouterr().err
    assert "no correction 7" in errors and "--at" in errors and "no map" in errors
    with pytest.raises(SystemExit):
        main(["edit", map_file, "delete", "1"])  # without a reason


def test_forget_leaves_a_receipt(map_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = ids(map_file)
    (receipt,) = told(capsys, "forget", map_file, "--label", "bowls", "--author", "Bo", "--reason", "asked to")[
        "receipts"
    ]
    assert receipt["object_ids"] == [known["bowl"]] and (receipt["author"], receipt["reason"]) == ("Bo", "asked to")
    assert "bowl" not in ids(map_file) and "bowl" not in json.dumps(receipt)
    assert told(capsys, "receipts", map_file)["receipts"] == [receipt]
    assert main(["receipts", map_file]) == 0 and "Bo" in capsys.readouterr().out
    assert main(["forget", map_file]) == 2
    assert "say what to forget" in capsys.readouterr().err


def test_forget_applies_a_retention_policy(map_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = ids(map_file)
    policy = tmp_path / "policy.yaml"
    policy.write_text("/**/memory_node:\n  ros__parameters:\n    retention: {label_days: bowl=1}\n")
    with SpatialMemory.open(map_file, read_only=True) as memory:
        last_s = (memory.last_stamp_ns or 0) / 1e9
    words = ("forget", map_file, "--retention", str(policy), "--now")
    assert told(capsys, *words, str(last_s + 80_000))["receipts"] == []
    (receipt,) = told(capsys, *words, str(last_s + 90_000))["receipts"]
    assert receipt["object_ids"] == [known["bowl"]] and receipt["author"] == "retention policy"
    policy.write_text("/**/memory_node:\n  ros__parameters:\n    retention: {labels: bowl=1}\n")
    assert main([*words, "0"]) == 2
    assert "retention parameters" in capsys.readouterr().err


def test_a_receipt_is_signed_and_checked_without_the_map(
    map_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (receipt,) = told(capsys, "forget", map_file, "--label", "bowl", "--author", "Bo", "--reason", "asked to")[
        "receipts"
    ]
    written, key = tmp_path / "receipts.json", receipt["signed"]["key"]
    assert main(["receipts", map_file, "--out", str(written)]) == 0 and key in capsys.readouterr().out
    Path(map_file).unlink()
    assert told(capsys, "receipts", "--check", str(written), "--trust", key) == {"holds": True, "receipts": [receipt]}
    assert main(["receipts", "--check", str(written), "--trust", "00" * 32]) == 2
    assert "not trusted" in capsys.readouterr().err
    assert main(["receipts", "--check", str(written)]) == 2 and main(["receipts"]) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"id": 2},
        {"counts": {"objects": 7}},
        {"reason": "asked nicely"},
        {"object_ids": []},
        {"elapsed_s": 0.5},
        {"never_again": 1},
        {"conditions": ["object_ids"]},
        {"signed": None},
        {"added": 1},
        {"object_ids": None},
        {"author": {"a": []}},
        {"elapsed_s": "x"},
    ],
    ids=str,
)
def test_a_changed_receipt_does_not_hold(
    map_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any]
) -> None:
    (receipt,) = told(capsys, "forget", map_file, "--label", "bowl", "--reason", "asked to")["receipts"]
    written, key = tmp_path / "receipt.json", receipt["signed"]["key"]
    written.write_text(json.dumps(receipt))
    assert main(["receipts", "--check", str(written), "--trust", key]) == 0  # a single one too
    written.write_text(json.dumps({**receipt, **change}))
    assert main(["receipts", "--check", str(written), "--trust", key]) == 2


@pytest.mark.parametrize("name", ["map_id", "record", "signed_ns", "key", "signature"])
def test_a_changed_signature_does_not_hold(
    map_file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (receipt,) = told(capsys, "forget", map_file, "--label", "bowl", "--reason", "asked to")["receipts"]
    signed, written = receipt["signed"], tmp_path / "receipt.json"
    value = signed[name]
    other = value + 1 if isinstance(value, int) else ("0" if value[0] != "0" else "1") + value[1:]
    written.write_text(json.dumps({**receipt, "signed": {**signed, name: other}}))
    assert main(["receipts", "--check", str(written), "--trust", signed["key"]]) == 2


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "7", '{"receipts": []}', '{"receipts": [3]}', "[" * 100_000], ids=len
)
def test_what_is_no_receipt_is_refused(tmp_path: Path, text: str) -> None:
    written = tmp_path / "receipt.json"
    written.write_text(text)
    assert main(["receipts", "--check", str(written), "--trust", "00" * 32]) == 2
    assert main(["prove", "--check", str(written), "--trust", "00" * 32]) == 2


def test_a_receipt_names_the_record_of_the_erasure(map_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    (receipt,) = told(capsys, "forget", map_file, "--label", "bowl", "--reason", "asked to")["receipts"]
    with SpatialMemory.open(map_file, read_only=True) as memory:
        (record,) = (r for r in memory.ledger.records() if r.kind == "forgotten")
    assert record.seq == receipt["signed"]["record"]


def test_without_a_key_for_signing_what_is_forgotten_goes_all_the_same(
    map_file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MEMORY_AGENT_SIGNING_KEY", "no key")
    (receipt,) = told(capsys, "forget", map_file, "--label", "bowl", "--reason", "asked to")["receipts"]
    assert receipt["signed"] is None and "bowl" not in ids(map_file)
    assert main(["receipts", map_file]) == 0 and "not signed" in capsys.readouterr().out
