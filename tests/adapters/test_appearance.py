"""The memory bank of appearances: what it keeps, and what its contrastive term asks for."""

import pytest
import torch

from memory_agent_ros.adapters.appearance import AppearanceMemory, BankConfig, contrast, in_batch
from memory_agent_ros.records.errors import BadInputError


def test_the_bank_keeps_the_latest_views_of_each_object() -> None:
    memory = AppearanceMemory(3, 2, BankConfig(views=2))
    assert memory.filled == 0.0 and len(memory.held()[0]) == 0
    memory.add(torch.tensor([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0, 0, 2]))
    kept, owners = memory.held()
    assert sorted(kept[owners == 0][:, 0].tolist()) == [2.0, 3.0]
    assert owners.tolist().count(2) == 1 and 1 not in owners.tolist()
    assert memory.filled == pytest.approx(2 / 3)


def test_a_prototype_follows_its_object_slowly() -> None:
    memory = AppearanceMemory(1, 2, BankConfig(views=1, smooth=0.9))
    memory.add(torch.tensor([[1.0, 0.0]]), torch.tensor([0]))
    for _ in range(3):
        memory.add(torch.tensor([[0.0, 1.0]]), torch.tensor([0]))
    kept, _ = memory.held()
    assert len(kept) == 1 and kept[0, 0] > kept[0, 1] > 0.2
    assert kept.norm().item() == pytest.approx(1.0)


def test_the_term_is_zero_where_objects_are_tight_and_far_apart_and_pulls_and_pushes_else() -> None:
    others, whose = torch.tensor([[1.0, 0.0], [-1.0, 0.0]]), torch.tensor([0, 1])
    good = torch.tensor([[1.0, 0.0]])
    assert contrast(good, torch.tensor([0]), others, whose, 1.0).item() == pytest.approx(0.0, abs=1e-6)
    swapped = contrast(good, torch.tensor([1]), others, whose, 1.0)
    assert swapped.item() == pytest.approx(4.0 + 1.0, abs=1e-3)  # 2 away from its own, on top of the other
    z = torch.tensor([[0.6, 0.8]], requires_grad=True)
    contrast(z, torch.tensor([0]), others, whose, 1.0).backward()
    assert z.grad is not None and z.grad[0, 0] < 0  # downhill is towards its own
    assert contrast(good, torch.tensor([0]), torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64), 1.0) == 0.0


def test_others_that_are_far_away_do_not_thin_out_those_that_are_near() -> None:
    z, mine = torch.tensor([[1.0, 0.0]]), torch.tensor([0])
    near, far = torch.tensor([[0.8, 0.6]]), torch.tensor([[-1.0, 0.0]]).repeat(99, 1)
    alone = contrast(z, mine, near, torch.tensor([1]), 1.0)
    assert alone > 0.1
    assert contrast(z, mine, torch.cat([near, far]), torch.arange(1, 101), 1.0).item() == pytest.approx(alone.item())


def test_within_a_batch_nothing_is_compared_with_itself() -> None:
    z, owners = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0])
    assert in_batch(z, owners, 1.0).item() == pytest.approx(2.0)
    assert in_batch(z[:1], owners[:1], 1.0).item() == 0.0


def test_what_is_kept_has_no_gradient_but_what_is_compared_has() -> None:
    memory = AppearanceMemory(2, 2)
    z = torch.randn(4, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    owners = torch.tensor([0, 0, 1, 1])
    memory.add(z, owners)
    assert not memory.held()[0].requires_grad
    memory.regulariser(z * 0.5, owners).backward()
    assert z.grad is not None and bool(z.grad.any())


def test_bad_settings_are_refused() -> None:
    for bad in ({"views": 0}, {"smooth": 1.0, "views": 1}, {"smooth": 0.5, "views": 4}):
        with pytest.raises(BadInputError):
            BankConfig(**bad)
