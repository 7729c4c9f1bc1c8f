"""A resampler: from any number of tokens to a few vectors, by cross-attention (Jaegle et al., arXiv 2103.03206).

Doc-to-LoRA (arXiv 2602.15902) reads a document's activations with one of these, shared by all layers of the language
model: layers are folded into the batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

#: How far a latent sees at first, in parts of a sequence.
_SPREAD = 0.7


@dataclass(frozen=True)
class ResamplerSize:
    """How large a resampler is.

    Attributes:
        width: of latents and outputs.
        latents: how many vectors the tokens are read into.
        blocks: cross-attention blocks between tokens and latents.
        heads: of each attention.
        ordered: tokens know their places in the sequence (a document's), or are a set (a memory's objects).
    """

    width: int = 128
    latents: int = 8
    blocks: int = 2
    heads: int = 4
    ordered: bool = True


class CrossAttention(nn.Module):
    """Queries read tokens, then each passes a small network; both added to what was there. LayerNorm comes first."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._heads = heads
        self.before, self.tokens = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.pair = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.mixer = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, queries: Tensor, tokens: Tensor, seen: Tensor | None) -> Tensor:
        """(B, Q, width) reads (B, T, width); ``seen`` (B, 1, Q or 1, T) tells which (bool), or is added to logits."""
        q = self._split(self.query(self.before(queries)))
        k, v = (self._split(t) for t in self.pair(self.tokens(tokens)).chunk(2, dim=-1))
        read = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        queries = queries + self.out(read.transpose(1, 2).flatten(2))
        return queries + self.mixer(queries)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self._heads, -1)).transpose(1, 2)


class Resampler(nn.Module):
    """Tokens -> ``outputs`` vectors: latents read the tokens in blocks, then output queries read the latents.

    Args:
        inputs: width of the tokens.
        outputs: how many vectors come out.
        size: of the network.
    """

    def __init__(self, inputs: int, outputs: int, size: ResamplerSize) -> None:
        super().__init__()
        width, self._ordered = size.width, size.ordered
        self.project = nn.Sequential(nn.LayerNorm(inputs), nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, width))
        self.latents = nn.Parameter(torch.randn(size.latents, width) * 0.5)
        self.blocks = nn.ModuleList(CrossAttention(width, size.heads) for _ in range(size.blocks))
        self.queries = nn.Parameter(torch.randn(outputs, width) * 0.5)
        self.decoder = CrossAttention(width, size.heads)
        self.norm = nn.LayerNorm(width)
        if size.ordered:
            self.centres = nn.Parameter((torch.arange(size.latents) + 0.5) / size.latents)
            self.spreads = nn.Parameter(torch.full((size.latents,), math.log(_SPREAD / size.latents)))

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Read.

        Args:
            tokens: (B, T, inputs).
            mask: (B, T) bool, which of them there are; at least one in each row.

        Returns:
            (B, outputs, width).
        """
        x = self.project(tokens)
        if self._ordered:
            x = x + places(x.shape[1], x.shape[2], x)
        there = x.new_ones(x.shape[:2], dtype=torch.bool) if mask is None else mask
        seen = self.windows(there)[:, None]
        latents = self.latents.expand(len(x), -1, -1)
        for block in self.blocks:
            latents = block(latents, x, seen)
        read: Tensor = self.norm(self.decoder(self.queries + self._repeated(latents, 1), latents, None))
        return read

    def windows(self, there: Tensor) -> Tensor:
        """Where each latent may look: each begins with a part of its own of a sequence, and sees all of a set.

        Args:
            there: (B, T) which tokens there are.

        Returns:
            (B, latents, T) to be added to logits.
        """
        absent = torch.zeros(there.shape, device=there.device).masked_fill(~there, -math.inf)[:, None]
        if not self._ordered:
            return absent.expand(-1, len(self.latents), -1)
        at = (torch.arange(there.shape[1], device=there.device) + 0.5) / there.sum(dim=1, keepdim=True)
        away = (at[:, None] - self.centres[:, None]) / self.spreads.exp()[:, None]
        return absent - 0.5 * away.square()

    def output_windows(self, there: Tensor) -> Tensor:
        """(B, outputs, T): those of the latents that the outputs begin with."""
        return self._repeated(self.windows(there), 1)

    def _repeated(self, of_latents: Tensor, dim: int) -> Tensor:
        """What belongs to latents, for the outputs: each begins with one of them."""
        index = torch.arange(len(self.queries), device=of_latents.device) % len(self.latents)
        return of_latents.index_select(dim, index)


def places(length: int, width: int, like: Tensor) -> Tensor:
    """(length, width) sines and cosines of a token's place, of the type and on the device of ``like``."""
    rates = torch.exp(torch.arange(0, width, 2, device=like.device) * (-math.log(1000.0) / width))
    angles = torch.arange(length, device=like.device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=-1)[:, :width].to(like.dtype)
