"""Adapters on a frozen model: nothing changes without one, each row of a batch has its own, chunks add up."""

import pytest
import torch

from memory_agent_ros.adapters.application import AdaptedModel, targets
from memory_agent_ros.adapters.rows import LoraRows, concatenate, merged_chunks, stacked
from memory_agent_ros.records.errors import BadInputError
from tests.adapters.conftest import VOCABULARY, some_rows, tiny_model

TOKENS = torch.randint(0, VOCABULARY, (3, 7), generator=torch.Generator().manual_seed(1))


def logits(adapted: AdaptedModel) -> torch.Tensor:
    with torch.no_grad():
        return adapted.model(TOKENS).logits


def test_without_an_adapter_it_is_the_frozen_model_bit_for_bit() -> None:
    model = tiny_model()
    with torch.no_grad():
        expected = model(TOKENS).logits
    adapted = AdaptedModel(model)
    assert not adapted.active and torch.equal(logits(adapted), expected)
    adapted.internalize(some_rows(adapted, 0))
    assert adapted.active and not torch.allclose(logits(adapted), expected, atol=1e-3)
    adapted.reset()
    assert not adapted.active and torch.equal(logits(adapted), expected)


def test_an_adapter_at_its_beginning_changes_nothing(adapted: AdaptedModel) -> None:
    expected = logits(adapted)
    with adapted.using(adapted.nothing(4)):
        assert torch.equal(logits(adapted), expected)


def test_the_change_is_that_of_merged_weights(adapted: AdaptedModel) -> None:
    rows = some_rows(adapted, 2)
    with adapted.using(rows):
        found = logits(adapted)
    merged = tiny_model()
    layers = dict(merged.named_modules())
    with torch.no_grad():
        for target in targets(merged, ("down_proj",)):
            layers[target.name].weight += rows.delta(target.name)
        assert torch.allclose(found, merged(TOKENS).logits, atol=1e-5)


def test_each_row_of_a_batch_has_its_own_adapter_and_nothing_of_the_others(adapted: AdaptedModel) -> None:
    rows = [some_rows(adapted, n, rank=n + 1) for n in range(3)]
    alone = []
    for one in rows:
        with adapted.using(one):
            alone.append(logits(adapted))
    with adapted.using(stacked(rows)):
        together = logits(adapted)
    for n in range(3):
        assert torch.allclose(together[n], alone[n][n], atol=1e-5)
    with adapted.using(stacked([rows[0], some_rows(adapted, 9), some_rows(adapted, 8)])):
        assert torch.allclose(logits(adapted)[0], alone[0][0], atol=1e-5)


def test_concatenation_is_the_sum(adapted: AdaptedModel) -> None:
    a, b = some_rows(adapted, 1), some_rows(adapted, 2, rank=2, scale=2.0)
    both = concatenate([a, b])
    assert both.rank == 5
    for target in adapted.targets:
        assert torch.allclose(both.delta(target.name), a.delta(target.name) + b.delta(target.name), atol=1e-5)
    batch = stacked([a, some_rows(adapted, 3)])
    chunks, parts = merged_chunks(batch), concatenate([batch.one(0), batch.one(1)])
    assert all(torch.equal(chunks.up[n], parts.up[n]) for n in chunks.up)


def test_the_norm_is_that_of_the_change(adapted: AdaptedModel) -> None:
    rows = some_rows(adapted, 5)
    squares = sum(float(rows.delta(t.name).square().sum()) for t in adapted.targets)
    assert rows.norm() == pytest.approx(squares**0.5, rel=1e-5)


def test_rows_keep_their_gradient(adapted: AdaptedModel) -> None:
    start = adapted.nothing(2)
    up = {n: t.clone().requires_grad_() for n, t in start.up.items()}
    with adapted.using(LoraRows(start.down, up)) as model:
        model(TOKENS).logits.square().sum().backward()
    assert all(t.grad is not None and float(t.grad.abs().sum()) > 0 for t in up.values())
    assert all(p.grad is None for p in adapted.model.parameters())


def test_what_was_in_comes_back_after_another_one(adapted: AdaptedModel) -> None:
    first = some_rows(adapted, 1)
    adapted.internalize(first)
    expected = logits(adapted)
    with adapted.using(None):
        assert not adapted.active
    with pytest.raises(RuntimeError), adapted.using(some_rows(adapted, 2)):
        raise RuntimeError
    assert torch.equal(logits(adapted), expected)


def test_rows_of_another_model_are_refused(adapted: AdaptedModel) -> None:
    good = some_rows(adapted, 1)
    name = adapted.targets[0].name
    missing = LoraRows(
        {k: v for k, v in good.down.items() if k != name}, {k: v for k, v in good.up.items() if k != name}
    )
    narrow = LoraRows({**good.down, name: torch.zeros(3, 5)}, good.up)
    more = LoraRows({**good.down, "lm_head": torch.zeros(3, 5)}, {**good.up, "lm_head": torch.zeros(3, 5)})
    for wrong in (missing, narrow, more):
        with pytest.raises(BadInputError) as caught:
            adapted.internalize(wrong)
        assert caught.value.reason == "adapter_of_another_model" and not adapted.active
    with pytest.raises(BadInputError) as caught:
        AdaptedModel(tiny_model(), ("no_such_proj",))
    assert caught.value.reason == "no_such_layers"
