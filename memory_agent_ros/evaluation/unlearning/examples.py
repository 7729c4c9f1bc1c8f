"""Examples for the recognition head: crops of movable things in rendered apartments, under drift of light and box."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from memory_agent_ros.evaluation.reidentification.crops import Crops, Drift, crops_of, drifted
from memory_agent_ros.perception.recognition.descriptor import CropDescriptor
from memory_agent_ros.perception.recognition.network import Examples, examples_of
from memory_agent_ros.records.errors import BadInputError


@dataclass(frozen=True)
class Task:
    """Which kinds of things a head is to tell apart.

    Attributes:
        classes: how many; a kind is one mesh in all its colours.
        least, most: crops of a kind.
        copies: each crop under so many drifts.
        drift: how light and box drift.
    """

    classes: int = 16
    least: int = 60
    most: int = 120
    copies: int = 4
    drift: Drift = field(default_factory=Drift)


@dataclass(frozen=True, eq=False)
class Pool:
    """Described crops of a split.

    Attributes:
        examples: all of them.
        kinds: names of the classes.
    """

    examples: Examples
    kinds: tuple[str, ...]


def pool(split: str, apartments: range, task: Task, *, progress: bool = False) -> Pool:
    """Movable things of some apartments whose kind has crops enough.

    Raises:
        BadInputError: ``unlearn_crops``: too few kinds.
        MissingExtraError: the simulator is not installed.
    """
    from memory_agent_sim.instances import movable_instances

    movable = {one.key for found in movable_instances(split).values() for one in found}
    crops = crops_of(split, apartments, progress=progress)
    kinds = np.array([key.partition("/")[0] if key in movable else "" for key in crops.keys.tolist()])
    names, counts = np.unique(kinds, return_counts=True)
    chosen = [str(n) for n, count in zip(names, counts, strict=True) if n and count >= task.least]
    if len(chosen) < task.classes:
        raise BadInputError(
            "unlearn_crops", f"{len(chosen)} kinds have {task.least} crops; name more apartments or fewer classes"
        )
    rows = np.isin(kinds, chosen)
    kept = Crops(crops.windows[rows], crops.masks[rows], crops.keys[rows], crops.scenes[rows])
    describe = CropDescriptor().describe
    vectors = [
        describe(*drifted(kept, task.drift, np.random.default_rng([copy, len(kept)]))) for copy in range(task.copies)
    ]
    labels = np.searchsorted(chosen, kinds[rows])
    return Pool(examples_of(vectors, labels), tuple(chosen))


def deal(pool: Pool, task: Task, seed: int) -> tuple[Examples, Examples, tuple[str, ...]]:
    """Crops to train on, crops that nobody trains on, and the names of the classes, drawn anew for each seed."""
    rng = np.random.default_rng([seed, 77])
    kinds = rng.permutation(len(pool.kinds))[: task.classes]
    own = pool.examples.labels.numpy()
    trained, unseen = [], []
    for kind in kinds.tolist():
        rows = rng.permutation(np.flatnonzero(own == kind))[: task.most]
        trained.append(rows[::2])
        unseen.append(rows[1::2])
    fresh = torch.full((len(pool.kinds),), -1)
    fresh[torch.from_numpy(kinds)] = torch.arange(len(kinds))
    one, two = (pool.examples.rows(torch.from_numpy(np.concatenate(part))) for part in (trained, unseen))
    names = tuple(pool.kinds[k] for k in kinds.tolist())
    return Examples(one.vectors, fresh[one.labels]), Examples(two.vectors, fresh[two.labels]), names
