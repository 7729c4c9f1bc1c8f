"""Tiny random language models of the real classes."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from torch import Tensor


def model(kind: str = "Llama", layers: int = 2, positions: int = 4096, dtype: torch.dtype = torch.float32) -> Any:
    """A model with grouped queries and weights large enough for attention to matter."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=layers, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=positions, initializer_range=0.3, bos_token_id=1,
        eos_token_id=None, pad_token_id=None,
    )  # fmt: skip
    return getattr(transformers, f"{kind}ForCausalLM")(config).eval().to(dtype)


def tokens(length: int, rows: int = 1, seed: int = 0) -> Tensor:
    return torch.randint(0, 64, (rows, length), generator=torch.Generator().manual_seed(seed))


def feed(model: Any, cache: Any, ids: Tensor, chunk: int) -> Tensor:
    """(B, n, V) logits of a stream that is fed in parts."""
    with torch.no_grad():
        return torch.cat(
            [model(input_ids=part, past_key_values=cache, use_cache=True).logits for part in ids.split(chunk, dim=1)],
            dim=1,
        )
