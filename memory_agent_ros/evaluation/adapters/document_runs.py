"""Trainings of document networks that benchmarks compare, kept in the user's cache folder. Needs torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from memory_agent_ros.adapters.document import DocumentToLora, load_document_network
from memory_agent_ros.evaluation.adapters.bases import Base, adapter_cache
from memory_agent_ros.evaluation.training.train_document_lora import (
    DocumentTraining,
    settings_of,
    train_document_lora,
)
from memory_agent_ros.reasoning.language.embedded import weights_folder

#: Longest time of a training, by size; that of ``tiny`` is what the shipped network had.
MINUTES = {"tiny": 50.0, "embedded": 60.0}
#: Modules of ``adapters`` that a network is made of.
_READERS = ("document", "distillation", "perceiver", "heads", "key_reader", "rows")
#: What each ablation changes in the settings of ``full``: the loss, training with several chunks, the rank.
ABLATIONS = ("kl", "one_chunk", "rank2", "rank4")


def changed(training: DocumentTraining, arm: str) -> DocumentTraining:
    """Settings of an ablation; ``full`` has rank 8 and, if ``tiny``, the next-token loss.

    Raises:
        ValueError: no such arm.
    """
    if arm == "full":
        return training
    if arm == "kl":
        return replace(training, loss=replace(training.loss, kind="kl"))
    if arm == "one_chunk":
        return replace(training, longest=1)
    if arm in ("rank2", "rank4"):
        return replace(training, network=replace(training.network, rank=int(arm[4:])))
    raise ValueError(f"no ablation {arm!r}")


def cached_network(
    base: Base, size: str, seed: int, minutes: float, arm: str = "full", *,
    training: DocumentTraining | None = None, progress: bool = False,
) -> DocumentToLora:  # fmt: skip
    """A trained network: for seed 0 of ``tiny`` the shipped one; others are trained once, going on where cut off.

    Args:
        base: the frozen model.
        size: of it.
        seed: of the training.
        minutes: longest time of it.
        arm: ``full`` or one of :data:`ABLATIONS`.
        training: settings instead of the size's own.
        progress: show a bar.
    """
    settings = changed(replace(training or settings_of(size, seed), seed=seed), arm)
    shipped = weights_folder() / "document_lora_tiny.safetensors"
    if (size, minutes, settings) == ("tiny", MINUTES["tiny"], settings_of("tiny")) and shipped.is_file():
        return load_document_network(shipped, base.adapted, base.prompts)
    told = json.dumps([size, asdict(settings), minutes, base_hash(base), _code()], sort_keys=True)
    path = (
        adapter_cache() / f"document-{size}-{arm}-{seed}-{hashlib.sha256(told.encode()).hexdigest()[:12]}.safetensors"
    )
    if not path.is_file():
        train_document_lora(
            settings, base.adapted, base.prompts, base.name, path, minutes=minutes, progress=progress,
            about={"arm": arm},
        )  # fmt: skip
    return load_document_network(path, base.adapted, base.prompts)


def base_hash(base: Base) -> str:
    """Of the frozen weights."""
    digest = hashlib.sha256()
    for name, parameter in sorted(base.adapted.model.named_parameters()):
        digest.update(name.encode() + parameter.detach().float().sum(dim=-1).cpu().numpy().tobytes())
    return digest.hexdigest()[:16]


@cache
def _code() -> str:
    """Digest of the code that decides what a training gives."""
    import memory_agent_ros

    package = Path(memory_agent_ros.__file__).parent
    files = [
        *(package / "adapters" / f"{name}.py" for name in _READERS),
        package / "evaluation" / "adapters" / "facts.py",
        package / "evaluation" / "adapters" / "fact_lessons.py",
        *(package / "evaluation" / "training" / name for name in ("learning.py", "train_document_lora.py")),
    ]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:16]
