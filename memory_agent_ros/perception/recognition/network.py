"""The recognition network and how it is trained. Needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from memory_agent_ros.records.errors import BadInputError

#: Unit features times this are what a head over them reads.
_SHARPNESS = 16.0


@dataclass(frozen=True, eq=False)
class Examples:
    """Crops with their classes.

    Attributes:
        vectors: (copies, N, D) float32 descriptors of N crops, each in some copies under other light and boxes.
        labels: (N,) int64 numbers of their classes.
    """

    vectors: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, chosen: Tensor) -> Examples:
        """Those of a mask (N,) or of indices."""
        return Examples(self.vectors[:, chosen], self.labels[chosen])

    def of(self, label: int) -> Examples:
        """Those of one class."""
        return self.rows(self.labels == label)

    def without(self, label: int) -> Examples:
        """Those of all other classes."""
        return self.rows(self.labels != label)

    def few(self, most: int) -> Examples:
        """The first ``most`` of each class."""
        kept = [torch.nonzero(self.labels == c).ravel()[:most] for c in self.labels.unique()]
        return self.rows(torch.cat(kept)) if kept else self

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """(count, D) vectors of any crops in any copy, and (count,) their classes."""
        rows = torch.randint(len(self), (count,), generator=generator)
        copies = torch.randint(len(self.vectors), (count,), generator=generator)
        return self.vectors[copies, rows], self.labels[rows]


def examples_of(vectors: Sequence[NDArray[np.float32]], labels: NDArray[np.int64]) -> Examples:
    """Examples of arrays: ``copies`` times (N, D), and (N,).

    Raises:
        BadInputError: ``recognition_examples``: shapes do not fit, numbers are not finite, or there are none.
    """
    stacked = np.stack(vectors).astype(np.float32) if len(vectors) else np.zeros((0, 0, 0), dtype=np.float32)
    if not stacked.size or stacked.shape[1] != len(labels) or not np.isfinite(stacked).all():
        raise BadInputError("recognition_examples", "give at least one crop, a finite vector and a class for each")
    return Examples(torch.from_numpy(stacked), torch.from_numpy(np.asarray(labels, dtype=np.int64)))


class RecognitionNetwork(nn.Module):
    """Two layers of features, and a linear head over the classes.

    Args:
        inputs: length of the descriptors.
        classes: how many.
        hidden, width: of the first layer and of the features.
        skip: the shape of the re-identification embedder: a linear map of the descriptors is added to the second
            layer, and features have length one. Its head serves training only and is thrown away.
    """

    def __init__(self, inputs: int, classes: int, hidden: int = 128, width: int = 32, *, skip: bool = False) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, hidden), nn.Linear(hidden, width)
        self.skip = nn.Linear(inputs, width, bias=False) if skip else None
        self.head = nn.Linear(width, classes)

    def features(self, vectors: Tensor) -> Tensor:
        """(B, D) descriptors -> (B, width) features, which the head reads."""
        second: Tensor = self.second(torch.relu(self.first(vectors)))
        return torch.relu(second) if self.skip is None else normalize(second + self.skip(vectors), dim=1)

    def forward(self, vectors: Tensor) -> Tensor:
        """(B, D) descriptors -> (B, K) logits."""
        features = self.features(vectors)
        out: Tensor = self.head(features if self.skip is None else _SHARPNESS * features)
        return out


@dataclass(frozen=True)
class RecognitionTraining:
    """How the network is trained.

    Attributes:
        seed: of weights and batches.
        steps, batch: how many, of how many crops.
        rate, decay: of AdamW; the rate falls along a cosine.
        hidden, width, skip: of the network.
    """

    seed: int = 0
    steps: int = 900
    batch: int = 64
    rate: float = 2e-3
    decay: float = 0.01
    hidden: int = 128
    width: int = 32
    skip: bool = False


def train(examples: Examples, classes: int, training: RecognitionTraining | None = None) -> RecognitionNetwork:
    """A network trained from nothing with cross-entropy.

    Args:
        examples: what it sees.
        classes: size of its head; classes without examples stay unlearnt.
        training: how.
    """
    training = training or RecognitionTraining()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        network = RecognitionNetwork(
            examples.vectors.shape[2], classes, training.hidden, training.width, skip=training.skip
        )
    generator = torch.Generator().manual_seed(training.seed)
    optimiser = torch.optim.AdamW(network.parameters(), training.rate, weight_decay=training.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, training.steps)
    for _ in range(training.steps):
        vectors, labels = examples.draw(training.batch, generator)
        optimiser.zero_grad()
        cross_entropy(network(vectors), labels).backward()
        optimiser.step()
        schedule.step()
    return network.eval()
