"""Massive activations and sinks are seen where they were planted, and nothing stays behind."""

import math

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import DynamicCache

from memory_agent_ros.attention.monitors import ActivityMonitor, activity_of
from tests.attention.tiny import feed, model, tokens


def test_a_planted_massive_activation_is_seen_from_its_layer_on() -> None:
    reader, ids = model(layers=3), tokens(30)
    assert activity_of(reader, ids).massive_layers == ()
    with torch.no_grad():
        reader.model.layers[1].mlp.down_proj.weight[7] *= 1e6
    seen = activity_of(reader, ids)
    assert seen.massive_layers == (1, 2) and seen.tokens == 30
    assert seen.largest[1] > 1e4 > seen.largest[0] and seen.ratio[1] > 1e3 > seen.ratio[0]
    assert seen.to_dict()["massive_layers"] == [1, 2] and seen.to_dict()["sink_ratio"] == seen.sink_ratio


def test_a_planted_sink_is_seen_and_it_alone() -> None:
    reader = model()
    ids = tokens(60).clamp(min=1)
    ids[0, 0] = 0
    with torch.no_grad():  # the first token's key answers whatever the heads of one group ask
        reader.model.embed_tokens.weight[0, :] = 0.0
        reader.model.embed_tokens.weight[0, 5] = 50.0
        reader.model.embed_tokens.weight[1:, 5] = 0.5
        attention = reader.model.layers[0].self_attn
        attention.k_proj.weight[:8] = 0.0
        attention.k_proj.weight[3, 5] = 50.0  # a slowly turning pair of the first of two groups
        attention.q_proj.weight[:16] = 0.0
        attention.q_proj.weight[3, 5] = attention.q_proj.weight[11, 5] = 50.0
    seen = activity_of(reader, ids)
    assert len(seen.sink_attention) == 2 and len(seen.sink_attention[0]) == 4
    assert min(seen.sink_attention[0][:2]) > 0.9 and max(seen.sink_attention[0][2:]) < 0.3
    assert seen.sink_ratio >= 2 / 8


def test_the_mean_is_over_all_that_was_read_in_parts_too() -> None:
    reader, ids = model(), tokens(40)
    whole = activity_of(reader, ids)
    monitor = ActivityMonitor(reader)
    with monitor.watching():
        feed(reader, DynamicCache(), ids, 9)
    parts = monitor.activity()
    assert parts.tokens == 40 and parts.largest == pytest.approx(whole.largest, rel=1e-4)
    for one, other in zip(whole.sink_attention, parts.sink_attention, strict=True):
        assert one == pytest.approx(other, abs=1e-4)


def test_off_it_costs_nothing() -> None:
    reader, ids = model(), tokens(12)
    modules = [*reader.model.layers, *(layer.self_attn for layer in reader.model.layers)]
    way = reader.config._attn_implementation
    monitor = ActivityMonitor(reader)
    with torch.no_grad():
        plain = reader(ids).logits
        with monitor.watching():
            assert all(m._forward_hooks for m in modules)
            assert torch.allclose(reader(ids).logits, plain, atol=1e-4)
        with pytest.raises(ZeroDivisionError), monitor.watching():
            raise ZeroDivisionError
        with monitor.watching(sinks=False):
            reader(ids)
    assert not any(m._forward_hooks for m in modules) and reader.config._attn_implementation == way
    assert math.isnan(monitor.activity().sink_ratio) and monitor.activity().tokens == 12
