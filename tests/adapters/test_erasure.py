"""Chunks made from erased objects leave the adapters beside a map at once."""

from pathlib import Path

import torch

from memory_agent_ros.adapters.adapter import Adapter, Chunk, same_rows
from memory_agent_ros.adapters.erasure import chunk_eraser
from memory_agent_ros.adapters.library import AdapterLibrary
from memory_agent_ros.adapters.rows import LoraRows
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
