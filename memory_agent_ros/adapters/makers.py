"""What an adapter library needs of the hypernetworks that make its chunks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

from memory_agent_ros.adapters.adapter import Adapter, Chunk
from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.records.event import MemoryEvent


class Reading(Protocol):
    """What one chunk is made from."""

    @property
    def place(self) -> str:
        """Key of the chunk, which outlasts a new name: "room 3"."""
        ...

    @property
    def digest(self) -> str:
        """Hash of everything that is read."""
        ...


ReadingT = TypeVar("ReadingT", bound=Reading, contravariant=True)


class ChunkMaker(Protocol[ReadingT]):
    """Writes parts of the memory into chunks."""

    @property
    def base(self) -> str:
        """Name of the language model that the chunks are for."""
        ...

    @property
    def made_by(self) -> str:
        """Name and hash of the hypernetwork's weights; chunks of other weights are made anew."""
        ...

    @property
    def bias(self) -> LoraRows | None:
        """Rows that act once however many chunks there are."""
        ...

    def chunk(self, reading: ReadingT) -> Chunk:
        """The chunk of a reading; its source has the reading's digest and all objects that were read."""
        ...


class MemoryMaker(ChunkMaker[Any], Protocol):
    """Reads a memory and writes it into chunks."""

    def readings(self, memory: Any) -> Sequence[Any]:
        """Everything that a memory holds, by chunk."""
        ...

    def touched(self, memory: Any, event: MemoryEvent, chunks: Iterable[Chunk]) -> set[str]:
        """Names of the chunks that an event changes: none where a thing was only seen again.

        Args:
            memory: after the event.
            event: what happened.
            chunks: those there are.
        """
        ...


class DocumentMaker(Protocol):
    """Writes texts into adapters."""

    def adapter(self, text: str, name: str) -> Adapter:
        """An adapter of a text, in chunks that are named after it."""
        ...
