"""A tiny random language model with a random hypernetwork: everything of the product but the weights."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from memory_agent_ros.adapters.adapter import Adapter, Chunk, Source
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.internaliser import Kit
from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.records.event import EventKind, MemoryEvent
from tests.adapters.conftest import VOCABULARY, some_rows, tiny_model


@dataclass(frozen=True)
class Read:
    """A room with the ids of its things; the hour at which it was seen or what happened changes its digest too."""

    place: str
    things: tuple[int, ...]
    hour: int = 0

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr(self).encode()).hexdigest()


@dataclass
class RandomHypernetwork:
    """Rows drawn from what was read: the same of the same. The whole memory is one chunk, and each text."""

    adapted: AdaptedModel
    made_by: str = "random 0"
    base: str = "tiny"
    made: list[str] = field(default_factory=list)

    @property
    def bias(self) -> LoraRows:
        return some_rows(self.adapted, 99, rank=1)

    def chunk(self, reading: Read) -> Chunk:
        self.made.append(reading.place)
        seed = int(hashlib.sha256(repr((self.made_by, reading.things)).encode()).hexdigest()[:8], 16)
        ids = tuple(str(i) for i in reading.things)
        source = Source("memory", reading.place, reading.digest, reading.hour, ids, self.made_by)
        return Chunk("named otherwise", some_rows(self.adapted, seed), source, torch.eye(2))

    def readings(self, memory: Any) -> Sequence[Read]:
        things = memory.objects()
        return [Read("room 1", tuple(o.id for o in things), len(memory.changes()))] if things else []

    def touched(self, memory: Any, event: MemoryEvent, chunks: Iterable[Chunk]) -> set[str]:
        return set() if event.kind is EventKind.UPDATED else {"room 1"}

    def adapter(self, text: str, name: str) -> Adapter:
        source = Source("document", name, hashlib.sha256(text.encode()).hexdigest(), made_by=self.made_by)
        chunk = Chunk(f"{name} 1/1", some_rows(self.adapted, len(text)), source, torch.eye(2))
        return Adapter((chunk,), None, self.base)


class Letters:
    """Writes texts as the numbers of their letters."""

    def question(self, text: str) -> list[int]:
        return [1 + ord(c) % (VOCABULARY - 1) for c in text]

    def answer(self, text: str) -> list[int]:
        return [*self.question(text), 0]

    def text(self, ids: Sequence[int]) -> str:
        return " ".join(map(str, ids))

    def ends(self, ids: Sequence[int]) -> bool:
        return 0 in ids


class Certain:
    """Every chunk holds everything, nearly."""

    def of(self, question: str, keys: Sequence[Tensor | None]) -> list[float]:
        return [0.9 for _ in keys]


def tiny_kit(networks: bool = True) -> Kit:
    """With a random hypernetwork, or with none."""
    adapted = AdaptedModel(tiny_model())
    network = RandomHypernetwork(adapted) if networks else None
    return Kit("tiny", adapted, Letters(), Certain(), network, network)
