"""Data-parallel training under ``torchrun``: every process draws its own examples, gradients are averaged.

Alone, a process is a group of one and nothing is sent. Needs torch.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Group:
    """The processes that train together.

    Attributes:
        rank: number of this one; the first writes files.
        size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def average(self, parameters: Sequence[Any]) -> None:
        """Make the gradients of all processes their mean; a parameter without one counts as zero."""
        if self.size == 1:
            return
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = torch.cat([g.reshape(-1) for g in grads])
        torch.distributed.all_reduce(flat)
        flat /= self.size
        for parameter, grad, part in zip(parameters, grads, flat.split([g.numel() for g in grads]), strict=True):
            parameter.grad = part.view_as(grad).clone()

    def agree(self, value: float) -> float:
        """The first process's number, in all of them: how far the training is, say."""
        if self.size == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64)
        torch.distributed.broadcast(told, 0)
        return float(told)

    def same(self, parameters: Sequence[Any]) -> None:
        """Give all processes the first one's weights."""
        if self.size > 1:
            for parameter in parameters:
                torch.distributed.broadcast(parameter.data, 0)

    def wait(self) -> None:
        """Until all are here."""
        if self.size > 1:
            torch.distributed.barrier()


@contextmanager
def group() -> Iterator[Group]:
    """The group that ``torchrun`` started this process in (gloo), or one of this process alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group()
        return
    torch.distributed.init_process_group("gloo")
    try:
        yield Group(torch.distributed.get_rank(), size)
    finally:
        torch.distributed.destroy_process_group()
