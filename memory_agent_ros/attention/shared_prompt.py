"""Several texts behind one copy of a prompt, in one pass: each sees the prompt and itself. Needs torch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def pack(text: Sequence[int], choices: Sequence[Sequence[int]]) -> dict[str, Tensor]:
    """One sequence of a prompt and all that may follow it.

    Returns:
        ``ids`` (L,) the prompt, then the choices one after the other; ``positions`` (L,), each choice's going on from
        the prompt's; ``seen`` (L, L) bool, which token sees which; for the M tokens of the choices ``before`` (M,)
        where each is predicted and ``owner`` (M,) whose it is.
    """
    first, size = len(text), len(text) + sum(map(len, choices))
    ids = torch.tensor([*text, *(token for choice in choices for token in choice)])
    positions, before, owner = list(range(first)), [], []
    seen = torch.zeros(size, size, dtype=torch.bool)
    seen[:, :first] = True
    seen[:first, :first] = torch.ones(first, first, dtype=torch.bool).tril()
    for number, choice in enumerate(choices):
        start, length = len(positions), len(choice)
        positions += range(first, first + length)
        before += [first - 1, *range(start, start + length - 1)]
        owner += [number] * length
        seen[start : start + length, start : start + length] = torch.ones(length, length, dtype=torch.bool).tril()
    return {
        "ids": ids,
        "positions": torch.tensor(positions),
        "seen": seen,
        "before": torch.tensor(before),
        "owner": torch.tensor(owner),
    }
