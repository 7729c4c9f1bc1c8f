"""LoRA weights as rows: every rank is one row of A and one row of B, so that adapters add up by concatenation.

A linear layer becomes W x + scale * sum_r B_r (A_r . x). Rows of several adapters, one after the other, change the
layer by the sum of what each changes (Doc-to-LoRA, arXiv 2602.15902, section on chunks).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class LoraRows:
    """The rows of every adapted layer.

    Attributes:
        down: by the module's name in the model, the rows of A, (R, in) or (batch, R, in).
        up: the rows of B, (R, out) or (batch, R, out).
        scale: factor of the change.
    """

    down: Mapping[str, Tensor]
    up: Mapping[str, Tensor]
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.down.keys() != self.up.keys():
            raise ValueError("down and up must name the same modules")
        for name, a in self.down.items():
            if a.shape[:-1] != self.up[name].shape[:-1]:
                raise ValueError(f"{name}: A has rows {tuple(a.shape[:-1])}, B {tuple(self.up[name].shape[:-1])}")

    @property
    def rank(self) -> int:
        """Rows of a layer; 0 without layers. All layers have alike many."""
        return next((a.shape[-2] for a in self.down.values()), 0)

    @property
    def batch(self) -> int | None:
        """How many adapters these are; None for a single one without a batch dimension."""
        first = next(iter(self.down.values()), None)
        return None if first is None or first.dim() == 2 else first.shape[0]

    @property
    def bytes(self) -> int:
        """Of all rows, in the type that they have."""
        return sum(t.numel() * t.element_size() for t in (*self.down.values(), *self.up.values()))

    def map(self, change: Callable[[Tensor], Tensor]) -> LoraRows:
        """The same function over A and B of each layer."""
        down = {name: change(t) for name, t in self.down.items()}
        return LoraRows(down, {name: change(t) for name, t in self.up.items()}, self.scale)

    def one(self, number: int) -> LoraRows:
        """One adapter of a batch, without a batch dimension."""
        return self.map(lambda t: t[number])

    def pick(self, numbers: Tensor | Sequence[int]) -> LoraRows:
        """A batch of adapters of this batch, by number, (N,) int64: one for each question that is asked of them."""
        first = next(iter(self.down.values()))
        chosen = torch.as_tensor(numbers, dtype=torch.int64, device=first.device)
        return self.map(lambda t: t.index_select(0, chosen))

    def between(self, start: int, end: int) -> LoraRows:
        """Only these rows."""
        return self.map(lambda t: t[..., start:end, :])

    def delta(self, name: str) -> Tensor:
        """The change of one layer's weight, (out, in) or (batch, out, in)."""
        return self.scale * self.up[name].transpose(-1, -2) @ self.down[name]

    def norm(self) -> float:
        """Frobenius norm of the change over all layers, of an adapter without a batch dimension.

        Made from the rows' products alone, never from a whole weight. Of chunks that are added it grows with their
        number: what to watch.
        """
        total = 0.0
        for name, a in self.down.items():
            b = self.up[name]
            total += float(((a.float() @ a.float().T) * (b.float() @ b.float().T)).sum())
        return self.scale * math.sqrt(max(total, 0.0))


def concatenate(parts: Sequence[LoraRows]) -> LoraRows:
    """Adapters that act together: their rows one after the other; the change is the sum of theirs.

    Parts of another scale are brought to the first one's through B.

    Raises:
        ValueError: no parts, or parts for different modules.
    """
    if not parts:
        raise ValueError("nothing to concatenate")
    scale = parts[0].scale
    for part in parts:
        if part.down.keys() != parts[0].down.keys():
            raise ValueError("parts are for different modules")
    down = {name: torch.cat([p.down[name] for p in parts], dim=-2) for name in parts[0].down}
    up = {
        name: torch.cat([p.up[name] if p.scale == scale else p.up[name] * (p.scale / scale) for p in parts], dim=-2)
        for name in parts[0].up
    }
    return LoraRows(down, up, scale)


def stacked(adapters: Sequence[LoraRows]) -> LoraRows:
    """A batch of single adapters; those with fewer rows get rows of zeros, which change nothing."""
    most = max(one.rank for one in adapters)

    def widened(t: Tensor) -> Tensor:
        return torch.nn.functional.pad(t, (0, 0, 0, most - t.shape[-2]))

    wide = [one.map(widened) for one in adapters]
    scale = wide[0].scale
    down = {name: torch.stack([w.down[name] for w in wide]) for name in wide[0].down}
    up = {name: torch.stack([w.up[name] * (w.scale / scale) for w in wide]) for name in wide[0].up}
    return LoraRows(down, up, scale)


def merged_chunks(rows: LoraRows) -> LoraRows:
    """A batch of chunks (K, R, ...) as one adapter of K R rows."""
    return rows.map(lambda t: t.reshape(-1, t.shape[-1]))


def joined(rows: LoraRows, counts: Sequence[int]) -> LoraRows:
    """Chunks of several documents, (N, R, ...), one document's after the other's, as a batch of adapters.

    Documents with fewer chunks get rows of zeros, which change nothing.

    Args:
        rows: of the N chunks.
        counts: chunks of each document, N in all.
    """
    most, first = max(counts), 0
    numbers = list[list[int]]()
    for count in counts:
        numbers.append([*range(first, first + count), *[sum(counts)] * (most - count)])
        first += count

    def put(t: Tensor) -> Tensor:
        padded = torch.cat([t, torch.zeros_like(t[:1])])
        return padded[torch.tensor(numbers, device=t.device)].flatten(1, 2)

    return rows.map(put)


def with_bias(rows: LoraRows, bias: LoraRows) -> LoraRows:
    """A batch of adapters, each with the same bias rows."""
    return concatenate([rows, bias.map(lambda t: t.expand(rows.batch or 1, *t.shape))])
