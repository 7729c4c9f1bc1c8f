"""Networks that the audit is tried on: the original, retrained ones, fakes, and ways to unlearn. Needs torch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from torch.nn.functional import cross_entropy

from memory_agent_ros.evaluation.unlearning.audit import Audit, AuditSettings, Evidence, audit, findings
from memory_agent_ros.evaluation.unlearning.examples import Pool, Task, deal
from memory_agent_ros.perception.recognition.network import Examples, RecognitionNetwork, RecognitionTraining, train
from memory_agent_ros.perception.recognition.unlearning import Unlearning, mask_class, unlearn

#: The issue's arms first, then a part that ours leaves out, and what others do.
ARMS = (
    "original", "retrained", "masking_only", "ours",
    "with_negative_hot", "negative_hot_only", "fine_tuning", "gradient_ascent",
)  # fmt: skip
#: These also for a network of the re-identification embedder's shape, under names that begin with ``PREFIX``.
REIDENTIFICATION, PREFIX = ("original", "retrained", "masking_only", "ours"), "reid_"
#: Networks that are trained anew without the class: one is the arm, the others are what all arms are held against.
RETRAINED = 9


@dataclass(frozen=True)
class Trial:
    """One class forgotten of one network.

    Attributes:
        seed: of the classes, the crops and the weights; ``kind`` the name of what was forgotten.
        audits: arm -> what was found.
        told: arm -> what parts it from retrained networks.
    """

    seed: int
    kind: str
    audits: dict[str, Audit]
    told: dict[str, list[str]]


@dataclass(frozen=True)
class Trials:
    """How trials are run.

    Attributes:
        task: which classes.
        training: of originals and retrained networks.
        unlearning: ours.
        audit: how hard it tries.
        forgotten: classes forgotten of each original, one after the other and each alone.
        arms: which ones.
        reidentification: whether those of :data:`REIDENTIFICATION` are tried too.
    """

    task: Task = field(default_factory=Task)
    training: RecognitionTraining = field(default_factory=RecognitionTraining)
    unlearning: Unlearning = field(default_factory=Unlearning)
    audit: AuditSettings = field(default_factory=AuditSettings)
    forgotten: int = 2
    arms: tuple[str, ...] = ARMS
    reidentification: bool = True

    def every_arm(self) -> tuple[str, ...]:
        """Names of all arms."""
        return (*self.arms, *(PREFIX + arm for arm in REIDENTIFICATION if self.reidentification))


def run_seed(pool: Pool, trials: Trials, seed: int) -> list[Trial]:
    """All trials of one seed: classes dealt, one original trained, and each arm audited for each forgotten class."""
    torch.set_num_threads(1)
    trained, unseen, names = deal(pool, trials.task, seed)
    wanted = {False: trials.arms, **({True: REIDENTIFICATION} if trials.reidentification else {})}
    found: list[dict[int, Found]] = []
    for skip, arms in wanted.items():
        one = replace(trials, training=replace(trials.training, skip=skip), arms=arms)
        original = train(trained, len(names), replace(one.training, seed=seed))
        evidence = [Evidence(trained, unseen, c) for c in range(trials.forgotten)]
        found.append({e.label: _audited(original, e, one, seed, PREFIX if skip else "") for e in evidence})
    trials_of = [[part[c] for part in found] for c in range(trials.forgotten)]
    return [
        Trial(seed, names[c], _merged([audits for audits, _ in parts]), _merged([told for _, told in parts]))
        for c, parts in enumerate(trials_of)
    ]


Found = tuple[dict[str, Audit], dict[str, list[str]]]
_T = TypeVar("_T")


def _merged(parts: list[dict[str, _T]]) -> dict[str, _T]:
    return {name: value for part in parts for name, value in part.items()}


def _audited(original: RecognitionNetwork, evidence: Evidence, trials: Trials, seed: int, prefix: str) -> Found:
    """Audits of all arms for one class, and what they tell."""
    without, classes = evidence.trained.without(evidence.label), original.head.out_features
    anew = [
        mask_class(train(without, classes, replace(trials.training, seed=1000 * (n + 1) + seed)), evidence.label)
        for n in range(RETRAINED)
    ]
    held = [audit(network, evidence, anew[0], trials.audit) for network in anew[1:]]
    audits = {}
    for arm in trials.arms:
        made = anew[0] if arm == "retrained" else MAKERS[arm](original, evidence, trials, seed)
        audits[prefix + arm] = audit(made, evidence, anew[1], trials.audit)
    references = [*held, audits[f"{prefix}retrained"]]
    return audits, {arm: findings(found, references) for arm, found in audits.items()}


def _settings(trials: Trials, seed: int) -> Unlearning:
    return replace(trials.unlearning, seed=5000 + seed)


def _ours(original: RecognitionNetwork, evidence: Evidence, trials: Trials, seed: int) -> RecognitionNetwork:
    return unlearn(original, evidence.trained, evidence.label, _settings(trials, seed))


def _negative_hot_too(
    original: RecognitionNetwork, evidence: Evidence, trials: Trials, seed: int
) -> RecognitionNetwork:
    """Ours, and negative-hot targets of the retained crops that look most alike."""
    return unlearn(original, evidence.trained, evidence.label, replace(_settings(trials, seed), weight=0.5))


def _negative_hot(original: RecognitionNetwork, evidence: Evidence, trials: Trials, seed: int) -> RecognitionNetwork:
    """As the abstract tells it: all other classes alike, nothing rebuilt."""
    told = replace(_settings(trials, seed), nearest=0, rebuilt=(), shrink=1.0, shake=0.0, rate=1e-3, weight=1.0)
    return unlearn(original, evidence.trained, evidence.label, told)


def _fine_tuning(original: RecognitionNetwork, evidence: Evidence, trials: Trials, seed: int) -> RecognitionNetwork:
    """On the retained classes only."""
    told = replace(_settings(trials, seed), weight=0.0, rebuilt=(), shrink=1.0, shake=0.0, rate=1e-3)
    return unlearn(original, evidence.trained, evidence.label, told)


def _ascent(
    original: RecognitionNetwork, evidence: Evidence, trials: Trials, seed: int, steps: int = 30, rate: float = 0.02
) -> RecognitionNetwork:
    """Up the loss of the forgotten crops, down that of the others."""
    changed, generator = copy.deepcopy(original), torch.Generator().manual_seed(seed)
    optimiser = torch.optim.SGD(changed.parameters(), rate)
    parts: tuple[Examples, Examples] = (evidence.trained.of(evidence.label), evidence.trained.without(evidence.label))
    for _ in range(steps):
        gone, kept = (cross_entropy(changed(v), y) for v, y in (p.draw(64, generator) for p in parts))
        optimiser.zero_grad()
        (kept - gone.clamp(max=8.0)).backward()
        optimiser.step()
    return mask_class(changed, evidence.label)


Maker = Callable[[RecognitionNetwork, Evidence, Trials, int], RecognitionNetwork]
MAKERS: dict[str, Maker] = {
    "original": lambda original, *_: original,
    "masking_only": lambda original, evidence, *_: mask_class(original, evidence.label),
    "ours": _ours,
    "with_negative_hot": _negative_hot_too,
    "negative_hot_only": _negative_hot,
    "fine_tuning": _fine_tuning,
    "gradient_ascent": _ascent,
}
