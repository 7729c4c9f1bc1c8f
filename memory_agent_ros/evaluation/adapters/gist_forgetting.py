"""What is left of a thing in an adapter after ``forget``: a real memory of cards, one of them forgotten.

Three maps of the same wall of cards: one that held a card and forgot it, one that never held it and saw the others from
the same poses, and one that never held it, recorded for itself. The first two must give the same bits; answers from the
first and the third must not tell which is which. A map that still holds the card shows that the check could tell.

The room is given: erasure blanks the depth that showed the card too, so outlines of free space may differ a little from
a map whose detector overlooked it, which is no trace of the card.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memory_agent_ros.adapters.adapter import same_rows
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.memory import MemoryToLora
from memory_agent_ros.adapters.memory_reading import ChunkReading, read_chunks
from memory_agent_ros.adapters.prompts import Prompts
from memory_agent_ros.adapters.rows import LoraRows, concatenate
from memory_agent_ros.evaluation.adapters.gist import COUNT, NUMBERS, PLACE, QUESTIONS, ROOMS, THINGS, Question
from memory_agent_ros.evaluation.adapters.gist_lessons import ranked
from memory_agent_ros.memory.contract_world import Card, CardWorld
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.event import MemoryEvent
from memory_agent_ros.records.map_object import MapObject
from memory_agent_ros.records.relation import Relation
from memory_agent_ros.records.room import Room

_CARDS, _LOOKS = 5, 5


@dataclass(frozen=True)
class Forgotten:
    """One forgotten card.

    Attributes:
        same_bits: rows and digest equal those of the map that never held it and saw the same.
        gap: total variation between the answers to questions about it, of the map that forgot it and of one that never
            held it and was recorded for itself.
        usual_gap: the same between two maps that never held it, each recorded for itself: what chance makes.
        held_gap: the same between the map that still holds it and one that never did.
    """

    same_bits: bool
    gap: float
    usual_gap: float
    held_gap: float


def forget_one(maker: MemoryToLora, adapted: AdaptedModel, prompts: Prompts, rng: np.random.Generator) -> Forgotten:
    """Forget a card and compare."""
    labels = rng.permutation(THINGS)[:_CARDS].tolist()
    room = str(rng.choice(ROOMS))
    cards = {
        n: Card(
            n, (float(rng.uniform(2.2, 3.2)), 1.0 - 0.5 * i, float(rng.uniform(0.7, 1.3))), color=int(rng.integers(16))
        )
        for i, n in enumerate(labels)
    }
    path = rng.uniform(-0.2, 0.2, _LOOKS)
    held, forgot, never = (_recorded(cards, path, seen) for seen in (labels, labels, labels[1:]))
    forgot.forget(label=labels[0])
    others = [_recorded(cards, rng.uniform(-0.2, 0.2, _LOOKS), labels[1:]) for _ in range(2)]
    memories = [held, forgot, never, *others]
    readings = [_reading(m, room) for m in memories]
    for memory in memories:
        memory.close()
    chunks = [maker.chunk(r) for r in readings]
    asked = _questions(labels[0], room)
    odds = [_answers(maker, adapted, prompts, c.rows, asked) for c in chunks]
    same = same_rows(chunks[1].rows, chunks[2].rows) and chunks[1].source.digest == chunks[2].source.digest
    return Forgotten(same, _apart(odds[1], odds[3]), _apart(odds[3], odds[4]), _apart(odds[0], odds[3]))


def _recorded(cards: dict[str, Card], path: NDArray[np.float64], seen: Sequence[str]) -> SpatialMemory:
    """A memory of the cards that are seen; the others stand there, and the detector is blind to them."""
    blind = {n: c if n in seen else dataclasses.replace(c, label="") for n, c in cards.items()}
    world, memory = CardWorld(dict(blind)), SpatialMemory.open(None)
    for y in path.tolist():
        memory.observe(*world.look(y))
    return memory


class _InRoom:
    """A memory of which all is in one room."""

    def __init__(self, memory: SpatialMemory, name: str) -> None:
        self._memory = memory
        corners = np.array([[-1.0, -4.0], [5.0, -4.0], [5.0, 4.0], [-1.0, 4.0]])
        self._room = Room(1, name, 1.0, corners, 48.0, np.array([2.0, 0.0]))

    def objects(self) -> list[MapObject]:
        return self._memory.objects()

    def rooms(self) -> list[Room]:
        return [self._room]

    def relations(self) -> list[Relation]:
        return self._memory.relations()

    def changes(self, since_ns: int = 0) -> list[MemoryEvent]:
        return self._memory.changes(since_ns)


def _reading(memory: SpatialMemory, room: str) -> ChunkReading:
    return read_chunks(_InRoom(memory, room))[0]


def _questions(label: str, room: str) -> list[Question]:
    counted = QUESTIONS[COUNT][-1].format(thing=label, room=room)
    where = QUESTIONS[PLACE][-1].format(thing=label, room=room)
    return [Question(counted, COUNT, NUMBERS[0], room), Question(where, PLACE, room, room)]


def _answers(
    maker: MemoryToLora, adapted: AdaptedModel, prompts: Prompts, rows: LoraRows, asked: Sequence[Question]
) -> list[NDArray[np.float64]]:
    adapter = concatenate([rows, maker.bias])
    return [odds.double().numpy() for odds, _ in ranked(adapted, prompts, [(None, q) for q in asked], adapter)]


def _apart(one: Sequence[NDArray[np.float64]], other: Sequence[NDArray[np.float64]]) -> float:
    """Mean total variation of the answers' odds."""
    return float(np.mean([0.5 * np.abs(a - b).sum() for a, b in zip(one, other, strict=True)]))
