"""``memory-agent train safety``: one vector a cluster of neurons, so that the reader refuses unsafe requests.

Neuron-selective tuning (NeST, arXiv 2602.16835): probes on the feed-forward activations choose neurons, k-means gathers
them, and of the whole model only one vector a cluster learns, added to the rows of its members. Needs torch,
scikit-learn and the simulator's worlds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from memory_agent_ros.evaluation.safety.activations import pooled_activations, prompt_of
from memory_agent_ros.evaluation.safety.lessons import Lessons
from memory_agent_ros.evaluation.safety.requests import Request
from memory_agent_ros.evaluation.safety.selection import Selected, select
from memory_agent_ros.evaluation.safety.tuning import ClusterVectors
from memory_agent_ros.evaluation.training.learning import Learner, Rhythm
from memory_agent_ros.evaluation.training.reader_examples import Example
from memory_agent_ros.evaluation.training.safety_card import write_safety_card
from memory_agent_ros.evaluation.training.train_reader import predictions
from memory_agent_ros.reasoning.language.embedded import LoadedModel
from memory_agent_ros.reasoning.language.encoding import Encoder
from memory_agent_ros.reasoning.language.neurons import save_neurons

CHECKPOINT_EVERY, LOOKS = 25, 2


@dataclass(frozen=True)
class SafetyTraining:
    """What is trained and how.

    Attributes:
        seed: of data and clusters.
        times: how often each sentence of the list is said, with other words, in other worlds.
        lowest: the first layer whose neurons are tuned. Below it nothing is differentiated.
        threshold: z-score of a neuron's weight in its layer's probe from which on it is tuned.
        rate: highest learning rate; warmed up over ``warm_up`` steps, then falls as a cosine to a twentieth.
        refused, answered, practised: refusals, safe requests and exercises of the reader in a batch.
        steps: at most.
        clip: of the gradient's norm.
    """

    seed: int = 0
    times: int = 2
    lowest: int = 12
    threshold: float = 2.0
    rate: float = 3e-3
    warm_up: int = 10
    refused: int = 8
    answered: int = 10
    practised: int = 2
    steps: int = 300
    clip: float = 1.0


#: model -> figures on ``val``.
Examine = Callable[[Any], dict[str, float]]


def selected_of(
    training: SafetyTraining,
    loaded: LoadedModel,
    requests: Sequence[Request],
    held: Sequence[Request],
    progress: bool = False,
) -> dict[int, Selected]:
    """The neurons that tell unsafe requests from safe ones; probes are tried on the held ones."""
    encoder = Encoder(loaded.tokenizer)
    told = [
        pooled_activations(loaded.model, [prompt_of(r, encoder) for r in some], progress=progress)
        for some in (requests, held)
    ]
    unsafe = [np.array([r.unsafe for r in some], dtype=np.bool_) for some in (requests, held)]
    groups = [r.sentence.category for r in requests]
    layers = range(training.lowest, told[0].shape[1])
    return select(
        told[0], unsafe[0], groups, (told[1], unsafe[1]), layers, training.threshold, seed=training.seed,
        progress=progress,
    )  # fmt: skip


def train_safety(
    training: SafetyTraining,
    loaded: LoadedModel,
    selected: Mapping[int, Selected],
    lessons: Lessons,
    examine: Examine,
    out: Path,
    *,
    minutes: float = 20.0,
    resume: bool = True,
    progress: bool = False,
) -> dict[str, float]:
    """Train until the steps or the minutes are used up; write the updates and their card.

    Beside ``out`` there are, while it trains, a checkpoint with everything needed to go on, and figures by step in the
    folder with the ending ``.logs``. The model itself is afterwards what it was.

    Args:
        training: what and how.
        loaded: the frozen reader.
        selected: neurons of each layer.
        lessons: what is learnt.
        examine: figures on ``val``.
        out: safetensors file of the updates.
        minutes: longest time, over all sittings.
        resume: go on from a checkpoint of the same settings.
        progress: show a bar.

    Returns:
        the last figures on ``val``.
    """
    learner = _Learner(training, loaded, selected, lessons, examine, out)
    rhythm = Rhythm(training.steps, keep=CHECKPOINT_EVERY, looks=LOOKS)
    try:
        return learner.train("safety", rhythm, out.with_suffix(""), minutes, resume=resume, progress=progress)
    finally:
        learner.vectors.detach()


class _Learner(Learner):
    """The vectors on the frozen model."""

    training: SafetyTraining

    def __init__(
        self,
        training: SafetyTraining,
        loaded: LoadedModel,
        selected: Mapping[int, Selected],
        lessons: Lessons,
        examine: Examine,
        out: Path,
    ) -> None:
        torch.manual_seed(training.seed)
        self.vectors = ClusterVectors(loaded.model, selected)
        # The fused attention takes a fifth of a step to go backwards through texts as short as these.
        loaded.model.set_attn_implementation("eager")
        optimiser = torch.optim.AdamW(self.vectors.parameters(), lr=training.rate, weight_decay=0.0, betas=(0.9, 0.99))
        super().__init__(training, list(self.vectors.parameters()), optimiser)
        self.loaded, self.selected, self.lessons, self.examine, self.out = loaded, selected, lessons, examine, out
        self.batches: Iterator[list[Example]] = iter(())

    def begin(self) -> None:
        """The lessons from this step on."""
        super().begin()
        own = self.training
        self.batches = self.lessons.batches((own.seed, self.step), own.refused, own.answered, own.practised)

    def learn(self, share: float) -> dict[str, float]:
        """One update. The first token of a text decides whether it refuses; it counts as much as all others."""
        batch = sorted(next(self.batches), key=lambda one: len(one.ids))
        cut = len(batch) - self.training.practised  # exercises are several times as long: no request is padded to them
        losses, right, count = torch.zeros(()), 0, 0
        for part in (batch[:cut], batch[cut:]):
            if part:
                logits, wanted = predictions(self.loaded.model, part)
                scale = [torch.tensor([1.0, *[1.0 / len(o.wanted)] * (len(o.wanted) - 1)]) for o in part]
                each = torch.nn.functional.cross_entropy(logits, wanted, reduction="none")
                losses = losses + (each * torch.cat(scale)).sum()
                right, count = right + int((logits.argmax(dim=-1) == wanted).sum()), count + len(wanted)
        loss = losses / len(batch)
        norm, rate = self.update(loss, share)
        return {"loss": float(loss.detach()), "right": right / count, "norm": norm, "rate": rate}

    def look(self, last: bool) -> dict[str, float]:
        """Figures on ``val``; the updates so far are written."""
        figures = self.examine(self.loaded.model)
        self.point(figures)
        layers = {
            str(n): {
                "neurons": len(s.neurons), "clusters": s.clusters, "silhouette": round(s.silhouette, 3),
                "probe_accuracy": round(s.accuracy, 3),
            }
            for n, s in self.selected.items()
        }  # fmt: skip
        about = {
            **self.about(), "base": self.loaded.name, "layers": layers,
            "parameters": sum(p.numel() for p in self.parameters),
            "texts": [len(self.lessons.refusals), len(self.lessons.answers), len(self.lessons.exercises)],
        }  # fmt: skip
        save_neurons(self.out, self.vectors.updates(), about)
        return figures

    def finish(self) -> None:
        """A card."""
        write_safety_card(self.out)
