"""The network behind :class:`~memory_agent_ros.memory.encoder.Encoder`. Needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from memory_agent_ros.memory.tokens import FEATURES, KINDS, Tokens
from memory_agent_ros.memory.viewrope import CodeConfig, Geometry, RotaryCode, ViewRopeAttention, pooled


@dataclass(frozen=True)
class EncoderConfig:
    """Size of the network.

    Attributes:
        dim: channels of a token.
        layers, heads: of the body; ``code`` of its attention.
        view_code: of the pooled queries and keys that choose pictures.
    """

    dim: int = 128
    layers: int = 4
    heads: int = 4
    code: CodeConfig = field(default_factory=CodeConfig)
    view_code: CodeConfig = field(
        default_factory=lambda: CodeConfig(rays=2, joint=8, waves=12, content=16, shortest_m=1.0, longest_m=16.0)
    )


@dataclass(frozen=True)
class TokenBatch:
    """Token sets padded to one length.

    Attributes:
        kind: (B, N) int64; ``features`` (B, N, 84); ``points`` (B, N, 3) metres about one common origin;
            ``rotation`` (B, N, 3, 3); ``mask`` (B, N) bool, True for real tokens.
    """

    kind: Tensor
    features: Tensor
    points: Tensor
    rotation: Tensor
    mask: Tensor


def batch(sets: Sequence[Tokens], origin: NDArray[np.float64] | None = None) -> TokenBatch:
    """Pad token sets to one length, about ``origin`` or, without one, each about its own.

    Sets that are compared with each other by point codes (pictures in a recall) need one common origin.
    """
    longest = max((len(s) for s in sets), default=0)
    count = len(sets)
    kind = np.zeros((count, longest), np.int64)
    features = np.zeros((count, longest, FEATURES), np.float32)
    points = np.zeros((count, longest, 3), np.float32)
    rotation = np.tile(np.eye(3, dtype=np.float32), (count, longest, 1, 1))
    mask = np.zeros((count, longest), np.bool_)
    for i, one in enumerate(sets):
        moved = one if origin is None else one.at(origin)
        n = len(one)
        kind[i, :n], features[i, :n], points[i, :n] = moved.kind, moved.features, moved.points
        rotation[i, :n], mask[i, :n] = moved.rotation, True
    return TokenBatch(*(torch.from_numpy(a) for a in (kind, features, points, rotation, mask)))


class Block(nn.Module):
    """Pre-norm attention and feed-forward."""

    def __init__(self, dim: int, heads: int, code: RotaryCode) -> None:
        super().__init__()
        self.norm_attention, self.norm_mlp = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = ViewRopeAttention(dim, heads, code)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x: Tensor, geometry: Geometry, mask: Tensor) -> Tensor:
        """(B, N, dim) -> (B, N, dim)."""
        x = x + self.attention(self.norm_attention(x), geometry, mask)
        return x + self.mlp(self.norm_mlp(x))


class ViewHead(nn.Module):
    """Pooled, turned queries and keys of pictures; their product says how much of one the other shows.

    At the start every token has the same key but for its geometry: pooled keys are kernel mean embeddings of the seen
    surfaces (and of the sides they were seen from), and training goes on from there.
    """

    def __init__(self, dim: int, heads: int, code: CodeConfig) -> None:
        super().__init__()
        self.heads, self.code = heads, RotaryCode(heads, code)
        self.query = nn.Linear(dim, heads * code.head_dim)
        self.key = nn.Linear(dim, heads * code.head_dim)
        self.log_scale = nn.Parameter(torch.tensor(3.0))
        start = torch.zeros(heads, code.head_dim)
        joint, waves = 3 * code.rays, 3 * code.rays + 6 * code.joint
        start[:, joint + 2 : joint + 3 * code.joint : 3] = 1.0
        start[:, waves : waves + code.waves] = 1.0
        for layer in (self.query, self.key):
            nn.init.normal_(layer.weight, std=0.3 * dim**-0.5)
            layer.bias.data.copy_(start.flatten())

    def turned(self, x: Tensor, tokens: TokenBatch, projection: nn.Linear) -> Tensor:
        """(B, N, dim) -> (B, H, N, D) turned queries or keys; points must be about one origin for all sets."""
        split = projection(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        return self.code(split, self.code.geometry(tokens.rotation, tokens.points))

    def queries(self, x: Tensor, tokens: TokenBatch) -> Tensor:
        """(B, C) pooled queries, of one length."""
        query = pooled(self.turned(x, tokens, self.query), tokens.mask)
        return self.log_scale.exp() * functional.normalize(query, dim=1)

    def keys(self, x: Tensor, tokens: TokenBatch) -> Tensor:
        """(B, C) pooled keys, of length one."""
        return functional.normalize(pooled(self.turned(x, tokens, self.key), tokens.mask), dim=1)


class EncoderNetwork(nn.Module):
    """A transformer over tokens of all kinds with ViewRoPE attention, and the head that recalls pictures.

    Args:
        config: sizes.
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.inputs = nn.Parameter(torch.empty(KINDS, FEATURES, config.dim))
        self.kinds = nn.Parameter(torch.zeros(KINDS, config.dim))
        nn.init.normal_(self.inputs, std=FEATURES**-0.5)
        self.code = RotaryCode(config.heads, config.code)
        self.blocks = nn.ModuleList([Block(config.dim, config.heads, self.code) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(config.dim)
        self.views = ViewHead(config.dim, config.heads, config.view_code)

    def forward(self, tokens: TokenBatch) -> Tensor:
        """(B, N, dim) encoded tokens; what stands at padding means nothing."""
        x = torch.zeros(*tokens.kind.shape, self.config.dim, dtype=tokens.features.dtype)
        for kind in range(KINDS):
            here = tokens.kind == kind
            if here.any():
                x = x + here[..., None] * (tokens.features @ self.inputs[kind] + self.kinds[kind])
        geometry = self.code.geometry(tokens.rotation, tokens.points)
        for block in self.blocks:
            x = block(x, geometry, tokens.mask)
        return self.norm(x)


def view_loss(scores: Tensor, covisibility: Tensor, allowed: Tensor) -> Tensor:
    """Listwise loss of recall: a softmax over the pictures should give each its share of what is seen together.

    Args:
        scores: (Q, F) of queries against pictures.
        covisibility: (Q, F) share of each query's surface that each picture shows, [0, 1].
        allowed: (Q, F) bool, which pictures a query may recall.
    """
    target = torch.where(allowed, (covisibility - 0.1).clamp(min=0.0) ** 2, 0.0)
    some = target.sum(dim=1) > 0
    target = target / target.sum(dim=1, keepdim=True).clamp(min=1e-9)
    logs = functional.log_softmax(scores.masked_fill(~allowed, -1e4), dim=1)
    return -((target * logs).sum(dim=1) * some).sum() / some.sum().clamp(min=1)
