"""A task's description becomes a LoRA in one forward pass (Text-to-LoRA, arXiv 2506.06105). Needs torch.

The vector of the description, an embedding of the kind of module and one of its layer go through a residual MLP; a
head for each kind of module writes all rows of A and B at once ("L" in the paper), or one rank at a time, told apart by
an embedding of the rank ("S"). Before training the heads' weights are zero and their bias is LoRA's own beginning
(bias-HyperInit): A random, B zero, so the model computes exactly what it does without an adapter.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from memory_agent_ros.adapters.adapter import Adapter, Chunk, Source
from memory_agent_ros.adapters.application import Target
from memory_agent_ros.adapters.rows import LoraRows
from memory_agent_ros.records.errors import BadInputError
from memory_agent_ros.records.tensor_file import read_tensors, write_tensors

_FORMAT = "memory_agent_ros.text_lora.1"


class TextEmbedder(Protocol):
    """Vectors of texts."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """B strings -> (B, D) unit vectors."""


@dataclass(frozen=True)
class TextLoraConfig:
    """Sizes of the hypernetwork.

    Attributes:
        description: length of a description's vector.
        rank, alpha: of the LoRA; its change is scaled by alpha / sqrt(rank).
        task, place: widths of the description's projection and of each embedding (kind of module, layer, rank).
        hidden, blocks: of the residual MLP.
        head: ``all`` writes all ranks of a layer together, ``row`` one at a time with far fewer weights.
    """

    description: int = 384
    rank: int = 8
    alpha: float = 16.0
    task: int = 64
    place: int = 32
    hidden: int = 256
    blocks: int = 2
    head: str = "all"

    def __post_init__(self) -> None:
        if self.head not in ("all", "row"):
            raise ValueError(f"head must be all or row, got {self.head!r}")


class TextToLora(nn.Module):
    """The hypernetwork.

    Args:
        config: sizes.
        targets: the layers of the model that it writes for.
    """

    def __init__(self, config: TextLoraConfig, targets: Sequence[Target]) -> None:
        super().__init__()
        self.config, self.targets = config, tuple(targets)
        self.mean: Tensor
        self.deviation: Tensor
        self.kinds = tuple(dict.fromkeys(t.kind for t in targets))
        self._of_kind = {k: [i for i, t in enumerate(self.targets) if t.kind == k] for k in self.kinds}
        layers = sorted({t.layer for t in targets})
        self.register_buffer("_kind", torch.tensor([self.kinds.index(t.kind) for t in targets]), persistent=False)
        self.register_buffer("_layer", torch.tensor([layers.index(t.layer) for t in targets]), persistent=False)
        self.register_buffer("mean", torch.zeros(config.description))
        self.register_buffer("deviation", torch.ones(config.description))
        ranks = config.rank if config.head == "row" else 1
        self.task = nn.Sequential(nn.Linear(config.description, config.task), nn.LayerNorm(config.task))
        self.kind = nn.Embedding(len(self.kinds), config.place)
        self.layer = nn.Embedding(len(layers), config.place)
        self.row = nn.Embedding(ranks, config.place)
        self.first = nn.Linear(config.task + 3 * config.place, config.hidden)
        self.blocks = nn.ModuleList(_Block(config.hidden) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.hidden)
        self.heads, self.bias = nn.ModuleDict(), nn.ParameterDict()
        for kind in self.kinds:
            one = self.targets[self._of_kind[kind][0]]
            width = one.inputs + one.outputs
            self.heads[kind] = nn.Linear(config.hidden, width * config.rank // ranks, bias=False)
            nn.init.zeros_(self.heads[kind].weight)
            self.bias[kind] = nn.Parameter(self._beginning(len(self._of_kind[kind]), one))

    def _beginning(self, layers: int, target: Target) -> Tensor:
        """(layers, rank, in + out): A uniform in +-1 / sqrt(in), as PEFT begins, and B zero."""
        a = torch.empty(layers, self.config.rank, target.inputs).uniform_(-1.0, 1.0) / math.sqrt(target.inputs)
        return torch.cat([a, torch.zeros(layers, self.config.rank, target.outputs)], dim=-1)

    def standardise(self, descriptions: Tensor) -> None:
        """Learn from (N, D) vectors of descriptions how they differ: most of a sentence's vector is in all of them."""
        self.mean.copy_(descriptions.mean(dim=0))
        self.deviation.copy_(descriptions.std(dim=0).clamp(min=1e-6))

    @property
    def scale(self) -> float:
        """Of the change (rank-stabilised LoRA, arXiv 2312.03732)."""
        return self.config.alpha / math.sqrt(self.config.rank)

    def forward(self, descriptions: Tensor) -> LoraRows:
        """(N, D) vectors of descriptions -> a batch of N adapters."""
        count, layers = len(descriptions), len(self.targets)
        ranks = self.row.num_embeddings
        task = self.task((descriptions - self.mean) / self.deviation)[:, None, None].expand(-1, layers, ranks, -1)
        place = torch.cat([self.kind(self._kind), self.layer(self._layer)], dim=-1)
        place = place[None, :, None].expand(count, -1, ranks, -1)
        row = self.row.weight.expand(count, layers, -1, -1)
        x = self.first(torch.cat([task, place, row], dim=-1))
        for block in self.blocks:
            x = block(x)
        # Divided, so that one step of an optimiser moves a row by about as much as it moves its bias.
        x = self.norm(x) / math.sqrt(self.config.hidden)
        down, up = dict[str, Tensor](), dict[str, Tensor]()
        for kind, numbers in self._of_kind.items():
            written = self.heads[kind](x[:, numbers])
            rows = written.reshape(count, len(numbers), self.config.rank, -1) + self.bias[kind]
            inputs = self.targets[numbers[0]].inputs
            for place_of, number in enumerate(numbers):
                name = self.targets[number].name
                down[name], up[name] = rows[:, place_of, :, :inputs], rows[:, place_of, :, inputs:]
        return LoraRows(
            {t.name: down[t.name] for t in self.targets}, {t.name: up[t.name] for t in self.targets}, self.scale
        )

    def shared(self) -> LoraRows:
        """The bias alone: one adapter that knows no description. A multi-task LoRA is this, trained."""
        down, up = dict[str, Tensor](), dict[str, Tensor]()
        for kind, numbers in self._of_kind.items():
            for place_of, number in enumerate(numbers):
                target = self.targets[number]
                down[target.name] = self.bias[kind][place_of, :, : target.inputs]
                up[target.name] = self.bias[kind][place_of, :, target.inputs :]
        return LoraRows(
            {t.name: down[t.name] for t in self.targets}, {t.name: up[t.name] for t in self.targets}, self.scale
        )

    def adapter(self, text: str, name: str, embedder: TextEmbedder, base: str, made_by: str = "") -> Adapter:
        """The adapter of one task, ready to be saved.

        Args:
            text: the description.
            name: of the task.
            embedder: the one of training.
            base: name of the frozen model.
            made_by: name of the weights.
        """
        vectors = torch.from_numpy(description_vectors(embedder, [text]))
        with torch.no_grad():
            rows = self(vectors.to(next(self.parameters()).device)).one(0)
        keys = torch.nn.functional.normalize(vectors, dim=1)
        source = Source("text", name, hashlib.sha256(text.encode()).hexdigest(), made_by=made_by)
        return Adapter((Chunk(name, rows, source, keys),), None, base)


