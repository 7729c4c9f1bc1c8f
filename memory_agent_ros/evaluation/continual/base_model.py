"""The frozen model that all arms adapt: a tiny causal transformer with random weights. Needs torch and transformers.

Random features tell all words apart and know nothing of any apartment, so that whatever is answered rightly was
learned by the adapters, and nothing that is forgotten was the model's own.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from memory_agent_ros.evaluation.continual.places import QUESTION, Words, joined, moments, place
from memory_agent_ros.records.errors import MissingExtraError

#: Apartments of the ``train`` split that say what views have in common; the streams of that split begin after them.
APARTMENTS = 12
WIDTH, LAYERS, SPREAD = 64, 2, 0.05


def base_model(words: int, seed: int = 0) -> Any:
    """A Llama of transformers with weights drawn from a seed, in evaluation mode.

    Raises:
        MissingExtraError: transformers is not installed.
    """
    try:
        from transformers import LlamaConfig, LlamaForCausalLM
    except ImportError as error:
        raise MissingExtraError("continual learning needs: pip install 'memory_agent_ros[language]'") from error
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=words, hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=LAYERS,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=64, attn_implementation="eager",
        initializer_range=SPREAD,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


@cache
def _views(count: int) -> Tensor:
    """(N, T) tokens of views of the apartments that belong to no stream."""
    words, rng = Words(), np.random.default_rng(1)
    parts = [moments(words, p, p.facts[:count], rng) for p in (place("train", n) for n in range(APARTMENTS))]
    return torch.from_numpy(joined(parts).tokens[:, :-QUESTION])


def mean_features(model: Any, count: int = 32) -> Tensor:
    """(D,) mean embedding over views of any apartments: what says nothing about a place."""
    with torch.no_grad():
        found: Tensor = model.get_input_embeddings()(_views(count)).mean(dim=(0, 1))
    return found
