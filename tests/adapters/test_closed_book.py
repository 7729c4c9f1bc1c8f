"""Adapters that are asked: ranked answers are those of plain reading, and only the most relevant adapter answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from memory_agent_ros.adapters.adapter import Adapter, Chunk, Source
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.closed_book import ClosedBook, ClosedBookConfig
from memory_agent_ros.adapters.library import AdapterLibrary
from memory_agent_ros.adapters.rows import LoraRows, concatenate
from tests.adapters.conftest import some_rows

END = 0
ROOMS = ("3 4", "5", "6 7 8", "9")


class Numbers:
    """Texts are token ids."""

    def question(self, text: str) -> list[int]:
        return [10, *map(int, text.split()), 11]

    def answer(self, text: str) -> list[int]:
        return [*map(int, text.split()), END]

    def text(self, ids: Sequence[int]) -> str:
        return " ".join(str(i) for i in ids if i != END)

    def ends(self, ids: Sequence[int]) -> bool:
        return END in ids


class FirstNumber:
    """A chunk's key is the number that it speaks of."""

    def of(self, question: str, keys: Sequence[Tensor | None]) -> list[float]:
        asked = float(question.split()[0])
        return [0.0 if key is None else 1.0 / (1.0 + abs(asked - float(key[0, 0]))) for key in keys]


def chunk(adapted: AdaptedModel, number: int) -> Chunk:
    source = Source("memory", f"room {number}", f"{number:x}", 7, (str(number),))
    return Chunk(f"room {number}", some_rows(adapted, number), source, torch.tensor([[float(number)]]))


@pytest.fixture
def library(adapted: AdaptedModel, tmp_path: Path) -> AdapterLibrary:
    library = AdapterLibrary(tmp_path / "adapters")
    library.put("memory", Adapter(tuple(chunk(adapted, n) for n in (1, 2, 3)), some_rows(adapted, 40, 1), "tiny"))
    library.put("manual", Adapter((chunk(adapted, 20),), None, "tiny"))
    library.put("foreign", Adapter((chunk(adapted, 30),), None, "another model"))
    return library


def plainly(adapted: AdaptedModel, question: str, rows: LoraRows | None) -> Tensor:
    """Log-likelihoods: each choice read alone, without a cache."""
    scores = []
    for choice in ROOMS:
        prompt, answer = Numbers().question(question), Numbers().answer(choice)
        with adapted.using(rows) as model, torch.no_grad():
            likely = model(torch.tensor([prompt + answer])).logits[0].log_softmax(dim=-1)
        told = torch.arange(len(prompt) - 1, len(prompt) + len(answer) - 1)
        scores.append(likely[told, torch.tensor(answer)].sum())
    return torch.stack(scores)


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_ranked_choices_are_those_of_plain_reading(adapted: AdaptedModel, library: AdapterLibrary, batch: int) -> None:
    book = ClosedBook(adapted, Numbers(), "tiny", library, FirstNumber(), ClosedBookConfig(batch=batch))
    recall, memory = book.recall("2 12", ROOMS), library.get("memory")
    assert recall is not None and memory.bias is not None
    told = plainly(adapted, "2 12", concatenate([*(c.rows for c in memory.chunks), memory.bias]))
    assert torch.allclose(torch.tensor([recall.probabilities[r] for r in ROOMS]), told.softmax(dim=0), atol=1e-5)
    best, added = int(told.argmax()), (told - plainly(adapted, "2 12", None)).softmax(dim=0)
    assert recall.text == ROOMS[best]
    assert recall.share == pytest.approx(float(min(told.softmax(dim=0)[best], added[best])), abs=1e-5)
    assert recall.relevance == 1.0 and recall.confidence == recall.share
    assert not adapted.active, "the model is as it was"


def test_an_adapter_that_changes_nothing_is_as_sure_as_chance(adapted: AdaptedModel, tmp_path: Path) -> None:
    library = AdapterLibrary(tmp_path / "adapters")
    nothing = Chunk("room 1", adapted.nothing(3), Source("memory", "room 1", "0"), torch.tensor([[1.0]]))
    library.put("memory", Adapter((nothing,), None, "tiny"))
    book = ClosedBook(adapted, Numbers(), "tiny", library, FirstNumber())
    recall, written = book.recall("1", ROOMS), book.recall("1")
    assert recall is not None and recall.share == pytest.approx(1 / len(ROOMS), abs=1e-5)
    assert recall.share < max(recall.probabilities.values())
    assert written is not None and written.share == pytest.approx(0.0, abs=1e-6)


def test_the_most_relevant_adapter_answers_and_tells_its_sources(
    adapted: AdaptedModel, library: AdapterLibrary
) -> None:
    book = ClosedBook(adapted, Numbers(), "tiny", library, FirstNumber(), ClosedBookConfig(most_chunks=2))
    near, far = book.recall("3", ROOMS), book.recall("19", ROOMS)
    assert near is not None and [s.name for s in near.sources] == ["room 3", "room 2"]
    assert far is not None and [s.name for s in far.sources] == ["room 20"] and far.relevance == 0.5
    memory = library.get("memory")
    assert memory.bias is not None
    two = concatenate([memory.chunks[1].rows, memory.chunks[2].rows, memory.bias])
    assert torch.allclose(
        torch.tensor([*near.probabilities.values()]), plainly(adapted, "3", two).softmax(0), atol=1e-5
    )
    assert book.relevance("30") == pytest.approx(1 / 11), "adapters of another model are not asked"


def test_chunks_that_may_not_be_asked_are_not(adapted: AdaptedModel, library: AdapterLibrary) -> None:
    held = {"1", "3", "20"}
    book = ClosedBook(
        adapted, Numbers(), "tiny", library, FirstNumber(), allowed=lambda c: held.issuperset(c.source.object_ids)
    )
    recall = book.recall("2", ROOMS)
    assert recall is not None and {s.name for s in recall.sources} == {"room 1", "room 3"}
    held.clear()
    assert book.recall("2", ROOMS) is None and book.relevance("2") is None


def test_without_choices_it_writes_the_likeliest_tokens(adapted: AdaptedModel, library: AdapterLibrary) -> None:
    book = ClosedBook(adapted, Numbers(), "tiny", library, FirstNumber(), ClosedBookConfig(tokens=5))
    recall = book.recall("20")
    assert recall is not None and not recall.probabilities and 0.0 <= recall.share < 1.0
    ids = Numbers().question("20")
    with adapted.using(library.get("manual").rows()) as model, torch.no_grad():
        for _ in range(5):
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    assert recall.text == Numbers().text(ids[3:])
