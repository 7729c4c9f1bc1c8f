"""The tiny model: it comes back from its folder, and a new one can begin with the layers of another."""

from pathlib import Path

import torch

from memory_agent_ros.evaluation.adapters.tiny_model import (
    TinySize,
    begin_with,
    load_tiny,
    new_model,
    save_tiny,
    tokenizer_of,
)

SIZE = TinySize(width=32, layers=2, heads=2, inner=48, window=64)


def test_a_model_begins_with_the_layers_and_the_words_that_both_know(tmp_path: Path) -> None:
    theirs, others = tokenizer_of(["mug", "shelf", "red"]), tokenizer_of(["shelf", "kitchen", "red"])
    first = new_model(len(theirs), SIZE, seed=1)
    save_tiny(tmp_path / "first", first, theirs, {})
    second = new_model(len(others), SIZE, seed=2)
    alone = second.model.embed_tokens.weight[others.get_vocab()["kitchen"]].clone()
    begin_with(second, others, tmp_path / "first")
    vectors, known = second.model.embed_tokens.weight, load_tiny(tmp_path / "first").model.model.embed_tokens.weight
    for word in ("shelf", "red"):
        assert torch.equal(vectors[others.get_vocab()[word]], known[theirs.get_vocab()[word]])
    assert torch.equal(vectors[others.get_vocab()["kitchen"]], alone)
    layers = (dict(m.model.layers.named_parameters()) for m in (first, second))
    mine, its = layers
    assert all(torch.equal(mine[name], its[name]) for name in mine)
