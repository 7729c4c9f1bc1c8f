"""A stream of text through a language model with the caches that are compared."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm
from transformers import DynamicCache

from memory_agent_ros.attention.sink_cache import SinkCache, SinkConfig


@dataclass(frozen=True)
class StreamConfig:
    """What is measured.

    Attributes:
        tokens: length of the stream.
        marks: after how many tokens single steps are timed and bytes counted.
        sink, recent: tokens kept by the sink window; the window without sinks keeps as many in all.
        part: tokens fed at once.
        positions: how many next tokens are scored.
        dense: how far the dense cache goes.
        steps: single tokens timed at each mark: a part's length, so that the cache's housekeeping, once in so many, is
            in it.
        recomputed: how often recomputing the window is timed at each mark.
    """

    tokens: int = 50_000
    marks: tuple[int, ...] = (1_000, 10_000, 50_000)
    sink: int = 4
    recent: int = 252
    part: int = 64
    positions: int = 500
    dense: int = 10_000
    steps: int = 64
    recomputed: int = 5

    @property
    def window(self) -> int:
        """Tokens read before each scored one, by every arm but the dense."""
        return self.sink + self.recent

    def brief(self) -> StreamConfig:
        """The same windows over a shorter stream of which only perplexity is taken, for streams after the first."""
        return dataclasses.replace(
            self, tokens=self.tokens // 4, marks=(), positions=self.positions // 2, dense=0, steps=0
        )


@dataclass
class StreamRun:
    """What one stream gave.

    Attributes:
        seed: of the stream.
        nll: arm -> position -> -log p of the token after it, nats.
        step_us: arm -> mark -> processor time of single tokens, microseconds, all in one interleaved run.
        nbytes: arm -> mark -> bytes of the cache.
        feed_us: arm -> processor time for a token fed in parts, for each stretch of the stream between marks.
    """

    seed: int
    nll: dict[str, dict[int, float]] = field(default_factory=dict)
    step_us: dict[str, dict[int, list[float]]] = field(default_factory=dict)
    nbytes: dict[str, dict[int, int]] = field(default_factory=dict)
    feed_us: dict[str, dict[int, float]] = field(default_factory=dict)


def run_stream(model: Any, ids: Tensor, config: StreamConfig, seed: int, *, progress: bool = False) -> StreamRun:
    """Read (tokens + steps + 1,) ids with every arm.

    Positions are the first of a part: there a sink window has exactly its window before it, as in single steps. The
    window is recomputed over as many tokens, from the text alone.
    """
    run = StreamRun(seed)
    starts = torch.arange(0, config.tokens, config.part)
    starts = starts[starts > config.window + config.part]
    order = torch.randperm(len(starts), generator=torch.Generator().manual_seed(seed))
    chosen = sorted(starts[order[: config.positions]].tolist())
    total = 2 * config.tokens + min(config.dense, config.tokens) + config.window * len(chosen)
    snapshots: dict[str, dict[int, Any]] = {}
    with torch.inference_mode(), tqdm(total=total, desc=f"stream {seed}", unit="token", disable=not progress) as bar:
        for arm, make, length in _caches(model, config):
            snapshots[arm] = _feed(model, make(), ids, arm, length, config, set(chosen), run, bar.update)
        run.nll["window_recompute"] = {}
        for position in chosen:
            text = ids[position - config.window : position + 1]
            run.nll["window_recompute"][position] = _nll(_whole(model, text), ids[position + 1])
            bar.update(config.window)
        _time_steps(model, ids, snapshots, config, run)
    return run


def _caches(model: Any, config: StreamConfig) -> list[tuple[str, Callable[[], Any], int]]:
    with_sinks = SinkConfig(config.sink, 0, config.recent, config.part)
    without = SinkConfig(0, 0, config.window, config.part)
    return [
        ("sink_window", lambda: SinkCache(model, with_sinks), config.tokens),
        ("window", lambda: SinkCache(model, without), config.tokens),
        ("dense", lambda: DynamicCache(), min(config.dense, config.tokens)),
    ]


def _feed(
    model: Any,
    cache: Any,
    ids: Tensor,
    arm: str,
    length: int,
    config: StreamConfig,
    chosen: set[int],
    run: StreamRun,
    tell: Callable[[int], object],
) -> dict[int, Any]:
    """Read a stream in parts; returns copies of the cache at the marks."""
    nll, feed_us, nbytes = run.nll.setdefault(arm, {}), run.feed_us.setdefault(arm, {}), run.nbytes.setdefault(arm, {})
    copies: dict[int, Any] = {}
    marks = [m for m in config.marks if m <= length]
    cuts = sorted({*range(0, length, config.part), *marks, length})
    spent, since = 0.0, 0
    first = torch.zeros(1, dtype=torch.long, device=ids.device)
    for start, end in itertools.pairwise(cuts):
        before = time.process_time()
        logits = model(
            input_ids=ids[None, start:end], past_key_values=cache, use_cache=True, logits_to_keep=first
        ).logits[0, 0]
        spent += time.process_time() - before
        if start in chosen:
            nll[start] = _nll(logits, ids[start + 1])
        if end in marks:
            feed_us[end] = 1e6 * spent / (end - since)
            spent, since = 0.0, end
            copies[end], nbytes[end] = copy.deepcopy(cache), cache_bytes(cache)
        tell(end - start)
    return copies


def _time_steps(
    model: Any, ids: Tensor, snapshots: Mapping[str, Mapping[int, Any]], config: StreamConfig, run: StreamRun
) -> None:
    """Single tokens from every mark of every arm, in random turns: what else the machine does meets all alike."""
    run.step_us = {arm: {mark: [] for mark in found} for arm, found in snapshots.items()}
    run.step_us["window_recompute"] = {mark: [] for mark in config.marks}
    run.nbytes["window_recompute"] = dict.fromkeys(config.marks, 0)
    order = torch.Generator().manual_seed(run.seed)
    turns = [(arm, mark, cache) for arm, found in snapshots.items() for mark, cache in found.items()]
    for step in range(config.steps):
        for turn in torch.randperm(len(turns), generator=order).tolist():  # each leaves the processor's caches its way
            arm, mark, cache = turns[turn]
            token = ids[None, mark + step : mark + step + 1]
            before = time.process_time()
            model(input_ids=token, past_key_values=cache, use_cache=True)
            run.step_us[arm][mark].append(1e6 * (time.process_time() - before))
        if step < config.recomputed:
            for mark in config.marks:
                before = time.process_time()
                _whole(model, ids[mark + step - config.window : mark + step + 1])
                run.step_us["window_recompute"][mark].append(1e6 * (time.process_time() - before))


def _whole(model: Any, text: Tensor) -> Tensor:
    """(V,) logits after a text that is read at once."""
    found: Tensor = model(input_ids=text[None], use_cache=False, logits_to_keep=1).logits[0, -1]
    return found


def _nll(logits: Tensor, token: Tensor) -> float:
    return float(-logits.float().log_softmax(dim=-1)[token])


def cache_bytes(cache: Any) -> int:
    """Bytes of the keys and values that a cache holds."""
    if isinstance(cache, SinkCache):
        return cache.nbytes
    tensors: Sequence[Tensor] = [t for layer in cache.layers for t in (layer.keys, layer.values)]
    return sum(t.numel() * t.element_size() for t in tensors)
