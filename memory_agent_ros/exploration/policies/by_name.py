"""Policies by name, for command lines and ROS parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.learned_policy import LearnedPolicy
from memory_agent_ros.exploration.policies.cooccurrence import Cooccurrence, CooccurrenceFrontier
from memory_agent_ros.exploration.policies.frontiers import InformationGain, LanguageFrontier, NearestFrontier, Random
from memory_agent_ros.exploration.situation import Policy
from memory_agent_ros.records.errors import BadInputError

#: What each is made of, given the label vectors of the situations it will read.
_MAKERS: Mapping[str, Callable[[LabelVectors], Policy]] = {
    "random": lambda words: Random(),
    "nearest_frontier": lambda words: NearestFrontier(),
    "information_gain": lambda words: InformationGain(),
    "language_frontier": lambda words: LanguageFrontier(),
    "cooccurrence_frontier": lambda words: CooccurrenceFrontier(Cooccurrence.load(), words),
}
#: The one that is trained; its weights ship.
LEARNED = "learned"
POLICY_NAMES: tuple[str, ...] = (*_MAKERS, LEARNED)
#: Beginning of the name of a language model.
LANGUAGE = "language:"
#: What ``auto`` takes: the one that finds most on held-out apartments (``bench search``, ``bench discover``), and where
#: torch, its weights or a text embedder are not installed the best one that needs none.
AUTO, BEST, FALLBACK = "auto", LEARNED, "information_gain"


def policy_by_name(name: str, words: LabelVectors) -> Policy:
    """A policy.

    Args:
        name: one of :data:`POLICY_NAMES`, a file of trained weights (``.safetensors``), ``auto``, or
            ``language:MODEL`` with the folder (or hub id) of a causal language model of transformers, and after a ``+``
            the folder of a LoRA trained for it.
        words: label vectors of the situations it will read.

    Raises:
        BadInputError: ``policy_unknown``, ``policy_unavailable`` where a file or package of it is missing,
            ``policy_weights`` for a file that holds no policy.
        MissingExtraError: a language model without torch, transformers or peft.
    """
    if name == AUTO:
        name = BEST if words.kind == "text" and LearnedPolicy.load_default() is not None else FALLBACK
    if name.startswith(LANGUAGE):
        from memory_agent_ros.exploration.language_policy import LanguagePolicy

        model, _, adapter = name.removeprefix(LANGUAGE).partition("+")
        try:
            return LanguagePolicy.from_pretrained(model, adapter=Path(adapter) if adapter else None)
        except (OSError, ValueError) as error:
            raise BadInputError("policy_unavailable", f"{name} cannot be read: {error}") from error
    if name == LEARNED or name.endswith(".safetensors"):
        return _learned(name, words)
    if name not in _MAKERS:
        raise BadInputError(
            "policy_unknown", f"there is no policy {name!r}; choose from {', '.join((AUTO, *POLICY_NAMES))}"
        )
    try:
        return _MAKERS[name](words)
    except FileNotFoundError as error:
        raise BadInputError("policy_unavailable", f"{name} needs a file that is not there: {error.filename}") from error


def _learned(name: str, words: LabelVectors) -> Policy:
    if words.kind != "text":
        raise BadInputError(
            "policy_unavailable",
            "a learned policy reads labels as vectors of their meaning; install a text embedder: "
            "pip install 'memory_agent_ros[models]'",
        )
    if name != LEARNED:
        if not Path(name).exists():
            raise BadInputError("policy_unavailable", f"there is no file {name}")
        return LearnedPolicy.load(Path(name))
    shipped = LearnedPolicy.load_default()
    if shipped is None:
        raise BadInputError(
            "policy_unavailable", "torch, safetensors or the shipped weights of the learned policy are not installed"
        )
    return shipped
