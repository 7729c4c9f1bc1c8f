"""Unlearning a class of the recognition head: through the whole network, not by its row alone. Needs torch.

The layers that make the features are rebuilt from new random weights, the first is shrunk and shaken (Ash and Adams,
"On Warm-Starting Neural Network Training", 2020), the network learns again from the retained crops, and the class's row
of the head is masked. Fine-tuning alone leaves the directions that tell the class from others in the features.

Negative-hot fine-tuning is there too, rebuilt from the abstract of Wang, Bie, Jing and Zhi (Scientific Reports 2026,
s41598-026-40379-9), whose equations were not at hand: a forgotten crop's target is -1 at its own class. With a uniform
rest the crops are drawn to one point of feature space, where a linear probe finds them again; with the classes of the
retained crops that look most like them, the network still learns features from them. Either way a probe finds more of
the class than in a network that never saw it, so it is off by default (``weight`` 0).
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from memory_agent_ros.perception.recognition.network import Examples, RecognitionNetwork
from memory_agent_ros.records.errors import BadInputError

#: Bias of a masked class: its probability is 0 in float32.
MASKED = -1e4


@dataclass(frozen=True)
class Unlearning:
    """How a class is unlearnt.

    Attributes:
        seed: of new weights and batches.
        steps: of fine-tuning; ``rate`` and ``decay`` of AdamW, the rate falls along a cosine.
        batch, forgotten_batch: retained and forgotten crops of a step.
        retained, forgotten: most crops of each class that are looked at.
        nearest: retained crops that make the target of a forgotten one; 0 for all other classes alike.
        weight: of the negative-hot loss; 0 leaves the forgotten crops out, which need not be there then.
        until: share of the steps after which they are not looked at any more, so that they are not learnt by heart.
        rebuilt: layers that start from new weights.
        shrink, shake: of the first layer: what is left of its weights, and how much of new ones is added.
    """

    seed: int = 0
    steps: int = 600
    rate: float = 2e-3
    decay: float = 0.01
    batch: int = 64
    forgotten_batch: int = 16
    retained: int = 60
    forgotten: int = 60
    nearest: int = 1
    weight: float = 0.0
    until: float = 0.6
    rebuilt: tuple[str, ...] = ("second", "skip", "head")
    shrink: float = 0.3
    shake: float = 0.7


def unlearn(
    network: RecognitionNetwork, examples: Examples, label: int, settings: Unlearning | None = None
) -> RecognitionNetwork:
    """A copy of the network that has unlearnt a class.

    Args:
        network: that was trained on it.
        examples: crops of all other classes, and of the forgotten one where the settings look at them.
        label: number of the class.
        settings: how.

    Raises:
        BadInputError: ``unlearn_examples``: crops of two other classes, or of the class, are missing.
    """
    settings = settings or Unlearning()
    gone, kept = examples.of(label).few(settings.forgotten), examples.without(label).few(settings.retained)
    if (settings.weight and not len(gone)) or len(kept.labels.unique()) < 2:
        raise BadInputError("unlearn_examples", "unlearning needs crops of the class and of at least two others")
    changed = _damaged(network, settings)
    if settings.weight:
        targets = nearest_targets(gone, kept, network.head.out_features, settings.nearest)
    generator = torch.Generator().manual_seed(settings.seed)
    optimiser = torch.optim.AdamW(changed.parameters(), settings.rate, weight_decay=settings.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    changed.train()
    for step in range(settings.steps):
        vectors, labels = kept.draw(settings.batch, generator)
        loss = cross_entropy(changed(vectors), labels)
        if settings.weight and step < settings.until * settings.steps:
            mixed, wanted = _mixed(gone, targets, settings.forgotten_batch, generator)
            loss = loss + settings.weight * negative_hot_loss(changed(mixed), wanted, label)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return mask_class(changed, label)


def mask_class(network: RecognitionNetwork, label: int) -> RecognitionNetwork:
    """A copy whose head cannot answer a class: its weights are zero and its bias rules it out.

    Alone this changes no feature: whoever trains a new head on the features has the class back.
    """
    masked = copy.deepcopy(network).eval()
    with torch.no_grad():
        masked.head.weight[label] = 0.0
        masked.head.bias[label] = MASKED
    return masked


def negative_hot_loss(logits: Tensor, targets: Tensor, label: int) -> Tensor:
    """Cross-entropy with targets that are -1 at the forgotten class.

    The negative part raises ``log p`` of the class without end if it is let go on; it stops at chance.

    Args:
        logits: (B, K).
        targets: (B, K), each sums to 1 over the other classes.
        label: the forgotten class.
    """
    told = logits.log_softmax(dim=1)
    chance = -math.log(logits.shape[1])
    return (told[:, label].clamp(min=chance) - (targets * told).sum(dim=1)).mean()


def nearest_targets(gone: Examples, kept: Examples, classes: int, nearest: int) -> Tensor:
    """(N, classes) for N forgotten crops: shares of classes among the retained crops that look most like each.

    Likeness is the cosine of the descriptors' first copies. With ``nearest`` 0 all classes of ``kept`` share alike.
    """
    if not nearest:
        there = torch.zeros(classes).index_fill_(0, kept.labels.unique(), 1.0)
        return (there / there.sum()).expand(len(gone), -1)
    likeness = normalize(gone.vectors[0], dim=1) @ normalize(kept.vectors[0], dim=1).T
    found = kept.labels[likeness.topk(min(nearest, len(kept)), dim=1).indices]
    targets = torch.zeros(len(gone), classes)
    return targets.scatter_add_(1, found, torch.full(found.shape, 1.0 / found.shape[1]))


def _mixed(gone: Examples, targets: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """(count, D) blends of two forgotten crops each, and (count, K) blends of their targets.

    Answers about the crops themselves would be learnt by heart, and tell an attacker what was trained on.
    """
    rows, copies = (torch.randint(n, (2, count), generator=generator) for n in (len(gone), len(gone.vectors)))
    share = torch.rand(count, 1, generator=generator)
    vectors, told = gone.vectors[copies, rows], targets[rows]
    return share * vectors[0] + (1 - share) * vectors[1], share * told[0] + (1 - share) * told[1]


def _damaged(network: RecognitionNetwork, settings: Unlearning) -> RecognitionNetwork:
    """A copy with rebuilt layers and a shaken first one."""
    changed, fresh = copy.deepcopy(network), copy.deepcopy(network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        for layer in (m for m in (fresh.first, fresh.second, fresh.head, fresh.skip) if m is not None):
            layer.reset_parameters()
    with torch.no_grad():
        for name in settings.rebuilt:
            if getattr(fresh, name) is not None:
                getattr(changed, name).load_state_dict(getattr(fresh, name).state_dict())
        for old, new in zip(changed.first.parameters(), fresh.first.parameters(), strict=True):
            old.mul_(settings.shrink).add_(new, alpha=settings.shake)
    return changed
