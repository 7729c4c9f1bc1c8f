"""A memory bank of each object's appearances, and a contrastive regulariser over it for re-identification.

After memory-based batch contrastive regularisation (Tanveer, Siyal and Rashid, doi 10.1007/s00521-024-10474-x), rebuilt
from its description: samples are drawn towards what the bank holds of their object and pushed from what it holds of
others. A bank needs no second crop of an object in the batch and no large batch for negatives.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from memory_agent_ros.records.errors import BadInputError


@dataclass(frozen=True)
class BankConfig:
    """What is kept of each object, and what is asked of it.

    Attributes:
        views: latest embeddings of each object (first in, first out); 1 with ``smooth`` is a prototype.
        smooth: share of the old in a prototype (an exponential mean) instead of views; 0 keeps views.
        margin: squared distances between different objects are pushed up to its square.
    """

    views: int = 8
    smooth: float = 0.0
    margin: float = 1.0

    def __post_init__(self) -> None:
        if self.views < 1 or not 0.0 <= self.smooth < 1.0 or (self.smooth and self.views > 1):
            raise BadInputError("appearance_bank", "need views >= 1, smooth in [0, 1), and one view where it is smooth")


class AppearanceMemory:
    """Embeddings of objects, detached: of each the latest ones, or a mean that follows them.

    Args:
        objects: how many there are; width: of the embeddings.
        config: see there.
    """

    def __init__(self, objects: int, width: int, config: BankConfig | None = None) -> None:
        self.config = config or BankConfig()
        self._bank = torch.zeros(objects, self.config.views, width)
        self._count = torch.zeros(objects, dtype=torch.int64)

    @property
    def filled(self) -> float:
        """Share of the objects of which something is kept."""
        return float((self._count > 0).float().mean())

    def held(self) -> tuple[Tensor, Tensor]:
        """All kept embeddings (K, D), and whose each is (K,)."""
        there = torch.arange(self.config.views) < self._count[:, None].clamp(max=self.config.views)
        owners = torch.arange(len(self._count))[:, None].expand_as(there)
        return self._bank[there], owners[there]

    def add(self, embeddings: Tensor, owners: Tensor) -> None:
        """Keep (N, D) embeddings of the objects (N,), in this order."""
        config = self.config
        for vector, owner in zip(embeddings.detach(), owners.tolist(), strict=True):
            place = int(self._count[owner]) % config.views
            if config.smooth and self._count[owner]:
                mixed = config.smooth * self._bank[owner, 0] + (1.0 - config.smooth) * vector
                vector = torch.nn.functional.normalize(mixed, dim=0)
            self._bank[owner, place] = vector
            self._count[owner] += 1

    def regulariser(self, embeddings: Tensor, owners: Tensor) -> Tensor:
        """:func:`contrast` of (N, D) embeddings of the objects (N,) against everything that is kept."""
        return contrast(embeddings, owners, *self.held(), self.config.margin)


def in_batch(embeddings: Tensor, owners: Tensor, margin: float) -> Tensor:
    """The same term without a memory: (N, D) embeddings of the objects (N,) against each other."""
    return _terms(embeddings, owners, embeddings, owners, margin, ~torch.eye(len(owners), dtype=torch.bool))


def contrast(embeddings: Tensor, owners: Tensor, others: Tensor, whose: Tensor, margin: float) -> Tensor:
    """Mean squared distance to the same object's, and mean squared hinge of that to others that are too near.

    The mean is over those within the margin alone (as in cross-batch memory, arXiv 1912.06798): over a whole bank,
    nearly all of which is far away already, nothing would be left of the few that matter.

    Args:
        embeddings: (N, D).
        owners: (N,) whose they are.
        others: (K, D) that they are compared with.
        whose: (K,) whose those are.
        margin: distance up to which others are pushed.

    Returns:
        Scalar; 0 where there is nothing to compare with.
    """
    if not len(others):
        return embeddings.sum() * 0.0
    return _terms(embeddings, owners, others, whose, margin, torch.ones(len(owners), len(whose), dtype=torch.bool))


def _terms(embeddings: Tensor, owners: Tensor, others: Tensor, whose: Tensor, margin: float, counted: Tensor) -> Tensor:
    squares = (embeddings[:, None] - others[None]).square().sum(dim=2)
    same = owners[:, None] == whose[None]
    lacking = (margin - (squares + 1e-9).sqrt()).clamp(min=0.0)
    return _mean_where(squares, same & counted) + _mean_where(lacking.square(), ~same & counted & (lacking > 0.0))


def _mean_where(values: Tensor, where: Tensor) -> Tensor:
    return (values * where).sum() / where.sum().clamp(min=1)
