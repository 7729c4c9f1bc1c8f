"""Ways to associate by name, as the configuration gives them."""

from __future__ import annotations

import importlib.util

from memory_agent_ros.memory.association.association import Associator, associate
from memory_agent_ros.records.errors import BadInputError

NAMES = ("auto", "hand_built", "learned")
#: What ``auto`` takes: the learned way only where it has been shown to be better on held-out worlds.
BETTER = "learned"


def make_associator(name: str) -> Associator:
    """The associator of a name; the hand-built one where what the learned one needs is absent.

    Raises:
        BadInputError: ``association_unknown``.
    """
    if name not in NAMES:
        raise BadInputError("association_unknown", f"association must be one of {', '.join(NAMES)}, got {name!r}")
    if (BETTER if name == "auto" else name) == "hand_built":
        return associate
    return _learned() or associate


def _learned() -> Associator | None:
    if any(importlib.util.find_spec(package) is None for package in ("torch", "safetensors")):
        return None
    from memory_agent_ros.memory.association.learned_association import LearnedAssociator

    return LearnedAssociator.load_default()
