"""The audit of unlearning: what can still be brought back of a class, beside networks that never saw it. Needs torch.

A head that never answers the class proves nothing: masking does that. So the features are asked. A linear probe and
nearest neighbours are given crops with their true classes, and told to find the class again in crops nobody trained on;
an attacker guesses from the features which crops were trained on; and training goes on until the class is back. A
network that never saw the class gives way to all of these to some degree, since it describes new things too. What
counts is therefore whether a network lies where networks lie that were trained anew without the class.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from scipy.stats import t as student_t
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from memory_agent_ros.perception.recognition.network import Examples, RecognitionNetwork
from memory_agent_ros.perception.recognition.unlearning import MASKED

#: Measures that must lie where those of retrained networks lie.
JUDGED = ("forget_accuracy", "probe_recovery", "neighbour_recovery", "membership_auc", "relearn_steps")


@dataclass(frozen=True)
class AuditSettings:
    """How hard the audit tries.

    Attributes:
        shots: crops of each class that probe and neighbours are given; ``few_shots`` of the second probe.
        decay: L2 penalty of the probe on standardised features.
        relearn_shots: crops of each class that training goes on with.
        relearn_rate, relearn_most: gradient descent over all of them, and its most steps.
        relearn_share: of the class's held-out crops that must be named right for it to be back.
    """

    shots: int = 20
    few_shots: int = 5
    decay: float = 0.01
    relearn_shots: int = 5
    relearn_rate: float = 0.05
    relearn_most: int = 300
    relearn_share: float = 0.5


@dataclass(frozen=True)
class Audit:
    """What was found of one network.

    Attributes:
        forget_accuracy: share of held-out crops of the class that the network itself gives its name.
        retain_accuracy: the same over all other classes.
        probe_recovery: share that a linear probe on the features gives its name; ``few_shot_recovery`` with few crops.
        neighbour_recovery: share whose nearest feature belongs to it.
        membership_auc: how well an attacker parts the class's trained crops from others of it; 0.5 is not at all.
        relearn_steps: after how many steps of training the class is back.
        kl_to_retrained: mean divergence of the answers about the class's crops from a retrained network's, nats.
    """

    forget_accuracy: float
    retain_accuracy: float
    probe_recovery: float
    few_shot_recovery: float
    neighbour_recovery: float
    membership_auc: float
    relearn_steps: float
    kl_to_retrained: float

    def to_dict(self) -> dict[str, float]:
        """By name."""
        return {name: float(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, eq=False)
class Evidence:
    """Crops for an audit.

    Attributes:
        trained: what the original network was trained on, the class among it.
        unseen: crops of the same classes that no network saw.
        label: the forgotten class.
    """

    trained: Examples
    unseen: Examples
    label: int


def audit(
    network: RecognitionNetwork,
    evidence: Evidence,
    retrained: RecognitionNetwork,
    settings: AuditSettings | None = None,
) -> Audit:
    """Measure a network.

    Args:
        network: under audit.
        evidence: crops.
        retrained: a network that was trained without the class, for the divergence.
        settings: how hard to try.
    """
    settings = settings or AuditSettings()
    network = network.eval()
    vectors, labels, about = evidence.unseen.vectors[0], evidence.unseen.labels, evidence.label
    with torch.no_grad():
        right = network(vectors).argmax(dim=1) == labels
        shown, asked = _standardised(network, evidence.trained.few(settings.shots), evidence.unseen)
    given = evidence.trained.few(settings.shots).labels
    near = normalize(asked, dim=1) @ normalize(shown, dim=1).T
    few = torch.cat([torch.nonzero(given == c).ravel()[: settings.few_shots] for c in given.unique()])
    mine = labels == about
    return Audit(
        forget_accuracy=_share(right[mine]),
        retain_accuracy=_share(right[~mine]),
        probe_recovery=_share(_probe(shown, given, settings.decay)(asked[mine]).argmax(dim=1) == about),
        few_shot_recovery=_share(_probe(shown[few], given[few], settings.decay)(asked[mine]).argmax(dim=1) == about),
        neighbour_recovery=_share(given[near.argmax(dim=1)][mine] == about),
        membership_auc=membership_auc(network, evidence, settings),
        relearn_steps=float(relearn_steps(network, evidence, settings)),
        kl_to_retrained=_divergence(network, retrained, vectors[mine], about),
    )


def membership_auc(network: RecognitionNetwork, evidence: Evidence, settings: AuditSettings) -> float:
    """Chance that an attacker finds a trained crop of the class more typical of it than one that nobody saw.

    The attacker holds half of the unseen crops, fits a linear head on their features, and so sees through a mask.
    """
    held = _every_other(evidence.unseen, 0)
    others = _every_other(evidence.unseen, 1).of(evidence.label)
    members = evidence.trained.of(evidence.label)
    with torch.no_grad():
        features = network.features(held.vectors[0])
        mean, spread = features.mean(dim=0), features.std(dim=0) + 1e-3
    head = _probe((features - mean) / spread, held.labels, settings.decay)

    def typical(examples: Examples) -> Tensor:
        with torch.no_grad():
            told = head((network.features(examples.vectors[0]) - mean) / spread).log_softmax(dim=1)
        return told[:, evidence.label]

    higher = typical(members)[:, None] - typical(others)[None]
    return float((higher > 0).float().mean() + 0.5 * (higher == 0).float().mean())


def relearn_steps(network: RecognitionNetwork, evidence: Evidence, settings: AuditSettings) -> int:
    """Steps of training on a few crops of each class until the class is answered again; the most if it is not.

    The class's row of the head starts at nought in every network, so that what is measured is what the features know.
    """
    changed, few = copy.deepcopy(network), evidence.trained.few(settings.relearn_shots)
    with torch.no_grad():
        changed.head.weight[evidence.label] = 0.0
        others = torch.arange(len(changed.head.bias)) != evidence.label
        changed.head.bias[evidence.label] = changed.head.bias[others & (changed.head.bias > MASKED / 2)].mean()
    asked = evidence.unseen.of(evidence.label)
    optimiser = torch.optim.SGD(changed.parameters(), settings.relearn_rate)
    for step in range(settings.relearn_most):
        with torch.no_grad():
            if _share(changed(asked.vectors[0]).argmax(dim=1) == evidence.label) >= settings.relearn_share:
                return step
        optimiser.zero_grad()
        cross_entropy(changed(few.vectors[0]), few.labels).backward()
        optimiser.step()
    return settings.relearn_most


def findings(audited: Audit, retrained: Sequence[Audit]) -> list[str]:
    """What tells an unlearnt network from retrained ones, one line each; empty if nothing does.

    A measure is told apart if it lies on the side of a network that knows the class, outside the 95 % prediction
    interval of the retrained networks (Student's t). With two or three of them it is so wide that a mask may pass.
    """
    told = []
    for name in JUDGED:
        values = np.array([getattr(a, name) for a in retrained])
        value = getattr(audited, name)
        reach = 0.0
        if len(values) > 1:
            reach = float(student_t.ppf(0.975, len(values) - 1) * values.std(ddof=1) * np.sqrt(1 + 1 / len(values)))
        low, high = values.mean() - reach, values.mean() + reach
        if (value < low - 1e-9) if name == "relearn_steps" else (value > high + 1e-9):
            told.append(f"{name} is {value:.3f}; retrained networks lie from {low:.3f} to {high:.3f}")
    return told


def _standardised(network: RecognitionNetwork, shown: Examples, asked: Examples) -> tuple[Tensor, Tensor]:
    """Features with mean 0 and spread 1 over ``shown``."""
    one, two = network.features(shown.vectors[0]), network.features(asked.vectors[0])
    mean, spread = one.mean(dim=0), one.std(dim=0) + 1e-3
    return (one - mean) / spread, (two - mean) / spread


def _probe(features: Tensor, labels: Tensor, decay: float) -> nn.Linear:
    """Multinomial logistic regression, from nought."""
    head = nn.Linear(features.shape[1], int(labels.max()) + 1)
    with torch.no_grad():
        head.weight.zero_()
        head.bias.zero_()
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        found: Tensor = cross_entropy(head(features), labels) + 0.5 * decay * head.weight.square().sum()
        found.backward()
        return found

    optimiser.step(loss)
    return head.requires_grad_(False)


def _divergence(network: RecognitionNetwork, retrained: RecognitionNetwork, vectors: Tensor, label: int) -> float:
    """KL(retrained, network) over the other classes."""
    others = torch.arange(network.head.out_features) != label
    with torch.no_grad():
        want, have = (n(vectors)[:, others].log_softmax(dim=1) for n in (retrained, network))
    return float((want.exp() * (want - have)).sum(dim=1).mean())


def _every_other(examples: Examples, first: int) -> Examples:
    """Every second crop of each class."""
    rows = [torch.nonzero(examples.labels == c).ravel()[first::2] for c in examples.labels.unique()]
    return examples.rows(torch.cat(rows))


def _share(right: Tensor) -> float:
    return float(right.float().mean()) if right.numel() else float("nan")
