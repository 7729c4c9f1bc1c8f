"""The audit of a recogniser's file after a class was taken out of it. Needs torch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from memory_agent_ros.evaluation.unlearning.audit import Evidence, audit, findings
from memory_agent_ros.perception.recognition.labelled_crops import LabelledCrops
from memory_agent_ros.perception.recognition.learning import examples_for, network_of
from memory_agent_ros.perception.recognition.network import RecognitionNetwork, RecognitionTraining, train
from memory_agent_ros.perception.recognition.recogniser import Recogniser
from memory_agent_ros.perception.recognition.unlearning import MASKED, mask_class
from memory_agent_ros.records.errors import BadInputError

#: Heads that are trained anew without the class.
RETRAINED = 8


def audit_heads(
    before: Recogniser, after: Recogniser, trained: LabelledCrops, unseen: LabelledCrops, label: str
) -> dict[str, Any]:
    """What is left of a class, beside heads that are trained anew without it.

    Args:
        before: knows the class.
        after: has unlearnt it, or pretends to.
        trained: crops that ``before`` was trained on, those of the class among them.
        unseen: crops of the same classes that no head was trained on.
        label: the class.

    Returns:
        Figures ``before``, ``after`` and ``retrained`` (their mean), and ``told_apart``: what parts ``after`` from
        heads that never saw the class, a line each.

    Raises:
        BadInputError: ``audit_crops``: a class lacks crops.
    """
    labels = before.labels
    missing = sorted(set(labels) - (set(unseen.labels) & set(trained.labels))) + sorted(
        name for name, count in unseen.counts().items() if name in labels and count < 2
    )
    if missing:
        raise BadInputError(
            "audit_crops", f"the audit needs trained crops, and two unseen ones or more, of {', '.join(missing)}"
        )
    gone = labels.index(label)
    evidence = Evidence(examples_for(labels, trained), examples_for(labels, unseen), gone)
    hidden, width = (len(before.weights[f"{part}.bias"]) for part in ("first", "second"))
    training, without = RecognitionTraining(hidden=hidden, width=width), evidence.trained.without(gone)
    anew = [mask_class(train(without, len(labels), replace(training, seed=s)), gone) for s in range(1, RETRAINED + 1)]
    references = [audit(network, evidence, anew[i - 1]) for i, network in enumerate(anew)]
    done = audit(widened(after, labels), evidence, anew[0])
    known = audit(network_of(before), evidence, anew[0])
    mean = {n: float(np.mean([r.to_dict()[n] for r in references])) for n in done.to_dict()}
    told = findings(done, references)
    return {"before": known.to_dict(), "after": done.to_dict(), "retrained": mean, "told_apart": told}


def widened(recogniser: Recogniser, labels: tuple[str, ...]) -> RecognitionNetwork:
    """A network over more labels than a recogniser knows; it never answers the others."""
    small = network_of(recogniser)
    wide = RecognitionNetwork(small.first.in_features, len(labels), small.first.out_features, small.second.out_features)
    state = {**wide.state_dict(), **{n: t for n, t in small.state_dict().items() if not n.startswith("head")}}
    head, bias = torch.zeros(len(labels), small.head.in_features), torch.full((len(labels),), MASKED)
    for row, label in enumerate(recogniser.labels):
        head[labels.index(label)], bias[labels.index(label)] = small.head.weight[row], small.head.bias[row]
    wide.load_state_dict({**state, "head.weight": head.detach(), "head.bias": bias.detach()})
    return wide.eval()
