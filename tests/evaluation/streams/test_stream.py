"""The stream benchmark on a tiny model: every arm reads what it says, and its figures come from there."""

import dataclasses
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from memory_agent_ros.evaluation.bench import run
from memory_agent_ros.evaluation.streams.arms import StreamConfig, run_stream
from memory_agent_ros.evaluation.streams.text import reference_text, stream_of
from memory_agent_ros.reasoning.language.embedded import LoadedModel
from tests.attention.tiny import model, tokens

SMALL = StreamConfig(
    tokens=300, marks=(60, 120, 300), sink=4, recent=12, part=8, positions=20, dense=120, steps=8, recomputed=2
)


def letters(text: str) -> dict[str, Any]:
    """A tokenizer."""
    return {"input_ids": [ord(c) % 64 for c in text]}


def test_scores_of_a_model_without_depth_are_those_of_the_text_it_keeps() -> None:
    # With one layer the cache holds what recomputing would find, but for the sinks in place of older words.
    reader, ids = model(layers=1), tokens(309)[0]
    found = run_stream(reader, ids, SMALL, seed=1)
    assert set(found.nll["sink_window"]) == set(found.nll["window"]) == set(found.nll["window_recompute"])
    assert len(found.nll["window"]) == 20 and all(p % 8 == 0 and p > 24 for p in found.nll["window"])
    for position, value in found.nll["window"].items():
        assert value == pytest.approx(found.nll["window_recompute"][position], abs=1e-4)
    for position, value in found.nll["sink_window"].items():
        kept = torch.cat([ids[:4], ids[position - 12 : position + 1]])
        with torch.no_grad():
            heard = reader(kept[None]).logits[0, -1].log_softmax(dim=-1)
        assert value == pytest.approx(-float(heard[ids[position + 1]]), abs=1e-4)
    for position, value in found.nll["dense"].items():
        with torch.no_grad():
            heard = reader(ids[None, : position + 1]).logits[0, -1].log_softmax(dim=-1)
        assert position < 120 and value == pytest.approx(-float(heard[ids[position + 1]]), abs=1e-4)


def test_bytes_and_times_are_there_for_every_mark_that_an_arm_reaches() -> None:
    found = run_stream(model(), tokens(309)[0], SMALL, seed=1)
    assert found.nbytes["dense"] == {60: 60 * 256, 120: 120 * 256}  # 2 layers, keys and values, 2 heads of 8, float32
    assert len(set(found.nbytes["sink_window"].values())) == len(set(found.nbytes["window"].values())) == 1
    assert set(found.nbytes["window_recompute"].values()) == {0}
    for arm, marks in found.step_us.items():
        assert sorted(marks) == ([60, 120] if arm == "dense" else [60, 120, 300])
        assert all(len(t) == (2 if arm == "window_recompute" else 8) and min(t) > 0 for t in marks.values())


def test_the_benchmark_reports_them() -> None:
    config = dataclasses.replace(SMALL, dense=60)
    result = run("stream", "val", "0:1", stream=config, language=LoadedModel(model(), letters, "tiny"))
    figures, arms = result["figures"], result["arms"]
    assert set(arms) == {"sink_window", "window", "window_recompute", "dense"}
    assert figures["bytes_growth"]["value"] == 1.0 and figures["bytes_growth"]["met"] is True
    assert figures["positions"]["value"] == 20 and arms["window_recompute"]["ppl_ratio"]["value"] == 1.0
    assert figures["us_per_token@300"]["value"] > 0 and arms["dense"]["us_per_token@300"]["value"] is None
    assert figures["ppl_ratio"]["value"] == pytest.approx(
        np.exp(np.log(figures["ppl"]["value"]) - np.log(arms["window_recompute"]["ppl"]["value"])), rel=1e-3
    )
    assert 0 <= figures["sink_ratio"]["value"] <= 1 and figures["massive_layers"]["value"] == 0


def test_further_streams_are_short_and_intervals_are_then_over_streams() -> None:
    language = LoadedModel(model(layers=1), letters, "tiny")
    result = run("stream", "val", "0:3", stream=dataclasses.replace(SMALL, dense=60, steps=2), language=language)
    figures, arms = result["figures"], result["arms"]
    assert figures["streams"]["value"] == 3 and figures["positions"]["value"] == 20 + 2 * min(10, (75 - 24) // 8)
    assert arms["dense"]["streams"]["value"] == 1 and arms["dense"]["positions"]["value"] > 1
    low, high = figures["ppl_ratio"]["ci95"]
    assert low <= figures["ppl_ratio"]["value"] <= high and low < high
    assert figures["us_per_token@300"]["value"] > 0, "of the first stream"


def test_the_halves_of_the_text_share_no_chapter() -> None:
    first, second = reference_text("val"), reference_text("test")
    assert reference_text("train") == first and min(len(first), len(second)) > 100_000
    assert not set(first.split("\n\n")[:3]) & set(second.split("\n\n"))
    stream = stream_of(first[:50], letters, 120, seed=3)
    assert len(stream) == 120 and torch.equal(stream[:70], stream[50:])
    assert not torch.equal(stream, stream_of(first[:50], letters, 120, seed=4))
