"""Making a recogniser of crops, and taking a class out of one. Needs torch.

Unlearning keeps no trace of the label: its row leaves the head, its name the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from memory_agent_ros.perception.recognition.labelled_crops import LabelledCrops
from memory_agent_ros.perception.recognition.network import (
    Examples,
    RecognitionNetwork,
    RecognitionTraining,
    examples_of,
    train,
)
from memory_agent_ros.perception.recognition.recogniser import Recogniser
from memory_agent_ros.perception.recognition.unlearning import Unlearning, unlearn
from memory_agent_ros.records.errors import BadInputError


def train_recogniser(crops: LabelledCrops, training: RecognitionTraining | None = None) -> Recogniser:
    """A recogniser of all classes among the crops.

    Raises:
        BadInputError: ``recognition_examples``: fewer than two classes.
    """
    labels = tuple(crops.counts())
    if len(labels) < 2:
        raise BadInputError("recognition_examples", "a recogniser tells at least two classes apart")
    training = training or RecognitionTraining()
    network = train(examples_for(labels, crops), len(labels), training)
    return recogniser_of(network, labels, {"training": asdict(training), "crops": len(crops.labels)})


def forget_label(
    recogniser: Recogniser, crops: LabelledCrops, label: str, settings: Unlearning | None = None
) -> Recogniser:
    """The recogniser without a class, in its features too.

    Args:
        recogniser: that knows the class.
        crops: of all classes that it is to know afterwards; other labels are passed over.
        label: what is forgotten.
        settings: how.

    Raises:
        BadInputError: ``label_unknown``: the recogniser does not know it; ``unlearn_examples``: crops are missing of a
            class that stays.
    """
    if label not in recogniser.labels:
        raise BadInputError("label_unknown", f"no class {label!r}; there are: {', '.join(recogniser.labels)}")
    missing = sorted(set(recogniser.labels) - set(crops.labels) - {label})
    if missing:
        raise BadInputError(
            "unlearn_examples", f"a class without crops would be lost too; give some of {', '.join(missing)}"
        )
    settings, gone = settings or Unlearning(), recogniser.labels.index(label)
    done = unlearn(network_of(recogniser), examples_for(recogniser.labels, crops), gone, settings)
    return without_row(done, recogniser.labels, gone, {**recogniser.about, "unlearnt": _count(recogniser) + 1})


def without_row(
    network: RecognitionNetwork, labels: tuple[str, ...], gone: int, about: Mapping[str, Any]
) -> Recogniser:
    """A recogniser whose head has no row for a class any more."""
    kept = [i for i in range(len(labels)) if i != gone]
    weights = {name: t.detach().numpy().copy() for name, t in network.state_dict().items()}
    weights["head.weight"], weights["head.bias"] = weights["head.weight"][kept], weights["head.bias"][kept]
    return Recogniser(tuple(labels[i] for i in kept), weights, dict(about))


def recogniser_of(network: RecognitionNetwork, labels: tuple[str, ...], about: Mapping[str, Any]) -> Recogniser:
    """As the robot uses it."""
    weights = {name: t.detach().numpy().copy() for name, t in network.state_dict().items()}
    return Recogniser(labels, weights, dict(about))


def network_of(recogniser: Recogniser) -> RecognitionNetwork:
    """As it is trained on."""
    w = recogniser.weights
    hidden, inputs = w["first.weight"].shape
    network = RecognitionNetwork(inputs, len(recogniser.labels), hidden, len(w["second.bias"]))
    network.load_state_dict({name: torch.from_numpy(np.array(t)) for name, t in w.items()})
    return network.eval()


def examples_for(labels: tuple[str, ...], crops: LabelledCrops) -> Examples:
    """The crops of known labels, with their numbers."""
    rows = [i for i, label in enumerate(crops.labels) if label in labels]
    numbers = np.array([labels.index(crops.labels[i]) for i in rows], dtype=np.int64)
    return examples_of([crops.vectors[rows]], numbers)


def _count(recogniser: Recogniser) -> int:
    told = recogniser.about.get("unlearnt", 0)
    return told if isinstance(told, int) else 0
