"""Training of the re-identification embedding on crops of ``train`` apartments under drift. Needs torch.

Three losses with the same batches and steps: cross-entropy over the objects, and beside it the contrastive term within
the batch or against a memory bank of each object's appearances. The term acts on the embedding itself; through a head
of its own, which is dropped afterwards, little of it arrived there.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from tqdm import tqdm

from memory_agent_ros.adapters.appearance import AppearanceMemory, BankConfig, in_batch
from memory_agent_ros.evaluation.hardware import commit
from memory_agent_ros.evaluation.reidentification.crops import Drift, crops_of, drifted
from memory_agent_ros.evaluation.reidentification.ranking import mean_average_precision
from memory_agent_ros.perception.embedders.reidentification import ReidentificationEmbedder, save_reidentification
from memory_agent_ros.perception.factory import make_image_embedder
from memory_agent_ros.perception.protocols import ImageEmbedder
from memory_agent_ros.records.errors import BadInputError

LOSSES = ("cross_entropy", "in_batch", "memory_bank")
#: Weights of the contrastive terms: for each the better one on ``val`` of 1 and 3.
_WEIGHTS = {"in_batch": 1.0, "memory_bank": 3.0}


@dataclass(frozen=True)
class ReidentificationTraining:
    """How the embedding is trained.

    Attributes:
        loss: one of :data:`LOSSES`.
        seed: of weights, drift, batches.
        base: embedder that it stands on.
        apartments: ``train`` seeds 0 to this.
        copies: drifted copies of each crop.
        batch: crops of a step, two of each object in it.
        steps: how many; ``minutes`` is the longest time.
        rate, decay: of AdamW.
        hidden, width: of the network.
        weight: of the contrastive term, risen to over the first ``warm_up`` share of the steps; its own by default.
        bank: of the memory.
        drift: of the copies.
    """

    loss: str = "memory_bank"
    seed: int = 0
    base: str = "color_histogram"
    apartments: int = 24
    copies: int = 6
    batch: int = 8
    steps: int = 3000
    minutes: float = 10.0
    rate: float = 1e-3
    decay: float = 0.01
    hidden: int = 192
    width: int = 96
    weight: float | None = None
    warm_up: float = 0.1
    bank: BankConfig = field(default_factory=BankConfig)
    drift: Drift = field(default_factory=Drift)

    def __post_init__(self) -> None:
        if self.loss not in LOSSES or self.batch < 4 or self.batch % 2:
            raise BadInputError("reidentification", f"the loss is one of {', '.join(LOSSES)}; batches are even, >= 4")


@dataclass(frozen=True, eq=False)
class Examples:
    """Vectors of the base embedder.

    Attributes:
        vectors: (copies, N, D_base) float32 of N crops.
        objects: (N,) which object each shows, 0 to their number.
    """

    vectors: NDArray[np.float32]
    objects: NDArray[np.int64]


class Network(nn.Module):  # type: ignore[misc]
    """What :class:`ReidentificationEmbedder` runs: a linear map and one hidden layer, added up."""

    def __init__(self, inputs: int, hidden: int, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(inputs, hidden), nn.Linear(hidden, width)
        self.skip = nn.Linear(inputs, width, bias=False)

    def forward(self, vectors: Tensor) -> Tensor:
        """(N, D_base) -> (N, D), not yet of length one."""
        out: Tensor = self.second(torch.relu(self.first(vectors))) + self.skip(vectors)
        return out

    def weights(self) -> dict[str, NDArray[np.float32]]:
        """As :class:`ReidentificationEmbedder` takes them."""
        return {name: t.detach().numpy().copy() for name, t in self.state_dict().items()}


def base_embedder(name: str) -> ImageEmbedder:
    """The embedder below.

    Raises:
        BadInputError: ``reidentification``: there is none.
    """
    base = make_image_embedder(name)
    if base is None:
        raise BadInputError("reidentification", "re-identification stands on an image embedder; none was named")
    return base


def training_examples(training: ReidentificationTraining, *, progress: bool = False) -> Examples:
    """Drifted copies of all crops of the ``train`` apartments; objects with a single crop are left out."""
    crops = crops_of("train", range(training.apartments), progress=progress)
    base, rng = base_embedder(training.base), np.random.default_rng([training.seed, 5])
    _, objects, counts = np.unique(crops.keys, return_inverse=True, return_counts=True)
    keep = counts[objects] > 1
    fresh = np.cumsum(counts > 1) - 1
    vectors = [base.embed_images(*drifted(crops, training.drift, rng))[keep] for _ in range(training.copies)]
    return Examples(np.stack(vectors), fresh[objects[keep]].astype(np.int64))


def fit(training: ReidentificationTraining, examples: Examples, *, progress: bool = False) -> Network:
    """A network trained on examples."""
    torch.set_num_threads(1)
    torch.manual_seed(training.seed)
    count = int(examples.objects.max()) + 1
    network = Network(examples.vectors.shape[2], training.hidden, training.width)
    classes = nn.Linear(training.width, count)
    memory = AppearanceMemory(count, training.width, training.bank)
    parameters = [*network.parameters(), *classes.parameters()]
    optimiser = torch.optim.AdamW(parameters, training.rate, weight_decay=training.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, training.steps, training.rate / 20)
    batches = _Batches(examples, np.random.default_rng([training.seed, 6]))
    ends = time.monotonic() + 60.0 * training.minutes
    for step in tqdm(range(training.steps), desc=f"re-identification {training.loss}", disable=not progress):
        vectors, owners = batches.draw(training.batch)
        z = normalize(network(vectors), dim=1)
        loss = cross_entropy(classes(z * 16.0), owners)
        if training.loss != "cross_entropy":
            rise = min(1.0, step / max(1.0, training.warm_up * training.steps))
            weight = _WEIGHTS[training.loss] if training.weight is None else training.weight
            loss = loss + weight * rise * _contrastive(training, memory, z, owners)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if time.monotonic() > ends:
            break
    network.eval()
    return network


def _contrastive(training: ReidentificationTraining, memory: AppearanceMemory, z: Tensor, owners: Tensor) -> Tensor:
    if training.loss == "in_batch":
        return in_batch(z, owners, training.bank.margin)
    found = memory.regulariser(z, owners)
    memory.add(z, owners)  # after it was compared, so that nothing is compared with itself
    return found


class _Batches:
    """Two crops each of any objects, from any drifted copy."""

    def __init__(self, examples: Examples, rng: np.random.Generator) -> None:
        self._examples, self._rng = examples, rng
        order = np.argsort(examples.objects, kind="stable")
        self._rows = np.split(order, np.cumsum(np.bincount(examples.objects))[:-1])

    def draw(self, count: int) -> tuple[Tensor, Tensor]:
        """(count, D_base) vectors and (count,) their objects."""
        chosen = self._rng.choice(len(self._rows), count // 2, replace=False)
        rows = np.concatenate([self._rng.choice(self._rows[o], 2, replace=False) for o in chosen.tolist()])
        copies = self._rng.integers(len(self._examples.vectors), size=count)
        vectors = torch.from_numpy(self._examples.vectors[copies, rows])
        return vectors, torch.from_numpy(self._examples.objects[rows])


def scene_scores(
    embedder: ReidentificationEmbedder | None,
    base: ImageEmbedder,
    split: str,
    seeds: range,
    drift: Drift | None,
    *,
    progress: bool = False,
) -> list[float]:
    """Mean average precision of each apartment; ``embedder`` None is the base alone. The drift is the same for all."""
    crops = crops_of(split, seeds, progress=progress)
    vectors = base.embed_images(*drifted(crops, drift, np.random.default_rng([len(seeds), 9])))
    found = vectors if embedder is None else embedder.project(vectors)
    return [mean_average_precision(found[crops.scenes == s], crops.keys[crops.scenes == s]) for s in seeds]


def train_reidentification(
    training: ReidentificationTraining, out: Path, val: range = range(6), *, progress: bool = False
) -> dict[str, float]:
    """Make the crops, train, and write the weights with a card in them.

    Returns:
        ``map`` of the embedding and ``map_base`` of what it stands on, over ``val`` apartments under drift.
    """
    started = time.monotonic()
    examples = training_examples(training, progress=progress)
    weights = fit(training, examples, progress=progress).weights()
    base = base_embedder(training.base)
    embedder = ReidentificationEmbedder(base, weights)
    figures = {
        "map": float(np.nanmean(scene_scores(embedder, base, "val", val, training.drift))),
        "map_base": float(np.nanmean(scene_scores(None, base, "val", val, training.drift))),
        "map_still": float(np.nanmean(scene_scores(embedder, base, "val", val, None))),
        "map_still_base": float(np.nanmean(scene_scores(None, base, "val", val, None))),
    }
    about = {"base": training.base, "training": asdict(training), "figures": figures, "commit": commit() or "unknown"}
    save_reidentification(out, weights, {**about, "seconds": round(time.monotonic() - started)})
    return figures
