"""Processes that train together."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch

from memory_agent_ros.evaluation.training.distributed import group


def test_alone_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.full((2,), 3.0)
    with group() as alone:
        alone.average([parameter])
        assert alone.first and alone.agree(0.25) == 0.25
    assert parameter.grad.tolist() == [3.0, 3.0] and not torch.distributed.is_initialized()


@pytest.mark.slow
def test_two_processes_have_the_same_weights_and_mean_gradients(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(_work, (tmp_path,), nprocs=2)
    found = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    assert [f["gradient"].tolist() for f in found] == [[1.5, 1.5]] * 2  # of 1 and 2
    assert [f["missing"].tolist() for f in found] == [[0.5]] * 2  # of 1 and nothing
    assert [f["weights"].tolist() for f in found] == [[0.0, 0.0]] * 2
    assert [f["share"] for f in found] == [10.0] * 2


def _work(rank: int, folder: Path) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29517"}
    weights, missing = torch.nn.Parameter(torch.full((2,), float(rank))), torch.nn.Parameter(torch.zeros(1))
    weights.grad = torch.full((2,), rank + 1.0)
    missing.grad = torch.ones(1) if rank == 0 else None
    with group() as both:
        both.same([weights])
        both.average([weights, missing])
        share = both.agree(10.0 + rank)
    told = {"gradient": weights.grad, "missing": missing.grad, "weights": weights.data, "share": share}
    torch.save(told, folder / f"{rank}.pt")
