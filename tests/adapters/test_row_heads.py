"""The resampler and the heads that write rows."""

from __future__ import annotations

import pytest
import torch

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.heads import RowHeads
from memory_agent_ros.adapters.perceiver import Resampler, ResamplerSize

SIZE = ResamplerSize(width=16, latents=4, blocks=2, heads=2)


def test_what_is_masked_out_is_not_read() -> None:
    torch.manual_seed(0)
    resampler, tokens = Resampler(8, 3, SIZE), torch.randn(2, 5, 8)
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], dtype=torch.bool)
    other = tokens.clone()
    other[0, 3:] = -other[0, 3:]
    read, again = resampler(tokens, mask), resampler(other, mask)
    assert read.shape == (2, 3, 16)
    assert torch.equal(read, again)
    assert not torch.allclose(resampler(tokens), resampler(other))


def test_only_ordered_tokens_know_their_places() -> None:
    torch.manual_seed(0)
    tokens = torch.randn(1, 5, 8)
    as_set = Resampler(8, 3, ResamplerSize(width=16, latents=4, blocks=1, heads=2, ordered=False))
    in_order = Resampler(8, 3, SIZE)
    assert torch.allclose(as_set(tokens), as_set(tokens.flip(1)), atol=1e-5)
    assert not torch.allclose(in_order(tokens), in_order(tokens.flip(1)), atol=1e-3)


def test_untrained_heads_change_nothing_bit_for_bit(adapted: AdaptedModel) -> None:
    torch.manual_seed(0)
    heads = RowHeads(adapted.targets, 16, rank=3, hidden=8)
    rows = heads(torch.randn(2, 2, heads.vectors, 16))
    ids = torch.randint(0, 50, (2, 6))
    base = adapted.model(input_ids=ids).logits
    with adapted.using(rows):
        assert torch.equal(adapted.model(input_ids=ids).logits, base)
    with adapted.using(heads.bias()):
        assert torch.equal(adapted.model(input_ids=ids).logits, base)
    assert rows.batch == 2 and rows.rank == 3 == heads.bias().rank


def test_layers_one_by_one_give_what_all_at_once_give() -> None:
    torch.manual_seed(0)
    from tests.adapters.conftest import tiny_model

    adapted = AdaptedModel(tiny_model(), kinds=("q_proj", "down_proj"))
    heads = RowHeads(adapted.targets, 16, rank=2, hidden=8)
    for scaler in heads.scale_up.values():
        torch.nn.init.ones_(scaler)
    vectors = torch.randn(3, 2, heads.vectors, 16)
    whole = heads(vectors)
    assert set(whole.down) == {t.name for t in adapted.targets}
    for layer in range(2):
        part = heads(vectors[:, layer : layer + 1], slice(layer, layer + 1))
        for name in part.down:
            assert torch.allclose(part.down[name], whole.down[name], atol=1e-6)
            assert torch.allclose(part.up[name], whole.up[name], atol=1e-6)


def test_layers_that_differ_are_refused(adapted: AdaptedModel) -> None:
    from dataclasses import replace

    first, *rest = adapted.targets
    with pytest.raises(ValueError, match="alike"):
        RowHeads([replace(first, inputs=7), *rest], 16, rank=2)


def test_a_latent_of_a_sequence_begins_with_a_part_of_its_own() -> None:
    there = torch.tensor([[True] * 8, [True] * 4 + [False] * 4])
    ordered, as_set = (Resampler(8, 3, ResamplerSize(16, 4, 1, 2, ordered)) for ordered in (True, False))
    windows = ordered.windows(there)
    assert windows[0].argmax(dim=-1).div(2, rounding_mode="floor").tolist() == [0, 1, 2, 3]
    assert windows[1].argmax(dim=-1).tolist() == [0, 1, 2, 3] and windows[1, :, 4:].isinf().all()
    assert (as_set.windows(there)[0] == 0).all()
    assert ordered.output_windows(there).shape == (2, 3, 8)
