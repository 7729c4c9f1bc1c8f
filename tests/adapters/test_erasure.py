"""Chunks made from erased objects leave the adapters beside a map at once."""

from pathlib import Path

import pytest
import torch

from memory_agent_ros.adapters.adapter import Adapter, Chunk, same_rows
from memory_agent_ros.adapters.erasure import chunk_eraser
from memory_agent_ros.adapters.library import AdapterLibrary
from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.forgetting import Forgotten
from memory_agent_ros.records.source import Source


def chunk(name: str, object_id: int) -> Chunk:
    rows = torch.randn(1, 8, generator=torch.Generator().manual_seed(object_id))
    weights = LoraRows({"mlp.down_proj": rows}, {"mlp.down_proj": rows.flip(1)})
    return Chunk(name, weights, Source("memory", name, "0", 0, (str(object_id),), "test"), rows)


def test_chunks_of_erased_objects_go_and_the_others_stay_as_they_are(tmp_path: Path) -> None:
    library = AdapterLibrary(tmp_path)
    kitchen, hall = chunk("kitchen", 1), chunk("hall", 2)
    library.put("memory", Adapter((kitchen, hall), None, "base"))
    library.put("alone", Adapter((chunk("letter", 1),), None, "base"))
    erase = chunk_eraser(tmp_path)
    assert erase(Forgotten((7,), ())) == {"adapter_chunks": 0}
    assert erase(Forgotten((1, 3), ("mug",))) == {"adapter_chunks": 2}
    assert library.names() == ["memory"] and library.get("memory").names == ("hall",)
    assert same_rows(library.get("memory").chunks[0].rows, hall.rows)
    traces = kitchen.rows.down["mlp.down_proj"].numpy().tobytes()
    assert not any(traces in p.read_bytes() or b"kitchen" in p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert erase(Forgotten((), (), everything=True)) == {"adapter_chunks": 1} and library.names() == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"chunks": 3}',
        '{"chunks": [{"name": "a"}]}',
        '{"chunks": [{"name": "a", "source": 1}]}',
        '{"chunks": [{"name": "a", "source": {"object_ids": null}}]}',
        "[" * 100_000,
        "\udcff",
    ],
    ids=len,
)
def test_a_damaged_list_of_chunks_is_told_before_anything_is_erased(tmp_path: Path, text: str) -> None:
    library = AdapterLibrary(tmp_path)
    for name in ("a", "b", "c"):
        library.put(name, Adapter((chunk("kitchen", 1), chunk("hall", 2)), None, "base"))
    (tmp_path / "b" / "chunks.json").write_text(text, errors="surrogateescape")
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    with pytest.raises(BadInputError, match="remove the folder") as told:
        chunk_eraser(tmp_path)(Forgotten((1,), ("mug",)))
    assert told.value.reason == "adapter_unreadable"
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_damaged_rows_are_told_before_anything_is_erased(tmp_path: Path) -> None:
    library = AdapterLibrary(tmp_path)
    for name in ("a", "b"):
        library.put(name, Adapter((chunk("kitchen", 1), chunk("hall", 2)), None, "base"))
    (tmp_path / "b" / "adapter_model.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(BadInputError):
        chunk_eraser(tmp_path)(Forgotten((1,), ("mug",)))
    assert library.get("a").names == ("kitchen", "hall")


def test_what_a_killed_program_left_half_written_goes(tmp_path: Path) -> None:
    AdapterLibrary(tmp_path).put("a", Adapter((chunk("kitchen", 1),), None, "base"))
    left = tmp_path / ".a.x1y2"
    left.mkdir()
    (left / "chunks.json").write_text('{"chu')
    assert chunk_eraser(tmp_path)(Forgotten((1,), ("mug",))) == {"adapter_chunks": 1}
    assert not left.exists() and not (tmp_path / "a").exists()
