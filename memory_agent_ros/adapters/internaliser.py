"""Memory and texts into a library of adapters, and answers out of it: one language model with its hypernetworks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from memory_agent_ros.adapters.adapter import Adapter, Chunk
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.closed_book import ClosedBook, ClosedBookConfig, Relevance, Wording
from memory_agent_ros.adapters.library import MEMORY, AdapterLibrary, Refreshed
from memory_agent_ros.adapters.makers import DocumentMaker, MemoryMaker
from memory_agent_ros.adapters.place_router import Embed, PlaceRouter
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.map_object import MapObject

#: Events after which a chunk may hold what the memory does not hold any more.
ERASING = (EventKind.FORGOTTEN, EventKind.MERGED)


class HoldsObjects(Protocol):
    """A memory that tells what it holds; hypernetworks read more of it."""

    def objects(self) -> list[MapObject]:
        """All confirmed objects, present and gone."""
        ...


@dataclass(frozen=True)
class Kit:
    """A language model with what writes into it.

    Attributes:
        base: name of the model.
        adapted: the model.
        wording: writes questions and answers for it.
        relevance: of questions to chunks.
        memory: makes chunks of the memory; None without weights.
        documents: makes adapters of texts; None without weights.
        embed: texts to the vectors that chunks have as keys; None without an embedder.
    """

    base: str
    adapted: AdaptedModel
    wording: Wording
    relevance: Relevance
    memory: MemoryMaker | None = None
    documents: DocumentMaker | None = None
    embed: Embed | None = None

    @property
    def networks(self) -> str:
        """Which hypernetworks there are, in words."""
        there = {"memory": self.memory, "document": self.documents}
        return ", ".join(name for name, maker in there.items() if maker is not None) or "none, they have no weights yet"


class Internaliser:
    """Keeps a library of adapters up to date and asks it.

    Args:
        kit: language model and hypernetworks.
        library: where the adapters are kept.
        config: how they are asked.
        by_place: of several texts, let only that answer which speaks of what was seen lately, see :meth:`saw`.
    """

    def __init__(
        self, kit: Kit, library: AdapterLibrary, config: ClosedBookConfig | None = None, *, by_place: bool = False
    ) -> None:
        self._kit, self.library = kit, library
        self._router = PlaceRouter(library, kit.embed, always=(MEMORY,)) if by_place and kit.embed else None
        allowed = self._router.allows if self._router else None
        self.book = ClosedBook(kit.adapted, kit.wording, kit.base, library, kit.relevance, config, allowed)

    def saw(self, texts: Sequence[str]) -> None:
        """Take in what the robot saw since the last time, oldest first."""
        if self._router is not None:
            self._router.saw(texts)

    def unsee(self) -> None:
        """Forget what the robot saw, as after a request to forget."""
        if self._router is not None:
            self._router.unsee()

    @property
    def writes_memory(self) -> bool:
        """Whether there is a hypernetwork that writes the memory."""
        return self._kit.memory is not None

    def internalise_memory(self, memory: HoldsObjects, touched: Collection[str] | None = None) -> Refreshed:
        """Bring the memory's adapter up to date.

        Args:
            memory: what is read.
            touched: chunks in which something happened, see :meth:`AdapterLibrary.refresh`; all that changed if None.

        Raises:
            BadInputError: ``memory_lora_weights``.
        """
        maker = self._kit.memory
        if maker is None:
            raise BadInputError("memory_lora_weights", to_train("memory"))
        return self.library.refresh(maker.readings(memory), maker, touched)

    def internalise_text(self, text: str, name: str) -> Adapter:
        """Write a text into an adapter of its own, in place of an older one.

        Raises:
            BadInputError: ``document_lora_weights``, ``document_empty``, ``adapter_name``.
        """
        if self._kit.documents is None:
            raise BadInputError("document_lora_weights", to_train("document"))
        adapter = self._kit.documents.adapter(text, name)
        self.library.put(name, adapter)
        return adapter

    def touched(self, memory: HoldsObjects, events: Iterable[MemoryEvent]) -> set[str] | None:
        """Chunks that events change; None for all that changed, where something was erased."""
        found, chunks = set[str](), self._chunks()
        for event in events:
            if event.kind in ERASING:
                return None  # neither the erased thing nor its events are there any more to tell where they were
            if self._kit.memory is not None:
                found |= self._kit.memory.touched(memory, event, chunks)
        return found

    def settle(self, memory: HoldsObjects) -> list[str]:
        """What has to be done before a question is asked: no chunk of an object that the memory does not hold any more.

        Such chunks are made anew, with all that were changed by the erasure; without a hypernetwork they are dropped.

        Returns:
            the chunks that held such an object.
        """
        stale = self.library.forgotten([o.id for o in memory.objects()])
        if stale:
            self.library.without(stale)
            if self._kit.memory is not None:
                self.internalise_memory(memory)
        return stale

    def _chunks(self) -> tuple[Chunk, ...]:
        return self.library.get(MEMORY).chunks if MEMORY in self.library.names() else ()


def text_of(name: str, path: str, text: str = "") -> tuple[str, str]:
    """Name and text to be internalised: the file's, or the text given with its name.

    Raises:
        BadInputError: ``internalize_file``: it cannot be read as text. ``internalize_name``: a text has no name.
    """
    if path:
        file = Path(path).expanduser()
        try:
            name, text = name or file.name, file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInputError("internalize_file", f"{file} cannot be read as text: {error}") from error
    if not name or name == MEMORY:
        raise BadInputError("internalize_name", f"name the text, by another name than {MEMORY!r}")
    return name, text


def to_train(kind: str) -> str:
    """What to do where the weights of a hypernetwork are not there."""
    return (
        f"the hypernetwork that writes a {kind} into an adapter has no weights yet; make them with: "
        f"memory-agent train {kind}-lora --size embedded --out memory_agent_ros/weights/{weights_name(kind)}"
    )


def weights_name(kind: str) -> str:
    """File of a hypernetwork's weights: "memory_lora.safetensors"."""
    return f"{kind}_lora.safetensors"
