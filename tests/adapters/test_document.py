"""A document becomes rows: reading, chunks, files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from memory_agent_ros.adapters.adapter import same_rows
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.distillation import DistillationConfig, Lesson, answered, distilled, lesson_loss
from memory_agent_ros.adapters.document import (
    DocumentConfig,
    DocumentToLora,
    growth,
    load_document_network,
    read_about,
    save_document_network,
)
from memory_agent_ros.adapters.perceiver import ResamplerSize
from memory_agent_ros.adapters.prompts import Prompts, chunked, sentences
from memory_agent_ros.adapters.rows import concatenate, joined, with_bias
from memory_agent_ros.records.errors import BadInputError
from tests.adapters.conftest import tiny_model

CONFIG = DocumentConfig(2, 12, ResamplerSize(16, 4, 1, 2), hidden=8)
TEXT = "The mug is here. A cup is there. The old red kettle stands by the window. Nothing else."


def ids_of(text: str) -> list[int]:
    return [3 + sum(word.encode()) % 45 for word in text.split()]


PROMPTS = Prompts(
    lambda passage: [1, *ids_of(passage)],
    lambda passage, question: [1, *ids_of(passage or ""), 2, *ids_of(question)],
    ids_of,
)
LESSONS = [
    Lesson(("The mug is here.", "A cup is there."), (("mug ?", "here"), ("cup ?", "there"))),
    Lesson(("Nothing else at all.",), (("what ?", "else"),)),
]


@pytest.fixture
def network(adapted: AdaptedModel) -> DocumentToLora:
    """With random factors of B, so that it changes something."""
    return made(adapted)


def made(adapted: AdaptedModel) -> DocumentToLora:
    torch.manual_seed(1)
    network = DocumentToLora(adapted, PROMPTS, CONFIG, "tiny").eval()
    for factor in network.heads.scale_up.values():
        torch.nn.init.normal_(factor)
    for bias in network.heads.bias_up.values():
        torch.nn.init.normal_(bias)
    return network


class Words:
    """Sentences as random vectors of length 1."""

    dimension = 4

    def embed_texts(self, texts: list[str]) -> NDArray[np.float32]:
        found = np.stack([np.random.default_rng(len(t)).normal(size=4) for t in texts])
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def logits(network: DocumentToLora, rows: object) -> torch.Tensor:
    with network.adapted.using(rows) as model, torch.no_grad():  # type: ignore[arg-type]
        return model(input_ids=torch.tensor([[1, 5, 9, 4]])).logits


def test_an_untrained_network_changes_nothing_bit_for_bit(adapted: AdaptedModel) -> None:
    network = DocumentToLora(adapted, PROMPTS, CONFIG, "tiny")
    base = logits(network, None)
    assert torch.equal(logits(network, network.adapter(TEXT, "note").rows()), base)


def test_chunks_are_whole_sentences_of_at_most_so_many_tokens() -> None:
    def count(text: str) -> int:
        return len(text.split())

    assert chunked(TEXT, 9, count) == [
        "The mug is here. A cup is there.", "The old red kettle stands by the window.", "Nothing else.",
    ]  # fmt: skip
    cut = chunked(TEXT, 3, count)
    assert max(map(count, cut)) == 3 and " ".join(cut).split() == TEXT.split()
    assert chunked("  \n ", 5, count) == [] and sentences("One line\nanother one. Third") == [
        "One line", "another one.", "Third",
    ]  # fmt: skip


def test_layer_by_layer_gives_what_all_layers_at_once_give(network: DocumentToLora) -> None:
    batched, iterative = (network.chunk_rows(["The mug is here.", "No."], iterative=i) for i in (False, True))
    for name in batched.down:
        assert torch.allclose(batched.down[name], iterative.down[name], atol=1e-6)
        assert torch.allclose(batched.up[name], iterative.up[name], atol=1e-6)


def test_documents_of_one_batch_do_not_leak_into_each_other(network: DocumentToLora) -> None:
    alone, first = (network.chunk_rows(["The mug is here.", other]).one(0) for other in ("No.", "A cup is there."))
    longer = network.chunk_rows(["The mug is here.", "Many more words stand in this other one."]).one(0)
    assert all(torch.allclose(alone.up[n], first.up[n], atol=1e-6) for n in alone.up)
    assert all(torch.allclose(alone.up[n], longer.up[n], atol=1e-5) for n in alone.up)
    assert not torch.allclose(
        alone.up[next(iter(alone.up))], network.chunk_rows(["No."]).one(0).up[next(iter(alone.up))]
    )


def test_an_adapter_in_use_does_not_change_what_is_read(network: DocumentToLora) -> None:
    rows = network.chunk_rows(["The mug is here."])
    with network.adapted.using(network.adapter("A cup is there.", "other").rows()):
        assert same_rows(network.chunk_rows(["The mug is here."]), rows)


def test_chunks_together_change_what_each_changes_and_the_bias_once(network: DocumentToLora) -> None:
    adapter = network.adapter(TEXT, "note", Words())
    assert len(adapter.chunks) == 2 and adapter.names[0] == "note 1/2"
    assert adapter.bias is not None
    whole = adapter.rows()
    for target in network.adapted.targets:
        parts = sum(c.rows.delta(target.name) for c in adapter.chunks) + adapter.bias.delta(target.name)
        assert torch.allclose(whole.delta(target.name), parts, atol=1e-5)
    norms = growth(adapter)
    assert len(norms) == 2 and norms[1] > norms[0] == pytest.approx(adapter.chunks[0].rows.norm())
    keys = [c.keys for c in adapter.chunks]
    assert keys[0] is not None and keys[0].shape == (4, 4)


def test_an_empty_document_is_refused(network: DocumentToLora) -> None:
    with pytest.raises(BadInputError, match="no text"):
        network.adapter(" \n", "note")


def test_joined_chunks_answer_like_each_document_alone(network: DocumentToLora) -> None:
    rows = network.chunk_rows([c for one in LESSONS for c in one.chunks])
    both = with_bias(joined(rows, [2, 1]), network.heads.bias())
    assert both.batch == 2 and both.rank == 3 * CONFIG.rank
    alone = concatenate([rows.one(2), network.heads.bias()])
    assert torch.allclose(logits(network, both.one(1)), logits(network, alone), atol=1e-5)


def test_weights_come_back_and_only_for_their_model(network: DocumentToLora, tmp_path: Path) -> None:
    path = tmp_path / "network.safetensors"
    save_document_network(path, network, {"seed": 3})
    again = load_document_network(path, AdaptedModel(tiny_model()), PROMPTS)
    assert read_about(path)["about"] == {"seed": 3} and again.config == CONFIG
    assert same_rows(again.chunk_rows([TEXT]), network.chunk_rows([TEXT]))
    with pytest.raises(BadInputError, match="is for tiny"):
        load_document_network(path, AdaptedModel(tiny_model(), layers=(1,)), PROMPTS)
    path.write_bytes(b"nothing")
    with pytest.raises(BadInputError, match="cannot be read"):
        read_about(path)


@pytest.mark.parametrize("kind", ["kl", "next_token"])
def test_a_step_down_the_gradient_lowers_the_loss(adapted: AdaptedModel, kind: str) -> None:
    network, config = made(adapted), DistillationConfig(kind, l1=0.01)
    before, figures = lesson_loss(network, LESSONS, config)
    before.backward()
    assert all(p.grad is not None for p in network.parameters())
    assert set(figures) == {"loss", "right", "l1", "norm"}
    with torch.no_grad():
        for parameter in network.parameters():
            parameter -= 0.01 * parameter.grad
    assert lesson_loss(network, LESSONS, config)[0].detach() < before.detach()


def test_gradient_steps_bring_the_student_to_the_teacher(adapted: AdaptedModel) -> None:
    with torch.no_grad():
        adapted.model.lm_head.weight *= 100  # a teacher that is sure of something
    lesson = LESSONS[0]
    full = [(lesson.text, q, a) for q, a in lesson.asked]
    bare = [(None, q, a) for q, a in lesson.asked]

    def gap(rows: object) -> float:
        teacher = answered(adapted, PROMPTS, full, None).logits.softmax(-1)  # type: ignore[arg-type]
        student = answered(adapted, PROMPTS, bare, rows).logits.softmax(-1)  # type: ignore[arg-type]
        return float((teacher - student).abs().sum())

    rows, seconds = distilled(adapted, PROMPTS, lesson, rank=2, steps=40, rate=0.02)
    assert gap(rows) < 0.5 * gap(None) and seconds > 0
    assert not adapted.active


def test_answers_count_only_when_every_token_is_right() -> None:
    from memory_agent_ros.adapters.distillation import Told

    sharp = torch.eye(5)[[1, 2, 3]]
    told = Told(sharp, torch.tensor([1, 2, 4]), torch.tensor([0, 0, 1]))
    assert told.right().tolist() == [True, False]
