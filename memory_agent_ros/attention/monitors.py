"""Massive activations and attention sinks of a language model, watched while it reads.

Massive activations are single numbers of the hidden state thousands of times the median (arXiv 2402.17762); sinks are
heads that attend to the first token whatever it says (arXiv 2309.17453). They tend to come together, but need not
(arXiv 2603.05498), so each has a figure. Hooks are there only inside ``with``: off, the monitor costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from memory_agent_ros.attention.rotary import decoder_of

MASSIVE_RATIO, MASSIVE = 1e3, 100.0
SINK_ATTENTION = 0.3


@dataclass(frozen=True)
class Activity:
    """What was seen.

    Attributes:
        tokens: how many were read.
        largest: (L,) max |h| after each layer.
        ratio: (L,) the largest max |h| / median |h| of a forward after each layer.
        sink_attention: (L, H) mean attention of each head on the first key; NaN where it was not watched.
    """

    tokens: int
    largest: tuple[float, ...]
    ratio: tuple[float, ...]
    sink_attention: tuple[tuple[float, ...], ...]

    @property
    def massive_layers(self) -> tuple[int, ...]:
        """Layers after which some activation is massive: above 100 and above a thousand medians."""
        pairs = enumerate(zip(self.largest, self.ratio, strict=True))
        return tuple(n for n, (largest, ratio) in pairs if largest > MASSIVE and ratio > MASSIVE_RATIO)

    @property
    def sink_ratio(self) -> float:
        """Share of heads whose mean attention on the first key is above 0.3; NaN if none was watched."""
        heads = [share for layer in self.sink_attention for share in layer]
        return sum(share > SINK_ATTENTION for share in heads) / len(heads) if heads else float("nan")

    def to_dict(self) -> Mapping[str, Any]:
        """Figures for diagnostics."""
        return {
            "tokens": self.tokens,
            "massive_layers": list(self.massive_layers),
            "largest_activation": max(self.largest, default=float("nan")),
            "largest_ratio": max(self.ratio, default=float("nan")),
            "sink_ratio": self.sink_ratio,
        }


@dataclass
class _Sums:
    largest: list[float]
    ratio: list[float]
    shares: list[Tensor | None]
    queries: list[int]
    tokens: int = 0


class ActivityMonitor:
    """Watches a Llama-type model.

    Args:
        model: any whose decoder :func:`~memory_agent_ros.attention.rotary.decoder_of` finds.
    """

    def __init__(self, model: Any) -> None:
        self._decoder = decoder_of(model)
        self._sums = self._fresh()

    @contextmanager
    def watching(self, sinks: bool = True) -> Iterator[None]:
        """Watch what the model reads inside; figures begin anew.

        Args:
            sinks: attention too. The model then computes attention step by step, which is slower and takes memory, and
                gives the same results up to rounding.
        """
        self._sums = self._fresh()
        with ExitStack() as stack:
            for number, layer in enumerate(self._decoder.layers):
                stack.callback(layer.register_forward_hook(self._hidden(number)).remove)
                if sinks:
                    stack.callback(layer.self_attn.register_forward_hook(self._attention(number)).remove)
            if sinks:
                stack.enter_context(_step_by_step(self._decoder.config))
            yield

    def activity(self) -> Activity:
        """What was seen since watching began."""
        s = self._sums
        shares = [(t / n).tolist() for t, n in zip(s.shares, s.queries, strict=True) if t is not None]
        return Activity(s.tokens, tuple(s.largest), tuple(s.ratio), tuple(map(tuple, shares)))

    def _fresh(self) -> _Sums:
        layers = len(self._decoder.layers)
        return _Sums([0.0] * layers, [0.0] * layers, [None] * layers, [0] * layers)

    def _hidden(self, number: int) -> Any:
        def hook(layer: Any, args: Any, output: Any) -> None:
            hidden = (output if isinstance(output, Tensor) else output[0]).detach().abs().float()
            largest, median = float(hidden.max()), float(hidden.median())
            s = self._sums
            s.largest[number] = max(s.largest[number], largest)
            s.ratio[number] = max(s.ratio[number], largest / max(median, 1e-12))
            s.tokens += hidden.shape[0] * hidden.shape[1] if number == 0 else 0

        return hook

    def _attention(self, number: int) -> Any:
        def hook(module: Any, args: Any, output: Any) -> None:
            weights: Tensor = output[1].detach()  # (B, H, queries, keys)
            first = 1 if weights.shape[2] == weights.shape[3] else 0  # the stream's first token has no choice
            shares = weights[:, :, first:, 0].double().sum(dim=(0, 2)).cpu()
            s, before = self._sums, self._sums.shares[number]
            s.shares[number] = shares if before is None else before + shares
            s.queries[number] += weights.shape[0] * (weights.shape[2] - first)

        return hook


@contextmanager
def _step_by_step(config: Any) -> Iterator[None]:
    """Let a model return attention, which its fast ways of computing it do not."""
    before = config._attn_implementation
    config._attn_implementation = "eager"
    try:
        yield
    finally:
        config._attn_implementation = before


def activity_of(model: Any, ids: Tensor, sinks: bool = True) -> Activity:
    """What a model does while it reads (B, n) tokens at once, without a cache."""
    monitor = ActivityMonitor(model)
    with monitor.watching(sinks), torch.no_grad():
        model(input_ids=ids, use_cache=False, logits_to_keep=1)
    return monitor.activity()
