"""Times of one decode after the other, the arms taking turns on the same scores.

Times are the processor's, not the clock's: on a machine that does other work the clock counts that too, and most for
the slow arms. On an idle core both are the same.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from memory_agent_ros.evaluation.constrained.arms import Arm, prompts

#: Tensors of scores that decodes draw from: more of them than a cache holds.
_POOL = 6
_MOST_STEPS = 24
#: Arms that follow the same sequences of tokens and so choose the same.
_ALIKE = ("trie", "trie_processor", "dict_trie", "prefix_processor")


@dataclass
class Times:
    """What decodes of one size took.

    Attributes:
        step_us: arm -> mean microseconds a step, one number a decode.
        deeper_us: the same without the first step, at which all the beginnings of names are compared.
        disagreements: tokens in which an arm differed from ours although it has the same sequences.
        tokens: tokens compared.
    """

    step_us: dict[str, list[float]] = field(default_factory=dict)
    deeper_us: dict[str, list[float]] = field(default_factory=dict)
    disagreements: int = 0
    tokens: int = 0


def time_steps(arms: Mapping[str, Arm], vocabulary: int, rows: int, stop: int, decodes: int, seed: int) -> Times:
    """Decode names of random scores with every arm in turn.

    Args:
        arms: by name, ours first.
        vocabulary: number of token ids.
        rows: batch.
        stop: token that ends a name.
        decodes: that count; one before them warms up.
        seed: of the scores.
    """
    drawn = torch.Generator().manual_seed(seed)
    pool = [torch.randn(rows, vocabulary, generator=drawn) for _ in range(_POOL)]
    out = Times({name: [] for name in arms}, {name: [] for name in arms})
    order = list(arms)
    gc.collect()
    gc.disable()  # of a million dictionaries it would fall into any arm
    try:
        for number in range(-1, decodes):
            steps = _MOST_STEPS
            ours: Any = None
            for name in ["trie", *np.roll([a for a in order if a != "trie"], number)]:
                scores = [pool[(number + step) % _POOL] for step in range(steps)]
                took, written = _decode(arms[name], scores, stop)
                if name == "trie":
                    ours, steps = written, len(took)
                elif name in _ALIKE and number >= 0:
                    out.tokens += int(ours.numel())
                    out.disagreements += int((written != ours).sum()) if written.shape == ours.shape else ours.numel()
                if number >= 0:
                    out.step_us[name].append(float(np.mean(took)) * 1e6)
                    out.deeper_us[name].append(float(np.mean(took[1:])) * 1e6)
    finally:
        gc.enable()
    return out


def _decode(arm: Arm, scores: Sequence[Any], stop: int) -> tuple[list[float], Any]:
    """One decode until every row has stopped, or the scores are used up: seconds of each step, tokens."""
    written = prompts(len(scores[0]))
    arm.start(len(written))
    first, took = written.shape[1], []
    over = torch.zeros(len(written), dtype=torch.bool)
    for one in scores:
        started = time.process_time()
        tokens = arm.step(one, written)
        took.append(time.process_time() - started)
        chosen = torch.from_numpy(np.asarray(tokens, np.int64))
        written = torch.cat([written, chosen[:, None]], dim=1)
        over |= chosen == stop
        if over.all():
            break
    return took, written[:, first:]


def seconds(work: Callable[[], Any], times: int) -> list[float]:
    """How long something takes, each time."""
    out = []
    for _ in range(times):
        started = time.process_time()
        work()
        out.append(time.process_time() - started)
    return out
