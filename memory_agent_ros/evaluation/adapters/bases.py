"""The frozen language models that adapters are made for, in two sizes. Needs torch, transformers and peft."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from platformdirs import user_cache_path

from memory_agent_ros.adapters.application import AdaptedModel
from memory_agent_ros.adapters.prompts import Prompts
from memory_agent_ros.evaluation.adapters.facts import words
from memory_agent_ros.evaluation.adapters.tiny_model import load_tiny, tiny_prompts
from memory_agent_ros.evaluation.training.train_tiny_reader import TinyTraining, fact_course, train_tiny
from memory_agent_ros.internalising import embedded_prompts
from memory_agent_ros.reasoning.language.embedded import load_embedded, reader_adapter, weights_folder
from memory_agent_ros.records.errors import BadInputError

SIZES = ("tiny", "embedded")


@dataclass(frozen=True)
class Base:
    """A frozen model.

    Attributes:
        adapted: takes adapters.
        prompts: how it is asked.
        name: told in adapters.
    """

    adapted: AdaptedModel
    prompts: Prompts
    name: str


def adapter_cache() -> Path:
    """Where benchmarks keep what they train: ``memory_agent_ros/adapters`` in the user's cache folder."""
    return user_cache_path("memory_agent_ros") / "adapters"


def tiny_base(folder: Path) -> Base:
    """A tiny reader that was trained before.

    Raises:
        BadInputError: ``model_unreadable``.
    """
    loaded = load_tiny(folder)
    return Base(AdaptedModel(loaded.model), tiny_prompts(loaded.tokenizer), loaded.name)


def shipped_tiny(name: str = "tiny_reader") -> Path | None:
    """The folder of a tiny reader of this package; None if it is not there."""
    folder = weights_folder() / name
    return folder if (folder / "about.json").is_file() else None


def cached_tiny(seed: int = 0, *, minutes: float = 15.0, training: TinyTraining | None = None, progress: bool) -> Path:
    """The folder of a tiny reader in the cache; it is trained at the first call, or trained on where that was cut off.

    Args:
        seed: of its training.
        minutes: longest time of that.
        training: settings; the seed in them is not looked at.
        progress: show a bar.
    """
    settings = TinyTraining(**{**vars(training or TinyTraining()), "seed": seed})
    told = json.dumps([asdict(settings), minutes, words()], sort_keys=True)
    folder = adapter_cache() / f"tiny-{seed}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
    if not (folder / "about.json").is_file():
        train_tiny(settings, fact_course, words(), folder, minutes=minutes, progress=progress)
    return folder


def embedded_base() -> Base:
    """The embedded reader: SmolLM2-135M with the LoRA of reading merged.

    Raises:
        BadInputError: ``reader_absent``.
        MissingExtraError: the model is not installed.
    """
    lora = reader_adapter()
    if lora is None:
        raise BadInputError("reader_absent", "the reader's weights are not there: memory-agent train reader")
    loaded = load_embedded(lora)
    return Base(AdaptedModel(loaded.model), embedded_prompts(loaded.tokenizer), loaded.name)


def base_of(size: str, folder: Path | None = None, *, progress: bool = False) -> Base:
    """A base by size.

    Args:
        size: one of :data:`SIZES`.
        folder: of a tiny reader; by default the shipped one, or one that is trained into the cache.
        progress: show bars.

    Raises:
        BadInputError: ``size_unknown``, ``reader_absent``, ``model_unreadable``.
    """
    if size not in SIZES:
        raise BadInputError("size_unknown", f"sizes are {', '.join(SIZES)}, not {size!r}")
    return tiny_base(folder or shipped_tiny() or cached_tiny(progress=progress)) if size == "tiny" else embedded_base()
