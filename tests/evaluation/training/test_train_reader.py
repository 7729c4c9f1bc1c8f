"""Training the reader: the loss falls, what is written can be merged, a broken-off training goes on."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import torch

from memory_agent_ros.evaluation.training import train_reader as training_module
from memory_agent_ros.evaluation.training.reader_examples import Dialogue, Example, encoded_dialogue
from memory_agent_ros.evaluation.training.train_reader import (
    ReaderTraining,
    batches,
    predictions,
    train_reader,
    whole_right,
)
from memory_agent_ros.reasoning.calls import Reference, call
from memory_agent_ros.reasoning.language.embedded import LoadedModel
from memory_agent_ros.reasoning.language.encoding import Encoder
from memory_agent_ros.reasoning.language.lora import merge_lora
from memory_agent_ros.reasoning.names import MemoryNames
from memory_agent_ros.reasoning.transcript import Transcript
from memory_agent_ros.records.errors import BadInputError
from tests.reasoning.language import tiny

NAMES = ("mug", "red mug", "bath room", "kitchen")
SMALL = ReaderTraining(rank=4, alpha=8.0, lowest=0, rate=3e-2, warm_up=2, tokens=400, steps=12)


def dialogues() -> list[Dialogue]:
    return [
        Dialogue(
            Transcript(f"where is the {name}?", (name,)),
            (call("find", name), call("answer", "where", Reference(1))),
            ("1 thing present",),
            MemoryNames(NAMES),
            "locate",
        )
        for name in NAMES
    ]


def encoded() -> list[Example]:
    encoder = Encoder(tiny.tokenizer())
    return [encoded_dialogue(d, encoder) for d in dialogues()]


def stream(seed: Sequence[int]) -> Iterator[Example]:
    return itertools.cycle(encoded())


def loaded() -> LoadedModel:
    return LoadedModel(tiny.model(len(tiny.tokenizer())), tiny.tokenizer(), "tiny")


def examine(model: Any, count: int) -> dict[str, float]:
    with torch.inference_mode():
        logits, wanted = predictions(model, encoded())
    return {"loss_val": float(torch.nn.functional.cross_entropy(logits, wanted))}


def test_only_calls_are_learnt() -> None:
    encoder, (one, *_) = Encoder(tiny.tokenizer()), dialogues()
    found = encoded_dialogue(one, encoder)
    told = [found.ids[n] for n in found.wanted]
    assert told == encoder.call(one.calls[0]) + encoder.call(one.calls[1])
    transcript = one.opening.after(one.calls[0], one.results[0])
    assert list(found.ids) == encoder.transcript(transcript) + encoder.call(one.calls[1])


def test_predictions_of_a_padded_batch_are_those_of_each_text_alone() -> None:
    model, texts = loaded().model, encoded()
    assert len({len(t.ids) for t in texts}) > 1
    with torch.inference_mode():
        together, wanted = predictions(model, texts)
        alone = torch.cat([predictions(model, [t])[0] for t in texts])
    assert torch.allclose(together, alone, atol=1e-4)
    assert wanted.tolist() == [t.ids[n] for t in texts for n in t.wanted]


def test_whole_texts_count_in_their_own_order() -> None:
    model, texts = loaded().model, encoded()
    with torch.inference_mode():
        expected = []
        for text in texts:
            logits, _ = predictions(model, [text])
            said = logits.argmax(dim=-1).tolist()
            expected.append(said)
    taught = [
        Example((*t.ids[: t.wanted[0]], said[0]), (t.wanted[0],)) if n % 2 else t
        for n, (t, said) in enumerate(zip(texts, expected, strict=True))
    ]
    assert whole_right(model, taught, tokens=60) == [False, True, False, True]


def test_batches_hold_about_as_many_tokens_as_wanted() -> None:
    found = list(batches(iter(encoded() * 30), 300))
    assert sum(map(len, found)) == 120
    assert all(len(b) == 1 or len(b) * max(len(e.ids) for e in b) <= 300 for b in found)


def test_training_lowers_the_loss_and_what_it_writes_can_be_merged(tmp_path: Path) -> None:
    out, base = tmp_path / "reader.safetensors", loaded()
    before = examine(base.model, 0)["loss_val"]
    weights = {n: p.clone() for n, p in base.model.named_parameters()}
    last = train_reader(SMALL, base, stream, examine, out, minutes=5)
    assert last["loss_val"] < 0.6 * before
    lines = [json.loads(x) for x in (tmp_path / "reader.logs" / "figures.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "loss" in line]
    assert [line["steps"] for line in steps] == list(range(1, 13)) and steps[3]["loss"] < steps[0]["loss"]
    merged = tiny.model(len(tiny.tokenizer()))
    about = merge_lora(merged, out)
    assert about["steps"] == 12 and about["training"]["rank"] == 4
    assert examine(merged, 0)["loss_val"] == pytest.approx(last["loss_val"], rel=0.05)
    assert any(not torch.equal(p, weights[n]) for n, p in merged.named_parameters())
    assert "12 steps" in out.with_suffix(".md").read_text() and not (tmp_path / "reader.checkpoint.pt").exists()


def test_a_training_begins_with_weights_of_an_earlier_one(tmp_path: Path) -> None:
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    done = train_reader(SMALL, loaded(), stream, examine, first, minutes=5)
    last = train_reader(replace(SMALL, alpha=16.0, rate=0.0), loaded(), stream, examine, second, start=first, minutes=5)
    assert last["loss_val"] == pytest.approx(done["loss_val"], rel=0.05)
    assert "BEFORE" not in first.with_suffix(".md").read_text()
    assert "BEFORE is what" in second.with_suffix(".md").read_text()
    with pytest.raises(BadInputError) as caught:
        train_reader(replace(SMALL, rank=2), loaded(), stream, examine, second, start=first, minutes=5)
    assert caught.value.reason == "adapter_of_another_model"


def test_a_broken_off_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "reader.safetensors"
    monkeypatch.setattr(training_module, "CHECKPOINT_EVERY", 4)

    def broken(seed: Sequence[int]) -> Iterator[Example]:
        yield from itertools.islice(stream(seed), 4 * 160)  # the fifth pool of examples never comes
        raise KeyboardInterrupt

    def few(seed: Sequence[int]) -> Iterator[Example]:
        for one in encoded():
            yield from [one] * 2
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_reader(SMALL, loaded(), few, examine, out, minutes=5)
    monkeypatch.setattr(training_module, "_POOL", 1)
    with pytest.raises(KeyboardInterrupt):
        train_reader(SMALL, loaded(), few, examine, out, minutes=5)
    seeds: list[tuple[int, ...]] = []

    def noted(seed: Sequence[int]) -> Iterator[Example]:
        seeds.append(tuple(seed))
        return stream(seed)

    train_reader(SMALL, loaded(), noted, examine, out, minutes=5)
    assert seeds == [(0, 8)]
    logged = (tmp_path / "reader.logs" / "figures.jsonl").read_text().splitlines()
    assert [json.loads(x)["steps"] for x in logged if '"loss"' in x] == list(range(1, 13))
