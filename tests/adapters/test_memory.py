"""Memory-to-LoRA: chunks depend on what their place holds and on nothing else; an untrained one changes nothing."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from memory_agent_ros.adapters.adapter import same_rows
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.library import MEMORY, AdapterLibrary
from memory_agent_ros.adapters.memory import MemoryToLora
from memory_agent_ros.adapters.memory_network import CUES, MemoryNetworkSize
from memory_agent_ros.adapters.memory_reading import Division, read_chunk, read_chunks
from memory_agent_ros.adapters.prompts import Prompts
from memory_agent_ros.memory.encoder import Encoder
from memory_agent_ros.memory.encoder_network import EncoderConfig, EncoderNetwork
from memory_agent_ros.records.box import OrientedBox
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject, ObjectState
from memory_agent_ros.records.relation import Relation, RelationKind
from memory_agent_ros.records.room import Room
from tests.adapters.conftest import VOCABULARY, tiny_model

HOUR_NS = 3600 * 10**9
TOKENS = torch.randint(0, VOCABULARY, (2, 6), generator=torch.Generator().manual_seed(1))


class Letters:
    """A tokenizer of letters."""

    def __call__(self, text: str, add_special_tokens: bool = False) -> dict[str, list[int]]:
        return {"input_ids": letters(text)}


def letters(text: str) -> list[int]:
    return [ord(c) % VOCABULARY for c in text.strip()]


PROMPTS = Prompts(letters, lambda passage, question: letters(question), letters)


class Map:
    """A memory that was given what it holds."""

    def __init__(self, objects: Sequence[MapObject], events: Sequence[MemoryEvent] = ()) -> None:
        self.held, self.events = list(objects), list(events)

    def objects(self) -> list[MapObject]:
        return self.held

    def rooms(self) -> list[Room]:
        return [room(1, "kitchen", 0.0), room(2, "study", 5.0)]

    def relations(self) -> list[Relation]:
        by_label = {o.label: o.id for o in self.held if o.state is ObjectState.PRESENT}
        if not {"mug", "table"} <= by_label.keys():
            return []
        return [Relation(RelationKind.ON, by_label["mug"], by_label["table"], None, 0.0, 1.0)]

    def changes(self, since_ns: int = 0) -> list[MemoryEvent]:
        return self.events


def room(number: int, name: str, x: float) -> Room:
    outline = np.array([[x, 0.0], [x + 4, 0.0], [x + 4, 4.0], [x, 4.0]])
    return Room(number, name, 1.0, outline, 16.0, np.array([x + 2, 2.0]))


def thing(
    number: int, label: str, x: float, hours: float = 1.0, gone: bool = False, look: int | None = None
) -> MapObject:
    box = OrientedBox(np.array([x, 2.0, 0.8]), np.array([0.1, 0.1, 0.1]), 0.0)
    stamp = int(hours * HOUR_NS)
    embedding = None if look is None else np.eye(16, dtype=np.float32)[look]
    return MapObject(
        number, label, {label: 1.0}, ObjectState.GONE if gone else ObjectState.PRESENT, 0.0 if gone else 1.0, True,
        box.center, 1e-4 * np.eye(3), box, np.zeros((1, 3), np.float32), embedding, 3, stamp, stamp, stamp,
    )  # fmt: skip


HOME = [thing(1, "mug", 1.0), thing(2, "table", 1.1), thing(3, "lamp", 6.0, hours=2.5)]


def small_encoder() -> Encoder:
    torch.manual_seed(3)
    return Encoder(EncoderNetwork(EncoderConfig(dim=32, layers=1, heads=2)))


def maker(adapted: AdaptedModel, **other: Any) -> MemoryToLora:
    size = MemoryNetworkSize(width=32, blocks=1, heads=2, encoded=32)
    return MemoryToLora.new(adapted, Letters(), PROMPTS, size, encoder=small_encoder(), **other)


@pytest.fixture
def trained(adapted: AdaptedModel) -> MemoryToLora:
    """One whose rows change the model."""
    made = maker(adapted)
    for factor in made.network.heads.scale_up.values():
        torch.nn.init.normal_(factor, generator=torch.Generator().manual_seed(2))
    return made


def test_rooms_and_hours_are_chunks() -> None:
    by_room = read_chunks(Map(HOME))
    assert [(r.place, r.name, r.labels) for r in by_room] == [
        ("room 1", "kitchen", ("mug", "table")), ("room 2", "study", ("lamp",)),
    ]  # fmt: skip
    assert [(i.subject, i.kind, i.other) for i in by_room[0].links] == [("mug", RelationKind.ON, "table")]
    by_hour = read_chunks(Map(HOME), Division.HOUR)
    assert [(r.place, r.name, r.homes) for r in by_hour] == [
        ("hour 1", "1970-01-01 01h", ("kitchen", "kitchen")), ("hour 2", "1970-01-01 02h", ("study",)),
    ]  # fmt: skip


def test_an_untrained_adapter_changes_nothing(adapted: AdaptedModel) -> None:
    rows = maker(adapted).adapter(Map(HOME)).rows()
    before = adapted.model(TOKENS).logits
    with adapted.using(rows) as model:
        assert torch.equal(model(TOKENS).logits, before)


def test_a_trained_adapter_changes_the_model_and_keeps_its_source(trained: MemoryToLora, adapted: AdaptedModel) -> None:
    adapter = trained.adapter(Map(HOME))
    with adapted.using(adapter.rows()) as model:
        assert not torch.allclose(model(TOKENS).logits, tiny_model()(TOKENS).logits)
    source = adapter.chunks[1].source
    assert (source.name, source.object_ids, source.stamp_ns) == ("study", ("3",), int(2.5 * HOUR_NS))
    assert source.digest == read_chunk(Map(HOME), "room 2").digest and source.made_by == trained.made_by
    assert adapter.chunks[0].rows.rank == len(CUES) * (1 + 2)


def test_a_batch_gives_what_single_chunks_give(trained: MemoryToLora) -> None:
    readings = read_chunks(Map(HOME))
    with torch.no_grad():
        rows = trained.network(trained.batch(readings))
    for number, reading in enumerate(readings):
        alone = trained.chunk(reading).rows
        for name in alone.down:
            together = rows.one(number).delta(name)
            assert torch.allclose(together, alone.delta(name), atol=1e-5)


def test_what_another_room_holds_does_not_matter(trained: MemoryToLora) -> None:
    other = Map([HOME[0], HOME[1], thing(7, "sofa", 7.0)])
    assert same_rows(
        trained.chunk(read_chunk(Map(HOME), "room 1")).rows, trained.chunk(read_chunk(other, "room 1")).rows
    )
    assert not same_rows(
        trained.chunk(read_chunk(Map(HOME), "room 2")).rows, trained.chunk(read_chunk(other, "room 2")).rows
    )


def test_a_forgotten_thing_leaves_no_bit(trained: MemoryToLora) -> None:
    secret = thing(2, "safe", 1.4, look=3)
    held = Map([HOME[0], secret, dataclasses.replace(HOME[1], id=3)])
    never = Map([HOME[0], HOME[1]])
    before = trained.chunk(read_chunk(held, "room 1"))
    held.held.remove(secret)
    after, clean = trained.chunk(read_chunk(held, "room 1")), trained.chunk(read_chunk(never, "room 1"))
    assert same_rows(after.rows, clean.rows) and after.source.digest == clean.source.digest
    assert not same_rows(before.rows, clean.rows) and before.source.digest != clean.source.digest


def test_looks_enter(trained: MemoryToLora) -> None:
    red, blue = (trained.chunk(read_chunk(Map([thing(1, "mug", 1.0, look=i)]), "room 1")) for i in (0, 1))
    assert not same_rows(red.rows, blue.rows) and red.source.digest != blue.source.digest


def test_a_library_makes_only_touched_chunks_anew(trained: MemoryToLora, tmp_path: Path) -> None:
    memory, library = Map(HOME), AdapterLibrary(tmp_path)
    assert library.refresh(read_chunks(memory), trained).made == ("room 1", "room 2")
    before = library.get(MEMORY)
    event = MemoryEvent(EventKind.MOVED, 3, "lamp", 3 * HOUR_NS, np.array([7.0, 2, 1]), np.array([6.0, 2, 1]))
    memory.held[2], memory.events = thing(3, "lamp", 7.0, hours=3.0), [event]
    touched = trained.touched(memory, event, before.chunks)
    assert touched == {"room 2"} and library.refresh(read_chunks(memory), trained, touched).made == ("room 2",)
    fresh = library.get(MEMORY)
    assert same_rows(fresh.chunks[0].rows, before.chunks[0].rows)
    assert not same_rows(fresh.chunks[1].rows, before.chunks[1].rows)
    memory.held, memory.events = memory.held[:2], []
    assert library.refresh(read_chunks(memory), trained).dropped == ("room 2",)


def test_what_moved_touches_both_rooms(trained: MemoryToLora) -> None:
    event = MemoryEvent(EventKind.MOVED, 1, "mug", 3 * HOUR_NS, np.array([7.0, 2, 1]), np.array([1.0, 2, 1]))
    memory = Map([thing(1, "mug", 7.0, hours=3.0), *HOME[1:]], [event])
    assert trained.touched(memory, event) == {"room 1", "room 2"}
    again = dataclasses.replace(event, kind=EventKind.UPDATED)
    assert trained.touched(memory, again) == set()
    whole = dataclasses.replace(event, kind=EventKind.REANCHORED, object_id=0)
    assert trained.touched(memory, whole) == {"room 1", "room 2"}


def test_files_give_the_same_rows(trained: MemoryToLora, adapted: AdaptedModel, tmp_path: Path) -> None:
    path = tmp_path / "memory_lora.safetensors"
    trained.save(path)
    loaded = MemoryToLora.load(path, adapted, Letters(), PROMPTS, encoder=small_encoder())
    assert same_rows(
        loaded.chunk(read_chunk(Map(HOME), "room 1")).rows, trained.chunk(read_chunk(Map(HOME), "room 1")).rows
    )
    path.write_bytes(b"nothing")
    with pytest.raises(BadInputError) as caught:
        MemoryToLora.load(path, adapted, Letters(), PROMPTS, encoder=small_encoder())
    assert caught.value.reason == "memory_lora_weights"


def test_unknown_places_are_refused() -> None:
    with pytest.raises(BadInputError) as caught:
        read_chunk(Map(HOME), "room 9")
    assert caught.value.reason == "no_such_place"
