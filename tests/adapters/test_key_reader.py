"""Rows of A that begin as copies of what a layer saw."""

from __future__ import annotations

import torch

from memory_agent_ros.adapters.key_reader import KeyReader


def reader() -> KeyReader:
    torch.manual_seed(0)
    return KeyReader(layers=2, width=8, states=6, inputs=5)


def test_a_row_that_may_look_at_one_token_is_large_where_that_token_comes_by() -> None:
    made, inner = reader(), torch.randn(3, 2, 4, 5) * 2 + 7
    made.standardise(inner, torch.ones(3, 4, dtype=torch.bool))
    windows = torch.full((3, 4, 4), -torch.inf)
    windows[:, torch.arange(4), torch.arange(4)] = 0.0  # row r sees token r
    rows = made(torch.randn(3, 2, 4, 8), torch.randn(3, 2, 4, 6), inner, windows, slice(None))
    assert torch.allclose(rows.norm(dim=-1), torch.ones(3, 2, 4), atol=1e-5)
    answers = torch.einsum("blri,blti->blrt", rows, inner - made.centre[:, None])
    assert (answers.argmax(dim=-1) == torch.arange(4)).float().mean() > 0.9


def test_padding_tells_nothing_of_what_is_usual() -> None:
    made, other, inner = reader(), reader(), torch.randn(2, 2, 4, 5)
    mask = torch.tensor([[True] * 4, [True, True, False, False]])
    made.standardise(inner, mask)
    other.standardise(torch.where(mask[:, None, :, None], inner, torch.full_like(inner, 1e3)), mask)
    assert torch.equal(made.centre, other.centre) and torch.equal(made.spread, other.spread)
