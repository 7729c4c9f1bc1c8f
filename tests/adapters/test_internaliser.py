"""A real memory through memory-to-LoRA into a library: what happened is made anew, what is forgotten is nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from memory_agent_ros.adapters.adapter import same_rows
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.internaliser import Internaliser, Kit
from memory_agent_ros.adapters.library import MEMORY, AdapterLibrary
from memory_agent_ros.adapters.memory import MemoryToLora
from memory_agent_ros.memory.encoder import Encoder
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError
from tests.adapters.conftest import tiny_model
from tests.adapters.small import Certain, Letters
from tests.adapters.test_memory import PROMPTS
from tests.memory.synthetic import CAMERA, arc, kitchen


class LetterTokens:
    """Words as the numbers of their letters."""

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": Letters().question(text)}


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    found = Encoder.load_default()
    if found is None:
        pytest.skip("the shared encoder is not shipped here")
    return found


@pytest.fixture
def memory(tmp_path: Path) -> SpatialMemory:
    """A table with mug, bowl and box."""
    world = kitchen(CAMERA.scaled(160, 120))
    memory = SpatialMemory.open(tmp_path / "home.map")
    for pose in arc((2.5, 0.0, 0.7)):
        memory.observe(*world.look(pose))
    return memory


def internaliser(folder: Path, encoder: Encoder) -> Internaliser:
    adapted = AdaptedModel(tiny_model())
    maker = MemoryToLora.new(adapted, LetterTokens(), PROMPTS, base="tiny", encoder=encoder)
    return Internaliser(Kit("tiny", adapted, Letters(), Certain(), maker), AdapterLibrary(folder))


def test_a_memory_is_written_once_and_asked(memory: SpatialMemory, encoder: Encoder, tmp_path: Path) -> None:
    one = internaliser(tmp_path / "adapters", encoder)
    made = one.internalise_memory(memory).made
    assert made and one.internalise_memory(memory).made == ()
    (chunk, *_) = one.library.get(MEMORY).chunks
    assert set(chunk.source.object_ids) == {str(o.id) for o in memory.objects()}
    recall = one.book.recall("is there a mug?", ("yes", "no"))
    assert recall is not None and recall.sources[0].made_by.startswith("memory_lora ")
    event = memory.relabel(memory.find("mug")[0].id, "cup", "test")
    touched = one.touched(memory, [event])
    assert touched == {chunk.name} and one.internalise_memory(memory, touched).made == (chunk.name,)


def test_what_is_forgotten_is_as_if_it_had_never_been(memory: SpatialMemory, encoder: Encoder, tmp_path: Path) -> None:
    one = internaliser(tmp_path / "adapters", encoder)
    one.internalise_memory(memory)
    assert one.settle(memory) == []
    events = _forgotten(memory, memory.forget(label="mug"))
    assert one.touched(memory, events) is None, "all that changed"
    stale = one.settle(memory)
    other = internaliser(tmp_path / "other", encoder)
    other.internalise_memory(memory)
    assert stale and same_rows(one.library.get(MEMORY).rows(), other.library.get(MEMORY).rows())


def test_without_weights_it_says_what_makes_them(memory: SpatialMemory, tmp_path: Path) -> None:
    adapted = AdaptedModel(tiny_model())
    one = Internaliser(Kit("tiny", adapted, Letters(), Certain()), AdapterLibrary(tmp_path))
    for work, part in (
        (lambda: one.internalise_memory(memory), "memory-lora"),
        (lambda: one.internalise_text("x", "y"), "document-lora"),
    ):
        with pytest.raises(BadInputError, match=f"memory-agent train {part}"):
            work()


def _forgotten(memory: SpatialMemory, ids: Sequence[int]) -> list[Any]:
    return [e for e in memory.changes() if e.object_id in ids]