class _Block(nn.Module):
    """A residual MLP."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(..., width) -> the same shape."""
        changed: Tensor = x + self.inner(x)
        return changed


def description_vectors(embedder: TextEmbedder, texts: Sequence[str]) -> NDArray[np.float32]:
    """(N, D) float32: the sum of the vectors of a description's sentences.

    A description that says several things is then the sum of them, whatever else it says and in whichever order: one
    vector of the whole text hides what is said in passing.
    """
    parts = [sentences(text) for text in texts]
    vectors = iter(embedder.embed_texts([one for part in parts for one in part]))
    return np.stack([np.sum([next(vectors) for _ in part], axis=0) for part in parts]).astype(np.float32)


def sentences(text: str) -> list[str]:
    """The sentences of a text; of a blank one the empty sentence."""
    return [part.strip() for part in re.split(r"(?<=[.!?;])\s+", text) if part.strip()] or [""]


def rows_loss(made: LoraRows, wanted: LoraRows, spread: Mapping[str, tuple[Tensor, Tensor]]) -> Tensor:
    """Mean absolute difference of made rows and a library's, each number in units of its spread over the library.

    Args:
        made: a batch of adapters.
        wanted: those of the library for the same tasks.
        spread: by module, of A and of B, (R, in) and (R, out).
    """
    parts = []
    for name, (a, b) in spread.items():
        parts += [((made.down[name] - wanted.down[name]) / a).abs(), ((made.up[name] - wanted.up[name]) / b).abs()]
    return torch.stack([p.sum() for p in parts]).sum() / sum(p.numel() for p in parts)


def save_text_lora(path: Path, network: TextToLora, about: Mapping[str, str]) -> None:
    """Write weights, sizes and what is told of the training into one safetensors file, whole or not at all."""
    told = {
        "format": _FORMAT,
        "config": json.dumps(dataclasses.asdict(network.config)),
        "targets": json.dumps([dataclasses.asdict(t) for t in network.targets]),
        **about,
    }
    write_tensors(path, network.state_dict(), told)


def load_text_lora(path: Path, targets: Sequence[Target] | None = None) -> tuple[TextToLora, dict[str, str]]:
    """Weights written by :func:`save_text_lora`, in evaluation mode, and what is told of them.

    Args:
        path: the file.
        targets: layers of the model at hand, if it is to be made sure that the weights are for it.

    Raises:
        BadInputError: ``text_lora_weights``, ``adapter_of_another_model``.
    """
    try:
        tensors, about = read_tensors(path)
        if about.get("format") != _FORMAT:
            raise BadInputError("text_lora_weights", f"{path} holds no text-to-LoRA weights that this version reads")
        known = tuple(Target(**one) for one in json.loads(about["targets"]))
        network = TextToLora(TextLoraConfig(**json.loads(about["config"])), known)
        network.load_state_dict(tensors)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError("text_lora_weights", f"{path} cannot be read as text-to-LoRA weights: {error}") from error
    if targets is not None and known != tuple(targets):
        raise BadInputError("adapter_of_another_model", f"{path} was trained for another model or other layers")
    return network.eval(), about
