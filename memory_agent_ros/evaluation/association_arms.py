"""The arms of the ``association`` benchmark: what gives each detection of a replay its identity."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from memory_agent_ros.evaluation.association_rules import (
    GreedySum,
    GreedySumConfig,
    LabelDistance,
    LabelDistanceConfig,
)
from memory_agent_ros.evaluation.association_scores import IdentityCounts, score_identities
from memory_agent_ros.evaluation.walks.noise import PoseNoise
from memory_agent_ros.evaluation.walks.replay import Step
from memory_agent_ros.evaluation.walks.walk import Walk
from memory_agent_ros.memory.association.association import Associator
from memory_agent_ros.memory.config import MemoryConfig
from memory_agent_ros.memory.spatial_memory import SpatialMemory
from memory_agent_ros.records.errors import BadInputError

#: As the memory confirms an object after so many detections, the oracle names one.
ORACLE_DETECTIONS = MemoryConfig().confirm_observations


@dataclass(frozen=True)
class Level:
    """One level of noise.

    Attributes:
        position_m, rotation_deg: of :class:`PoseNoise`; miss: share of detections missed; family: of the pose noise.
    """

    position_m: float
    rotation_deg: float
    miss: float
    family: str = "gaussian"

    @property
    def name(self) -> str:
        """``p10r3m20``; families that are not trained on are all ``unseen``."""
        if self.family != "gaussian":
            return "unseen"
        return f"p{100 * self.position_m:.0f}r{self.rotation_deg:.0f}m{100 * self.miss:.0f}"

    def pose(self, seed: int) -> PoseNoise:
        """Its pose noise."""
        return PoseNoise(self.position_m, self.rotation_deg, self.family, seed)


class Arm(Protocol):
    """Gives identities to the detections of one walk."""

    def step(self, step: Step) -> list[int]:
        """Identities of one image's observations, 0 for none."""
        ...

    def final(self, identity: int) -> int:
        """An identity given earlier as it stands at the end, 0 if it is not reported."""
        ...


class RuleArm:
    """A peer's rule."""

    def __init__(self, rule: LabelDistance | GreedySum) -> None:
        self._rule = rule

    def step(self, step: Step) -> list[int]:
        """See :class:`Arm`."""
        return self._rule.step(step.observations)

    def final(self, identity: int) -> int:
        """See :class:`Arm`."""
        return self._rule.final(identity)


class MemoryArm:
    """The memory itself, in working memory."""

    def __init__(self, config: MemoryConfig | None = None, associator: Associator | None = None) -> None:
        self.memory = SpatialMemory.open(None, config, associator=associator)

    def step(self, step: Step) -> list[int]:
        """See :class:`Arm`."""
        self.memory.observe(step.frame, step.observations)
        return list(self.memory.assignments)

    def final(self, identity: int) -> int:
        """See :class:`Arm`: merged objects have the survivor's id, tentative and dropped ones none."""
        try:
            found = self.memory.get(identity)
        except BadInputError:
            return 0
        return found.id if found.confirmed else 0


class OracleArm:
    """Assignment by true instance: nothing is confused, false positives get no identity."""

    def __init__(self) -> None:
        self._seen: Counter[int] = Counter()

    def step(self, step: Step) -> list[int]:
        """See :class:`Arm`."""
        self._seen.update(step.true_ids)
        return list(step.true_ids)

    def final(self, identity: int) -> int:
        """See :class:`Arm`."""
        return identity if self._seen[identity] >= ORACLE_DETECTIONS else 0


def make_arm(
    name: str,
    class_sizes: Mapping[str, float],
    label_distance: LabelDistanceConfig | None = None,
    greedy_sum: GreedySumConfig | None = None,
) -> Arm:
    """One of the arms that the benchmark names."""
    if name == "label_distance":
        return RuleArm(LabelDistance(label_distance or LabelDistanceConfig(), class_sizes))
    if name == "greedy_sum":
        return RuleArm(GreedySum(greedy_sum or GreedySumConfig()))
    if name == "oracle":
        return OracleArm()
    return MemoryArm(dataclasses.replace(MemoryConfig(), association=name))


def run_arms(arms: Mapping[str, Arm], steps: Iterable[Step]) -> dict[str, IdentityCounts]:
    """Feed one replay to all arms and score their final identities."""
    true: list[int] = []
    given: dict[str, list[int]] = {name: [] for name in arms}
    for step in steps:
        true += step.true_ids
        for name, arm in arms.items():
            given[name] += arm.step(step)
    scores = {}
    for name, arm in arms.items():
        final = {identity: arm.final(identity) if identity else 0 for identity in set(given[name])}
        scores[name] = score_identities(true, [final[i] for i in given[name]])
    return scores


def class_sizes(walk: Walk) -> dict[str, float]:
    """Label -> median largest extent of its true objects, metres: what a per-class threshold is made of."""
    sizes: dict[str, list[float]] = {}
    for thing in walk.truth[0]:
        sizes.setdefault(walk.labels.get(thing.id, thing.label), []).append(float(thing.box.size.max()))
    return {label: float(np.median(values)) for label, values in sizes.items()}
