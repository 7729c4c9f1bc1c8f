"""A tiny frozen model of transformers, and adapters for it."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import torch

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.rows import LoraRows

VOCABULARY = 50


def tiny_model(seed: int = 0) -> Any:
    """Two layers, width 16."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


@pytest.fixture
def adapted() -> AdaptedModel:
    return AdaptedModel(tiny_model())


def some_rows(adapted: AdaptedModel, seed: int, rank: int = 3, scale: float = 0.5) -> LoraRows:
    """Random rows for each target."""
    draw = torch.Generator().manual_seed(seed)
    down = {t.name: torch.randn(rank, t.inputs, generator=draw) for t in adapted.targets}
    return LoraRows(down, {t.name: torch.randn(rank, t.outputs, generator=draw) for t in adapted.targets}, scale)
