"""Doc-to-LoRA (arXiv 2602.15902): a document becomes a LoRA in one forward pass.

The frozen language model reads a chunk; what enters each of its layers is read by one resampler, which all layers
share, and per-layer heads write rows from it. Chunks are read independently; their rows stand one after the other.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from memory_agent_ros.adapters.adapter import Adapter, Chunk, Source
from memory_agent_ros.adapters.application import AdaptedModel, Seen
from memory_agent_ros.adapters.heads import RowHeads
from memory_agent_ros.adapters.key_reader import KeyReader
from memory_agent_ros.adapters.perceiver import Resampler, ResamplerSize
from memory_agent_ros.adapters.prompts import Prompts, chunked
from memory_agent_ros.adapters.relevance import chunk_keys
from memory_agent_ros.adapters.rows import LoraRows, concatenate
from memory_agent_ros.perception.protocols import TextEmbedder
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.tensor_file import read_header, read_tensors, write_tensors

_FORMAT = "memory_agent_ros.document_to_lora.2"


@dataclass(frozen=True)
class DocumentConfig:
    """How the network is built.

    Attributes:
        rank: rows that a chunk gives each layer.
        chunk_tokens: longest chunk.
        resampler: its size.
        hidden: width of the per-layer network before the heads.
        scale: of the adapters.
    """

    rank: int = 8
    chunk_tokens: int = 64
    resampler: ResamplerSize = field(default_factory=ResamplerSize)
    hidden: int = 256
    scale: float = 1.0


class DocumentToLora(nn.Module):
    """The network; the frozen model that it reads with and writes for stays outside its parameters.

    Args:
        adapted: the frozen model.
        prompts: how it is given a passage.
        config: of the network.
        name: of the base model, told in adapters.
    """

    def __init__(self, adapted: AdaptedModel, prompts: Prompts, config: DocumentConfig, name: str) -> None:
        super().__init__()
        self.adapted, self.prompts, self.config, self.name = adapted, prompts, config, name
        width = config.resampler.width
        self.heads = RowHeads(adapted.targets, width, config.rank, config.hidden, config.scale)
        states = adapted.model.config.hidden_size
        self.resampler = Resampler(states, self.heads.vectors, config.resampler)
        inputs = {t.kind: t.inputs for t in adapted.targets}
        layers = len(self.heads.layers)
        self.keys = nn.ModuleDict({kind: KeyReader(layers, width, states, n) for kind, n in inputs.items()})

    def chunk_rows(self, texts: Sequence[str], *, iterative: bool = False) -> LoraRows:
        """Rows of chunks, each read by itself, without the bias.

        Args:
            texts: the chunks.
            iterative: one layer after the other: slower, for less memory.

        Returns:
            a batch of as many adapters.
        """
        ids, mask = self._ids(texts)
        seen = self.adapted.seen(ids)
        if not iterative:
            return self._rows(seen, mask, slice(None))
        down, up = dict[str, Tensor](), dict[str, Tensor]()
        for number in range(len(self.heads.layers)):
            part = self._rows(seen, mask, slice(number, number + 1))
            down |= part.down
            up |= part.up
        return LoraRows(down, up, self.config.scale)

    def standardise(self, texts: Sequence[str]) -> None:
        """Learn from some chunks what usually enters the adapted layers; before training."""
        ids, mask = self._ids(texts)
        seen = self.adapted.seen(ids)
        for kind, reader in self.keys.items():
            reader.standardise(seen.inner[kind], mask)

    def chunks(self, text: str) -> list[str]:
        """A document's chunks."""
        return chunked(text, self.config.chunk_tokens, lambda t: len(self.prompts.passage(t)))

    def adapter(
        self,
        text: str | Sequence[str],
        name: str,
        embedder: TextEmbedder | None = None,
        *,
        batch: int = 16,
        iterative: bool = False,
        made_by: str = "",
    ) -> Adapter:
        """Internalise a document.

        Args:
            text: of any length, cut into chunks here; or chunks as they are.
            name: of the document; chunks are called "NAME 1/3".
            embedder: gives the chunks the keys that relevance is judged by.
            batch: chunks that are read at once.
            iterative: layer by layer.
            made_by: of the chunks' source.

        Raises:
            BadInputError: ``document_empty``.
        """
        texts = self.chunks(text) if isinstance(text, str) else list(text)
        if not texts:
            raise BadInputError("document_empty", f"{name} holds no text to internalise")
        parts = list[LoraRows]()
        for start in range(0, len(texts), batch):
            with torch.no_grad():
                rows = self.chunk_rows(texts[start : start + batch], iterative=iterative)
            parts += [rows.one(i) for i in range(rows.batch or 0)]
        chunks = [
            Chunk(
                f"{name} {number + 1}/{len(texts)}",
                rows,
                Source("document", name, hashlib.sha256(told.encode()).hexdigest(), made_by=made_by),
                None if embedder is None else chunk_keys(told, embedder),
            )
            for number, (told, rows) in enumerate(zip(texts, parts, strict=True))
        ]
        return Adapter(tuple(chunks), self.heads.bias().map(Tensor.detach), self.name)

    def _ids(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Padded ids (B, T) and which of them there are; a chunk that is too long is cut."""
        encoded = [self.prompts.passage(text)[: self.config.chunk_tokens] for text in texts]
        length = max(map(len, encoded))
        device = next(self.adapted.model.parameters()).device
        ids = torch.tensor([[*one, *[0] * (length - len(one))] for one in encoded], device=device)
        mask = torch.tensor([[i < len(one) for i in range(length)] for one in encoded], device=device)
        return ids, mask

    def _rows(self, seen: Seen, mask: Tensor, layers: slice) -> LoraRows:
        """Rows for some of the adapted layers, folded into the batch for the resampler."""
        states = seen.states[:, layers]
        count = states.shape[1]
        read = self.resampler(states.flatten(0, 1), mask.repeat_interleave(count, dim=0)).unflatten(0, (-1, count))
        rows = self.heads(read, layers)
        windows = self.resampler.output_windows(mask)
        parts = zip(self.keys.items(), read.split(self.config.rank, 2), windows.split(self.config.rank, 1), strict=True)
        for (kind, reader), vectors, where in parts:
            copied = reader(vectors, states, seen.inner[kind][:, layers], where, layers)
            for number, target in enumerate([t for t in self.adapted.targets if t.kind == kind][layers]):
                rows.down[target.name] = rows.down[target.name] + copied[:, number]
        return rows


def growth(adapter: Adapter) -> tuple[float, ...]:
    """The norm of the change by the first chunk, the first two, ... all: what to watch as chunks add up."""
    return tuple(rows.norm() for rows in accumulate((c.rows for c in adapter.chunks), lambda a, b: concatenate([a, b])))


def save_document_network(path: Path, network: DocumentToLora, about: Mapping[str, Any]) -> str:
    """Weights as one safetensors file, whole or not at all; the hash of the file is returned.

    Args:
        path: of the file.
        network: to write.
        about: how it was trained, JSON-ready.
    """
    told = {"config": asdict(network.config), "base": network.name, "about": dict(about)}
    write_tensors(path, network.state_dict(), {"format": _FORMAT, "told": json.dumps(told)})
    return weights_hash(path)


def read_about(path: Path) -> dict[str, Any]:
    """``config``, ``base`` and ``about`` of a weights file.

    Raises:
        BadInputError: ``network_unreadable``.
    """
    try:
        metadata = read_header(path)
        if metadata.get("format") != _FORMAT:
            raise BadInputError("network_unreadable", f"{path} holds no document network that this version writes")
        told: dict[str, Any] = json.loads(metadata["told"])
    except (OSError, ValueError) as error:
        raise BadInputError("network_unreadable", f"{path} cannot be read as a document network: {error}") from error
    return told


def load_document_network(path: Path, adapted: AdaptedModel, prompts: Prompts) -> DocumentToLora:
    """Read what :func:`save_document_network` wrote, for its base model.

    Raises:
        BadInputError: ``network_unreadable``, ``network_of_another_model``.
    """
    told = read_about(path)
    config = dict(told["config"])
    settings = DocumentConfig(**{**config, "resampler": ResamplerSize(**config["resampler"])})
    network = DocumentToLora(adapted, prompts, settings, told["base"])
    try:
        network.load_state_dict(read_tensors(path)[0])
    except RuntimeError as error:
        message = re.split(r"\n", str(error))[0]
        raise BadInputError("network_of_another_model", f"{path} is for {told['base']}: {message}") from error
    return network.eval()


def weights_hash(path: Path) -> str:
    """Of a weights file: what adapters name as their maker."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
