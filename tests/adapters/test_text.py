"""A hypernetwork of descriptions: it begins as LoRA does, learns through the frozen model, its files come back."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from memory_agent_ros.adapters.adapter import load_adapter, same_rows, save_adapter
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.adapters.text import (
    TextLoraConfig,
    TextToLora,
    description_vectors,
    load_text_lora,
    rows_loss,
    save_text_lora,
    sentences,
)
from memory_agent_ros.records.errors import BadInputError
from tests.adapters.conftest import VOCABULARY, tiny_model

TOKENS = torch.randint(0, VOCABULARY, (3, 7), generator=torch.Generator().manual_seed(1))


class LetterCounts:
    """A text's letters, counted: enough of an embedder to tell descriptions apart."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        counts = np.array([[text.count(c) for c in "abcdefgh"] for text in texts], dtype=np.float32) + 0.1
        unit: NDArray[np.float32] = (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)
        return unit


def network(adapted: AdaptedModel, head: str = "all") -> TextToLora:
    torch.manual_seed(3)
    config = TextLoraConfig(description=8, rank=2, alpha=4.0, task=8, place=4, hidden=16, blocks=1, head=head)
    return TextToLora(config, adapted.targets)


@pytest.mark.parametrize("head", ["all", "row"])
def test_it_begins_as_lora_does_and_changes_nothing(head: str) -> None:
    adapted = AdaptedModel(tiny_model(), ("q_proj", "v_proj", "down_proj"))
    made = network(adapted, head)
    vectors = torch.from_numpy(description_vectors(LetterCounts(), ["abba.", "bad cab. fed.", "gag."]))
    with torch.no_grad():
        rows = made(vectors)
    assert rows.batch == 3 and rows.rank == 2 and same_rows(rows.one(0), made.shared())
    assert all(float(t.abs().max()) == 0.0 for t in rows.up.values())
    assert all(float(t.abs().min()) > 0.0 for t in rows.down.values())
    with torch.no_grad():
        expected = adapted.model(TOKENS).logits
        with adapted.using(rows):
            assert torch.equal(adapted.model(TOKENS).logits, expected)


@pytest.mark.parametrize("head", ["all", "row"])
def test_it_learns_through_the_frozen_model_what_each_description_wants(head: str) -> None:
    adapted = AdaptedModel(tiny_model(), ("q_proj", "down_proj"))
    made = network(adapted, head)
    vectors = torch.from_numpy(description_vectors(LetterCounts(), ["abba.", "gag."]))
    wanted = torch.tensor([4, 9])
    optimiser = torch.optim.Adam(made.parameters(), lr=1e-2)

    for _ in range(60):
        with adapted.using(made(vectors)) as model:
            logits = model(TOKENS[:1].expand(2, -1)).logits[:, -1]
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(logits, wanted).backward()
        optimiser.step()
    assert logits.argmax(dim=1).tolist() == [4, 9]
    assert all(p.grad is None for p in adapted.model.parameters())
    with adapted.using(made(vectors.flip(0))) as model, torch.no_grad():  # swapped descriptions want the other thing
        assert model(TOKENS[:1].expand(2, -1)).logits[:, -1].argmax(dim=1).tolist() == [9, 4]


def test_it_learns_the_rows_of_a_library() -> None:
    adapted = AdaptedModel(tiny_model())
    made = network(adapted)
    vectors = torch.from_numpy(description_vectors(LetterCounts(), ["abba.", "gag."]))
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        library = made(vectors).map(lambda t: t + 0.1 * torch.randn(t.shape, generator=draw))
    spread = {
        n: (torch.full(a.shape[1:], 0.1), torch.full(library.up[n].shape[1:], 0.1)) for n, a in library.down.items()
    }
    optimiser = torch.optim.Adam(made.parameters(), lr=3e-3)
    first = float(rows_loss(made(vectors), library, spread).detach())
    for _ in range(120):
        optimiser.zero_grad()
        loss = rows_loss(made(vectors), library, spread)
        loss.backward()
        optimiser.step()
    assert first == pytest.approx(0.8, abs=0.1) and float(loss.detach()) < 0.3
    assert float(rows_loss(library, library, spread)) == 0.0


def test_a_description_is_the_sum_of_its_sentences() -> None:
    assert sentences(" Speak German. Be brief!  ") == ["Speak German.", "Be brief!"] and sentences(" ") == [""]
    vectors = description_vectors(LetterCounts(), ["abba. gag.", "gag. abba.", "gag.", "abba."])
    assert np.allclose(vectors[0], vectors[1]) and np.allclose(vectors[0], vectors[2] + vectors[3])


def test_an_adapter_of_a_task_is_one_that_is_saved_and_loaded(tmp_path: Path) -> None:
    adapted = AdaptedModel(tiny_model())
    made = network(adapted).eval()
    torch.nn.init.normal_(made.heads["down_proj"].weight, std=0.1)
    one = made.adapter("bad cab.", "inventory", LetterCounts(), "tiny", "text_lora 1")
    save_adapter(tmp_path / "inventory", one)
    back = load_adapter(tmp_path / "inventory")
    assert same_rows(back.rows(), one.rows()) and back.chunks[0].source.kind == "text"
    adapted.internalize(back.rows())
    other = made.adapter("gag.", "gagging", LetterCounts(), "tiny")
    assert not same_rows(other.rows(), one.rows()) and other.chunks[0].source.digest != one.chunks[0].source.digest


def test_files_come_back_and_others_are_refused(tmp_path: Path) -> None:
    adapted, path = AdaptedModel(tiny_model()), tmp_path / "text.safetensors"
    made = network(adapted).eval()
    torch.nn.init.normal_(made.heads["down_proj"].weight, std=0.1)
    save_text_lora(path, made, {"seed": "3"})
    back, about = load_text_lora(path, adapted.targets)
    vectors = torch.rand(2, 8)
    with torch.no_grad():
        assert same_rows(back(vectors), made(vectors)) and about["seed"] == "3"
    with pytest.raises(BadInputError) as caught:
        load_text_lora(path, AdaptedModel(tiny_model(), ("q_proj",)).targets)
    assert caught.value.reason == "adapter_of_another_model"
    for name in ("absent", "broken"):
        (tmp_path / "broken").write_bytes(b"no")
        with pytest.raises(BadInputError) as caught:
            load_text_lora(tmp_path / name)
        assert caught.value.reason == "text_lora_weights"


def test_rows_keep_what_a_hypernetwork_must_fill() -> None:
    with pytest.raises(ValueError, match="head"):
        TextLoraConfig(head="both")
    assert isinstance(network(AdaptedModel(tiny_model())).shared(), LoraRows)
