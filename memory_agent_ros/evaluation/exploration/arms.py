"""The arms of the exploration benchmarks, by name."""

from __future__ import annotations

from memory_agent_ros.evaluation.exploration.generator_prior import GeneratorPrior
from memory_agent_ros.evaluation.exploration.twin_environment import TwinEnvironment
from memory_agent_ros.exploration.labels import LabelVectors
from memory_agent_ros.exploration.policies.by_name import policy_by_name
from memory_agent_ros.exploration.situation import Policy
from memory_agent_ros.perception.embedders.minilm import MiniLmEmbedder
from memory_agent_ros.records.errors import BadInputError, MissingExtraError

FLOOR, LEARNED, CEILING = "nearest_frontier", "learned", "generator_prior"
ARMS: tuple[str, ...] = (
    "random",
    FLOOR,
    "information_gain",
    "language_frontier",
    "cooccurrence_frontier",
    LEARNED,
    CEILING,
)


def label_words() -> LabelVectors:
    """By the embedded text encoder where it is installed, else by hash."""
    try:
        return LabelVectors(MiniLmEmbedder.from_package())
    except MissingExtraError:
        return LabelVectors()


def arm_policy(arm: str, environment: TwinEnvironment) -> Policy | None:
    """The policy of an arm; None for ``learned`` where there is none.

    Args:
        arm: one of :data:`ARMS`, or the path of weights (``*.safetensors``).
        environment: in which it will act.

    Raises:
        BadInputError: ``policy_unknown``, ``policy_unavailable``.
    """
    if arm == CEILING:
        return GeneratorPrior(environment)
    try:
        return policy_by_name(arm, environment.words)
    except BadInputError as error:
        if arm == LEARNED and error.reason == "policy_unavailable":
            return None
        raise
