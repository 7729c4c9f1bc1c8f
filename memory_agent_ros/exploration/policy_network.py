"""The network behind :class:`~memory_agent_ros.exploration.learned_policy.LearnedPolicy`. Needs torch.

Candidates are tokens that read the goal, each other and the remembered tokens by attention, and get a score each. Tips
vote: each gives its vote to the candidates that are like the one it chose, with a weight learned from its score and
from how like its situation was. The vote is added to the score, so that a choice can say which tips spoke for it, and
without tips the network is the same network.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from memory_agent_ros.exploration.situation import Shape


@dataclass(frozen=True)
class PolicyConfig:
    """Size of the network.

    Attributes:
        shape: widths of the arrays it reads.
        dim, heads, layers: of the transformer.
    """

    shape: Shape
    dim: int = 48
    heads: int = 4
    layers: int = 2


@dataclass(frozen=True)
class PolicyInput:
    """B situations as tensors, as in :class:`~memory_agent_ros.exploration.situation.Situations`.

    Attributes:
        goal: (B, G); context (B, N, O) with context_mask (B, N); candidates (B, C, F) with candidate_mask (B, C).
        tips: (B, T, F + 2) with tip_mask (B, T), T may be 0.
    """

    goal: Tensor
    context: Tensor
    context_mask: Tensor
    candidates: Tensor
    candidate_mask: Tensor
    tips: Tensor
    tip_mask: Tensor


@dataclass(frozen=True)
class Scores:
    """What speaks for each candidate.

    Attributes:
        own: (B, C) score without tips, -inf where there is no candidate.
        votes: (B, C, T) what each tip adds to each candidate.
    """

    own: Tensor
    votes: Tensor

    @property
    def total(self) -> Tensor:
        """(B, C) scores."""
        return self.own + self.votes.sum(dim=2)


class Block(nn.Module):
    """Pre-norm attention of candidates on candidates and context, and a feed-forward."""

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention, self.norm_mlp = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.query, self.key_value, self.out = nn.Linear(dim, dim), nn.Linear(dim, 2 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x: Tensor, context: Tensor, mask: Tensor) -> Tensor:
        """(B, C, d) candidates, (B, N, d) context, (B, C + N) bool what may be read -> (B, C, d)."""
        normed = self.norm_attention(x)
        query = self.query(normed).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        read = self.key_value(torch.cat([normed, context], dim=1)).unflatten(-1, (2, self.heads, -1))
        key, value = read.permute(2, 0, 3, 1, 4)
        found = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
        x = x + self.out(found.transpose(1, 2).flatten(2))
        return x + self.mlp(self.norm_mlp(x))


class Standard(nn.Module):
    """Inputs less their mean, in their deviations, as they were when training began.

    Without, rare marks and the many small numbers of a label vector would be learned last.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def fit(self, values: Tensor) -> None:
        """(M, width) values that are typical; what never varies is left as it is."""
        deviation = values.std(dim=0)
        varies = deviation > 1e-3
        self.mean.copy_(torch.where(varies, values.mean(dim=0), 0.0))
        self.deviation.copy_(torch.where(varies, deviation.clamp(min=0.3), 1.0))

    def forward(self, values: Tensor) -> Tensor:
        """(..., width) -> (..., width), bounded."""
        return ((values - self.mean) / self.deviation).clamp(-8.0, 8.0)


class PolicyNetwork(nn.Module):
    """Scores candidates.

    Args:
        config: sizes.
    """

    def __init__(self, config: PolicyConfig) -> None:
        super().__init__()
        self.config, shape, dim = config, config.shape, config.dim
        self.goal_standard, self.context_standard = Standard(shape.goal), Standard(shape.context)
        self.candidate_standard = Standard(shape.candidate)
        self.candidate_in, self.candidate_gate = nn.Linear(shape.candidate, dim), nn.Linear(shape.candidate, dim)
        self.goal_in, self.goal_gate = nn.Linear(shape.goal, dim), nn.Linear(shape.goal, dim)
        self.context_in, self.context_gate = nn.Linear(shape.context, dim), nn.Linear(shape.context, dim)
        self.blocks = nn.ModuleList([Block(dim, config.heads) for _ in range(config.layers)])
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 1)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        # At the start a tip of full score speaks for, one of no score against what is like its choice.
        self.vote_metric, self.vote_sharpness = (
            nn.Parameter(torch.ones(shape.candidate)),
            nn.Parameter(torch.tensor(1.8)),
        )
        self.vote_weight, self.vote_bias = nn.Parameter(torch.tensor(12.0)), nn.Parameter(torch.tensor(-4.0))
        self.vote_nearness = nn.Parameter(torch.tensor(2.0))

    def forward(self, seen: PolicyInput) -> Scores:
        """Score the candidates of each situation."""
        goal, around = self.goal_standard(seen.goal), self.context_standard(seen.context)
        candidates = self.candidate_standard(seen.candidates)
        goal_gate = self.goal_gate(goal)[:, None]
        # Products of goal and label make "this is where such things are" linear in them.
        x = self.candidate_in(candidates) + self.candidate_gate(candidates) * goal_gate
        x = x + self.goal_in(goal)[:, None]
        context = self.context_in(around) + self.context_gate(around) * goal_gate
        mask = torch.cat([seen.candidate_mask, seen.context_mask], dim=1)
        for block in self.blocks:
            x = block(x, context, mask)
        own = self.head(self.norm(x)).squeeze(-1)
        return Scores(own.masked_fill(~seen.candidate_mask, -torch.inf), self._votes(seen, candidates))

    def _votes(self, seen: PolicyInput, candidates: Tensor) -> Tensor:
        """(B, C, T): each tip's weight, for each candidate by its likeness to the tip's choice.

        Tips of nearer situations weigh more; together they weigh as much as one.
        """
        if seen.tips.shape[1] == 0:
            return seen.candidates.new_zeros(*seen.candidate_mask.shape, 0)
        here = functional.normalize(candidates * self.vote_metric, dim=-1)
        chosen = functional.normalize(self.candidate_standard(seen.tips[..., :-2]) * self.vote_metric, dim=-1)
        like = (self.vote_sharpness.exp() * (here @ chosen.transpose(1, 2) - 1.0)).exp()
        score, cosine = seen.tips[..., -2], seen.tips[..., -1]
        near = (self.vote_nearness.exp() * cosine).masked_fill(~seen.tip_mask, -1e4).softmax(dim=1) * seen.tip_mask
        weight = near * (self.vote_weight * score + self.vote_bias)
        return like * seen.candidate_mask[..., None] * weight[:, None, :]
