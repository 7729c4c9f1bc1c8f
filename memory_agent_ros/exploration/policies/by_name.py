"""Policies by name, for command lines and ROS parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from memory_agent_ros.exploration.labels import LabelVectors
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
POLICY_NAMES: tuple[str, ...] = tuple(_MAKERS)


def policy_by_name(name: str, words: LabelVectors) -> Policy:
    """A policy.

    Args:
        name: one of :data:`POLICY_NAMES`.
        words: label vectors of the situations it will read.

    Raises:
        BadInputError: ``policy_unknown``, or ``policy_unavailable`` where a file of it is missing.
    """
    if name not in _MAKERS:
        raise BadInputError("policy_unknown", f"there is no policy {name!r}; choose from {', '.join(POLICY_NAMES)}")
    try:
        return _MAKERS[name](words)
    except FileNotFoundError as error:
        raise BadInputError("policy_unavailable", f"{name} needs a file that is not there: {error.filename}") from error
