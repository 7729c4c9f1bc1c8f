"""ask, show, map: verbs on a stored map."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from memory_agent_ros.cli import main

EVIDENCE = {
    "object",
    "observation",
    "keyframe",
    "stamp_ns",
    "frame_id",
    "position_m",
    "orientation_xyzw",
    "map_revision",
}


def _ask(path: Path, question: str, *more: str) -> int:
    return main(["ask", "--map", str(path), "--embedder", "none", "--model", "none", *more, question])


def test_ask_prints_the_answer_and_its_evidence(kitchen_map: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ask(kitchen_map, "where is the bowl?") == 0
    out, err = capsys.readouterr()
    assert "The bowl is on the table" in out and "at (2.4, -0.4) m" in out and "evidence: object" in out and err == ""


@pytest.mark.parametrize(
    ("question", "state"),
    [("where is the bowl?", "seen"), ("where is the mug?", "gone"), ("where is the piano?", "unknown")],
)
def test_ask_json_is_one_clean_document(
    kitchen_map: Path, capsys: pytest.CaptureFixture[str], question: str, state: str
) -> None:
    assert _ask(kitchen_map, question, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert {"answer", "state", "confidence", "evidence"} <= set(document)
    assert document["state"] == state and 0 <= document["confidence"] <= 1
    assert bool(document["evidence"]) == (state != "unknown")
    for item in document["evidence"]:
        assert set(item) >= EVIDENCE and len(item["position_m"]) == 3 and len(item["orientation_xyzw"]) == 4


def test_a_question_nobody_understands_is_one_line_and_code_2(
    kitchen_map: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _ask(kitchen_map, "sing me a song") == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "I can answer questions like" in err


def test_a_missing_map_says_how_to_make_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _ask(tmp_path / "no.map", "where is the mug?") == 2
    assert "memory-agent ingest" in capsys.readouterr().err
    assert not (tmp_path / "no.map").exists()


def test_a_damaged_map_is_refused_and_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.map"
    path.write_bytes(b"not a map" * 100)
    assert _ask(path, "where is the mug?") == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("memory-agent ask: ") and "Traceback" not in err
    assert path.read_bytes() == b"not a map" * 100


def test_debug_shows_where_it_came_from(tmp_path: Path) -> None:
    from memory_agent_ros.records.errors import BadInputError

    with pytest.raises(BadInputError):
        main(["--debug", "map", "info", "--map", str(tmp_path / "no.map")])


def test_show_writes_picture_rerun_and_page(
    kitchen_map: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", "--map", str(kitchen_map), "--out", str(tmp_path / "out"), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)
    assert set(written) == {"png", "strip", "rerun", "report"}
    assert Image.open(written["png"]).width > 800 and Image.open(written["strip"]).width > 800
    assert Path(written["rerun"]).read_bytes()[:4] == b"RRF2"
    html = Path(written["report"]).read_text()
    assert "kitchen.map" in html and html.count("data:image/jpeg") >= 3
    assert "Identity over time" in html and html.count("data:image/png") == 3


def test_show_writes_only_what_is_asked_for(kitchen_map: Path, tmp_path: Path) -> None:
    assert main(["show", "--map", str(kitchen_map), "--png", str(tmp_path / "m.png")]) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["m.png"]


def test_show_draws_the_layers_asked_for(kitchen_map: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = {}
    for layers in ("objects", "all"):
        path = tmp_path / f"{layers}.svg"
        assert main(["show", "--map", str(kitchen_map), "--png", str(path), "--layers", layers]) == 0
        sizes[layers] = path.stat().st_size
    assert sizes["all"] > sizes["objects"]
    assert main(["show", "--map", str(kitchen_map), "--layers", "walls", "--out", str(tmp_path / "no")]) == 2
    assert "choose from rooms" in capsys.readouterr().err and not (tmp_path / "no").exists()


def test_show_writes_the_strip_alone(kitchen_map: Path, tmp_path: Path) -> None:
    assert main(["show", "--map", str(kitchen_map), "--strip", str(tmp_path / "s.png")]) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["s.png"]


def test_map_info_and_verify(kitchen_map: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["map", "info", "--map", str(kitchen_map), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["objects"]["bowl"] == 1 and document["gone"] == {"mug": 1} and document["keyframes"] > 0
    assert main(["map", "verify", "--map", str(kitchen_map)]) == 0
    assert capsys.readouterr().out == "sound\n"
