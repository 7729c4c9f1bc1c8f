"""Activations of feed-forward neurons on prompts, each neuron's largest one over the tokens of the request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from memory_agent_ros.evaluation.safety.requests import Request
from memory_agent_ros.evaluation.training.reader_examples import Example
from memory_agent_ros.evaluation.training.train_reader import batches_of
from memory_agent_ros.reasoning.language.encoding import Encoder
from memory_agent_ros.reasoning.language.neurons import feed_forward
from memory_agent_ros.reasoning.transcript import Transcript


def prompt_of(request: Request, encoder: Encoder) -> Example:
    """The prompt, with the tokens of the request itself as the wanted ones: those before are alike for all."""
    ids = encoder.transcript(request.opening)
    before = encoder.transcript(Transcript("", request.opening.known))
    shared = next((n for n, (a, b) in enumerate(zip(ids, before, strict=False)) if a != b), len(before))
    return Example(tuple(ids), tuple(range(shared, len(ids))))


def pooled_activations(
    model: nn.Module, prompts: Sequence[Example], tokens: int = 2048, progress: bool = False
) -> NDArray[np.float16]:
    """(N, layers, neurons) largest magnitude of each neuron's activation over the wanted tokens of each prompt.

    A neuron's activation is what its column of the down projection is multiplied with.

    Args:
        model: causal, built like Llama.
        prompts: token ids and which of them are pooled over, without a gap.
        tokens: of a batch with padding.
        progress: show a bar.
    """
    config: Any = model.config
    out = np.zeros((len(prompts), config.num_hidden_layers, config.intermediate_size), np.float16)
    now: dict[int, Tensor] = {}
    layers = range(config.num_hidden_layers)
    handles = [
        feed_forward(model, n).get_submodule("down_proj").register_forward_pre_hook(_noting(now, n)) for n in layers
    ]
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i].ids))
    bar = tqdm(total=len(prompts), desc="activations", unit="request", disable=not progress)
    try:
        with torch.inference_mode(), bar:
            for batch in batches_of(order, prompts, tokens):
                length = max(len(prompts[i].ids) for i in batch)
                ids = [[*prompts[i].ids, *[0] * (length - len(prompts[i].ids))] for i in batch]
                inner: Any = model.get_submodule("model")
                inner(input_ids=torch.tensor(ids), use_cache=False)
                for row, i in enumerate(batch):
                    first, last = prompts[i].wanted[0], prompts[i].wanted[-1] + 1
                    for n in layers:
                        out[i, n] = now[n][row, first:last].abs().amax(dim=0).float().numpy()
                bar.update(len(batch))
    finally:
        for handle in handles:
            handle.remove()
    return out


def _noting(now: dict[int, Tensor], layer: int) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    def hook(_: nn.Module, inputs: tuple[Any, ...]) -> None:
        now[layer] = inputs[0].detach()

    return hook
