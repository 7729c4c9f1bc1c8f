"""Memory-to-LoRA: a spatial memory becomes an adapter, chunk by chunk, without being told as text in between.

A chunk is a room or an hour. Chunks are made one at a time and know nothing of each other: the same things at the same
places give the same bits, an event changes the rows of the chunks that it touched, and a chunk of a map that an object
was erased from is that of a map that never held it. Coordinates stay in the store; an adapter is for gist. Needs torch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from memory_agent_ros.adapters.adapter import Adapter, Chunk, Source
from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.memory_network import CUES, MemoryNetwork, MemoryNetworkSize, TokenBatch, token_batch
from memory_agent_ros.adapters.memory_reading import (
    ChunkReading,
    Division,
    ObjectMemory,
    places_of,
    read_chunks,
)
from memory_agent_ros.adapters.memory_tokens import memory_tokens
from memory_agent_ros.adapters.prompts import Prompts
from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.memory.encoder import Encoder
from memory_agent_ros.perception.embedders.torch_threads import one_thread
from memory_agent_ros.perception.protocols import TextEmbedder
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.event import EventKind, MemoryEvent
from memory_agent_ros.records.tensor_file import read_tensors, write_tensors

KIND = "memory"


class MemoryToLora:
    """Writes adapters out of memories.

    Args:
        network: with its weights.
        adapted: the language model that the adapters are for; its word vectors are what names mean here.
        tokenizer: its tokenizer.
        prompts: how it is asked.
        base: its name.
        encoder: the memory's encoder; the shipped one by default.
        text_embedder: gives chunks their keys of relevance; without one they have none.
        division: what a chunk is of.
        about: how it was trained; strings.

    Raises:
        BadInputError: ``encoder_weights`` if no encoder is given and none is shipped.
    """

    def __init__(
        self,
        network: MemoryNetwork,
        adapted: AdaptedModel,
        tokenizer: Any,
        prompts: Prompts,
        *,
        base: str = "",
        encoder: Encoder | None = None,
        text_embedder: TextEmbedder | None = None,
        division: Division = Division.ROOM,
        about: dict[str, str] | None = None,
    ) -> None:
        found = encoder or Encoder.load_default()
        if found is None:
            raise BadInputError("encoder_weights", "memory-to-LoRA reads the shared encoder's vectors; it is not there")
        self.network, self.encoder, self.division, self.about = network, found, division, about or {}
        self.base = base
        self._adapted, self._tokenizer, self._prompts, self._text = adapted, tokenizer, prompts, text_embedder
        self._vectors: dict[str, Tensor] = {}
        self._cued: dict[tuple[str, str], dict[str, Tensor]] = {}

    @classmethod
    def new(
        cls,
        adapted: AdaptedModel,
        tokenizer: Any,
        prompts: Prompts,
        size: MemoryNetworkSize | None = None,
        seed: int = 0,
        **other: Any,
    ) -> MemoryToLora:
        """One with random weights, whose adapters change nothing yet."""
        torch.manual_seed(seed)
        width = adapted.model.get_input_embeddings().embedding_dim
        return cls(
            MemoryNetwork(adapted.targets, width, size or MemoryNetworkSize()), adapted, tokenizer, prompts, **other
        )

    @classmethod
    def load(cls, path: Path, adapted: AdaptedModel, tokenizer: Any, prompts: Prompts, **other: Any) -> MemoryToLora:
        """Read weights.

        Raises:
            BadInputError: ``memory_lora_weights`` if the file holds none of this version, or for another model.
        """
        try:
            tensors, about = read_tensors(path)
            size = MemoryNetworkSize(**json.loads(about["size"]))
            made = cls.new(
                adapted, tokenizer, prompts, size, about=about, division=Division(about["division"]), **other
            )
            made.network.load_state_dict(tensors)
        except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise BadInputError(
                "memory_lora_weights", f"{path} is no memory-to-LoRA for this model: {error}"
            ) from error
        made.network.eval()
        return made

    def save(self, path: Path) -> None:
        """Write the weights with :attr:`about` into one safetensors file, whole or not at all."""
        told = {"size": json.dumps(asdict(self.network.size)), "division": str(self.division)}
        write_tensors(path, self.network.state_dict(), {**self.about, **told})

    # ------------------------------------------------------------------ adapters

    @property
    def bias(self) -> LoraRows:
        """Rows that act once however many chunks there are."""
        return self.network.heads.bias().map(Tensor.detach)

    def adapter(self, memory: ObjectMemory) -> Adapter:
        """All chunks and the learned bias."""
        return Adapter(tuple(self.chunks(memory)), self.bias, self.base)

    def chunks(self, memory: ObjectMemory) -> list[Chunk]:
        """One chunk for each room (or hour) that holds something."""
        return [self.chunk(reading) for reading in read_chunks(memory, self.division)]

    def readings(self, memory: ObjectMemory) -> list[ChunkReading]:
        """What each room (or hour) holds that holds something."""
        return read_chunks(memory, self.division)

    def chunk(self, reading: ChunkReading) -> Chunk:
        """The chunk of what was read; made alone, so that its bits do not depend on others."""
        with one_thread():
            batch = self.batch([reading])
            with torch.inference_mode():
                rows = self.network(batch).one(0)
        source = Source(
            KIND,
            reading.name,
            reading.digest,
            reading.stamp_ns,
            tuple(str(o.id) for o in reading.objects),
            self.made_by,
        )
        return Chunk(reading.place, rows.map(torch.clone), source, self._keys(reading))

    def touched(self, memory: ObjectMemory, event: MemoryEvent, chunks: Iterable[Chunk] = ()) -> set[str]:
        """Names of the chunks that an event changes: of the places where it happened, and of those that hold the thing.

        Seeing a thing again where it stood (``updated``) touches nothing; a shift of the whole map touches everything.

        Args:
            memory: after the event.
            event: what happened.
            chunks: those there are.
        """
        chunks = list(chunks)
        if event.kind is EventKind.UPDATED:
            return set()
        if event.kind is EventKind.REANCHORED:
            return {c.name for c in chunks} | {r.place for r in read_chunks(memory, self.division)}
        ids = {str(i) for i in (event.object_id, event.other_id) if i}
        return places_of(memory, event, self.division) | {c.name for c in chunks if ids & set(c.source.object_ids)}

    # ------------------------------------------------------------------ what training needs too

    def batch(self, readings: Sequence[ChunkReading]) -> TokenBatch:
        """What the network reads of some chunks."""
        chunks = memory_tokens(readings, self.encoder)
        names = list(dict.fromkeys(name for chunk in chunks for name in chunk.names))
        vectors = torch.stack([self._vector(name) for name in names])
        return token_batch(chunks, vectors, {name: i for i, name in enumerate(names)}, self._cues)

    def _cues(self, thing: str, room: str) -> dict[str, Tensor]:
        """By kind of target, (L, R, inputs): what enters it at the end of each of the cues about a thing in a room.

        The frozen model reads each thing by itself, once: a chunk's bits must not depend on what else is read.
        """
        if (thing, room) not in self._cued:
            asked = [self._prompts.asked(None, form.format(thing=thing, room=room)) for cue in CUES for form in cue]
            device = next(self._adapted.model.parameters()).device
            longest, ends = max(map(len, asked)), torch.tensor([len(ids) - 1 for ids in asked], device=device)
            ids = torch.tensor([[*ids, *[0] * (longest - len(ids))] for ids in asked], device=device)
            rows, sizes = torch.arange(len(asked), device=device), [len(cue) for cue in CUES]
            self._cued[thing, room] = {
                kind: torch.stack([forms.mean(dim=0) for forms in t[rows, :, ends].split(sizes)], dim=1)
                for kind, t in self._adapted.seen(ids).inner.items()
            }
        return self._cued[thing, room]

    def _vector(self, name: str) -> Tensor:
        """(D,) mean of the language model's own vectors of a name's words, normalised; zeros for no name."""
        if name not in self._vectors:
            table = self._adapted.model.get_input_embeddings()
            ids = self._tokenizer(f" {name}", add_special_tokens=False)["input_ids"] if name else []
            with torch.no_grad():
                words = table(torch.tensor(ids, device=table.weight.device, dtype=torch.long)).float()
            mean = words.mean(dim=0) if len(ids) else words.new_zeros(table.embedding_dim)
            self._vectors[name] = functional.layer_norm(mean, mean.shape).clone() if len(ids) else mean
        return self._vectors[name]

    def _keys(self, reading: ChunkReading) -> Tensor | None:
        if self._text is None:
            return None
        told = [reading.name, *reading.labels, *(f"{label} {reading.name}" for label in reading.labels)]
        return torch.from_numpy(self._text.embed_texts(told))

    @cached_property
    def made_by(self) -> str:
        """Name and hash of the weights."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.network.state_dict().items()):
            digest.update(name.encode() + tensor.detach().cpu().float().numpy().tobytes())
        return f"memory_lora {digest.hexdigest()[:16]}"
