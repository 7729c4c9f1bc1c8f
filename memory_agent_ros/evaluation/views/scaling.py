"""What choosing pictures costs against how many there are. Needs torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch.nn import functional

from memory_agent_ros.evaluation.views.networks import ArmNetwork
from memory_agent_ros.evaluation.views.task import TOP
from memory_agent_ros.memory.viewrope import frame_sparse_attention, pooled, select_frames
from memory_agent_ros.memory.views.patch_features import PATCHES

COUNTS = (64, 128, 256, 512, 1024, 2048)
_REPEATS = 9


@dataclass(frozen=True)
class Cost:
    """Cost at one number of pictures: one query view of 48 tokens.

    Attributes:
        select_us: scoring all pictures by their pooled keys and taking the best five, microseconds.
        sparse_ms: that and attention to the tokens of the five.
        dense_ms: attention to the tokens of all pictures.
        key_bytes: pooled keys kept for selection.
        sparse_bytes, dense_bytes: keys and values that attention reads.
    """

    count: int
    select_us: float
    sparse_ms: float
    dense_ms: float
    key_bytes: int
    sparse_bytes: int
    dense_bytes: int


def costs(network: ArmNetwork, counts: Sequence[int] = COUNTS) -> list[Cost]:
    """Costs with random tokens of the network's shapes; the least of several repeats, on one thread."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    head = network.encoder.views
    shape = (head.heads, PATCHES, head.code.config.head_dim)
    largest = torch.randn(max(counts), *shape)
    everything = torch.ones(max(counts), PATCHES, dtype=torch.bool)
    pooled_largest = torch.cat(
        [pooled(part, mask) for part, mask in zip(largest.split(64), everything.split(64), strict=True)]
    )
    query = torch.randn(1, *shape)
    asked = pooled(query, everything[:1])
    out = []
    with torch.inference_mode():
        for count in counts:
            keys, pooled_keys = largest[:count], pooled_largest[:count]
            flat = keys.transpose(0, 1).flatten(1, 2)[None].contiguous()
            token = keys[0].numel() * 4
            out.append(
                Cost(
                    count,
                    1e6 * _least(partial(select_frames, asked, pooled_keys, TOP), 20),
                    1e3 * _least(partial(frame_sparse_attention, query, keys, keys, pooled_keys, TOP), 1),
                    1e3 * _least(partial(functional.scaled_dot_product_attention, query, flat, flat), 1),
                    pooled_keys.numel() * 4,
                    2 * TOP * token,
                    2 * count * token,
                )
            )
    return out


def slope(counts: Sequence[float], values: Sequence[float]) -> float:
    """Of log value against log count: 1 is linear, 2 quadratic, 0 constant."""
    return float(np.polyfit(np.log(counts), np.log(values), 1)[0])


def _least(call: Callable[[], object], inner: int) -> float:
    """Seconds of the quickest of several repeats."""
    best = np.inf
    for _ in range(_REPEATS):
        started = time.perf_counter()
        for _ in range(inner):
            call()
        best = min(best, (time.perf_counter() - started) / inner)
    return float(best)
