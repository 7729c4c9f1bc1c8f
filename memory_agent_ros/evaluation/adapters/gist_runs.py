"""Base models and trainings of memory-to-LoRA, kept in the user's cache so that a benchmark goes on where it was."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from platformdirs import user_cache_path

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.memory import MemoryToLora
from memory_agent_ros.adapters.prompts import Prompts
from memory_agent_ros.evaluation.adapters.bases import cached_tiny, shipped_tiny
from memory_agent_ros.evaluation.adapters.gist import words
from memory_agent_ros.evaluation.adapters.gist_worlds import GistSize
from memory_agent_ros.evaluation.adapters.tiny_model import TinySize, load_tiny, tiny_prompts
from memory_agent_ros.evaluation.training.distributed import Group
from memory_agent_ros.evaluation.training.train_memory_lora import MemoryTraining, gist_data, train_memory_lora
from memory_agent_ros.internalising import embedded_prompts
from memory_agent_ros.reasoning.language.embedded import weights_folder
from memory_agent_ros.records.errors import BadInputError

_VERSION = 1


@dataclass(frozen=True)
class GistBase:
    """A frozen model that adapters are made for.

    Attributes:
        adapted: with PEFT's layers in it.
        tokenizer: of it.
        prompts: how it is asked.
        name: of it.
    """

    adapted: AdaptedModel
    tokenizer: Any
    prompts: Prompts
    name: str


@dataclass(frozen=True)
class GistScale:
    """What one size of the benchmark trains.

    Attributes:
        name: ``tiny`` or ``embedded``, or another that tells its runs apart in the cache.
        embedded: adapt the embedded reader instead of a tiny model.
        reader: size of the tiny model; ``reader_steps`` and ``reader_minutes`` of its training.
        training: of the hypernetwork; ``minutes`` of it.
    """

    name: str = "tiny"
    embedded: bool = False
    reader: TinySize = field(default_factory=TinySize)
    reader_steps: int = 6000
    reader_minutes: float = 25.0
    training: MemoryTraining = field(default_factory=MemoryTraining)
    minutes: float = 30.0


#: By name; the embedded model sees one room at a time, of few kinds, as long as there is no accelerator.
SIZES: dict[str, GistScale] = {
    "tiny": GistScale(),
    "embedded": GistScale(
        "embedded",
        embedded=True,
        training=MemoryTraining(size=GistSize(1, 3), lessons=4, questions=4, rate=3e-4, faster=3.0, look_every=100),
        minutes=120.0,
    ),
}


def scale_of(size: str, minutes: float | None = None) -> GistScale:
    """A size by name, with other minutes of training.

    Raises:
        BadInputError: ``no_such_size``.
    """
    if size not in SIZES:
        raise BadInputError("no_such_size", f"there is no size {size!r}; there are: {', '.join(SIZES)}")
    found = SIZES[size]
    return found if minutes is None else replace(found, minutes=minutes)


def runs_folder() -> Path:
    """Where trainings are kept."""
    return user_cache_path("memory_agent_ros") / "adapters" / f"memory_to_lora-{_VERSION}"


def gist_base(scale: GistScale, *, start: Path | None = None, progress: bool = False) -> GistBase:
    """The frozen model: that of the folder ``start``, else the shipped one; another size is trained into the cache."""
    torch.set_num_threads(1)
    if scale.embedded:
        from memory_agent_ros.reasoning.language.embedded import load_embedded, reader_adapter

        loaded = load_embedded(reader_adapter(), progress=progress)
        return GistBase(AdaptedModel(loaded.model), loaded.tokenizer, embedded_prompts(loaded.tokenizer), loaded.name)
    shipped = shipped_tiny("tiny_gist_reader") if scale.reader == TinySize() else None
    folder = start or shipped or runs_folder() / f"{scale.name}-reader"
    if not (folder / "about.json").is_file():
        train_gist_reader(scale, folder, progress=progress)
    loaded = load_tiny(folder)
    return GistBase(AdaptedModel(loaded.model), loaded.tokenizer, tiny_prompts(loaded.tokenizer), loaded.name)


def train_gist_reader(
    scale: GistScale, folder: Path, seed: int = 0, *, resume: bool = True, progress: bool = False
) -> dict[str, float]:
    """Train the tiny model that reads gists in its context; it begins with the one that reads facts in documents."""
    from memory_agent_ros.evaluation.training.gist_course import gist_course
    from memory_agent_ros.evaluation.training.train_tiny_reader import TinyTraining, train_tiny

    training, size = TinyTraining(seed, scale.reader, scale.reader_steps, 1.5e-3, enough=0.97), scale.training.size
    start = (shipped_tiny() or cached_tiny(progress=progress)) if scale.reader == TinySize() else None
    return train_tiny(
        training,
        lambda tokenizer: gist_course(tokenizer, size.rooms, size.kinds),
        words(),
        folder,
        start=start,
        minutes=scale.reader_minutes,
        resume=resume,
        progress=progress,
    )


def train_maker(
    scale: GistScale,
    base: GistBase,
    out: Path,
    *,
    resume: bool = True,
    progress: bool = False,
    group: Group | None = None,
) -> dict[str, float]:
    """Train the hypernetwork of a size, for a base model."""
    return train_memory_lora(
        scale.training,
        base.adapted,
        base.tokenizer,
        base.prompts,
        base.name,
        gist_data(scale.training, progress=progress),
        out,
        minutes=scale.minutes,
        resume=resume,
        progress=progress,
        group=group,
    )


def cached_maker(scale: GistScale, base: GistBase, seed: int, *, progress: bool = False) -> MemoryToLora:
    """The hypernetwork of one training seed: the shipped one for seed 0 of ``tiny``; others are trained once."""
    shipped = weights_folder() / "memory_lora_tiny.safetensors"
    own = scale == SIZES["tiny"] and seed == 0 and shipped.is_file()
    path = shipped if own else runs_folder() / f"{scale.name}-{seed}.safetensors"
    if not path.is_file():
        train_maker(replace(scale, training=replace(scale.training, seed=seed)), base, path, progress=progress)
    return MemoryToLora.load(path, base.adapted, base.tokenizer, base.prompts, base=base.name)
