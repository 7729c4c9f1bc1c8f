"""Adapters of chunks: the bias acts once, a chunk's rows go exactly, files are ordinary PEFT adapters."""

from pathlib import Path

import pytest
import torch

from memory_agent_ros.adapters.adapter import Adapter, Chunk, Source, load_adapter, same_rows, save_adapter
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.rows import concatenate
from memory_agent_ros.records.errors import BadInputError
from tests.adapters.conftest import VOCABULARY, some_rows, tiny_model

TOKENS = torch.randint(0, VOCABULARY, (2, 6), generator=torch.Generator().manual_seed(1))


def chunk(adapted: AdaptedModel, name: str, seed: int) -> Chunk:
    keys = torch.nn.functional.normalize(torch.randn(2, 4, generator=torch.Generator().manual_seed(seed)), dim=1)
    source = Source("memory", name, f"{seed:x}", 17, ("o1", "o2"), "memory_lora 0")
    return Chunk(name, some_rows(adapted, seed), source, keys if seed % 2 else None)


def adapter(adapted: AdaptedModel) -> Adapter:
    chunks = tuple(chunk(adapted, name, seed) for seed, name in enumerate(("kitchen", "hall", "bath room")))
    return Adapter(chunks, some_rows(adapted, 9, rank=1), "tiny")


def test_the_bias_acts_once(adapted: AdaptedModel) -> None:
    one = adapter(adapted)
    assert one.bias is not None
    rows, expected = one.rows(), concatenate([*(c.rows for c in one.chunks), one.bias])
    assert rows.rank == 10 and same_rows(rows, expected)


def test_a_dropped_chunk_leaves_what_was_made_without_it(adapted: AdaptedModel) -> None:
    one = adapter(adapted)
    never = Adapter((one.chunks[0], one.chunks[2]), one.bias, "tiny")
    assert same_rows(one.without("hall").rows(), never.rows())
    assert one.names == ("kitchen", "hall", "bath room")
    with pytest.raises(BadInputError) as caught:
        one.without("attic")
    assert caught.value.reason == "no_such_chunk" and "bath room" in str(caught.value)


def test_only_the_touched_chunk_changes(adapted: AdaptedModel) -> None:
    one = adapter(adapted)
    new = one.with_chunk(chunk(adapted, "hall", 7))
    assert new.names == one.names and new.chunks[0] is one.chunks[0] and new.chunks[2] is one.chunks[2]
    assert not same_rows(new.chunks[1].rows, one.chunks[1].rows)
    assert one.with_chunk(chunk(adapted, "attic", 7)).names[-1] == "attic"


def test_files_come_back_and_peft_itself_loads_them(adapted: AdaptedModel, tmp_path: Path) -> None:
    from peft import PeftModel

    one, folder = adapter(adapted), tmp_path / "flat"
    save_adapter(folder, one.without("hall"))
    save_adapter(folder, one)
    back = load_adapter(folder)
    assert [c.source for c in back.chunks] == [c.source for c in one.chunks] and back.base == "tiny"
    assert same_rows(back.rows(), one.rows()) and same_rows(back.chunks[1].rows, one.chunks[1].rows)
    assert [c.keys is None for c in back.chunks] == [True, False, True]
    assert torch.equal(back.chunks[1].keys, one.chunks[1].keys)  # type: ignore[arg-type]
    with adapted.using(one.rows()) as model, torch.no_grad():
        expected = model(TOKENS).logits
    theirs = PeftModel.from_pretrained(tiny_model(), str(folder))
    with torch.no_grad():
        assert torch.allclose(theirs(TOKENS).logits, expected, atol=1e-5)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["flat"]


def test_a_broken_folder_says_so(adapted: AdaptedModel, tmp_path: Path) -> None:
    save_adapter(tmp_path / "flat", adapter(adapted))
    for name, text in (("chunks.json", "{"), ("adapter_model.safetensors", "no")):
        folder = tmp_path / name
        save_adapter(folder, adapter(adapted))
        (folder / name).write_text(text)
        with pytest.raises(BadInputError) as caught:
            load_adapter(folder)
        assert caught.value.reason == "adapter_unreadable"
    with pytest.raises(BadInputError):
        load_adapter(tmp_path / "absent")
