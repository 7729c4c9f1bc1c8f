"""A bank of adapters as routed columns: what was read so far chooses, chunk by chunk, which of them act.

Routing after Thalamically Routed Cortical Columns (arXiv 2602.22479), made causal: what acts on a chunk of tokens is
chosen from the chunks before it alone. The first version of that paper pools over the chunk itself and over the whole
text, so that a token reads its own future; here a changed future leaves every gate of the past as it was, bit for bit.

Keys are not learned by gradient, which would forget routes as weights forget facts: a key is the mean of what was
routed to its column, and a column that nothing was routed to yet is claimed by what is like no other key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from memory_agent_ros.adapters.rows import LoraRows, concatenate
from memory_agent_ros.records.errors import BadInputError


@dataclass(frozen=True)
class RouterConfig:
    """How chunks are routed.

    Attributes:
        columns: how many there are.
        chunk: tokens that are routed together.
        top: columns that act on a chunk.
        temperature: of the softmax over the chosen columns, in cosine.
        novelty: cosine below which a chunk is like no key, so that it claims a free column.
        balance: most that load balance adds to or takes from a cosine.
        slowest: smallest share of a new query in its column's key.
    """

    columns: int = 8
    chunk: int = 8
    top: int = 1
    temperature: float = 0.1
    novelty: float = 0.6
    balance: float = 0.02
    slowest: float = 0.01

    def __post_init__(self) -> None:
        if not 1 <= self.top <= self.columns or self.chunk < 1:
            raise BadInputError("router", "need 1 <= top <= columns and chunks of at least one token")


def queries_of(features: Tensor, chunk: int) -> Tensor:
    """What each chunk is routed by: the mean over all tokens of the chunks before it.

    Args:
        features: (batch, T, D) of the tokens, each of it and those before it only.
        chunk: tokens of a chunk; the last one may be shorter.

    Returns:
        (batch, ceil(T / chunk), D); zeros for the first chunk, before which there is nothing.
    """
    batch, length, width = features.shape
    whole = (length - 1) // chunk
    sums = features[:, : whole * chunk].reshape(batch, whole, chunk, width).sum(dim=2).cumsum(dim=1)
    counts = chunk * torch.arange(1, whole + 1, device=features.device, dtype=features.dtype)
    return torch.cat([features.new_zeros(batch, 1, width), sums / counts[:, None]], dim=1)


class ColumnRouter:
    """Routes chunks to columns by the cosine of their query to the columns' keys.

    Args:
        width: D of the features.
        config: how.
        mean: (D,) of features in general, which is taken off before a cosine; none by default.
    """

    def __init__(self, width: int, config: RouterConfig | None = None, mean: Tensor | None = None) -> None:
        self.config = config or RouterConfig()
        self.mean = torch.zeros(width) if mean is None else mean
        self.keys = torch.zeros(self.config.columns, width)
        self.load = torch.zeros(self.config.columns)

    @property
    def claimed(self) -> int:
        """Columns with a key; they are the first ones."""
        return int((self.load > 0).sum())

    @property
    def usage_entropy(self) -> float:
        """Of the load over the columns, 1 where all carry alike much, 0 where one carries all."""
        share = self.load[self.load > 0] / self.load.sum().clamp(min=1e-9)
        return float(-(share * share.log()).sum() / np.log(max(2, self.config.columns)))

    def cosines(self, queries: Tensor) -> Tensor:
        """(..., D) -> (..., claimed columns)."""
        return normalize(queries - self.mean, dim=-1) @ normalize(self.keys[: self.claimed], dim=-1).T

    def weights(self, queries: Tensor) -> Tensor:
        """(..., D) queries -> (..., M) how much each column acts: softmax over the ``top`` best, 0 for all others.

        Columns with more than their share of the load are a little less in favour, those with less a little more.
        """
        known = self.claimed
        out = queries.new_zeros(*queries.shape[:-1], self.config.columns)
        if not known:
            return out
        share = self.load[:known] / self.load[:known].sum() * known
        scores = self.cosines(queries) + self.config.balance * (1.0 - share).clamp(-1.0, 1.0)
        best, which = scores.topk(min(self.config.top, known), dim=-1)
        return out.scatter(-1, which, torch.softmax(best / self.config.temperature, dim=-1))

    def gates(self, features: Tensor) -> Tensor:
        """(batch, T, D) features -> (batch, T, M); no column acts on the first chunk, before which nothing was read."""
        weights = self.weights(queries_of(features, self.config.chunk))
        weights = torch.cat([torch.zeros_like(weights[:, :1]), weights[:, 1:]], dim=1)
        return weights.repeat_interleave(self.config.chunk, dim=1)[:, : features.shape[1]]

    def learn(self, features: Tensor) -> int:
        """Take in what was just read, all of it at one place: the key of its column moves, or a free one is claimed.

        Args:
            features: (batch, T, D) of moments right after each other.

        Returns:
            The column; -1 where everything is shorter than two chunks.
        """
        queries = queries_of(features, self.config.chunk)[:, 1:]
        if not queries.shape[1]:
            return -1
        query = normalize(queries[:, -1].mean(dim=0) - self.mean, dim=0)
        known = self.claimed
        cosines = self.cosines(query + self.mean)
        if known < self.config.columns and (not known or float(cosines.max()) < self.config.novelty):
            column = known
        else:
            column = int(cosines.argmax())
        self.load[column] += 1.0
        step = max(self.config.slowest, 1.0 / float(self.load[column]))
        self.keys[column] += step * (query - self.keys[column])
        return column

    def state(self) -> dict[str, Tensor]:
        """Keys, load and mean, to be kept."""
        return {"keys": self.keys.clone(), "load": self.load.clone(), "mean": self.mean.clone()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take up what :meth:`state` gave.

        Raises:
            BadInputError: ``router``: it is of another size.
        """
        if state["keys"].shape != self.keys.shape:
            raise BadInputError("router", f"keys {tuple(state['keys'].shape)} are not {tuple(self.keys.shape)}")
        self.keys, self.load, self.mean = (state[n].clone() for n in ("keys", "load", "mean"))


def routed_rows(columns: Sequence[LoraRows], weights: Tensor) -> tuple[LoraRows, Tensor]:
    """All columns as one adapter, and a gate for each of its rows.

    Args:
        columns: M adapters without a batch dimension.
        weights: (batch, T, M) how much each column acts at each token.

    Returns:
        Rows and gates (batch, T, R) for :meth:`AdaptedModel.using`.
    """
    ranks = torch.tensor([c.rank for c in columns], device=weights.device)
    return concatenate(columns), weights.repeat_interleave(ranks, dim=-1)


def one_column(column: int, columns: int, batch: int, length: int) -> Tensor:
    """(batch, length, columns) weights with which one column acts everywhere."""
    return one_hot(torch.tensor(column), columns).to(torch.float32).expand(batch, length, columns)
