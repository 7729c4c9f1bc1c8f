"""A LoRA file: what was trained comes back merged; files of other models and damaged ones are refused."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import torch
import transformers
from peft import LoraConfig, get_peft_model

from memory_agent_ros.reasoning.language.lora import lora_tensors, merge_lora, read_lora, save_lora
from memory_agent_ros.records.errors import BadInputError


def model(hidden: int = 32) -> Any:
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=50, hidden_size=hidden, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2,
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


def trained(folder: Path) -> tuple[Any, Path]:
    lora = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = get_peft_model(model(), lora).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_(std=0.3)
    path = folder / "reader.safetensors"
    save_lora(path, lora_tensors(adapted), 8 / 4, {"seed": 1})
    return adapted, path


def test_merged_weights_compute_what_the_adapter_computed(tmp_path: Path) -> None:
    adapted, path = trained(tmp_path)
    merged, ids = model(), torch.arange(12)[None]
    with torch.inference_mode():
        before, wanted = merged(ids).logits, adapted(ids).logits
        assert merge_lora(merged, path) == {"seed": 1}
        got = merged(ids).logits
    assert not torch.allclose(before, wanted, atol=0.1)
    assert torch.allclose(got, wanted, atol=5e-2), float((got - wanted).abs().max())  # the file holds bfloat16
    assert [p.name for p in tmp_path.iterdir()] == ["reader.safetensors"]


def test_a_lora_of_another_model_changes_nothing(tmp_path: Path) -> None:
    _, path = trained(tmp_path)
    other = model(hidden=48)
    before = {n: p.clone() for n, p in other.named_parameters()}
    with pytest.raises(BadInputError) as caught:
        merge_lora(other, path)
    assert caught.value.reason == "adapter_of_another_model"
    assert all(torch.equal(p, before[n]) for n, p in other.named_parameters())


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    _, path = trained(tmp_path)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(path.read_bytes()[:1000])
    foreign = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(2)}, foreign)
    for bad in (cut, foreign, tmp_path / "absent.safetensors"):
        with pytest.raises(BadInputError) as caught:
            read_lora(bad)
        assert caught.value.reason == "adapter_unreadable"
