"""An adapter of chunks: what each was made from, put together, taken apart, and written as an ordinary PEFT adapter."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from memory_agent_ros.adapters.rows import LoraRows, concatenate
from memory_agent_ros.records.errors import BadInputError, MissingExtraError
from memory_agent_ros.records.source import Source as Source

_FORMAT = "memory_agent_ros.adapter.1"
_PREFIX = "base_model.model."


@dataclass(frozen=True, eq=False)
class Chunk:
    """The rows of one chunk.

    Attributes:
        name: unique within an adapter.
        rows: without a batch dimension.
        source: what it was made from.
        keys: embeddings of what it speaks of, (N, D) float32 with rows of length 1, or None: what relevance
            is judged by.
    """

    name: str
    rows: LoraRows
    source: Source
    keys: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Adapter:
    """Chunks and a learned bias, which acts once however many chunks there are.

    Attributes:
        chunks: in order.
        bias: rows of the bias, or None.
        base: name of the model that it is for.
    """

    chunks: tuple[Chunk, ...]
    bias: LoraRows | None
    base: str

    def rows(self) -> LoraRows:
        """Everything in one: rank of the chunks added up, and of the bias.

        Raises:
            ValueError: there is neither a chunk nor a bias.
        """
        return concatenate([*(c.rows for c in self.chunks), *([self.bias] if self.bias else [])])

    def with_chunk(self, chunk: Chunk) -> Adapter:
        """With this chunk in place of the one of the same name, or at the end; the other rows stay as they are."""
        if chunk.name not in self.names:
            return dataclasses.replace(self, chunks=(*self.chunks, chunk))
        return dataclasses.replace(self, chunks=tuple(chunk if c.name == chunk.name else c for c in self.chunks))

    def without(self, name: str) -> Adapter:
        """Without the rows of a chunk, which takes away exactly what it changed.

        Raises:
            BadInputError: ``no_such_chunk``.
        """
        if name not in self.names:
            raise BadInputError("no_such_chunk", f"there is no chunk {name!r}; there are: {', '.join(self.names)}")
        return dataclasses.replace(self, chunks=tuple(c for c in self.chunks if c.name != name))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the chunks."""
        return tuple(c.name for c in self.chunks)

    @property
    def bytes(self) -> int:
        """Of all rows."""
        return sum(c.rows.bytes for c in self.chunks) + (self.bias.bytes if self.bias else 0)


def save_adapter(folder: Path, adapter: Adapter) -> None:
    """Write a folder that ``peft.PeftModel.from_pretrained`` loads, whole or not at all.

    Beside PEFT's two files stands ``chunks.json`` (what the rows were made from) and ``keys.safetensors``.

    Raises:
        MissingExtraError: peft is not installed.
    """
    try:
        from peft import LoraConfig
    except ImportError as error:
        raise MissingExtraError("adapters need peft: pip install 'memory_agent_ros[language]'") from error
    from safetensors.torch import save_file

    rows = adapter.rows()
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        config = LoraConfig(
            r=rows.rank, lora_alpha=rows.scale * rows.rank, target_modules=sorted(rows.down), inference_mode=True,
            base_model_name_or_path=adapter.base, task_type="CAUSAL_LM",
        )  # fmt: skip
        config.save_pretrained(draft)
        weights = {f"{_PREFIX}{n}.lora_A.weight": a for n, a in rows.down.items()}
        weights |= {f"{_PREFIX}{n}.lora_B.weight": b.transpose(0, 1) for n, b in rows.up.items()}
        save_file({k: t.detach().cpu().contiguous() for k, t in weights.items()}, draft / "adapter_model.safetensors")
        keys = {str(i): c.keys.detach().cpu().contiguous() for i, c in enumerate(adapter.chunks) if c.keys is not None}
        save_file(keys, draft / "keys.safetensors")
        chunks = [{"name": c.name, "rank": c.rows.rank, "source": dataclasses.asdict(c.source)} for c in adapter.chunks]
        about = {"format": _FORMAT, "base": adapter.base, "scale": rows.scale, "chunks": chunks}
        (draft / "chunks.json").write_text(json.dumps(about, indent=1))
        _replace(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def load_adapter(folder: Path) -> Adapter:
    """Read what :func:`save_adapter` wrote.

    Raises:
        BadInputError: ``adapter_unreadable``.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        about = json.loads((folder / "chunks.json").read_text())
        if about.get("format") != _FORMAT:
            raise BadInputError("adapter_unreadable", f"{folder} is no adapter that this version writes")
        weights = load_file(folder / "adapter_model.safetensors")
        keys = load_file(folder / "keys.safetensors")
        return _from_files(about, weights, keys)
    except (OSError, SafetensorError, ValueError, LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise BadInputError("adapter_unreadable", f"{folder} cannot be read as an adapter: {error!r}") from error


def _from_files(about: dict[str, Any], weights: dict[str, Tensor], keys: dict[str, Tensor]) -> Adapter:
    down, up = dict[str, Tensor](), dict[str, Tensor]()
    for key, tensor in weights.items():
        name, _, kind = key.removeprefix(_PREFIX).rpartition(".lora_")
        if kind == "A.weight":
            down[name] = tensor
        else:
            up[name] = tensor.transpose(0, 1)
    rows = LoraRows(down, {name: up[name] for name in down}, float(about["scale"]))
    chunks, start = list[Chunk](), 0
    for number, one in enumerate(about["chunks"]):
        source = Source(**{**one["source"], "object_ids": tuple(one["source"]["object_ids"])})
        end = start + int(one["rank"])
        chunks.append(Chunk(one["name"], rows.between(start, end), source, keys.get(str(number))))
        start = end
    bias = rows.between(start, rows.rank) if rows.rank > start else None
    return Adapter(tuple(chunks), bias, about["base"])


def _replace(draft: Path, folder: Path) -> None:
    """Put a finished folder in the place of an older one, which is there until then."""
    old = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    if folder.exists():
        folder.rename(old)
    draft.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def same_rows(a: LoraRows, b: LoraRows) -> bool:
    """Whether two adapters hold the same numbers, bit for bit."""
    return a.scale == b.scale and a.down.keys() == b.down.keys() and all(
        torch.equal(a.down[n], b.down[n]) and torch.equal(a.up[n], b.up[n]) for n in a.down
    )  # fmt: skip
