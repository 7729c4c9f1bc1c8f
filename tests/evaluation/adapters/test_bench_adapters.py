"""The ``adapters`` benchmark and the trainings it runs, with random weights and a minute's fraction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import torch

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.distillation import DistillationConfig
from memory_agent_ros.adapters.document import DocumentConfig, read_about
from memory_agent_ros.adapters.perceiver import ResamplerSize
from memory_agent_ros.evaluation.adapters import bases, document_runs
from memory_agent_ros.evaluation.adapters.bases import Base
from memory_agent_ros.evaluation.adapters.document_runs import cached_network, changed
from memory_agent_ros.evaluation.adapters.document_scenes import SceneConfig, likeliest
from memory_agent_ros.evaluation.adapters.facts import PLACES, FactFamily, words
from memory_agent_ros.evaluation.adapters.tiny_model import TinySize, load_tiny, new_model, tiny_prompts, tokenizer_of
from memory_agent_ros.evaluation.benches.adapters import bench
from memory_agent_ros.evaluation.training.document_card import write_document_card
from memory_agent_ros.evaluation.training.train_document_lora import DocumentTraining, train_document_lora
from memory_agent_ros.evaluation.training.train_tiny_reader import TinyTraining, fact_course, train_tiny

FAMILY = FactFamily(facts=(1, 1), sentences=2)
SMALL = DocumentTraining(
    network=DocumentConfig(2, 32, ResamplerSize(16, 4, 1, 2), hidden=8), loss=DistillationConfig("next_token"),
    family=FAMILY, documents=4, questions=1, longest=2, steps=4, look_every=2, looks=(1, 2), looked=2,
)  # fmt: skip


class Bags:
    """Texts as bags of words."""

    dimension = 64

    def embed_texts(self, texts: list[str]) -> NDArray[np.float32]:
        out = np.full((len(texts), 64), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.split():
                out[row, sum(word.encode()) * 7 % 64] += 1.0
        return out / np.linalg.norm(out, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def base() -> Base:
    tokenizer = tokenizer_of(words())
    return Base(AdaptedModel(new_model(len(tokenizer), TinySize(16, 2, 2, 32))), tiny_prompts(tokenizer), "tiny")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for module in (bases, document_runs):
        monkeypatch.setattr(module, "adapter_cache", lambda: tmp_path)
    return tmp_path


def test_every_arm_and_figure_is_there_and_the_second_time_nothing_is_trained(base: Base, cache: Path) -> None:
    options = {
        "base": base, "training": SMALL, "meaning": Bags(), "training_seeds": 2, "minutes": 5.0,
        "scene": SceneConfig("tiny", FAMILY, (1, 2), documents=2, questions=1, distilled=(1,), steps=2, gated=1),
    }  # fmt: skip
    outcome = bench("val", range(2), 1, options)
    assert set(outcome.arms) == {"no_context", "in_context", "generated", "distilled", "retrieval"}
    assert {
        "exact_match@1", "exact_match@2", "effect", "internalise_s", "speedup_over_distillation", "adapter_bytes",
        "kv_bytes", "interference_gated", "interference_ungated", "gate_opens",
    } <= set(outcome.figures)  # fmt: skip
    assert np.isnan(outcome.figures["effect"].value)  # random weights read nothing: void
    assert outcome.figures["gate_opens"].value == 1.0
    written = {p: p.stat().st_mtime_ns for p in cache.glob("*.safetensors")}
    assert len(written) == 2
    bench("val", range(1), 1, options)
    assert {p: p.stat().st_mtime_ns for p in cache.glob("*.safetensors")} == written


def test_ablations_change_one_thing_each(base: Base) -> None:
    assert (SMALL.loss.kind, changed(SMALL, "kl").loss.kind) == ("next_token", "kl")
    assert changed(SMALL, "one_chunk").longest == 1
    assert changed(SMALL, "rank4").network.rank == 4
    assert changed(SMALL, "full") == SMALL
    with pytest.raises(ValueError, match="no ablation"):
        changed(SMALL, "other")
    assert cached_network(base, "tiny", 0, 5.0, "rank4", training=SMALL).config.rank == 4


def test_the_likeliest_place_is_that_of_the_model(base: Base) -> None:
    prompts, question = base.prompts, "where is the red mug?"
    with torch.no_grad():
        logits = base.adapted.model(input_ids=torch.tensor([prompts.asked(None, question)])).logits[0, -1]
    best = max(PLACES, key=lambda place: float(logits[prompts.answer(place)[0]]))
    assert likeliest(base, None, question, None) == best


def test_a_cut_training_goes_on_where_it_was(base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from memory_agent_ros.evaluation.training import train_document_lora as module

    def trained(name: str) -> dict[str, torch.Tensor]:
        from safetensors.torch import load_file

        path = tmp_path / f"{name}.safetensors"
        train_document_lora(SMALL, base.adapted, base.prompts, "tiny", path, minutes=1e9)
        curve = read_about(path)["about"]["curve"]
        assert [point["steps"] for point in curve] == [2, 4, 4]
        write_document_card(path, "tiny")
        assert "| 4 |" in path.with_suffix(".md").read_text()
        return load_file(path)

    whole = trained("whole")
    learn, calls = module._Learner.learn, list[int]()

    def cut(self: module._Learner, share: float) -> dict[str, float]:
        calls.append(self.step)
        if calls == [0, 1, 2]:
            raise KeyboardInterrupt
        return learn(self, share)

    monkeypatch.setattr(module._Learner, "learn", cut)
    with pytest.raises(KeyboardInterrupt):
        trained("again")
    again = trained("again")
    assert calls == [0, 1, 2, 2, 3]
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_a_tiny_reader_is_trained_and_read_back(tmp_path: Path) -> None:
    settings = replace(TinyTraining(), size=TinySize(16, 2, 2, 32), steps=2, tokens=256)

    def course(tokenizer: object) -> object:
        whole = fact_course(tokenizer)
        return replace(whole, looks={name: few[:2] for name, few in whole.looks.items()})

    figures = train_tiny(settings, course, words(), tmp_path / "tiny")  # type: ignore[arg-type]
    assert {"in_context@1", "in_context@8", "no_context"} == set(figures) - {"in_context@2", "in_context@4"}
    loaded = load_tiny(tmp_path / "tiny")
    assert loaded.tokenizer("where is the red mug?").input_ids[-1] == loaded.tokenizer("?").input_ids[0]
    assert sum(p.numel() for p in loaded.model.parameters()) < 10_000
