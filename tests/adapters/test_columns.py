"""Routed columns: causal bit for bit, new places claim columns, old places keep theirs."""

import pytest
import torch

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.columns import ColumnRouter, RouterConfig, one_column, queries_of, routed_rows
from memory_agent_ros.records.errors import BadInputError
from tests.adapters.conftest import VOCABULARY, some_rows

CONFIG = RouterConfig(columns=4, chunk=4, novelty=0.5, balance=0.02)


def place(number: int, batch: int = 5, length: int = 12) -> torch.Tensor:
    """Features around a centre of their own."""
    centre = torch.randn(16, generator=torch.Generator().manual_seed(100 + number))
    return centre + 0.3 * torch.randn(batch, length, 16, generator=torch.Generator().manual_seed(number))


def taught(places: int = 3) -> ColumnRouter:
    router = ColumnRouter(16, CONFIG)
    for number in range(places):
        for _ in range(5):
            router.learn(place(number))
    return router


@pytest.mark.parametrize("changed", [1, 4, 5, 8, 11])
def test_a_changed_future_leaves_queries_and_gates_of_the_past_as_they_were(changed: int) -> None:
    router, before = taught(), place(1)
    after = before.clone()
    after[:, changed:] = place(2)[:, changed:] * 3.0
    assert torch.equal(router.gates(before)[:, :changed], router.gates(after)[:, :changed])
    seen = (changed - 1) // CONFIG.chunk + 1  # queries of chunks that began before the change
    assert torch.equal(queries_of(before, 4)[:, :seen], queries_of(after, 4)[:, :seen])


@pytest.mark.parametrize("changed", [3, 5, 9])
def test_a_routed_model_is_causal_bit_for_bit(adapted: AdaptedModel, changed: int) -> None:
    embed = adapted.model.get_input_embeddings()
    draw = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, VOCABULARY, (3, 12), generator=draw)
    router = ColumnRouter(16, RouterConfig(columns=2, chunk=4, top=2))
    columns = [some_rows(adapted, n) for n in range(2)]
    router.learn(embed(tokens[:1]).detach())
    router.load[1], router.keys[1] = 1.0, torch.randn(16, generator=draw)

    def outputs(ids: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), adapted.using(*routed_rows(columns, router.gates(embed(ids)))) as model:
            found: torch.Tensor = model(ids).logits
            return found

    other = tokens.clone()
    other[:, changed:] = (other[:, changed:] + 7) % VOCABULARY
    assert torch.equal(outputs(tokens)[:, :changed], outputs(other)[:, :changed])
    assert not torch.equal(outputs(tokens)[:, changed:], outputs(other)[:, changed:])
    with torch.no_grad():
        plain = adapted.model(tokens).logits
    assert torch.equal(outputs(tokens)[:, :4], plain[:, :4])  # nothing acts before something was read
    assert not torch.allclose(outputs(tokens)[:, 4:], plain[:, 4:], atol=1e-3)


def test_gated_columns_are_their_weighted_sum(adapted: AdaptedModel) -> None:
    columns = [some_rows(adapted, n, rank=n + 1) for n in range(3)]
    tokens = torch.randint(0, VOCABULARY, (2, 6), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        with adapted.using(*routed_rows(columns, one_column(1, 3, 2, 6))) as model:
            routed = model(tokens).logits
        with adapted.using(columns[1]) as model:
            alone = model(tokens).logits
    assert torch.allclose(routed, alone, atol=1e-5)
    assert not adapted.active


def test_each_new_place_claims_a_column_and_old_ones_keep_theirs() -> None:
    router = taught(3)
    assert router.claimed == 3
    for number in range(3):
        weights = router.gates(place(number, batch=4))[:, -1]
        assert weights.argmax(dim=1).tolist() == [number] * 4
    assert router.usage_entropy > 0.7
    with pytest.raises(BadInputError):
        ColumnRouter(16, RouterConfig(columns=5)).restore(router.state())
    again = ColumnRouter(16, CONFIG)
    again.restore(router.state())
    assert torch.equal(again.gates(place(1)), router.gates(place(1)))


def test_more_places_than_columns_share_them() -> None:
    router = taught(6)
    assert router.claimed == 4 and torch.isfinite(router.keys).all()


def test_top_k_weights_sum_to_one_and_load_is_balanced() -> None:
    router = ColumnRouter(2, RouterConfig(columns=3, chunk=1, top=2, balance=0.2))
    router.keys = torch.tensor([[1.0, 0.0], [0.9, 0.44], [-1.0, 0.0]])
    router.load = torch.tensor([1.0, 1.0, 1.0])
    query = torch.tensor([[1.0, 0.2]])
    weights = router.weights(query)
    assert weights.sum().item() == pytest.approx(1.0) and int((weights > 0).sum()) == 2 and weights[0, 2] == 0
    assert weights.argmax() == 0
    router.load = torch.tensor([9.0, 1.0, 1.0])  # the favourite carries most, its neighbour little
    assert router.weights(query).argmax() == 1


def test_a_text_of_one_chunk_teaches_nothing() -> None:
    router = ColumnRouter(16, CONFIG)
    assert router.learn(place(0, length=4)) == -1 and router.claimed == 0
    assert not router.gates(place(0)).any()
