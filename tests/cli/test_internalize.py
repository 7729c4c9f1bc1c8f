"""internalize, ask --closed-book, ask --use-adapters: on a stored map, with a tiny random model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

from memory_agent_ros import internalising
from memory_agent_ros.adapters.library import AdapterLibrary
from memory_agent_ros.cli import main
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from tests.adapters.small import tiny_kit


@pytest.fixture
def home(kitchen_map: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the kitchen's map; adapters are for a tiny random model."""
    monkeypatch.setattr(internalising, "load_kit", lambda **_: tiny_kit())
    return Path(shutil.copy(kitchen_map, tmp_path / "home.map"))


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main([*words, "--json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_a_map_is_internalised_once_and_listed_and_dropped(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = told(capsys, "internalize", str(home))
    assert done["made"] == ["room 1"] and done["folder"] == f"{home}.adapters"
    (adapter,) = done["adapters"]
    with SpatialMemory.open(home, read_only=True) as memory:
        assert adapter["chunks"][0]["source"]["object_ids"] == [str(o.id) for o in memory.objects()]
    assert told(capsys, "internalize", str(home))["made"] == [], "nothing has changed"
    assert main(["internalize", str(home), "--list"]) == 0
    assert "memory: 1 chunks" in capsys.readouterr().out
    assert told(capsys, "internalize", str(home), "--drop", "memory")["adapters"] == []
    assert main(["internalize", str(home), "--drop", "memory"]) == 2
    assert "there is no adapter 'memory'" in capsys.readouterr().err


def test_a_text_is_kept_beside_itself_or_a_map(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manual = tmp_path / "manual.md"
    manual.write_text("The filter is cleaned every month.")
    assert told(capsys, "internalize", str(manual))["folder"] == f"{manual}.adapters"
    done = told(capsys, "internalize", str(manual), "--map", str(home), "--name", "filter")
    assert done["folder"] == f"{home}.adapters" and done["made"] == ["filter 1/1"]
    answer = told(capsys, "ask", "--adapters", f"{manual}.adapters", "is the filter cleaned?")
    assert answer["details"]["internalised"]["sources"][0]["name"] == "manual.md"
    for what in (tmp_path / "nothing.md", tmp_path):
        assert main(["internalize", str(what)]) == 2
        assert "no map and no text" in capsys.readouterr().err


def test_a_closed_book_says_what_it_read(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "--map", str(home), "--closed-book", "is there a bowl?"]) == 2
    assert f"memory-agent internalize {home}" in capsys.readouterr().err
    main(["internalize", str(home)])
    capsys.readouterr()
    assert main(["ask", "--map", str(home), "--closed-book", "is there a bowl?"]) == 0
    out = capsys.readouterr().out
    assert "From internalised memory (room 1)" in out and "read from memory room 1" in out and "random 0" in out
    answer = told(capsys, "ask", "--adapters", f"{home}.adapters", "is there a bowl?")
    assert answer["value"] in ("yes", "no") and answer["details"]["knowledge"]["where"] == "in_adapter"
    assert 0 < answer["confidence"] <= 0.9 and not answer["evidence"]


def test_a_forgotten_thing_is_in_no_chunk_when_one_asks_again(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["internalize", str(home)])
    before = AdapterLibrary(Path(f"{home}.adapters")).get("memory").chunks[0].source
    with SpatialMemory.open(home) as memory:
        gone = str(memory.forget(label="bowl")[0])
    capsys.readouterr()
    answer = told(capsys, "ask", "--map", str(home), "--closed-book", "is there a bowl?")
    (source,) = answer["details"]["internalised"]["sources"]
    assert gone in before.object_ids and gone not in source["object_ids"] and source["digest"] != before.digest


def test_adapters_answer_what_the_map_does_not_tell_where_that_is_asked_for(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["internalize", str(home)])
    capsys.readouterr()
    asked = ("ask", "--map", str(home), "--embedder", "none", "--model", "none", "is there a piano?")
    assert told(capsys, *asked)["details"]["knowledge"]["where"] == "nowhere"
    assert told(capsys, *asked, "--use-adapters")["details"]["knowledge"]["where"] == "in_adapter"
    known = told(capsys, *asked[:-1], "is there a bowl?", "--use-adapters")
    assert known["evidence"] and known["details"]["knowledge"]["where"] in ("in_view", "in_store")


def test_without_weights_it_says_what_makes_them(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(internalising, "load_kit", lambda **_: tiny_kit(networks=False))
    assert main(["internalize", str(home)]) == 2
    assert "memory-agent train memory-lora --size embedded" in capsys.readouterr().err
